"""Before the test: how many units it needs, and how long it takes.

All tests are two-sided. With several arms each is compared with control, and alpha is shared out among the
comparisons; the power is that of each comparison.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.experiments.power import (
    CONTROL,
    RATE_METHODS,
    STAY_METHODS,
    Means,
    Question,
    Rates,
    Stays,
    check_chances,
    check_rates,
    checked_shares,
    power_of_total,
    raise_problems,
    shared_out,
    sharing_words,
    short_percent,
    total_needed,
)
from clvhelpers.purchases import one_of
from clvhelpers.text import count, number, percent, plain

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

DAYS_A_WEEK = 7


@dataclass(frozen=True, eq=False)
class SampleSize:
    """How many units a test needs.

    `frame` has one row an arm, control first: `arm`, `share` (of all units), `units` (rounded up), `exact` (not
    rounded), and for stays `left` (share that will have left) and `events` (how many that is, not rounded). `curve`
    has `units` (of the whole test) and `power`, of the comparison that needs most; `alpha` is that of the whole test.
    """

    frame: pd.DataFrame
    curve: pd.DataFrame = field(repr=False)
    change: str
    power: float
    alpha: float
    method: str

    @property
    def total(self) -> int:
        """The units of all arms."""
        return int(self.frame["units"].sum())

    def sentence(self) -> str:
        """What it takes, in words, with the rule for several arms."""
        by_arm = ", ".join(f"{number(n)} in {arm}" for arm, n in self.frame[["arm", "units"]].to_numpy())
        left = ""
        if "events" in self.frame:
            left = f" What counts is those who leave: about {number(math.ceil(self.frame['events'].sum()))} of them."
        return (
            f"To find {self.change} with a power of {short_percent(self.power)}, two-sided at "
            f"{short_percent(self.alpha)}, the test needs {count(self.total, 'unit')}: {by_arm} ({self.method})."
            f"{left}{sharing_words(len(self.frame) - 1, self.alpha)}"
        )

    def plot(self) -> "Picture":
        """Power by the units of the whole test, with the size that is needed."""
        from clvhelpers.plots.experiments_design import power_curve

        return power_curve(self)


def sample_size_for_rates(
    baseline: float,
    target: float,
    power: float = 0.8,
    alpha: float = 0.05,
    shares: Mapping[str, float] | None = None,
    method: str = "power.prop.test",
    *,
    control: str = CONTROL,
) -> SampleSize:
    """Units to tell a rate of `target` from one of `baseline`, such as shares of customers retained.

    `shares` are the arms' shares of the units, such as {"control": 0.8, "offer": 0.2}; two equal arms where left
    out. `method` "power.prop.test" is the formula of that function of R: the pooled variance decides whether z is
    large enough, the variances at both rates how often that happens (Fleiss, Levin & Paik 2003, Statistical Methods
    for Rates and Proportions, 3rd ed., section 4.2). "cohen-h" is Cohen (1988), chapter 6, nearly the same.
    "fleiss" adds the continuity correction, for those who will use Fisher's exact test.

    Evan Miller's well-known formula is not among them. It takes the variance of the baseline alone for what z
    is compared with, though the test pools both arms: where the target lies nearer to a half it asks for too few. For
    20% against 25% it says 1,030 an arm, with which the power is 77.6% and not the 80% asked for; 1,094 have 80.0%.

    Raises `ConfigError` with every argument that can't be, `NotEnoughDataError` where no test would be large enough.

    >>> sample_size_for_rates(0.20, 0.25).frame["units"].to_list()
    [1094, 1094]
    >>> three = sample_size_for_rates(0.20, 0.25, shares={"control": 0.5, "mail": 0.25, "call": 0.25})
    >>> print(three.sentence())  # doctest: +ELLIPSIS
    To find a change from 20.0% to 25.0% with a power of 80%, two-sided at 5%, the test needs 3,927 units: 1,963 in ...
    """
    one_of(method, RATE_METHODS, "method")
    problems: list[str] = []
    check_rates({"baseline": baseline, "target": target}, problems)
    arms = _checked(power, alpha, shares, control, problems)
    questions = dict.fromkeys(list(arms)[1:], Rates(baseline, target, method))
    change = f"a change from {percent(baseline)} to {percent(target)}"
    return _size(questions, arms, change, power, alpha, RATE_METHODS[method])


def sample_size_for_means(
    difference: float,
    standard_deviation: float,
    power: float = 0.8,
    alpha: float = 0.05,
    shares: Mapping[str, float] | None = None,
    *,
    correlation: float = 0.0,
    control: str = CONTROL,
) -> SampleSize:
    """Units to find a `difference` of means, such as spend per customer, with the t-test.

    `difference` and `standard_deviation` (of single units, in each arm) are in the same unit, such as dollars.
    `correlation` is that with what was known before the test: adjusting for it (CUPED) leaves 1 - correlation^2 of
    the variance. Power by the non-central t distribution (Cohen 1988, chapter 2). `shares` and errors as for rates.

    >>> sample_size_for_means(2, 10).frame["units"].to_list()
    [394, 394]
    >>> sample_size_for_means(2, 10, correlation=0.7).frame["units"].to_list()
    [202, 202]
    """
    problems: list[str] = []
    if not (math.isfinite(difference) and difference != 0):
        problems.append(f"difference is {difference}: name the smallest difference that would matter, not 0")
    if not (math.isfinite(standard_deviation) and standard_deviation > 0):
        problems.append(
            f"standard_deviation is {standard_deviation}: expected more than 0; a metric that is the same for "
            "every unit can't show a difference"
        )
    if not -1 < correlation < 1:
        problems.append(f"correlation is {correlation}: expected a number between -1 and 1")
    arms = _checked(power, alpha, shares, control, problems)
    question = Means(difference / (standard_deviation * math.sqrt(1 - correlation**2)))
    change = f"a difference of {plain(difference)} at a standard deviation of {plain(standard_deviation)}"
    if correlation:
        change += f" and a correlation of {plain(correlation)} with what was known before"
    return _size(dict.fromkeys(list(arms)[1:], question), arms, change, power, alpha, "t-test")


def sample_size_for_stays(
    hazard_ratio: float,
    left: float | Mapping[str, float],
    power: float = 0.8,
    alpha: float = 0.05,
    shares: Mapping[str, float] | None = None,
    method: str = "schoenfeld",
    *,
    control: str = CONTROL,
) -> SampleSize:
    """Units to find with the log-rank test that customers of an arm leave at `hazard_ratio` times the usual rate.

    The test sees only those who leave, so their number is found first. `left` is the share of units that will have
    left by the end: one number for control, from which 1 - (1 - left)^hazard_ratio follows for the arms, or one for
    each arm. "schoenfeld" is Schoenfeld (1983), Biometrics 39, 499-503; "freedman" is Freedman (1982), Statistics
    in Medicine 1, 121-129, which lifelines uses. `shares` and errors as for rates.

    >>> size = sample_size_for_stays(0.8, left=0.35)
    >>> size.frame[["arm", "units"]].to_numpy().tolist(), f"{size.frame['events'].sum():.2f}"
    ([['control', 983], ['treatment', 983]], '630.52')
    """
    one_of(method, STAY_METHODS, "method")
    problems: list[str] = []
    if not (0 < hazard_ratio < math.inf and hazard_ratio != 1):
        problems.append(f"hazard_ratio is {hazard_ratio}: expected one above 0 and not 1, such as 0.8")
    arms = _checked(power, alpha, shares, control, problems, check_now=False)
    gone = _left_by_arm(left, hazard_ratio, control, list(arms), problems)
    raise_problems(problems)
    first, *others = arms
    questions = {arm: Stays(hazard_ratio, gone[first], gone[arm], method) for arm in others}
    found = _size(questions, arms, f"a hazard ratio of {plain(hazard_ratio)}", power, alpha, STAY_METHODS[method])
    frame = found.frame.assign(left=[gone[arm] for arm in arms])
    frame["events"] = frame["exact"] * frame["left"]
    return SampleSize(frame, found.curve, found.change, power, alpha, found.method)


def _left_by_arm(
    left: float | Mapping[str, float], hazard_ratio: float, control: str, arms: list[str], problems: list[str]
) -> dict[str, float]:
    given = left if isinstance(left, Mapping) else {control: left}
    wrong = [f"left: {arm!r} has {share}, expected a share above 0 up to 1" for arm, share in given.items()
             if not 0 < share <= 1]  # fmt: skip
    if isinstance(left, Mapping):
        wrong += [f"left: the arm {arm!r} is missing" for arm in arms if arm not in left]
        wrong += [f"left: no arm is called {arm!r}, there are {', '.join(arms)}" for arm in left if arm not in arms]
    problems += wrong
    if problems:
        return {}
    if isinstance(left, Mapping):
        return dict(left)
    return {arm: left if arm == control else 1 - (1 - left) ** hazard_ratio for arm in arms}


def _checked(
    power: float,
    alpha: float,
    shares: Mapping[str, float] | None,
    control: str,
    problems: list[str],
    *,
    check_now: bool = True,
) -> dict[str, float]:
    """The arms with their shares; raises all problems so far unless more are to come."""
    check_chances(power, alpha, problems)
    arms = checked_shares(shares, control, problems)
    if check_now:
        raise_problems(problems)
    return arms


def _size(
    questions: Mapping[str, Question], arms: dict[str, float], change: str, power: float, alpha: float, method: str
) -> SampleSize:
    """The size with which the comparison that needs most has the power."""
    each = shared_out(alpha, len(arms))
    first = next(iter(arms.values()))
    needed = {arm: total_needed(question, (first, arms[arm]), power, each) for arm, question in questions.items()}
    hardest = max(needed, key=lambda arm: needed[arm])
    total = needed[hardest]
    exact = np.array([total * share for share in arms.values()])
    units = np.maximum(np.ceil(exact - 1e-6), 2).astype(int)
    frame = pd.DataFrame({"arm": list(arms), "share": list(arms.values()), "units": units, "exact": exact})
    grid = np.linspace(max(total / 50, 3 / (first + arms[hardest])), max(2 * total, 12), 80)
    reached = power_of_total(questions[hardest], (first, arms[hardest]), each)(grid)
    return SampleSize(frame, pd.DataFrame({"units": grid, "power": reached}), change, power, alpha, method)


@dataclass(frozen=True, eq=False)
class Duration:
    """How long a test takes.

    `frame` has one row a phase: `phase`, `first_day`, `last_day`, `days`. `units` can be expected to have come in.
    """

    frame: pd.DataFrame
    needed: int
    units: int
    units_per_day: float

    @property
    def days(self) -> int:
        """From the first unit to the day on which the result may be read."""
        return int(self.frame["days"].sum())

    def sentence(self) -> str:
        """The days, and why they are whole weeks."""
        enrol, follow = self.frame["days"]
        weeks = count(enrol // DAYS_A_WEEK, "week")
        wait = f", then {count(follow, 'day')} until the last of them can be judged" if follow else ""
        return (
            f"At {number(self.units_per_day)} units a day, {count(self.needed, 'unit')} take {weeks} of new units"
            f"{wait}: {count(self.days, 'day')} in all. Whole weeks, so that each day of the week counts alike; "
            f"{count(self.units, 'unit')} will have come in."
        )

    def plot(self) -> "Picture":
        """The phases on a line of days."""
        from clvhelpers.plots.experiments_design import phases

        return phases(self)


def duration(sample_size: SampleSize | float, units_per_day: float, follow_up: int = 0) -> Duration:
    """How long a test takes until every unit could be judged.

    `sample_size` is the answer of a `sample_size_for_...` or the units of all arms; `units_per_day` come into the
    test (all arms together) and `follow_up` days are needed to judge a unit: 30 for retention on day 30.
    Units come in for whole weeks. Raises `ConfigError` with every argument that can't be.

    >>> duration(sample_size_for_rates(0.20, 0.25), units_per_day=150, follow_up=30).days
    51
    """
    total = sample_size.total if isinstance(sample_size, SampleSize) else sample_size
    problems = []
    if not (math.isfinite(total) and total >= 1):
        problems.append(f"sample_size is {total}: expected the units of all arms, at least 1")
    if not (math.isfinite(units_per_day) and units_per_day > 0):
        problems.append(f"units_per_day is {units_per_day}: expected more than 0")
    if not (math.isfinite(follow_up) and follow_up >= 0 and follow_up == int(follow_up)):
        problems.append(f"follow_up is {follow_up}: expected whole days, 0 or more")
    raise_problems(problems)
    enrol = DAYS_A_WEEK * math.ceil(round(total / units_per_day, 9) / DAYS_A_WEEK)
    lengths = np.array([enrol, int(follow_up)])
    last = lengths.cumsum()
    rows = {"phase": ["new units", "follow-up"], "first_day": last - lengths + 1, "last_day": last, "days": lengths}
    return Duration(pd.DataFrame(rows), math.ceil(total), int(enrol * units_per_day), units_per_day)
