"""From a transaction log to purchase days: the step that the customer table and the cohorts share.

A *purchase day* is a day on which a customer bought: all orders of one customer on one day count
as one purchase. It is a day whose amounts sum to more than 0, or to exactly 0 with no negative
amount among them (a free order counts, as it does in the published CDNOW numbers). A log without
amounts has a purchase on each day with a row. Rows of kind "refund" never make a purchase day;
their money counts in totals only.

Everything is written once over narwhals, so the work runs where the data lie: in pandas, Polars,
DuckDB or Spark.
"""

import datetime as dt
import uuid
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import narwhals as nw
import pandas as pd

from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError

KINDS = ("purchase", "netted", "refund")
PERIODS = {"D": "day", "W": "week", "M": "month", "Q": "quarter"}
EXAMPLES = 5
CANCELLED = 1e-9  # a day whose orders and refunds cancel may be off zero by a rounding error of this share

Frame = nw.DataFrame[Any] | nw.LazyFrame[Any]
Day = str | dt.date | None


@dataclass(frozen=True)
class PurchaseDays:
    """One row a customer and day up to `end`: `customer_id, day, visit`, and with money `spend, money`.

    `visit` is the day where it is a purchase day and else missing, `spend` the day's money without kept
    refunds, `money` all of it. `first` and `last` are the first and last day in the log. `newcomers` are the
    `first_visits`, where they were worked out before.
    """

    frame: Any
    first: dt.date
    last: dt.date
    end: dt.date
    has_money: bool
    newcomers: Any = None

    def at(self, day: dt.date) -> nw.Expr:
        """`day` as a constant of the type of the column `day`."""
        return _constant(self.frame, day)

    def revenue(self) -> dict[str, nw.Expr]:
        """The aggregate of all money, for logs that have any."""
        return {"revenue": nw.col("money").sum()} if self.has_money else {}

    def kept(self) -> "PurchaseDays":
        """The same days, worked out once for all who ask; they are taken wherever a log is."""
        frame = settle(self.frame)
        return replace(self, frame=frame, newcomers=settle(_first_visits(frame)))

    @property
    def first_visits(self) -> Any:
        """Each customer with a purchase up to `end`, and the day of the `first`."""
        return _first_visits(self.frame) if self.newcomers is None else self.newcomers

    def up_to(self, day: dt.date) -> "PurchaseDays":
        """The same days without those after `day`."""
        newcomers = None if self.newcomers is None else self.newcomers.filter(nw.col("first") <= self.at(day))
        return replace(self, frame=self.frame.filter(nw.col("day") <= self.at(day)), newcomers=newcomers)


def purchase_days(transactions: Any, end: Day, columns: dict[str, str | None]) -> PurchaseDays:
    """Check a transaction log and merge what each customer did on one day.

    `columns` maps `customer_id`, `date` and `amount` to the log's own names; amount may be None.
    Rows after `end` (default: the last date in the log) are ignored. The log is never changed.
    In place of a log, purchase days that were worked out before are taken as they are.
    """
    end_day = as_day(end, "end")
    days = transactions if isinstance(transactions, PurchaseDays) else _days_of(transactions, columns)
    if end_day is not None and end_day < days.first:
        raise NotEnoughDataError(
            f"end is {end_day}, before the first transaction of the log on {days.first}: nothing is left"
        )
    if end_day is not None and end_day < days.last:
        days = days.up_to(end_day)
    return replace(days, end=end_day or days.end)


def _days_of(transactions: Any, columns: dict[str, str | None]) -> PurchaseDays:
    frame = as_frame(transactions, "the transaction log")
    has_money = _check_columns(frame, columns)
    rows = _canonical(frame, columns, has_money)
    first, last = _check_rows(rows, has_money)
    return PurchaseDays(_merge_days(rows, has_money), first, last, last, has_money)


def settle(rows: Frame, name: str = "") -> Frame:
    """Let a lazy engine work the rows out once and keep them (DuckDB: by a name), where it can without our memory."""
    native: Any = rows.to_native()
    if rows.implementation.is_duckdb():
        name = name or f"clv_{uuid.uuid4().hex}"
        native.query("clv_rows", f"CREATE TEMP TABLE {name} AS SELECT * FROM clv_rows")
        return nw.from_native(native.query("clv_rows", f"SELECT * FROM {name}"))
    return nw.from_native(native.cache()) if rows.implementation.is_pyspark() else rows


