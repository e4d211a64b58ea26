"""What the last months of those who left looked like, against customers of the same age who stayed."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.churn.behaviour import date_problem, last_date
from clvhelpers.churn.spells import customer_spells
from clvhelpers.customers import to_pandas
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.purchases import as_frame
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

FEWEST_LEAVERS = 10


@dataclass(frozen=True, eq=False)
class BeforeLeaving:
    """Behaviour in the months before the month of leaving.

    `frame` has one row a measure and month: `measure`, `months_before` (1 is the last whole month), `leavers`
    (customers), `leavers_mean`, `stayers_mean` (those of the same age who stayed at least `months` longer,
    weighted like the leavers' ages), `difference`, and its 95 % interval `low`, `high`. `without_match` counts
    months of leavers at an age at which nobody stayed; they are in no mean.
    """

    frame: pd.DataFrame = field(repr=False)
    months: int
    without_match: int

    def sentence(self) -> str:
        """For each measure, the last whole month before leaving, in words."""
        last = self.frame[self.frame["months_before"] == 1]
        told = [
            f"{row['measure']} {number(row['leavers_mean'], 2)} against {number(row['stayers_mean'], 2)}{_share(row)}"
            for row in last.to_dict("records")
        ]
        customers = count(int(last["leavers"].max()), "customer")
        return (
            f"In the last whole month before {customers} left, against customers of the same age who stayed: "
            f"{'; '.join(told)}."
        )

    def first_sign(self, measure: str) -> int | None:
        """How many months before leaving `measure` began to differ: the longest run up to month 1 whose intervals
        leave out 0; None where not even the last month differs."""
        rows = self.frame[self.frame["measure"] == measure].sort_values("months_before")
        if rows.empty:
            known = ", ".join(map(repr, self.frame["measure"].unique()))
            raise ConfigError(f"measure is {measure!r}: expected one of {known}")
        differs = (rows["low"] > 0) | (rows["high"] < 0)
        run = int(differs.cummin().sum())
        return run or None

    def plot(self) -> "Picture":
        """Each measure by months before leaving, leavers against stayers."""
        from clvhelpers.plots.churn import last_months

        return last_months(self)


def before_leaving(
    panel: Any, spells: pd.DataFrame, months: int = 6, measures: Sequence[str] | None = None
) -> BeforeLeaving:
    """Line up customers' months by the month in which they left, and set them against stayers of the same age.

    `panel` (of any engine that `customer_summary` takes) has one row a customer and month with `customer_id`,
    `month` and the `measures` (default: every number). The month of leaving itself is left out, as it is not whole.
    A month of somebody else is a stayer's if that customer stayed for at least `months` more, as far as the panel
    reaches; each leaver is compared with the mean of the stayers at the same age in months. The interval allows
    for the error of both means.

    Raises `DataContractError`, and `NotEnoughDataError` below ten customers who left.

    >>> from clvhelpers.errors import ClvError
    >>> spells = pd.DataFrame({"customer_id": ["a"], "plan": ["Basic"], "start_date": pd.to_datetime(["2025-01-01"]),
    ...     "end_date": pd.to_datetime([None]), "end_reason": [None]})
    >>> panel = pd.DataFrame({"customer_id": ["a"], "month": pd.to_datetime(["2025-01-01"]), "hours": [3.0]})
    >>> try:
    ...     before_leaving(panel, spells)
    ... except ClvError as error:
    ...     print(error)
    0 customers left with a whole month before: at least 10 are needed to say what comes before leaving
    """
    if months < 1 or months % 1:
        raise ConfigError(f"months is {months}: expected a whole number, 1 or more")
    panel = to_pandas(as_frame(panel, "the panel"))
    names = _measures(panel, measures)
    rows = _aligned(panel, customer_spells(spells, last_date(spells)), names)
    last_seen = int(rows["at"].max()) if len(rows) else 0
    leavers = rows[rows["before"].between(1, months)]
    if leavers["customer_id"].nunique() < FEWEST_LEAVERS:
        raise NotEnoughDataError(
            f"{count(leavers['customer_id'].nunique(), 'customer')} left with a whole month before: at least "
            f"{FEWEST_LEAVERS} are needed to say what comes before leaving"
        )
    stay_on = (rows["before"] > months) | (rows["before"].isna() & (rows["at"] + months <= last_seen))
    stayers = rows[stay_on]
    matched = leavers[leavers["age"].isin(stayers["age"])]
    if matched.empty:
        raise NotEnoughDataError(
            f"nobody stayed {count(months, 'month')} or more beyond an age at which others left: there is no stayer to "
            "compare them with; take fewer months, or a longer time"
        )
    parts = [_differences(matched, stayers.groupby("age")[name], name) for name in names]
    return BeforeLeaving(pd.concat(parts, ignore_index=True), int(months), len(leavers) - len(matched))


def _share(row: dict[Hashable, Any]) -> str:
    stayers = row["stayers_mean"]
    return f" ({percent(row['difference'] / stayers, 0, signed=True)})" if stayers > 0 else ""


def _aligned(panel: pd.DataFrame, found: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Each month of the panel within its stay: number of the month, age, and months before leaving (if any)."""
    at = _month_number(panel["month"])
    rows = panel[["customer_id", *names]].assign(at=at).merge(found, on="customer_id")
    begin, leave = _month_number(rows["start_date"]), _month_number(rows["end_date"])
    inside = (rows["at"] >= begin) & ~(rows["at"] > leave)
    rows = rows.assign(age=rows["at"] - begin, before=leave - rows["at"])[inside]
    return rows.drop_duplicates(["customer_id", "at"], keep="last")


def _differences(leavers: pd.DataFrame, of_age: Any, name: str) -> pd.DataFrame:
    """Leavers less stayers of the same age, month by month; both sides have an error."""
    rows = pd.DataFrame(
        {
            "months_before": leavers["before"].astype(int),
            "leavers_mean": leavers[name],
            "stayers_mean": leavers["age"].map(of_age.mean()),
        }
    )
    rows["difference"] = rows["leavers_mean"] - rows["stayers_mean"]
    groups = rows.groupby("months_before")
    found = groups.mean()
    variance = groups["difference"].var() / groups["difference"].count() + _of_stayers(leavers, of_age)
    half: Any = NormalDist().inv_cdf(0.975) * np.sqrt(variance)
    found.insert(0, "leavers", groups["difference"].count())
    found = found.assign(low=found["difference"] - half, high=found["difference"] + half).reset_index()
    found.insert(0, "measure", name)
    return found


def _of_stayers(leavers: pd.DataFrame, of_age: Any) -> pd.Series:
    """The variance of the stayers' mean, by months before: ages are weighted like those of the leavers."""
    counts = leavers.groupby([leavers["before"].astype(int), "age"]).size()
    weight = counts / counts.groupby(level=0).transform("sum")
    variance = weight.index.get_level_values("age").map((of_age.var() / of_age.count()).fillna(0.0))
    return (weight**2 * variance.to_numpy()).groupby(level=0).sum()


def _month_number(dates: pd.Series) -> pd.Series:
    return 12 * dates.dt.year + dates.dt.month


def _measures(panel: pd.DataFrame, measures: Sequence[str] | None) -> list[str]:
    needed = ["customer_id", "month", *(measures or [])]
    missing = [name for name in needed if name not in panel]
    if missing:
        raise DataContractError(
            f"the panel has no column {', '.join(map(repr, missing))}: it has {', '.join(map(repr, panel))}"
        )
    if problem := date_problem(panel["month"]):
        raise DataContractError(f"the panel: {problem}")
    names = list(measures) if measures else panel.select_dtypes("number").columns.tolist()
    if not names:
        raise DataContractError("the panel has no column of numbers to look at")
    return names
