"""The data contract: from a raw transaction log to rows that can be trusted, and a log of the rest.

`clean_transactions` looks at each row in this order and gives it the first reason that fits:

| rule | rows | action (the first is the default) |
|---|---|---|
| `unreadable_row` | lines without the columns of the header | set_aside |
| `no_customer` | the customer is missing or blank | set_aside, refuse |
| `no_date` | the date is missing or can't be read | set_aside, refuse |
| `after_as_of` | dated after the day `as_of` | set_aside, refuse |
| `no_amount` | the amount is missing, can't be read or is not finite | set_aside, refuse |
| `zero_amount` | the amount is 0: no money changed hands | set_aside, keep, refuse |
| `exact_duplicates` | equal in every column to an earlier row | keep, set_aside, refuse |
| `negative_amount` | the amount is below 0 | refund, set_aside, refuse |
| `cancelled_pairs` | purchases and the refunds that cancel them to zero | set_aside, keep, refuse |

Refunds are matched to purchases as `clvhelpers.refunds` describes. A log in which every row occurs
at least twice was loaded twice and is refused, unless `exact_duplicates` is "set_aside". More than
one currency is refused unless `currencies` has a rate for each.

Rows read are rows used plus rows set aside, and so is their money; a missing amount counts as 0.
Everything is written once over narwhals and runs where the data lie.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import narwhals as nw
import pandas as pd

from clvhelpers.cleaning import CleanLog, Count, count_rows, refuse_or_log
from clvhelpers.duplicates import count_duplicates, overlap_notes
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.purchases import Day, Frame, as_day, one_of, rows_of, settle
from clvhelpers.refunds import match_refunds
from clvhelpers.sources import Source
from clvhelpers.sources.findings import literal
from clvhelpers.text import number

SET_ASIDE = ("set_aside", "refuse")
ALLOWED = {
    "no_customer": SET_ASIDE,
    "no_date": SET_ASIDE,
    "after_as_of": SET_ASIDE,
    "no_amount": SET_ASIDE,
    "zero_amount": ("set_aside", "keep", "refuse"),
    "exact_duplicates": ("keep", "set_aside", "refuse"),
    "negative_amount": ("refund", "set_aside", "refuse"),
    "cancelled_pairs": ("set_aside", "keep", "refuse"),
}
TEXTS = ("customer_id", "order_id", "channel", "category", "currency")
HELPERS = ("unreadable", "date_text", "amount_text", "reason", "cancelled", "_row")
WHOLE = 2**53


@dataclass(frozen=True)
class Rules:
    """What happens to rows with a problem; the module's table lists each rule and its actions.

    `currencies` gives what one unit of each other currency is worth in the client's.

    >>> Rules(zero_amount="keep").zero_amount
    'keep'
    """

    no_customer: str = "set_aside"
    no_date: str = "set_aside"
    after_as_of: str = "set_aside"
    no_amount: str = "set_aside"
    zero_amount: str = "set_aside"
    exact_duplicates: str = "keep"
    negative_amount: str = "refund"
    cancelled_pairs: str = "set_aside"
    currencies: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, allowed in ALLOWED.items():
            one_of(getattr(self, name), allowed, name)
        for code, rate in self.currencies.items():
            if not rate > 0:
                raise ConfigError(f"currencies: the rate of {code} is {rate}; expected a number above 0")


def clean_transactions(
    frame: Any,
    rules: Rules | None = None,
    as_of: Day = None,
    *,
    currency: str | None = None,
    timezone: str | None = None,
) -> CleanLog:
    """Clean a transaction log by named rules; nothing is lost in silence.

    `frame` has `customer_id`, `date` and, where there are any, `amount`, `order_id`, `channel`,
    `category`, `quantity`, `currency`, `cost`: a frame of pandas, Polars or Spark, a DuckDB
    relation, or what `open_transactions` gives. Rows after the day `as_of` (default: the last date
    in the data) are set aside. `currency` is the client's; `timezone` the client's zone, needed
    only where `date` carries a zone.

    Raises `DataContractError` with every problem that no rule settles, and `NotEnoughDataError`
    where no purchase is left.

    >>> import pandas as pd
    >>> log = clean_transactions(pd.DataFrame({
    ...     "customer_id": ["a", "a", None],
    ...     "date": pd.to_datetime(["2026-01-01", "2026-02-01", "2026-02-02"]),
    ...     "amount": [10.0, -4.0, 5.0],
    ... }))
    >>> log.rows_set_aside, log.money_used
    ({'no_customer': 1}, 6.0)
    >>> list(log.transactions["kind"])
    ['purchase', 'refund']
    """
    rules = rules or Rules()
    notes = list(frame.notes) if isinstance(frame, Source) else []
    read = isinstance(frame, Source)  # and so in our types, and worked out
    rows = nw.from_native(frame.relation) if read else settle(_canonical(frame, timezone))
    rows = _one_currency(rows, rules.currencies, currency, notes)
    cut = as_day(as_of, "as_of") or _last_day(rows)
    rows = _with_reasons(rows, rules, cut)
    columns = [name for name in rows.collect_schema() if name not in (*HELPERS, "source_file", "source_row")]
    rows, duplicates = count_duplicates(rows, columns, rules.exact_duplicates)
    rows = _with_refunds(rows, rules)
    notes += overlap_notes(duplicates)
    counts = count_rows(rows)
    problems = refuse_or_log(rows, counts, rules, duplicates)
    return _finish(rows, counts, problems, cut, notes, currency)


def _canonical(native: Any, timezone: str | None) -> Frame:
    """Check the columns and bring them to our types; every problem is raised at once."""
    try:
        rows: Frame = nw.from_native(native)
    except TypeError:
        raise DataContractError(
            f"the log is a {type(native).__name__}; expected a frame of pandas, Polars or Spark, or a DuckDB relation"
        ) from None
    schema = rows.collect_schema()
    missing = [name for name in ("customer_id", "date") if name not in schema]
    problems = [f"the log has no column {name}; it has {', '.join(schema)}" for name in missing]
    problems += _type_problems(schema, None if rows.implementation.is_pyspark() else timezone)
    if problems:
        raise DataContractError(problems)
    texts = {name: _text(name, schema[name]) for name in TEXTS if name in schema}
    numbers = {name: nw.col(name).cast(nw.Float64) for name in ("amount", "quantity", "cost") if name in schema}
    rows = _local_dates(rows, schema["date"], timezone).with_columns(**texts, **numbers)
    if isinstance(rows, nw.DataFrame) and "source_row" not in schema:
        rows = rows.with_row_index("_row")
    return rows


def _type_problems(schema: nw.Schema, timezone: str | None) -> list[str]:
    problems = []
    kind = schema.get("date", nw.Datetime())
    if not isinstance(kind, nw.Datetime | nw.Date):
        problems.append(
            f"column date holds {kind} and not dates; read the file with read_transactions, or parse it with its "
            "format stated, as in pd.to_datetime(frame['date'], format='%m/%d/%Y')"
        )
    elif isinstance(kind, nw.Datetime) and kind.time_zone and timezone is None:
        problems.append(
            f"column date carries the zone {kind.time_zone}; state timezone, whose midnight ends the client's "
            "day (Spark: set spark.sql.session.timeZone to it and cast the column to timestamp_ntz)"
        )
    for name in ("amount", "quantity", "cost"):
        if name in schema and not schema[name].is_numeric():
            problems.append(
                f"column {name} holds {schema[name]} and not numbers; read the file with read_transactions, or turn "
                "it into numbers first"
            )
    return problems


def _text(name: str, kind: nw.dtypes.DType) -> nw.Expr:
    """A column as text: blank is missing, and a whole number stored as 12345.0 is 12345."""
    column = nw.col(name)
    text: nw.Expr
    if kind.is_float():
        whole = nw.when(~column.is_nan() & (column.abs() < WHOLE)).then(column)
        text = whole.cast(nw.String).str.replace(r"\.0$", "")
    else:
        text = column.cast(nw.String).str.strip_chars()
    return nw.when(text != "").then(text)


def _local_dates(rows: Frame, kind: nw.dtypes.DType, timezone: str | None) -> Frame:
    """Time stamps without a zone, in the client's."""
    stamp = nw.col("date")
    if not (isinstance(kind, nw.Datetime) and kind.time_zone and timezone is not None):
        return rows if isinstance(kind, nw.Datetime) else rows.with_columns(date=stamp.cast(nw.Datetime("us")))
    if rows.implementation.is_duckdb():  # narwhals can only convert to the zone of DuckDB's connection
        native: Any = rows.to_native()
        local = f"SELECT * REPLACE (timezone({literal(timezone)}, date) AS date) FROM clv_rows"
        return nw.from_native(native.query("clv_rows", local))
    return rows.with_columns(date=stamp.dt.convert_time_zone(timezone).dt.replace_time_zone(None))


