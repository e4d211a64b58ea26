"""What cleaning a log found: the rows that were used, those set aside, and the count of each problem."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from clvhelpers.errors import DataContractError
from clvhelpers.purchases import EXAMPLES, Frame, purchase_days, rows_of
from clvhelpers.text import day, money, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa

    from clvhelpers.transactions import Rules

WORDS = {
    "unreadable_row": "lines without the columns of the header",
    "no_customer": "no customer",
    "no_date": "no date that can be read",
    "after_as_of": "dated after the as-of day",
    "no_amount": "no amount that can be read",
    "zero_amount": "an amount of 0",
    "negative_amount": "an amount below 0",
    "cancelled_pairs": "purchases and the refunds that cancel them",
    "exact_duplicates": "equal to an earlier row",
}


Count = dict[str, Any]


@dataclass(frozen=True, eq=False)
class CleanLog:
    """A clean log and the account of it.

    `transactions` (with `kind`, and `refund_date` where there is money) and `set_aside` (with
    `reason`) are frames of the engine that came in. `problems` is a pandas frame of `rule, action,
    rows, money, examples`. Money is in the client's currency, None where the log has no amounts.
    `rows_read` is `rows_used` plus the sum of `rows_set_aside`, and money likewise.
    """

    transactions: Any
    set_aside: Any
    problems: pd.DataFrame
    rows_read: int
    rows_used: int
    rows_set_aside: dict[str, int]
    money_read: float | None
    money_used: float | None
    money_set_aside: dict[str, float]
    customers: int
    first_date: date
    last_date: date
    as_of: date
    notes: tuple[str, ...] = ()
    currency: str | None = None

    @cached_property
    def purchase_days(self) -> Any:
        """`PurchaseDays` up to `as_of`, worked out once: the counts of customers and cohorts take them for a log."""
        columns: dict[str, str | None] = {name: name for name in ("customer_id", "date", "amount")}
        return purchase_days(self.transactions, self.as_of, columns).kept()

    def sentence(self) -> str:
        """What was used and what was set aside, in words."""
        used = (
            f"{number(self.rows_used)} of {number(self.rows_read)} rows were used, from {day(self.first_date)} "
            f"to {day(self.last_date)}"
        )
        if not self.rows_set_aside:
            return f"{used}; none was set aside."
        reasons = ", ".join(f"{number(rows)} for {WORDS[reason]}" for reason, rows in self.rows_set_aside.items())
        worth = (
            f", which stand for {self._in_words(sum(self.money_set_aside.values()))}" if self.money_set_aside else ""
        )
        return f"{used}; {number(sum(self.rows_set_aside.values()))} were set aside ({reasons}){worth}."

    def _in_words(self, amount: float) -> str:
        return money(amount, self.currency, 2) if self.currency else f"{number(amount, 2)} in money"

    def write_set_aside(
        self, path: str | Path, change: "Callable[[pa.RecordBatch], pa.RecordBatch] | None" = None
    ) -> None:
        """Write the rows that were set aside, each with its reason, to a Parquet file.

        `change` gets each batch of rows before it is written, and gives one of the same schema.
        """
        import pyarrow.parquet as pq

        schema, batches = _arrow(self.set_aside)
        with pq.ParquetWriter(path, schema) as writer:
            for batch in batches:
                writer.write_batch(batch if change is None else change(batch))


def _arrow(frame: Any) -> "tuple[pa.Schema, Iterable[pa.RecordBatch]]":
    """A frame of any engine as batches of rows."""
    rows: Any = nw.from_native(frame)
    if rows.implementation.is_duckdb():
        reader = frame.to_arrow_reader()
        return reader.schema, reader
    table = (rows if isinstance(rows, nw.DataFrame) else rows.collect()).to_arrow()
    return table.schema, table.to_batches()


def count_rows(rows: Frame) -> list[Count]:
    """Rows and money by `reason`, `kind` and whether cancelled or zero: all that the account needs."""
    names = rows.collect_schema().names()
    if "amount" not in names:
        rows = rows.with_columns(amount=nw.lit(0.0), cancelled=nw.lit(False))
    finite = nw.when(nw.col("amount").is_finite()).then(nw.col("amount")).otherwise(0.0).fill_null(0.0)
    has_money = nw.lit("amount" in names)
    rows = rows.with_columns(
        _money=finite, zero=(nw.col("amount") == 0).fill_null(False) & has_money, reason=nw.col("reason").fill_null("")
    )
    counts = rows_of(
        rows.group_by("reason", "kind", "cancelled", "zero").agg(rows=nw.len(), money=nw.col("_money").sum())
    )
    return [{**count, "reason": count["reason"] or None} for count in counts]


def refuse_or_log(rows: Frame, counts: list[Count], rules: "Rules", duplicates: Count | None) -> pd.DataFrame:
    """The table of problems; those that a rule refuses are raised together."""
    log, refused = [], []
    for rule, action, chosen, where in _entries(counts):
        action = getattr(rules, rule, action) if action == "set_aside" else action
        found, money = sum(one["rows"] for one in chosen), sum(one["money"] for one in chosen)
        places = _places(rows, rule, where)
        log.append({"rule": rule, "action": action, "rows": found, "money": money, "examples": places})
        if action == "refuse":
            refused.append(f"{found:,} rows: {WORDS[rule]} ({'; '.join(places)}); the rule {rule} refuses them")
    if refused:
        raise DataContractError(refused)
    if duplicates:
        log.append({"rule": "exact_duplicates", "action": "keep", **duplicates})
    return pd.DataFrame(log, columns=["rule", "action", "rows", "money", "examples"])


def _entries(counts: list[Count]) -> list[tuple[str, str, list[Count], nw.Expr]]:
    """Each rule that some row meets, what was done, the counts, and the test that finds the rows."""
    entries = []
    for reason in WORDS:
        entries.append((reason, "set_aside", _where(counts, reason=reason), nw.col("reason") == reason))
    live = nw.col("reason").is_null()
    for kind, action in (("netted", "netted"), ("refund", "kept as a refund")):
        chosen = _where(counts, reason=None, kind=kind, cancelled=False)
        entries.append(("negative_amount", action, chosen, live & (nw.col("kind") == kind)))
    entries.append(("zero_amount", "keep", _where(counts, reason=None, zero=True), live & (nw.col("amount") == 0)))
    entries.append(("cancelled_pairs", "keep", _where(counts, reason=None, cancelled=True), live & nw.col("cancelled")))
    return [entry for entry in entries if entry[2]]


def _where(counts: list[Count], **values: Any) -> list[Count]:
    return [count for count in counts if all(count[name] == value for name, value in values.items())]


def _places(rows: Frame, rule: str, where: nw.Expr) -> tuple[str, ...]:
    """Up to five rows as a person would point at them."""
    names = rows.collect_schema().names()
    text = {"no_date": "date_text", "no_amount": "amount_text", "unreadable_row": "unreadable"}.get(rule)
    order = [name for name in ("source_file", "source_row", "_row") if name in names]
    chosen = rows.filter(where)
    chosen = (chosen.sort(order) if order else chosen).head(EXAMPLES)
    return tuple(place(row, text) for row in rows_of(chosen))


def place(row: Count, text: str | None = None) -> str:
    """A row as a person would point at it: file and line, number, or else what it holds."""
    if "source_row" in row:
        where = f"{row.get('source_file', '')} row {row['source_row']}".strip()
    elif "_row" in row:
        where = f"row {row['_row'] + 1}"
    else:
        where = f"customer {row['customer_id']}, {row['date']}"
        return f"{where}, {row['amount']}" if "amount" in row else where
    return f"{where}: {row[text]!r}" if text and row.get(text) else where
