"""What each customer did in a span of time, for the metrics of segments: from a log of any engine to one row each."""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pandas as pd

from clvhelpers.customers import to_pandas
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.purchases import PurchaseDays, as_frame, purchase_days

_COLUMNS: dict[str, str | None] = {"customer_id": "customer_id", "date": "date"}


@dataclass(frozen=True)
class Span:
    """The days from `start` to `end`, both included."""

    start: pd.Timestamp
    end: pd.Timestamp

    @property
    def after(self) -> pd.Timestamp:
        """The day after the last."""
        return self.end + pd.Timedelta(days=1)

    @property
    def before(self) -> pd.Timestamp:
        """The first day of as long a time before: whole months for whole months, else days."""
        if self.start.day == 1 and self.after.day == 1:
            months = 12 * (self.after.year - self.start.year) + self.after.month - self.start.month
            return self.start - pd.DateOffset(months=months)
        return self.start - (self.after - self.start)

    def whole_years(self) -> list[int]:
        """The calendar years that lie in the span from their first day to their last."""
        years = range(self.start.year, self.end.year + 1)
        return [y for y in years if self.start <= pd.Timestamp(y, 1, 1) and pd.Timestamp(y, 12, 31) <= self.end]


def customers_in(transactions: Any, span: Span) -> tuple[pd.DataFrame, pd.Timestamp]:
    """One row for each customer who had bought by the end of the span, and the first day of the log.

    By `customer_id`: `new` (first bought in the span), `bought` (in it), `earlier` (in as long a time before)
    and, where the log has them, `money` and `cost` in it. Who only has refunds is no customer, as in
    `customer_summary`.
    """
    days = _days(transactions, "amount", span)
    people = _facts(days, span)
    people = people[people["first"].notna() & (people["first"] <= span.end)]
    if people.empty:
        raise NotEnoughDataError(f"nobody had bought by {span.end.date()}, so there is nothing to say about segments")
    people["new"] = people.pop("first") >= span.start
    if "cost" in as_frame(transactions, "the log").collect_schema():
        costs = _facts(_days(transactions, "cost", span), span)["money"]
        people["cost"] = costs.reindex(people.index).fillna(0.0)
    return people, pd.Timestamp(days.first)


def yearly_spend(transactions: Any, span: Span) -> pd.Series | None:
    """Money by customer and calendar year up to the end of the span; None where the log has no amounts."""
    days = _days(transactions, "amount", span)
    if not days.has_money:
        return None
    by_year = days.frame.with_columns(year=nw.col("day").dt.year()).group_by("customer_id", "year")
    frame = to_pandas(by_year.agg(nw.col("money").sum()))
    return frame.astype({"year": "int64"}).set_index(["customer_id", "year"])["money"].sort_index()


def running_on(spells: pd.DataFrame, when: pd.Timestamp) -> pd.Index:
    """The customers with a spell that runs on a day; its last day counts."""
    begun = pd.to_datetime(spells["start_date"]) <= when
    ends = pd.to_datetime(spells["end_date"])
    return pd.Index(spells.loc[begun & (ends.isna() | (ends >= when)), "customer_id"].unique(), name="customer_id")


def _days(transactions: Any, amount: str, span: Span) -> PurchaseDays:
    return purchase_days(transactions, span.end, {**_COLUMNS, "amount": amount})


def _facts(days: PurchaseDays, span: Span) -> pd.DataFrame:
    start, before = days.at(span.start.date()), days.at(span.before.date())
    earlier = (nw.col("visit") >= before) & (nw.col("visit") < start)
    rows = days.frame.with_columns(
        now=nw.when(nw.col("visit") >= start).then(nw.col("visit")),
        then=nw.when(earlier).then(nw.col("visit")),
    )
    told = {"first": nw.col("visit").min(), "bought": nw.col("now").count(), "earlier": nw.col("then").count()}
    if days.has_money:
        rows = rows.with_columns(inside=nw.when(nw.col("day") >= start).then(nw.col("money")).otherwise(0.0))
        told["money"] = nw.col("inside").sum()
    frame = to_pandas(rows.group_by("customer_id").agg(**told))
    frame = frame.sort_values("customer_id").set_index("customer_id")
    frame["first"] = pd.to_datetime(frame["first"])
    return frame.assign(bought=frame["bought"] > 0, earlier=frame["earlier"] > 0)