def _one_currency(rows: Frame, rates: Mapping[str, float], client: str | None, notes: list[str]) -> Frame:
    """Amounts in the client's currency, refused where a rate is missing."""
    names = rows.collect_schema().names()
    if "currency" not in names or "amount" not in names:
        return rows
    code = nw.col("currency").str.to_uppercase()
    counts = rows_of(rows.with_columns(code=code.fill_null("")).group_by("code").agg(rows=nw.len()))
    found = {count["code"]: count["rows"] for count in counts}
    known = {client: 1.0, **rates} if client else dict(rates)
    codes = sorted(one for one in found if one)
    if not codes or (len(codes) == 1 and client in (None, codes[0])):
        if codes and "" in found:
            notes.append(f"Rows without a currency, taken to be in {codes[0]} like all others: {number(found[''])}.")
        return rows
    missing = [one for one in codes if one not in known]
    problems = [f"{found[one]:,} rows are in {one} and `currencies` has no rate for it" for one in missing]
    if "" in found:
        problems.append(f"{found['']:,} rows have no currency, and the log has {', '.join(codes)}")
    if problems:
        raise DataContractError(problems)
    rate: nw.Expr = nw.lit(1.0)
    for one in codes:
        rate = nw.when(code == one).then(nw.lit(float(known[one]))).otherwise(rate)
    money = [name for name in ("amount", "cost") if name in names]
    return rows.with_columns(**{name: nw.col(name) * rate for name in money})


