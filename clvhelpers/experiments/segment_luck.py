"""What looking at many segments costs, shown on simulated tests in which nothing works for anybody."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.cohorts.interval import wilson_interval
from clvhelpers.experiments.power import Array, check_chances, check_rates, raise_problems, short_percent
from clvhelpers.experiments.simulated import pooled_z
from clvhelpers.experiments.words import points
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

MOST_SEGMENTS = 100


@dataclass(frozen=True, eq=False)
class CostOfSegments:
    """How often a segment "wins" in simulated tests without any effect, by how many segments are looked at.

    `frame` has one row for each number of `segments` from 1 up, with the share of the tests in which a segment differs
    by itself (`alone`, with the interval `low` to `high` of the simulation, 95%, and `exact`, by the formula), in which
    one differs after Holm's adjustment (`holm`), and in which the interaction test says that the segments differ
    (`interaction`, missing for one). `best` is the mean difference, as a share, of the segment that did best.
    """

    frame: pd.DataFrame
    rate: float
    units: int
    alpha: float
    runs: int

    @property
    def last(self) -> dict[str, Any]:
        """The row with all segments."""
        return dict(self.frame.iloc[-1])

    def sentence(self) -> str:
        """How often a segment wins by luck, how good the best looks, and what the sound ways make of it."""
        all_of_them = self.last
        segments = number(all_of_them["segments"])
        tested = (
            ""
            if np.isnan(all_of_them["interaction"])
            else f", and the test that the segments differ at all in {percent(all_of_them['interaction'])}"
        )
        return (
            f"In {number(self.runs)} simulated tests of an offer that does nothing for anybody, with {segments} "
            f"segments of {number(self.units)} units an arm, some segment differs at p below {self.alpha:g} in "
            f"{percent(all_of_them['alone'])} of the tests (by the formula {percent(all_of_them['exact'])}). The best "
            f"segment shows {points(all_of_them['best'], signed=True)} on average, all of it luck. After Holm's "
            f"adjustment one is found in {percent(all_of_them['holm'])}{tested}: about the {short_percent(self.alpha)} "
            "that were agreed to."
        )

    def plot(self) -> "Picture":
        """The share of tests in which a segment wins, by how many are looked at and how."""
        from clvhelpers.plots.experiments_many import lucky_segments

        return lucky_segments(self)


def cost_of_segments(
    segments: int = 20, rate: float = 0.4, units: int = 300, *, alpha: float = 0.05, runs: int = 2000, seed: int = 13
) -> CostOfSegments:
    """Play tests in which both arms have the same `rate` in every segment, and look at 1, 2, ... of the `segments`.

    `units` are those of a segment in each arm. A segment differs by itself where |z| (pooled variance) is beyond the
    bound of one comparison; by Holm one is found where the smallest p-value is at most alpha / segments. The
    interaction test is Cochran's, with variances that are not pooled. By the formula, independent segments raise an
    alarm with 1 - (1 - alpha)^segments. Raises `ConfigError` with every argument that can't be.

    >>> luck = cost_of_segments(20, runs=1000)
    >>> print(f"{luck.last['exact']:.2f} by the formula, {luck.last['alone']:.2f} in the tests")
    0.64 by the formula, 0.65 in the tests
    """
    _check(segments, rate, units, alpha, runs)
    segments, units = int(segments), int(units)
    random = np.random.default_rng(seed)
    control, offer = (random.binomial(units, rate, (int(runs), segments)) for _ in range(2))
    difference = (offer - control) / units
    looked = np.arange(1, segments + 1)
    alone, holm = _alarms(pooled_z(control, offer, units, units), looked, alpha)
    low, high = wilson_interval(alone, np.full(segments, runs))
    frame = pd.DataFrame(
        {
            "segments": looked,
            "alone": alone,
            "low": low,
            "high": high,
            "exact": 1 - (1 - alpha) ** looked,
            "holm": holm,
            "interaction": _interactions(difference, control / units, offer / units, units, alpha),
            "best": np.maximum.accumulate(difference, axis=1).mean(axis=0),
        }
    )
    return CostOfSegments(frame, rate, units, alpha, int(runs))


def _check(segments: int, rate: float, units: int, alpha: float, runs: int) -> None:
    problems: list[str] = []
    check_rates({"rate": rate}, problems)
    check_chances((1 + alpha) / 2, alpha, problems)
    if not (1 <= segments <= MOST_SEGMENTS and segments == int(segments)):
        problems.append(f"segments is {segments}: expected a whole number from 1 to {MOST_SEGMENTS}")
    if not 30 <= units < np.inf:
        problems.append(f"units is {units}: expected 30 or more in each arm of a segment")
    if not runs >= 100:
        problems.append(f"runs is {runs}: expected 100 or more")
    raise_problems(problems)


def _alarms(z: Array, looked: Any, alpha: float) -> tuple[Array, Array]:
    """The share of tests with a segment beyond the bound of one comparison, and beyond that of Holm's first step."""
    from scipy.special import ndtri

    largest = np.maximum.accumulate(np.abs(z), axis=1)
    return (
        np.asarray((largest >= ndtri(1 - alpha / 2)).mean(axis=0)),
        np.asarray((largest >= ndtri(1 - alpha / 2 / looked)).mean(axis=0)),
    )


def _interactions(difference: Array, control: Array, offer: Array, units: int, alpha: float) -> Array:
    """The share of tests in which Cochran's Q of the first 1, 2, ... segments is beyond its bound."""
    from scipy.special import chdtri

    weight = units / (control * (1 - control) + offer * (1 - offer))
    square, linear, total = (np.cumsum(part, axis=1) for part in (weight * difference**2, weight * difference, weight))
    beyond = (square - linear**2 / total)[:, 1:] >= chdtri(np.arange(1, difference.shape[1]), alpha)
    return np.append(np.nan, beyond.mean(axis=0))
