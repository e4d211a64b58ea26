"""Small client files with a known wart each, for the tests of the report."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from clvhelpers.reporting import ClientConfig, load_config, pages, provenance
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.changes import changes
from clvhelpers.reporting.shown import Shown
from clvhelpers.simulate import non_contractual

Row = Sequence[object]
SECTIONS: list[Callable[[Analysis], Sequence[Shown]]] = [
    pages.summary,
    changes,
    pages.key_figures,
    pages.data_audit,
    pages.revenue,
    pages.cohorts,
    pages.groups_and_tiers,
    pages.concentration,
    pages.prediction,
    provenance.method,
]
COLUMNS = {"customer": "Kunde", "date": "Tag", "amount": "Betrag"}


def orders(customers: int = 300, weeks: int = 60, seed: int = 1) -> list[Row]:
    """A shop of which all is known: customer, ISO date, amount."""
    log = non_contractual(customers, weeks, seed=seed, spend=(6.25, 5.0, 15.44)).transactions
    days = log["date"].dt.strftime("%Y-%m-%d")
    return list(zip(log["customer_id"], days, log["amount"].round(2), strict=True))


def client(folder: Path, rows: Sequence[Row], columns: dict[str, str] = COLUMNS, **source: Any) -> ClientConfig:
    """A client whose orders are `rows`, written to a CSV with a column for each of `columns`."""
    path = folder / "orders.csv"
    lines = [";".join(columns.values()), *(";".join(map(str, row[: len(columns)])) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding=source.get("encoding", "utf-8"))
    transactions = {"source": str(path), "columns": columns, **source}
    economics = {"gross_margin": 0.4} if "amount" in columns else {}
    return load_config(
        {
            "client": "acme",
            "name": "Acme <b>Stores</b>",
            "currency": "EUR",
            "transactions": transactions,
            "economics": economics,
        }
    )
