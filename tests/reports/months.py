"""Reports of one shop at the end of three months, as they lie in an output folder, without pages."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from clvhelpers.reporting import analyse
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.history import read_history
from clvhelpers.simulate import non_contractual
from tests.reports.made import Row, client

ENDS = ("2025-02-28", "2025-03-31", "2025-04-30")


def steady_orders(customers: int = 900, weeks: int = 78, seed: int = 3) -> list[Row]:
    """A shop that wins as many customers each week, whose prices and customers stay as they are."""
    log = non_contractual(customers, weeks, weeks, seed=seed, spend=(6.25, 5.0, 15.44)).transactions
    days = log["date"].dt.strftime("%Y-%m-%d")
    return list(zip(log["customer_id"], days, log["amount"].round(2), strict=True))


def report(
    folder: Path, rows: Sequence[Row], end: str, history: Sequence[dict[str, Any]] = (), **changes: Any
) -> Analysis:
    """The analysis of the orders up to a day; `changes` are keys of the client file to replace."""
    config = client(folder, [row for row in rows if str(row[1]) <= end])
    return analyse(config.model_copy(update={"as_of": date.fromisoformat(end), **changes}), history=history)


def publish(home: Path, analysis: Analysis, created_at: str = "2025-06-01T00:00:00Z") -> Path:
    """Put the numbers of an analysis where its report would be."""
    metrics = json.loads(analysis.metrics.as_json()) | {"created_at": created_at}
    folder = home / metrics["as_of"]
    write(folder / "metrics.json", metrics)
    write(folder / "manifest.json", {"schema": "1", "status": "succeeded", "started_at": created_at})
    return folder


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def three_months(output: Path, orders: Path) -> list[Analysis]:
    """The reports of three months, each made with those before it; the clock ran backwards between them."""
    rows, home, made = steady_orders(), output / "acme", []
    for place, end in enumerate(ENDS):
        made.append(report(orders, rows, end, read_history(home)))
        publish(home, made[-1], f"2025-06-{20 - place:02}T08:00:00Z")
    return made
