"""Three spans of equal length, one after the other: what was known, what is learned from, what is tested on.

A rule or a machine that learns needs customers whose future is known already. So time is cut twice. From customers
of the first cut it learns what came between the cuts; it is tested on customers of the second cut, whose future
nobody had seen. Everything is one span later, and nothing that happened after a cut helps to forecast from it.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from clvhelpers.customers import split_holdout, to_pandas
from clvhelpers.errors import ConfigError, DataContractError, LeakageError, NotEnoughDataError
from clvhelpers.purchases import Day, as_day, as_frame
from clvhelpers.text import count, day, number

PARTS = 3  # a past, a span to learn from, a span to test on


@dataclass(frozen=True, eq=False)
class Window:
    """The customers of one day, the `cut`, and what they did from then to `end`.

    `frame` is that of `split_holdout` at the cut, in weeks, with `customer_id` as its index.
    """

    frame: pd.DataFrame = field(repr=False)
    cut: dt.date
    end: dt.date

    @property
    def purchases(self) -> pd.Series:
        """Each customer's purchases after the cut: what is to be forecast."""
        return self.frame["holdout_frequency"].rename("purchases")

    @property
    def weeks(self) -> float:
        """How long the customers were watched after the cut."""
        return float(self.frame["holdout_T"].iloc[0])

    def sentence(self) -> str:
        """Who is in it and what they did afterwards, in words."""
        people, bought = count(len(self.frame), "customer"), count(int(self.purchases.sum()), "purchase")
        each = number(self.purchases.mean(), 2)
        return f"The {people} of {day(self.cut)} made {bought} by {day(self.end)}, {each} each."


def two_windows(transactions: Any, end: Day = None, months: int = 12) -> tuple[Window, Window]:
    """The window to learn from and the one to test on: the last `months` before `end`, and as many days before them.

    `end` (default: the last date in the log) is the last day that was watched. Each of the two and the past before
    them get at most a third of the log, so `months` is a most: a log of a year and a half has windows of six months.
    The columns of the log are named as in `customer_summary`.

    Raises `ConfigError` where `months` is below 1, `NotEnoughDataError` where a third of the log is less than a month.

    >>> from clvhelpers import load_cdnow
    >>> learn, test = two_windows(load_cdnow(), "1998-06-30", months=12)
    >>> print(learn.sentence())
    The 2,357 customers of 1997-07-03 made 1,434 purchases by 1997-12-31, 0.61 each.
    >>> str(test.cut), str(test.end)
    ('1997-12-31', '1998-06-30')
    """
    from clvhelpers.churn.behaviour import months_later

    if months < 1 or months % 1:
        raise ConfigError(f"months is {months}: expected a whole number of months, 1 or more")
    first, last = _watched(transactions, end)
    length = min(int(months), _months_between(first, last) // PARTS)
    if length < 1:
        raise NotEnoughDataError(
            f"the log goes from {day(first)} to {day(last)}: to learn from one month and to test on another, three "
            "months are needed"
        )
    cut = months_later(last, -length)
    early = cut - (last - cut)
    return _window(transactions, early, cut), _window(transactions, cut, last)


def check_order(learned_until: dt.date, cut: dt.date) -> None:
    """Refuse to forecast from a day on with something that has learned from days after it."""
    if learned_until > cut:
        raise LeakageError(
            f"what it learned from ends on {day(learned_until)}, and it is to forecast from {day(cut)} on, when nobody "
            "knew that yet: learn from an earlier window, or test on a later one"
        )


def _watched(transactions: Any, end: Day) -> tuple[pd.Timestamp, pd.Timestamp]:
    frame = as_frame(transactions, "the log")
    if "date" not in frame.collect_schema():
        raise DataContractError("the log has no column 'date'")
    dates = pd.to_datetime(to_pandas(frame.select("date"))["date"]).dt.normalize()
    if dates.isna().all():
        raise NotEnoughDataError("the log has no date: without orders there is nothing to learn from")
    given = as_day(end, "end")
    return dates.min(), dates.max() if given is None else pd.Timestamp(given)


def _months_between(first: pd.Timestamp, last: pd.Timestamp) -> int:
    """Whole months from the first day to the last, both counted."""
    after = last + pd.Timedelta(days=1)
    return (after.year - first.year) * 12 + after.month - first.month - (after.day < first.day)


def _window(transactions: Any, cut: pd.Timestamp, end: pd.Timestamp) -> Window:
    found = as_frame(split_holdout(transactions, cut.date(), end.date()), "the summary")
    return Window(to_pandas(found).set_index("customer_id").sort_index(), cut.date(), end.date())
