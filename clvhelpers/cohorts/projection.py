"""Young cohorts carried to the age of the oldest: by the chain ladder, and by the additive method beside it."""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.cohorts.ladder import ChainLadder, chain_ladder
from clvhelpers.cohorts.season import seasonal_periods
from clvhelpers.cohorts.table import CohortTable
from clvhelpers.cohorts.tails import growth_beyond
from clvhelpers.cohorts.truncation import left_truncation_note
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError, SeasonWarning
from clvhelpers.purchases import one_of
from clvhelpers.text import count, money, number
from clvhelpers.text import period as period_name

if TYPE_CHECKING:
    from clvhelpers.cohorts.tails import TailModel
    from clvhelpers.plots.look import Picture

VALUES = ("revenue", "orders", "n_active")
WORDS = {"revenue": "", "orders": " orders", "n_active": " customers still active"}


@dataclass(frozen=True, eq=False)
class CohortProjection:
    """What each cohort is expected to have come to by one age.

    `frame` has one row a cohort: `cohort`, `n0`, `age` (the last one seen, at most `to_age`), `so_far`, `expected`
    (chain ladder, and beyond the triangle the tail of a model), `standard_error` (Mack's; missing beyond the triangle)
    and `additive` (so far, plus the average increase per customer at each age that is missing). Numbers are
    cumulative, or customers still active for `value="n_active"`. `ladder` has the factors and the completed triangle,
    which ends at age `within`, and `added` is that triangle by the additive method. `seasonal` are the calendar
    periods that age does not explain.
    """

    frame: pd.DataFrame
    ladder: ChainLadder
    added: pd.DataFrame
    value: str
    step: str
    to_age: int
    within: int
    tail: str | None
    seasonal: tuple[pd.Period, ...]
    currency: str

    @property
    def total(self) -> float:
        """Expected for all cohorts together."""
        return float(self.frame["expected"].sum())

    @property
    def total_standard_error(self) -> float | None:
        """Its standard error; None beyond the triangle."""
        return None if self.tail else self.ladder.total_standard_error

    def sentence(self) -> str:
        """What was seen, what is expected by each method, with what error, and what both take for granted."""
        seen, total, added = (self.shown(self.frame[name].sum()) for name in ("so_far", "expected", "additive"))
        error = self.total_standard_error
        known = f" (standard error {self.shown(error)})" if error is not None else ""
        cohorts = count(len(self.frame), "cohort")
        notes = [
            f"By {self.step} {self.to_age} of each, {cohorts} with {seen}{WORDS[self.value]} so far are expected to "
            f"come to {total}{known}; adding the average change per customer at each age instead gives {added}.",
            "Both take it that a cohort ages like those before it, with no season and no trend.",
        ]
        if self.tail:
            notes.append(
                f"No cohort is older than {self.step} {self.within}: from there on the shape is that of {self.tail}, "
                "and no standard error is given."
            )
        if self.seasonal:
            notes.append(season_note(self.seasonal))
        return " ".join(notes)

    def check(self, later: CohortTable) -> pd.DataFrame:
        """How far off each method is, given the table of a later day: `method, predicted, came, error`.

        Each cohort is compared at the last age that is complete in `later` and within the triangle; of those that
        have not aged, nothing. "standing still" predicts that nothing more comes. Raises NotEnoughDataError where no
        cohort is older in `later`.
        """
        came, _ = _triangle(later, self.value)
        seen = self.frame.set_index("cohort")
        ages = {cohort: min(int(came.loc[cohort].last_valid_index()), self.within) for cohort in seen.index}
        older = [cohort for cohort, age in ages.items() if age > seen.loc[cohort, "age"]]
        if not older:
            raise NotEnoughDataError(
                f"no cohort is older in the later table, or all are past {self.step} {self.within}"
            )
        at = {name: sum(frame.loc[c, ages[c]] for c in older) for name, frame in self._completed().items()}
        truth = float(sum(came.loc[cohort, ages[cohort]] for cohort in older))
        predicted = {"standing still": float(seen.loc[older, "so_far"].sum()), **at}
        frame = pd.DataFrame({"method": list(predicted), "predicted": list(predicted.values()), "came": truth})
        return frame.assign(error=frame["predicted"] / truth - 1)

    def _completed(self) -> dict[str, pd.DataFrame]:
        return {"chain ladder": self.ladder.completed, "additive": self.added}

    def plot(self) -> "Picture":
        """What was seen and what is expected of each cohort, with the standard error."""
        from clvhelpers.plots.cohort_values import projected_cohorts

        return projected_cohorts(self)

    def shown(self, amount: float) -> str:
        """An amount as money or as a count, as the value asks for."""
        return money(amount, self.currency) if self.value == "revenue" else number(amount)