def _last_day(rows: Frame) -> date:
    last = rows_of(rows.select(nw.len().alias("rows"), nw.col("date").max()))[0]
    if not last["rows"]:
        raise NotEnoughDataError("the log has no rows: at least one purchase is needed")
    if pd.isna(last["date"]):
        raise NotEnoughDataError(f"no purchase is left: none of the {last['rows']:,} rows has a date that can be read")
    return last["date"].date()


def _with_reasons(rows: Frame, rules: Rules, as_of: date) -> Frame:
    """The first rule about the row itself that a row breaks, as `reason`."""
    names = rows.collect_schema().names()
    tests = {
        "no_customer": nw.col("customer_id").is_null(),
        "no_date": nw.col("date").is_null(),
        "after_as_of": nw.col("date").cast(nw.Date) > nw.lit(as_of),
    }
    if "unreadable" in names:
        tests = {"unreadable_row": ~nw.col("unreadable").is_null(), **tests}
    if "amount" in names:
        tests["no_amount"] = nw.col("amount").is_null() | ~nw.col("amount").is_finite()
        if rules.zero_amount != "keep":
            tests["zero_amount"] = nw.col("amount") == 0
        if rules.negative_amount != "refund":
            tests["negative_amount"] = nw.col("amount") < 0
    reason: nw.Expr = nw.lit(None, nw.String)
    for name, test in reversed(tests.items()):
        reason = nw.when(test).then(nw.lit(name)).otherwise(reason)
    return rows.with_columns(reason=reason)


