"""Does the effect fade? By age since exposure and by exposure cohort, so that a mix of cohorts is not read as fading.

Late ages are seen only of those who were exposed early. If the effect was larger for them (the keenest come first),
the effect by age falls although it fades for nobody. So the trend is taken within units: each unit has a slope of its
outcome over its own ages, and the mean slopes of the arms are compared within each exposure cohort.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments.cells import (
    Cells,
    cells_of,
    check_arms,
    checked_rows,
    differences,
    effect_words,
)
from clvhelpers.experiments.subgroups import cochran, over_all
from clvhelpers.experiments.words import shown_p
from clvhelpers.purchases import Frame, one_of, period_number, periods_of, rows_of, settle
from clvhelpers.text import count, number, period

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

UNEQUAL = 0.001  # the chance of a false alarm about follow-up
COHORTS = {"D": "day", "W": "week", "M": "month", "Q": "quarter"}


@dataclass(frozen=True, eq=False)
class Novelty:
    """Effects by age since exposure, by cohort, and their trend.

    `frame`: one row an arm and age, over the cohorts seen at that age: `arm, age, cohorts, control_units, units,
    difference, standard_error, low, high, p_value`. `cohorts`: one row a cohort, arm and age, with the same and
    the means. `trend`: one row an arm, the change of the effect for each step of age, within units and cohorts:
    `arm, difference, standard_error, low, high, p_value`. `equal_age`: one row a cohort and arm, the effect on the mean
    of the ages that all cohorts have; `cohort_tests`: the test that it is the same in all cohorts (Cochran's Q).
    Of the outcome per unit and age; a 0/1 outcome (`rate`) in shares. `step` is the unit of age.
    """

    frame: pd.DataFrame
    cohorts: pd.DataFrame
    trend: pd.DataFrame
    equal_age: pd.DataFrame
    cohort_tests: pd.DataFrame
    outcome: str
    rate: bool
    step: str
    level: float
    currency: str | None

    def sentence(self) -> str:
        """Whether the effect fades, whether cohorts differ, and what the effect by age shows of either."""
        return " ".join(self._of_arm(row) for row in self.trend.to_dict("records"))

    def _of_arm(self, trend: Mapping[Any, Any]) -> str:
        rows = self.frame[self.frame["arm"] == trend["arm"]]
        first, last = (rows.iloc[place].to_dict() for place in (0, -1))
        return (
            f"{self.finding(trend['arm'])} ({self.outcome}): within units and cohorts it changes by "
            f"{self._words(trend)} a {self.step} ({shown_p(trend['p_value'])}). At age {first['age']} it "
            f"is {self._words(first)} over {count(int(first['cohorts']), 'cohort')}, at age {last['age']} "
            f"{self._words(last)} over {count(int(last['cohorts']), 'cohort')}."
            f"{self._about_cohorts(trend['arm'])}"
        )

    def _about_cohorts(self, arm: Any) -> str:
        test = self.cohort_tests[self.cohort_tests["arm"] == arm].iloc[0]
        if not test["freedom"]:
            return ""
        if test["p_value"] >= 1 - self.level:
            return f" At equal age the cohorts do not differ by more than chance ({shown_p(test['p_value'])})."
        own = self.equal_age[self.equal_age["arm"] == arm]
        ends = [own.iloc[place].to_dict() for place in (0, -1)]
        told = " and ".join(f"{self._words(row)} for those exposed in {period(row['cohort'])}" for row in ends)
        return (
            f" At equal age the cohorts differ by more than chance ({shown_p(test['p_value'])}): {told}. Late ages are "
            "seen only of early cohorts, so the effect by age mixes the two; read the trend within units."
        )

    def finding(self, arm: Any) -> str:
        """What the trend within units says, in a few words."""
        trend = self.trend.set_index("arm").loc[arm]
        mean = over_all(self.equal_age[self.equal_age["arm"] == arm], self.level)
        if trend["p_value"] >= 1 - self.level:
            return f"The effect of {arm} neither fades nor grows by more than chance"
        if mean["low"] <= 0 <= mean["high"]:
            return f"The effect of {arm} changes with age"
        return f"The effect of {arm} {'fades' if trend['difference'] * mean['difference'] < 0 else 'grows'}"

    def _words(self, row: Mapping[Any, Any]) -> str:
        return effect_words(row, self.rate, self.currency)

    def plot(self, arm: str | None = None) -> "Picture":
        """The effect of an arm by age with its interval, and a line for each cohort; by default of the first arm."""
        from clvhelpers.plots.experiments_many import effect_by_age

        arms = self.trend["arm"].to_list()
        if arm is not None and arm not in arms:
            raise ConfigError(f"arm is {arm!r}: expected one of {', '.join(map(repr, arms))}")
        return effect_by_age(self, arms[0] if arm is None else arm)


def novelty(
    data: Any,
    outcome: str,
    *,
    unit: str = "customer_id",
    arm: str = "arm",
    control: str = "control",
    exposed_at: str = "exposed_at",
    age: str = "age",
    cohort: str = "W",
    step: str = "day",
    level: float = 0.95,
    smallest: int = 30,
    currency: str | None = None,
) -> Novelty:
    """Effects by age since exposure within exposure cohorts, and the test that they change with age.

    `data` has one row a unit and age that it has reached, also those at which it did nothing (`outcome` 0): columns
    `unit, arm, exposed_at` (a date), `age` (whole, 0 or more, in units of `step`) and `outcome` (0/1 or a number).
    Cohorts are the calendar periods ("D", "W", "M" or "Q") of the exposure. Cohorts of fewer than `smallest` units in
    an arm at an age have no effect of their own at it. `currency` is that of an outcome in money.

    The trend: each unit's least-squares slope of the outcome on its ages, compared between arms within each cohort
    (so that the outcomes of one unit need not be independent) and averaged over cohorts by their exactness.

    Raises `ExperimentError` with every problem: an age below 0 (an outcome before exposure), missing labels or
    outcomes, a unit in two arms, with two dates of exposure or twice at one age, arms that were not
    followed equally long; `NotEnoughDataError` where no cohort has two ages and units enough.
    Sources: Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, chapter 23; Frison & Pocock (1992),
    Statistics in Medicine 11, 1685-1704 (a summary of each unit).

    >>> random = np.random.default_rng(6)
    >>> units = pd.DataFrame({"customer_id": range(400), "arm": ["control", "offer"] * 200})
    >>> long = units.assign(exposed_at=pd.Timestamp("2026-01-05")).merge(pd.DataFrame({"age": range(7)}), how="cross")
    >>> long["spend"] = random.normal(5, 1, 2800) + (long["arm"] == "offer") * (2 - 0.25 * long["age"])
    >>> novelty(long, "spend").trend["difference"].round(2).to_list()
    [-0.22]
    """
    check_level(level)
    one_of(cohort, COHORTS, "cohort")
    columns = {"unit": unit, "arm": arm, "exposed_at": exposed_at, "age": age}
    rows = _long_rows(data, outcome, columns, cohort)
    cells = cells_of(rows, ["cohort", "arm", "age"], "outcome", {**columns, "cohort": exposed_at, "outcome": outcome})
    check_arms(cells.frame["arm"].drop_duplicates().to_list(), control)
    effects = _by_cohort(cells, control, level, smallest)
    slopes = _trends(_unit_rows(rows), control, level, smallest)
    equal_age = _by_cohort(_at_equal_age(rows, slopes, cells), control, level, smallest)
    dated = [table.assign(cohort=periods_of(table["cohort"], cohort)) for table in (effects, equal_age)]
    by_arm = equal_age.groupby("arm", sort=False)
    return Novelty(
        _pooled(effects, ["arm", "age"], level, "units"),
        dated[0],
        _pooled(slopes, ["arm"], level, "error"),
        dated[1],
        pd.DataFrame([{"arm": name, **cochran(own)} for name, own in by_arm]),
        outcome,
        cells.rate,
        step,
        level,
        currency,
    )


def _trends(units: Frame, control: str, level: float, smallest: int) -> pd.DataFrame:
    """How the effect moves with age in each cohort, from the slopes of checked units."""
    _check_units(units, control)
    slopes = _by_cohort(_slopes(units), control, level, smallest)
    if slopes.empty:
        raise NotEnoughDataError(
            f"no cohort has {smallest} units in each arm that were seen at two ages or more and differ: a trend needs "
            "both; take longer cohorts or wait"
        )
    return slopes


def _long_rows(data: Any, outcome: str, columns: Mapping[str, str], cohort: str) -> Frame:
    """One row a unit and age under our names, with the number of the cohort."""
    rows = checked_rows(data, list(columns.values()), outcome)
    schema = rows.collect_schema()
    problems = []
    if not isinstance(schema[columns["exposed_at"]], (nw.Date, nw.Datetime)):
        problems.append(
            f"column {columns['exposed_at']!r} holds {schema[columns['exposed_at']]}, not dates: parse it first "
            "(pandas: pd.to_datetime)"
        )
    if not schema[columns["age"]].is_integer():
        problems.append(f"column {columns['age']!r} holds {schema[columns['age']]}, not whole numbers")
    if problems:
        raise ExperimentError(problems)
    ours = rows.select(
        **{name: nw.col(theirs) for name, theirs in columns.items()},
        outcome=nw.col(outcome),
        cohort=period_number(nw.col(columns["exposed_at"]), cohort),
    )
    return settle(ours)


def _unit_rows(rows: Frame) -> Frame:
    """One row a unit: its arm and cohort, how many ages, and the sums that its slope is made of."""
    age, outcome = nw.col("age").cast(nw.Float64), nw.col("outcome")
    parts = {"one": nw.lit(1), "age_sum": age, "squares": age * age, "products": age * outcome, "sum": outcome}
    made = rows.select("unit", "arm", "exposed_at", "cohort", "age", **parts)
    return settle(
        made.group_by("unit").agg(
            *(nw.col(name).sum() for name in parts),
            ages=nw.col("age").n_unique(),
            youngest=nw.col("age").min(),
            arm=nw.col("arm").min(),
            last_arm=nw.col("arm").max(),
            cohort=nw.col("cohort").min(),
            first=nw.col("exposed_at").min(),
            last=nw.col("exposed_at").max(),
        )
    )


def _check_units(units: Frame, control: str) -> None:
    wrong = {
        "before their exposure (an age below 0)": nw.col("youngest") < 0,
        "in two arms": nw.col("arm") != nw.col("last_arm"),
        "with two dates of exposure": nw.col("first") != nw.col("last"),
        "with two rows at one age": nw.col("one") > nw.col("ages"),
    }
    tests = [nw.when(test).then(nw.lit(1)).otherwise(nw.lit(0)).sum().alias(name) for name, test in wrong.items()]
    found = rows_of(units.select(*tests))[0]
    problems = [f"{count(int(n), 'unit')} {name}" for name, n in found.items() if n]
    problems = [f"{problem}: give one row a unit and age since its first exposure" for problem in problems]
    if problems := problems or _unequal(units, control):
        raise ExperimentError(problems)
    if rows_of(units.select(nw.col("ages").max()))[0]["ages"] < 2:
        raise NotEnoughDataError("every unit was seen at one age only: a trend needs two ages or more, so wait")


def _unequal(units: Frame, control: str) -> list[str]:
    """Cohorts of which one arm was followed longer than chance would have it."""
    from scipy.stats import norm

    cells = cells_of(units.with_columns(nw.col("one").cast(nw.Float64)), ["cohort", "arm"], "one").frame
    is_control = cells["arm"] == control
    both = cells[~is_control].merge(cells[is_control], on="cohort", suffixes=("", "_control"))
    off = both["mean"] - both["mean_control"]
    error = np.sqrt(both["variance"] / both["units"] + both["variance_control"] / both["units_control"])
    bad = both[
        (off.abs() > norm.isf(UNEQUAL / 2 / max(len(both), 1)) * error.fillna(float("inf"))) & (off.abs() > 1e-9)
    ]
    if bad.empty:
        return []
    row = bad.iloc[0]
    return [
        f"in {count(len(bad), 'cohort')} the arms were not followed equally long (such as {number(row['mean'], 1)} "
        f"ages a unit in {row['arm']} and {number(row['mean_control'], 1)} in {control}): give a row with a 0 to those "
        "who did nothing, and follow all units of a cohort to the same day"
    ]


def _slopes(units: Frame) -> Cells:
    n, ages = nw.col("one").cast(nw.Float64), nw.col("age_sum")
    spread = nw.col("squares") - ages * ages / n
    slope = (nw.col("products") - ages * nw.col("sum") / n) / spread
    return cells_of(units.filter(nw.col("ages") > 1).select("cohort", "arm", slope=slope), ["cohort", "arm"], "slope")


def _at_equal_age(rows: Frame, slopes: pd.DataFrame, cells: Cells) -> Cells:
    """Units' mean outcomes over the ages that every cohort with a trend has."""
    own = cells.frame[cells.frame["cohort"].isin(slopes["cohort"])]
    common = int(own.groupby("cohort")["age"].max().min())
    early = rows.filter((nw.col("age") <= common) & nw.col("cohort").is_in(slopes["cohort"].unique().tolist()))
    made = early.group_by("unit", "cohort", "arm").agg(mean_outcome=nw.col("outcome").mean())
    return cells_of(made.select("cohort", "arm", "mean_outcome"), ["cohort", "arm"], "mean_outcome")


def _by_cohort(cells: Cells, control: str, level: float, smallest: int) -> pd.DataFrame:
    """Differences between arms within cohorts, where both have units enough."""
    large = cells.frame[cells.frame["units"] >= smallest].reset_index(drop=True)
    return differences(Cells(large, cells.by, cells.rate), "arm", control, level)


def _pooled(rows: pd.DataFrame, by: list[str], level: float, weights: str) -> pd.DataFrame:
    found = []
    for key, own in rows.groupby(by):
        sums = {"cohorts": len(own), "control_units": own["control_units"].sum(), "units": own["units"].sum()}
        found.append({**dict(zip(by, key, strict=True)), **sums, **over_all(own, level, weights)})
    return pd.DataFrame(found)
