"""Looking at a test before its end: what it costs, bounds for planned looks, and intervals that hold at any look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments.arms import ArmCounts, arm_counts
from clvhelpers.experiments.boundaries import (
    SHAPES,
    crossing,
    group_sequential,
    mixture,
    most_units,
    sequence_bound,
)
from clvhelpers.experiments.power import CONTROL, Array, raise_problems, short_percent
from clvhelpers.experiments.words import points, shown_p
from clvhelpers.purchases import one_of
from clvhelpers.text import number, percent, plain

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

MOST_LOOKS = 200
NAMES = {"pocock": "Pocock", "obrien-fleming": "O'Brien-Fleming"}
SEQUENCE_COLUMNS = ["units", "difference", "standard_error"]


@dataclass(frozen=True, eq=False)
class SequentialBounds:
    """How large z must be at each planned look for the test to end there.

    `frame` has one row a look: `look`, `share` (of the planned units), `bound` (on |z|), `p_value` (the two-sided p
    that the look needs), `spent` (chance of a false alarm up to here). `naive` is the chance of a false alarm with the
    bound of a single look at each of them; `most_units` how many times the units of a test with one look are planned
    to keep the power of `power`.
    """

    frame: pd.DataFrame
    method: str
    alpha: float
    power: float
    naive: float
    most_units: float

    def first_beyond(self, z: Sequence[float]) -> int | None:
        """The first look, counted from 1, whose z is at or beyond its bound; None to go on.

        Give the z of all looks so far. Raises `ConfigError` for more than were planned.

        >>> bounds = sequential_bounds(5)
        >>> bounds.first_beyond([2.1, 2.2]), bounds.first_beyond([2.1, 2.2, -2.7])
        (None, 3)
        """
        if len(z) > len(self.frame):
            raise ConfigError(f"{len(z)} looks, but {len(self.frame)} were planned: bounds hold for planned looks only")
        beyond = np.abs(np.asarray(z, dtype=float)) >= self.frame["bound"].to_numpy()[: len(z)]
        return int(np.argmax(beyond)) + 1 if beyond.any() else None

    def bounds_in_words(self) -> str:
        """The bounds from the first look to the last."""
        bounds = [number(bound, 3) for bound in self.frame["bound"]]
        return f"{bounds[0]} each time" if len(set(bounds)) == 1 < len(bounds) else ", ".join(bounds)

    def sentence(self) -> str:
        """The bounds in words, and what they save and cost."""
        bounds, looks = self.bounds_in_words(), len(self.frame)
        if looks == 1:
            return f"With a single look at the end, z must be beyond {bounds}."
        return (
            f"With {looks} equally spaced looks z must be beyond {bounds} ({NAMES[self.method]}): then all looks "
            f"together raise a false alarm in {short_percent(self.alpha)} of tests without an effect. With the bound "
            f"of a single look at each of them it would be {percent(self.naive)}. For a power of "
            f"{short_percent(self.power)} plan {number(self.most_units, 3)} times the units of a test with one look; "
            "where there is an effect, most such tests end early."
        )

    def plot(self) -> "Picture":
        """The bounds by look, beside that of a single look."""
        from clvhelpers.plots.experiments_peeking import bounds_by_look

        return bounds_by_look(self)


def sequential_bounds(
    looks: int, method: str = "obrien-fleming", alpha: float = 0.05, *, power: float = 0.8
) -> SequentialBounds:
    """Bounds on |z| for `looks` planned looks after equal numbers of units, two-sided at `alpha` in all.

    "pocock" has the same bound at each look (Pocock 1977, Biometrika 64, 191-199), "obrien-fleming" asks much of early
    looks and little more than usual of the last (O'Brien & Fleming 1979, Biometrics 35, 549-556). Exact, by
    numerical integration. Raises `ConfigError` with every argument that can't be.

    >>> sequential_bounds(5).frame["bound"].round(3).to_list()
    [4.562, 3.226, 2.634, 2.281, 2.04]
    """
    one_of(method, SHAPES, "method")
    problems: list[str] = []
    _check_looks(looks, problems)
    if not 0 < alpha < 0.5:
        problems.append(f"alpha is {alpha}: expected a share between 0 and 0.5, such as 0.05")
    elif not alpha < power < 1:
        problems.append(f"power is {power}: expected a share between alpha ({alpha:g}) and 1, such as 0.8")
    raise_problems(problems)
    looks = int(looks)
    bounds = np.array(group_sequential(looks, method, alpha))
    shares = np.arange(1, looks + 1) / looks
    columns = {"look": np.arange(1, looks + 1), "share": shares, "bound": bounds, "p_value": 2 * ndtr(-bounds)}
    frame = pd.DataFrame({**columns, "spent": crossing(bounds).cumsum()})
    naive = false_alarm_rate(looks, float(ndtri(1 - alpha / 2)))
    return SequentialBounds(frame, method, alpha, power, naive, most_units(bounds, power, alpha))


def false_alarm_rate(looks: int, bound: float = 1.959964) -> float:
    """The chance that |z| is at or beyond `bound` at one of `looks` equally spaced looks, without any effect.

    Exact. Raises `ConfigError` for a number of looks or a bound that can't be.

    >>> [round(false_alarm_rate(looks), 3) for looks in (1, 2, 5, 10)]
    [0.05, 0.083, 0.142, 0.193]
    """
    problems: list[str] = []
    _check_looks(looks, problems)
    if not bound > 0:
        problems.append(f"bound is {bound}: expected a z above 0, such as 1.96")
    raise_problems(problems)
    return float(crossing(np.full(int(looks), float(bound))).sum())


def _check_looks(looks: int, problems: list[str]) -> None:
    if not (1 <= looks <= MOST_LOOKS and looks == int(looks)):
        problems.append(
            f"looks is {looks}: expected a whole number from 1 to {MOST_LOOKS}; for more use a confidence_sequence"
        )


@dataclass(frozen=True, eq=False)
class ConfidenceSequence:
    """Intervals of a difference that hold at all looks together, however many there are and whoever decides to stop.

    `frame` has one row a look: `look`, `units` (of both arms), `difference`, `standard_error`, `low`, `high`,
    `fixed_low` and `fixed_high` (the usual interval, which holds at one planned look only), and `p_value`, which is
    always valid: the smallest so far.
    """

    frame: pd.DataFrame
    planned_units: float
    level: float
    rates: bool

    @property
    def first_beyond(self) -> int | None:
        """The first look whose interval leaves out 0, counted from 1; None to go on."""
        beyond = (self.frame["low"] > 0) | (self.frame["high"] < 0)
        return int(self.frame["look"][beyond].iloc[0]) if beyond.any() else None

    def shown(self, difference: float) -> str:
        """A difference in words: percentage points for rates, else a plain number."""
        return points(difference, 2) if self.rates else plain(difference)

    def sentence(self) -> str:
        """The interval at the last look and whether the test may end."""
        last = self.frame.iloc[-1]
        wide = (last["high"] - last["low"]) / (last["fixed_high"] - last["fixed_low"])
        stop = self.first_beyond
        told = "so the test may go on" if stop is None else f"and look {stop} was the first to leave out 0"
        return (
            f"After {number(last['units'])} units the difference is {self.shown(last['difference'])} "
            f"({self.shown(last['low'])} to {self.shown(last['high'])}, always-valid {shown_p(last['p_value'])}), "
            f"{told}. In {short_percent(self.level)} of tests such intervals hold the truth at every "
            f"look; for that this one is {number(wide, 2)} times as wide as the interval of a single look."
        )

    def plot(self) -> "Picture":
        """The difference by units with both kinds of interval."""
        from clvhelpers.plots.experiments_peeking import sequence_band

        return sequence_band(self)


def confidence_sequence(
    data: Any, planned_units: float, *, control: str = CONTROL, level: float = 0.95
) -> ConfidenceSequence:
    """Always-valid intervals for a difference (the arm minus control) that is looked at while units come in.

    `data` is the counts of one look or a list of those of each look, of all units so far (as for `arm_counts`, with
    two arms); or a frame with one row a look and columns `units` (so far, of both arms), `difference` and
    `standard_error`, for any other metric. `planned_units` of both arms must be said beforehand: near it the
    intervals are narrowest, 1.55 times as wide as that of a single look, and far from it wider. It is no default
    for this reason: 5,000, as elsewhere, hides an effect that a test of 90,000 shows. Holds for large
    numbers of units: do not look before each arm has some hundred of them.

    Source: arXiv 2103.06476, equation 9 (see `boundaries.sequence_bound`). Raises `ConfigError`, `ExperimentError` with
    every look that can't be, `NotEnoughDataError` for a look without any variance.

    >>> counts = {"gate_30": (8502, 44700), "gate_40": (8279, 45489)}
    >>> print(confidence_sequence(counts, planned_units=90_000, control="gate_30").sentence())  # doctest: +ELLIPSIS
    After 90,189 units the difference is -0.82 points (-1.61 points to -0.03 points, always-valid p 0.035), and look ...
    """
    if not (np.isfinite(planned_units) and planned_units > 0):
        raise ConfigError(f"planned_units is {planned_units}: expected the units of both arms that were planned")
    if not 0 < level < 1:
        raise ConfigError(f"level is {level}: expected a share between 0 and 1, such as 0.95")
    rates = not isinstance(data, pd.DataFrame)
    looks = _looks_of_counts(data, control) if rates else _looks_of_frame(data)
    if not (looks["standard_error"] > 0).all():
        row = int((looks["standard_error"] > 0).to_numpy().argmin()) + 1
        raise NotEnoughDataError(
            f"look {row}: the metric has no variance (all or none of the units have the outcome), so nothing tells how "
            "sure the difference is: leave the look out and wait for more units"
        )
    return ConfidenceSequence(_intervals(looks, planned_units, level), planned_units, level, rates)


def _intervals(looks: pd.DataFrame, planned_units: float, level: float) -> pd.DataFrame:
    difference, error, units = (looks[name].to_numpy(dtype=float) for name in ("difference", "standard_error", "units"))
    half = sequence_bound(units, planned_units, 1 - level) * error
    fixed = float(ndtri(0.5 + level / 2)) * error
    ratio = mixture(units, planned_units, 1 - level)
    evidence = (difference / error) ** 2 * ratio / (2 * (ratio + 1)) - np.log(ratio + 1) / 2
    p_value = np.minimum.accumulate(np.exp(-np.maximum(evidence, 0)))
    columns = {"look": np.arange(1, len(looks) + 1), "units": looks["units"].to_numpy(), "difference": difference}
    ends = {"low": difference - half, "high": difference + half}
    usual = {"fixed_low": difference - fixed, "fixed_high": difference + fixed}
    return pd.DataFrame({**columns, "standard_error": error, **ends, **usual, "p_value": p_value})


def _looks_of_counts(data: Any, control: str) -> pd.DataFrame:
    given = [data] if isinstance(data, ArmCounts | Mapping) else list(data)
    counts = [arm_counts(look, control=control) for look in given]
    problems = [
        f"look {i}: {len(look.arms)} arms ({', '.join(look.arms)}); compare one with control at a time, each at a "
        "level of 1 - (1 - level) / comparisons"
        for i, look in enumerate(counts, 1)
        if len(look.arms) != 2
    ]
    if problems:
        raise ExperimentError(problems)
    rows = [_difference(look) for look in counts]
    return _in_order(pd.DataFrame(rows, columns=SEQUENCE_COLUMNS))


def _difference(counts: ArmCounts) -> tuple[int, float, float]:
    variances = [counts.rate(arm) * (1 - counts.rate(arm)) / counts.units[arm] for arm in counts.arms]
    first, other = counts.arms
    return sum(counts.units.values()), counts.rate(other) - counts.rate(first), float(np.sqrt(sum(variances)))


def _looks_of_frame(data: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in SEQUENCE_COLUMNS if name not in data]
    if missing:
        raise ExperimentError(
            f"no column {', '.join(map(repr, missing))}: the looks need {', '.join(SEQUENCE_COLUMNS)}, one row a look"
        )
    rows = data[SEQUENCE_COLUMNS].reset_index(drop=True)
    usable = np.isfinite(rows.to_numpy(dtype=float)).all(axis=1)
    bad = [f"look {i + 1}: a value is missing or infinite" for i in np.flatnonzero(~usable)]
    if bad:
        raise ExperimentError(bad)
    return _in_order(rows)


def _in_order(looks: pd.DataFrame) -> pd.DataFrame:
    if looks.empty:
        raise NotEnoughDataError("no look is given: a sequence needs one at least")
    units = looks["units"].to_numpy(dtype=float)
    before = np.concatenate([[0.0], units[:-1]])
    problems = [
        f"look {i + 1}: {number(units[i])} units after {number(before[i])}; each look holds all units so far, so give "
        "them in the order of time"
        for i in np.flatnonzero(units <= before)
    ]
    if problems:
        raise ExperimentError(problems)
    return looks


def sequence_bounds(looks: int, alpha: float) -> Array:
    """The bound on |z| of a confidence sequence at `looks` equally spaced looks up to the planned units."""
    return sequence_bound(np.arange(1, looks + 1) / looks, 1.0, alpha)