def _with_refunds(rows: Frame, rules: Rules) -> Frame:
    """`kind` for each row, with refunds matched to what they refund."""
    names = rows.collect_schema().names()
    if "amount" not in names:
        return rows.with_columns(kind=nw.lit("purchase"))
    refunds = nw.col("reason").is_null() & (nw.col("amount") < 0)
    if not rows_of(rows.filter(refunds).select("reason").head(1)):
        never = nw.lit(None, nw.Datetime("us"))
        return rows.with_columns(kind=nw.lit("purchase"), refund_date=never, cancelled=nw.lit(False))
    rows = settle(match_refunds(rows, "order_id" in names))
    if rules.cancelled_pairs == "keep":
        return rows
    reason = nw.when(nw.col("cancelled")).then(nw.lit("cancelled_pairs")).otherwise(nw.col("reason"))
    return rows.with_columns(reason=reason)


def _finish(
    rows: Frame, counts: list[Count], problems: Any, as_of: date, notes: list[str], currency: str | None
) -> CleanLog:
    used = rows.filter(nw.col("reason").is_null())
    has_money = "amount" in rows.collect_schema()
    reasons = sorted({count["reason"] for count in counts if count["reason"]})

    def total(name: str, reason: str | None) -> Any:
        return sum(count[name] for count in counts if count["reason"] == reason)

    set_aside = {reason: int(total("rows", reason)) for reason in reasons}
    if not any(count["reason"] is None and count["kind"] == "purchase" for count in counts):
        raise NotEnoughDataError(_nothing_left(counts, set_aside, problems))
    span = _span(used)
    return CleanLog(
        transactions=_without(used, HELPERS),
        set_aside=_without(_own_dates(rows.filter(~nw.col("reason").is_null())), ("cancelled", "_row", "kind")),
        problems=problems,
        rows_read=sum(count["rows"] for count in counts),
        rows_used=total("rows", None),
        rows_set_aside=set_aside,
        money_read=float(sum(count["money"] for count in counts)) if has_money else None,
        money_used=float(total("money", None)) if has_money else None,
        money_set_aside={reason: float(total("money", reason)) for reason in reasons} if has_money else {},
        customers=int(span["customers"]),
        first_date=span["first"].date(),
        last_date=span["last"].date(),
        as_of=as_of,
        notes=tuple(notes),
        currency=currency,
    )


def _span(used: Frame) -> dict[str, Any]:
    stamp = nw.col("date")
    return rows_of(used.select(first=stamp.min(), last=stamp.max(), customers=nw.col("customer_id").n_unique()))[0]


def _own_dates(rows: Frame) -> Frame:
    """Refunds of cancelled pairs with the date that they came with."""
    if "refund_date" not in rows.collect_schema():
        return rows
    return rows.with_columns(date=nw.coalesce("refund_date", "date")).drop("refund_date")


def _without(rows: Frame, columns: Sequence[str]) -> Any:
    return rows.drop([name for name in columns if name in rows.collect_schema()]).to_native()


def _nothing_left(counts: list[Count], set_aside: dict[str, int], problems: pd.DataFrame) -> str:
    read = sum(count["rows"] for count in counts)
    refunds = sum(count["rows"] for count in counts if count["reason"] is None)
    first = {rule: examples[0] for rule, examples in zip(problems["rule"], problems["examples"], strict=True)}
    parts = [f"{rows:,} set aside by {reason} (such as {first[reason]})" for reason, rows in set_aside.items()]
    parts += [f"{refunds:,} refunds" if refunds > 1 else "1 refund"] if refunds else []
    early = "; is the as-of day right?" if "after_as_of" in set_aside else ""
    return f"no purchase is left: of {read:,} rows read, {', '.join(parts)}; at least one purchase is needed{early}"