def as_day(value: Day, name: str) -> dt.date | None:
    """A day given as a date, a time stamp or ISO text; its time of day plays no part.

    >>> as_day("1997-09-30", "end"), as_day(dt.datetime(1997, 9, 30, 15, 30), "end")
    (datetime.date(1997, 9, 30), datetime.date(1997, 9, 30))
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            raise ConfigError(f"{name} is {value!r}: write the day as year-month-day, such as 1997-09-30") from None
    if not isinstance(value, dt.date) or value != value:  # a missing time stamp is not equal to itself
        raise ConfigError(f"{name} is {value!r}: give a date, or text such as 1997-09-30")
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        raise ConfigError(f"{name} has a time zone ({value}): give the day in the zone of the log's dates")
    return _date_of(value)


def day_number(day: nw.Expr) -> nw.Expr:
    """Days since the year 1, as `date.toordinal` counts them; no engine's own date difference is needed."""
    year = day.dt.year() - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + day.dt.ordinal_day()


def period_number(day: nw.Expr, period: str) -> nw.Expr:
    """The number that pandas gives to the period of a day (counted from 1970; weeks begin on Monday)."""
    if period == "D":
        return day_number(day) - dt.date(1970, 1, 1).toordinal()
    if period == "W":
        return (day_number(day) - 1) // 7 - dt.date(1969, 12, 22).toordinal() // 7
    months = 12 * (day.dt.year() - 1970) + day.dt.month() - 1
    return months if period == "M" else 4 * (day.dt.year() - 1970) + (day.dt.month() - 1) // 3


def _first_visits(days: Any) -> Any:
    visits = days.filter(~nw.col("visit").is_null())
    return visits.group_by("customer_id").agg(first=nw.col("visit").min())


def with_first_visit(days: Any) -> Any:
    """Purchase days with the day of the customer's first purchase beside each; missing for who has none."""
    return days.join(_first_visits(days), on="customer_id", how="left")


def counted(frame: Frame) -> pd.DataFrame:
    """A small aggregate as a pandas frame: whole numbers, and revenue as floats."""
    found = pd.DataFrame(rows_of(frame), columns=frame.collect_schema().names())
    return found.astype({name: float if name == "revenue" else "int64" for name in found.columns})


def periods_of(numbers: Any, period: str) -> pd.PeriodIndex:
    """The periods that `period_number` counted."""
    return pd.PeriodIndex.from_ordinals(numbers, freq=period)  # type: ignore[attr-defined]  # not in the stubs


def rows_of(frame: Frame) -> list[dict[str, Any]]:
    """The rows of a small narwhals frame, fetched from wherever it lies."""
    eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return eager.rows(named=True)


def as_frame(native: Any, what: str) -> Frame:
    """A frame of any engine as narwhals sees it, or an error that says what was given for `what`."""
    try:
        return nw.from_native(native)
    except TypeError:
        raise DataContractError(
            f"{what} is a {type(native).__name__}: expected a frame of pandas, Polars or Spark, or a DuckDB relation"
        ) from None


def one_of(value: str, allowed: Any, name: str) -> str:
    """`value` if it is allowed, else an error that says what is."""
    if value not in allowed:
        raise ConfigError(f"{name} is {value!r}: expected one of {', '.join(map(repr, allowed))}")
    return value


def _check_columns(frame: Frame, columns: dict[str, str | None]) -> bool:
    """Check names and types without reading a row; True where the log has amounts."""
    schema = frame.collect_schema()
    problems = []
    for ours, theirs in columns.items():
        if theirs is None:
            continue
        if theirs in schema:
            problems += _type_problems(ours, theirs, schema[theirs])
        elif (ours, theirs) != ("amount", "amount") or _nearest(theirs, list(schema)):
            problems.append(_unknown_column(ours, theirs, list(schema)))
    if problems:
        raise DataContractError(problems)
    return columns.get("amount") in schema


def _nearest(name: str, known: list[str]) -> list[str]:
    lower = {column.lower(): column for column in known}
    return [lower[match] for match in get_close_matches(name.lower(), list(lower), cutoff=0.7)]


def _unknown_column(ours: str, theirs: str, known: list[str]) -> str:
    nearest = _nearest(theirs, known)
    hint = f"did you mean {ours}={nearest[0]!r}? " if nearest else ""
    without = " A log without money: amount=None." if ours == "amount" else ""
    return f"no column {theirs!r} for the {ours}: {hint}The log has {', '.join(map(repr, known))}.{without}"


def _type_problems(ours: str, theirs: str, dtype: nw.dtypes.DType) -> list[str]:
    if ours == "date":
        return _date_problems(theirs, dtype)
    if ours == "amount" and not dtype.is_numeric():
        return [f"column {theirs!r} holds {dtype}, not amounts: turn it into numbers first (pd.to_numeric)"]
    if ours == "customer_id" and (dtype.is_float() or dtype == nw.Object):
        return [f"column {theirs!r} holds {dtype}, not customer ids: make them text or whole numbers first"]
    return []


