"""A shop with hostile ids of customers, and all that its report shows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clvhelpers.plots.look import Picture
from clvhelpers.reporting import ClientConfig, pages, provenance
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.shown import Shown
from tests.reports.made import Row, client, orders

SIGNS = ('=HYPERLINK("http://evil.test")', "+1+1", "-2", "@SUM(A1)", "\tx", "http://evil.test", "007", "{=1}", "<b>")


def named(who: Any) -> str:
    """The id of a customer: what a spreadsheet or a page might fall for, else an address."""
    number = int(str(who).removeprefix("C"))
    return f"{SIGNS[number % len(SIGNS)]}-{number}" if number < 20 else f"ann{number}@acme.test"


def shop_config(folder: Path) -> ClientConfig:
    """The shop's client file: 400 customers, and rows with ids where they don't belong."""
    rows: list[Row] = [(named(who), day, amount) for who, day, amount in orders(400, 78)]
    rows += [
        ("secret1@acme.test", "secret2@acme.test", 5.0),
        ("secret3@acme.test", "2024-05-06", "secret4@acme.test"),
        ("secret5@acme.test", "2024-05-06", "5;secret6@acme.test;7"),
        ("", "2024-05-06", 7.5),
        rows[30],
    ]
    return client(folder, rows)


def show_all(analysis: Analysis) -> list[Shown]:
    """Every text, table and figure of a report, in its order."""
    names = [name for name in type(analysis.config.sections).model_fields if hasattr(pages, name)]
    sections = [*(getattr(pages, name) for name in names), provenance.method]
    return [item for section in sections for item in section(analysis)]


def words(items: Iterable[Shown]) -> str:
    """All that can be read in them, as markup and as plain text."""
    told = []
    for item in items:
        told.append(item.alt if isinstance(item, Picture) else repr(item))
        told.append(getattr(item, "markdown", "") or getattr(item, "_repr_html_", str)())
    return "\n".join(told)