def project_cohorts(
    table: CohortTable,
    value: str = "revenue",
    to_age: int | None = None,
    tail: "TailModel | None" = None,
    *,
    currency: str = "USD",
) -> CohortProjection:
    """Carry every cohort of a table to age `to_age` (default: that of the oldest cohort).

    `value` is "revenue" or "orders", both cumulative, or "n_active", the customers still active where leaving is
    seen (a contract). Only complete cells count, and cohorts without customers are left out. Inside the triangle the
    chain ladder says how they go on, with Mack's standard error. Beyond the oldest cohort nothing was seen: there the
    shape comes from `tail`, a fitted ShiftedBetaGeoModel (contracts; its periods must be those of the table) or
    BetaGeoModel (no contracts). For money it is taken that what is spent on an order does not change with age.

    Raises DataContractError for a table with a left-truncated first cohort, ConfigError for an age beyond the
    triangle without a tail, NotEnoughDataError for fewer than three cohorts and three ages. Warns (SeasonWarning)
    where a calendar period stands out that age does not explain.

    >>> from clvhelpers import cohort_table, load_cdnow
    >>> found = project_cohorts(cohort_table(load_cdnow(), end="1997-07-31"), "orders")
    >>> found.frame[["age", "so_far", "expected", "standard_error"]].round(1).to_numpy().tolist()
    [[6.0, 1543.0, 1543.0, 0.0], [5.0, 1590.0, 1687.3, 1.7], [4.0, 1224.0, 1386.9, 2.6]]
    """
    one_of(value, [name for name in VALUES if name in table.frame], "value")
    _check(table, value)
    triangle, n0 = _triangle(table, value)
    oldest = int(triangle.columns[-1])
    to_age = oldest if to_age is None else to_age
    if to_age < 1 or (to_age > oldest and tail is None):
        raise ConfigError(
            f"to_age is {to_age}, and the oldest cohort has reached {table.step} {oldest}: take one from 1 to {oldest}"
            ", or give a fitted model as tail, as nothing in the triangle tells how it goes on"
        )
    inside = triangle.loc[:, : min(to_age, oldest)]
    ladder = chain_ladder(inside)
    beyond = growth_beyond(tail, table, value, oldest, to_age) if tail is not None and to_age > oldest else 1.0
    seasonal = tuple(seasonal_periods(table)["period"])
    if seasonal:
        warnings.warn(season_note(seasonal), SeasonWarning, stacklevel=2)
    added = _additive(inside, n0)
    frame = _frame(ladder, n0, added.iloc[:, -1], beyond if to_age > oldest else None)
    name = type(tail).__name__ if to_age > oldest else None
    return CohortProjection(
        frame, ladder, added, value, table.step, to_age, min(to_age, oldest), name, seasonal, currency
    )


def season_note(seasonal: tuple[pd.Period, ...]) -> str:
    """What a reader must know of a season."""
    names = ", ".join(period_name(period) for period in seasonal[:4]) + (" and others" if len(seasonal) > 4 else "")
    return (
        f"Returning customers bought far more in {names} than their age explains: a season or a promotion. A "
        "projection by age puts it where no such month comes, and leaves it out where one does."
    )


def _check(table: CohortTable, value: str) -> None:
    problems = []
    if table.left_truncated is not None and not table.dropped:
        note = left_truncation_note(table.left_truncated, dropped=False)
        problems.append(
            f"{note} Young cohorts would be carried on like them: make the table with drop_left_truncated=True"
        )
    if value == "n_active" and table.kind != "on":
        problems.append(
            f"value='n_active' needs a table of kind 'on', and this one is {table.kind!r}: who is active later is not "
            "known yet for young cohorts"
        )
    if problems:
        raise DataContractError(problems)


def _triangle(table: CohortTable, value: str) -> tuple[pd.DataFrame, pd.Series]:
    """The cumulative numbers of complete cells, and the sizes, of cohorts with customers."""
    cells = table.frame[table.frame["mature"] & (table.frame["n0"] > 0)]
    if cells.empty:
        raise NotEnoughDataError(f"no cohort has a complete {table.step} yet: a later end date is needed")
    triangle = cells.pivot(index="cohort", columns="age", values=value).astype(float)
    sizes = cells.groupby("cohort")["n0"].first().astype(float)
    return (triangle if value == "n_active" else triangle.cumsum(axis=1, skipna=True).where(triangle.notna())), sizes


def _additive(triangle: pd.DataFrame, n0: pd.Series) -> pd.DataFrame:
    """The triangle completed: at each missing age a cohort changes by the average per customer of those seen."""
    change = triangle.diff(axis=1)
    sizes = change.notna().mul(n0, axis=0).sum()
    per_customer = (change.sum() / sizes.where(sizes > 0)).fillna(0)
    missing = triangle.isna().mul(per_customer, axis=1).mul(n0, axis=0).cumsum(axis=1)
    return triangle.ffill(axis=1) + missing


def _frame(ladder: ChainLadder, n0: pd.Series, additive: pd.Series, beyond: float | None) -> pd.DataFrame:
    growth = 1.0 if beyond is None else beyond
    found = ladder.frame
    return pd.DataFrame(
        {
            "cohort": found.index,
            "n0": n0.astype("int64").to_numpy(),
            "age": found["age"].to_numpy(),
            "so_far": found["latest"].to_numpy(),
            "expected": growth * found["ultimate"].to_numpy(),
            "standard_error": found["standard_error"].to_numpy() if beyond is None else np.nan,
            "additive": growth * additive.to_numpy(),
        }
    )