def _date_problems(theirs: str, dtype: nw.dtypes.DType) -> list[str]:
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is not None:
        return [
            f"column {theirs!r} has the time zone {dtype.time_zone}: whose midnight ends a day? Turn it into local "
            "time without a zone first (pandas: .dt.tz_convert(zone).dt.tz_localize(None); Polars: "
            ".dt.convert_time_zone(zone).dt.replace_time_zone(None); Spark: set spark.sql.session.timeZone, then "
            ".cast('timestamp_ntz'); DuckDB: timezone(zone, column))"
        ]
    if not isinstance(dtype, (nw.Datetime, nw.Date)):
        return [
            f"column {theirs!r} holds {dtype}, not dates: parse it with its format stated first "
            "(pandas: pd.to_datetime(column, format='%Y-%m-%d'))"
        ]
    return []


def _canonical(frame: Frame, columns: dict[str, str | None], has_money: bool) -> Frame:
    """The columns that matter under our names, with the day instead of the time stamp."""
    names = frame.collect_schema().names()
    keep = [
        nw.col(columns["customer_id"] or "").alias("customer_id"),
        _day(frame, nw.col(columns["date"] or "")).alias("day"),
    ]
    if has_money:
        keep.append(nw.col(columns["amount"] or "").cast(nw.Float64).alias("amount"))
    keep += [nw.col(name) for name in ("kind", "source_file", "source_row") if name in names]
    return frame.select(*keep)


def _day(frame: Frame, stamp: nw.Expr) -> nw.Expr:
    """The day of a time stamp: a date, or midnight in pandas, which has no dates of its own."""
    if frame.implementation.is_pandas_like():
        return stamp.cast(nw.Datetime("us")).dt.truncate("1d")
    return stamp.cast(nw.Date)


def _constant(frame: Frame, day: dt.date) -> nw.Expr:
    pandas = frame.implementation.is_pandas_like()
    return nw.lit(dt.datetime.combine(day, dt.time()) if pandas else day)


def _check_rows(rows: Frame, has_money: bool) -> tuple[dt.date, dt.date]:
    """One pass that counts every row which can't be used and finds the first and last day."""
    tests = _bad_rows(rows, has_money)
    counts = {reason: nw.when(test).then(1).count() for reason, test in tests.items()}
    facts = rows_of(
        rows.select(
            nw.len().alias("rows"), nw.col("day").min().alias("first"), nw.col("day").max().alias("last"), **counts
        )
    )[0]
    if not facts["rows"]:
        raise NotEnoughDataError("the log has no rows: at least one purchase is needed")
    problems = [_describe(rows, tests[reason], reason, facts[reason]) for reason in tests if facts[reason]]
    if problems:
        raise DataContractError(problems)
    return _date_of(facts["first"]), _date_of(facts["last"])


def _date_of(value: dt.date) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value


def _bad_rows(rows: Frame, has_money: bool) -> dict[str, nw.Expr]:
    tests = {"no customer": nw.col("customer_id").is_null(), "no date": nw.col("day").is_null()}
    if has_money:
        tests["no amount"] = nw.col("amount").is_null() | ~nw.col("amount").is_finite()
    if "kind" in rows.collect_schema().names():
        tests["an unknown kind"] = nw.col("kind").is_null() | ~nw.col("kind").is_in(KINDS)
    return tests


def _describe(rows: Frame, test: nw.Expr, reason: str, count: int) -> str:
    """How many rows have a problem, the first few of them, and how to mend it."""
    if isinstance(rows, nw.DataFrame):
        rows = rows.with_row_index("row")
    examples = "; ".join(
        ", ".join(f"{name} {value}" for name, value in row.items()) for row in rows_of(rows.filter(test).head(EXAMPLES))
    )
    mend = (
        f"the column 'kind' may only hold {', '.join(KINDS)}: rename it if it means something else"
        if reason == "an unknown kind"
        else "clean_transactions() sets such rows aside and counts them"
    )
    return f"{count:,} row{'s have' if count > 1 else ' has'} {reason} ({examples}): {mend}"


def _merge_days(rows: Frame, has_money: bool) -> Frame:
    """The first of the two aggregations: one row a customer and day, and whether it is a purchase day."""
    kinds = "kind" in rows.collect_schema().names()
    keys = ["customer_id", "day"]
    is_order = nw.col("kind") != "refund"
    if not has_money:
        orders = rows.filter(is_order) if kinds else rows
        return orders.select(*keys).unique().with_columns(visit=nw.col("day"))
    spend = nw.when(is_order).then(nw.col("amount")) if kinds else nw.col("amount")
    money = {"money": nw.col("amount").sum()} if kinds else {}
    days = (
        rows.with_columns(spend=spend).group_by(*keys).agg(nw.col("spend").sum(), lowest=nw.col("spend").min(), **money)
    )
    bought = (nw.col("lowest") >= 0) | (nw.col("spend") > -CANCELLED * nw.col("lowest"))
    days = days.with_columns(visit=nw.when(bought.fill_null(False)).then(nw.col("day")))
    return days if kinds else days.with_columns(money=nw.col("spend"))
