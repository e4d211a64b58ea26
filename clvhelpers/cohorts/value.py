"""CLV by cohort: what the average customer of each cohort has brought by each age."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from clvhelpers.cohorts.table import CohortTable
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.text import count, money, percent
from clvhelpers.text import period as period_name

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

FEWEST_COHORTS = 2


@dataclass(frozen=True, eq=False)
class CohortValue:
    """Cumulative money per acquired customer, by cohort and age.

    `frame` has one row a complete cell: `cohort`, `age`, `n0`, `revenue` (per acquired customer, up to and with this
    age), `value` (that times the margin). `compared_at` is the age at which the older and the younger half of the
    cohorts are compared: the oldest one that every second cohort has reached.
    """

    frame: pd.DataFrame
    gross_margin: float
    step: str
    compared_at: int
    currency: str

    def triangle(self) -> pd.DataFrame:
        """One row a cohort and one column an age, of `value`; cells that were not observed are missing."""
        return self.frame.pivot(index="cohort", columns="age", values="value")

    def halves(self) -> pd.DataFrame:
        """The older and the younger half of the cohorts that reached `compared_at`: `cohorts, customers, value`."""
        cells = self.frame[self.frame["age"] == self.compared_at].reset_index(drop=True)
        half = pd.Series(["older"] * (len(cells) // 2) + ["younger"] * (len(cells) - len(cells) // 2), name="half")
        sums = cells.assign(money=cells["n0"] * cells["value"]).groupby(half)
        frame = sums.agg(cohorts=("n0", "size"), customers=("n0", "sum"), value=("money", "sum"))
        return frame.assign(value=frame["value"] / frame["customers"])

    def sentence(self) -> str:
        """Whether younger cohorts bring more than older ones did at the same age."""
        what = "revenue" if self.gross_margin == 1 else f"margin ({percent(self.gross_margin, 0)} of revenue)"
        at = f"By {self.step} {self.compared_at}"
        halves = self.halves()
        if len(halves) < FEWEST_COHORTS:
            cohort = self.frame["cohort"].iloc[0]
            value = money(halves["value"].iloc[0], self.currency)
            return f"{at} a customer of {period_name(cohort)}, the only cohort, had brought {value} of {what}."
        old, young = (money(halves["value"][half], self.currency) for half in ("older", "younger"))
        sizes = [count(int(halves["cohorts"][half]), "cohort") for half in ("older", "younger")]
        change = percent(halves["value"]["younger"] / halves["value"]["older"] - 1, signed=True)
        return (
            f"{at} a customer of the {sizes[0]} that came first had brought {old} of {what}, one of the {sizes[1]} "
            f"after them {young} ({change} at the same age)."
        )

    def plot(self) -> "Picture":
        """Cumulative value per customer by age, a line a cohort, from the oldest to the youngest colour."""
        from clvhelpers.plots.cohort_values import value_by_cohort

        return value_by_cohort(self)


def cohort_value(table: CohortTable, gross_margin: float = 1.0, *, currency: str = "USD") -> CohortValue:
    """What each cohort has brought per acquired customer, as revenue or as margin, in complete cells.

    Everybody who ever came counts, also those who never returned: this is the average customer's historical CLV
    up to an age, before the cost of winning them. `gross_margin` is a share of revenue, or 1 where the amounts of
    the log are margins. Compare cohorts at the same age only.

    Raises ConfigError for a margin outside 0 to 1, NotEnoughDataError for a log without money.

    >>> from clvhelpers import cohort_table, load_cdnow
    >>> found = cohort_value(cohort_table(load_cdnow(), end="1998-06-30"), 0.4)
    >>> found.triangle().loc["1997-01", [0, 6, 12]].round(2).to_list()
    [14.64, 27.73, 35.62]
    """
    if not 0 < gross_margin <= 1:
        raise ConfigError(f"gross_margin is {gross_margin}: expected a share above 0 and up to 1, such as 0.4")
    if "revenue" not in table.frame:
        raise NotEnoughDataError("the log of this table has no amounts: CLV by cohort needs money")
    cells = table.frame[table.frame["mature"] & (table.frame["n0"] > 0)].rename(
        columns={"revenue": "of_this_age", "cumulative_revenue_per_customer": "revenue"}
    )
    frame = cells.assign(value=gross_margin * cells["revenue"])[["cohort", "age", "n0", "revenue", "value"]]
    if frame["value"].isna().all():
        raise NotEnoughDataError(f"no cohort has a complete {table.step} yet: a later end date is needed")
    reached = frame.groupby("cohort")["age"].max()
    compared_at = int(reached.sort_values(ascending=False).iloc[(len(reached) - 1) // 2])
    return CohortValue(frame.reset_index(drop=True), gross_margin, table.step, compared_at, currency)
