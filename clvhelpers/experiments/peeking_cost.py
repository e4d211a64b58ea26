"""What looking early costs, shown on simulated tests whose truth is known."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from clvhelpers.cohorts.interval import wilson_interval
from clvhelpers.errors import ExperimentError
from clvhelpers.experiments.boundaries import crossing, group_sequential
from clvhelpers.experiments.design import sample_size_for_rates
from clvhelpers.experiments.peeking import MOST_LOOKS, NAMES, sequence_bounds
from clvhelpers.experiments.power import Array, check_chances, check_rates, raise_problems, short_percent
from clvhelpers.experiments.simulated import pooled_z
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

ONCE, EVERY, SEQUENCE = "one look at the end", "a look each time, same bound", "confidence sequence"


@dataclass(frozen=True, eq=False)
class CostOfPeeking:
    """False alarms, power and length of simulated tests, by the way of looking.

    `frame` has one row a `way`: `false_alarms` (share of tests without an effect that find one) with the interval
    `low` to `high` (95%, of the simulation) and `exact` (by integration); and in tests with the effect `power`,
    `share_of_units` (that the mean test used of those planned) and `found` (the mean difference in the tests that
    found one, by the true difference: above 1 it is exaggerated).
    """

    frame: pd.DataFrame
    looks: int
    baseline: float
    target: float
    units: int
    alpha: float
    runs: int

    def row(self, way: str) -> dict[str, Any]:
        """One row of `frame` by its way."""
        return dict(self.frame.set_index("way").loc[way])

    def sentence(self) -> str:
        """What looking at every chance does, and what the sound ways cost."""
        every, once = self.row(EVERY), self.row(ONCE)
        sound = [
            f"{self._told(name)} with {name} bounds" if name in NAMES.values() else f"{self._told(name)} with a {name}"
            for name in (*NAMES.values(), SEQUENCE)
        ]
        return (
            f"In {number(self.runs)} simulated tests without an effect, {self.looks} looks that each stop at p below "
            f"{self.alpha:g} raise a false alarm in {percent(every['false_alarms'])} of them (exactly "
            f"{percent(every['exact'])}) and not {short_percent(self.alpha)}; a true effect that they find looks "
            f"{number(every['found'], 2)} times as large as it is, and {number(once['found'], 2)} times with {ONCE}. "
            f"False alarms and power are {self._told(ONCE)} with {ONCE}; of ways to look early that are sound, with "
            f"the same units, {', '.join(sound)}."
        )

    def _told(self, way: str) -> str:
        row = self.row(way)
        return f"{percent(row['false_alarms'])} and {percent(row['power'])}"

    def plot(self) -> "Picture":
        """False alarms and power of each way."""
        from clvhelpers.plots.experiments_peeking import ways_of_looking

        return ways_of_looking(self)


def cost_of_peeking(
    looks: int = 10,
    baseline: float = 0.20,
    target: float = 0.25,
    units: int | None = None,
    *,
    alpha: float = 0.05,
    runs: int = 4000,
    seed: int = 12,
) -> CostOfPeeking:
    """Play tests of two rates, without and with an effect, and look at them in five ways.

    Units come in `looks` equal parts, in all `units` an arm (rounded up to whole parts; as many as give one look at
    the end a power of 80%, if left out). A test ends at the first look whose |z| (pooled variance) is beyond the bound
    of its way. Raises `ConfigError` with every argument that can't be.

    >>> cost = cost_of_peeking(10, runs=1000)
    >>> f"{cost.row('a look each time, same bound')['exact']:.3f}"
    '0.193'
    """
    problems: list[str] = []
    check_rates({"baseline": baseline, "target": target}, problems)
    check_chances(0.8, alpha, problems)
    if not (2 <= looks <= MOST_LOOKS and looks == int(looks)):
        problems.append(f"looks is {looks}: expected a whole number from 2 to {MOST_LOOKS}")
    if units is not None and not looks <= units < math.inf:
        problems.append(f"units is {units}: expected at least one for each of {looks} looks")
    if runs < 100:
        problems.append(f"runs is {runs}: expected 100 or more")
    raise_problems(problems)
    looks, runs = int(looks), int(runs)
    if units is None:
        units = int(sample_size_for_rates(baseline, target, alpha=alpha).frame["units"].max())
    part = math.ceil(units / looks)
    random = np.random.default_rng(seed)
    none = _play(random, (baseline, baseline), part, looks, runs)
    some = _play(random, (baseline, target), part, looks, runs)
    rows = [_row(way, bounds, none, some, target - baseline) for way, bounds in _ways(looks, alpha).items()]
    return CostOfPeeking(pd.DataFrame(rows), looks, baseline, target, part * looks, alpha, runs)


def looks_without_effect(outcome: Any, looks: int = 10, *, runs: int = 1000, seed: int = 12) -> pd.DataFrame:
    """z at each look of tests in which both arms were treated alike, so that all that is found is a false alarm.

    `outcome` has the 0 or 1 of customers who were all treated alike, such as those of one arm. In each of `runs` tests
    (rows) they are dealt out anew to two halves, which come in by `looks` equal parts; column k is z after look k, with
    the pooled variance of all so far. What is left over by whole parts is not used. Raises `ConfigError` with every
    argument that can't be, `ExperimentError` for other values than 0 and 1.

    >>> z = looks_without_effect(np.repeat([0, 1], [1000, 3000]), looks=10)
    >>> f"{(z[10].abs() > 1.96).mean():.2f} with one look, {(z.abs() > 1.96).any(axis=1).mean():.2f} with ten"
    '0.06 with one look, 0.17 with ten'
    """
    values = np.asarray(outcome)
    problems: list[str] = []
    if not (1 <= looks <= MOST_LOOKS and looks == int(looks)):
        problems.append(f"looks is {looks}: expected a whole number from 1 to {MOST_LOOKS}")
    elif len(values) < 2 * looks:
        problems.append(
            f"outcome has {count(len(values), 'customer')}: expected at least two for each of {looks} looks"
        )
    if runs < 100:
        problems.append(f"runs is {runs}: expected 100 or more")
    raise_problems(problems)
    if not np.isin(values, (0, 1)).all():
        raise ExperimentError("outcome holds other values than 0 and 1: give one of them for each customer")
    part = len(values) // (2 * int(looks))
    dealt = np.tile(values.astype(np.int8), (int(runs), 1))
    dealt = np.random.default_rng(seed).permuted(dealt, axis=1, out=dealt)[:, : 2 * part * looks]
    ones, others = dealt.reshape(runs, 2, looks, part).sum(axis=3, dtype=float).cumsum(axis=2).swapaxes(0, 1)
    reached = part * np.arange(1, looks + 1)
    tests = pd.RangeIndex(1, runs + 1, name="test")
    return pd.DataFrame(pooled_z(ones, others, reached, reached), index=tests, columns=range(1, looks + 1))


def _ways(looks: int, alpha: float) -> dict[str, Array]:
    """The bounds on |z| of each way; infinite where it does not look."""
    single = float(ndtri(1 - alpha / 2))
    return {
        ONCE: np.append(np.full(looks - 1, np.inf), single),
        EVERY: np.full(looks, single),
        **{name: np.array(group_sequential(looks, method, alpha)) for method, name in NAMES.items()},
        SEQUENCE: sequence_bounds(looks, alpha),
    }


def _play(
    random: np.random.Generator, rates: tuple[float, float], part: int, looks: int, runs: int
) -> tuple[Array, Array]:
    """z and the difference of the rates of each test (rows) at each look (columns)."""
    ones, others = (random.binomial(part, rate, (runs, looks)).cumsum(axis=1) for rate in rates)
    units = part * np.arange(1, looks + 1)
    return pooled_z(ones, others, units, units), (others - ones) / units


def _row(
    way: str, bounds: Array, none: tuple[Array, Array], some: tuple[Array, Array], truth: float
) -> dict[str, str | float]:
    false = float((np.abs(none[0]) >= bounds).any(axis=1).mean())
    low, high = wilson_interval(false, len(none[0]))
    beyond = np.abs(some[0]) >= bounds
    found = np.asarray(beyond.any(axis=1))
    stopped = np.where(found, beyond.argmax(axis=1), beyond.shape[1] - 1)
    differences = some[1][np.arange(len(found)), stopped]
    return {
        "way": way,
        "false_alarms": false,
        "low": float(low),
        "high": float(high),
        "exact": float(crossing(bounds).sum()),
        "power": float(found.mean()),
        "share_of_units": float((stopped + 1).mean() / beyond.shape[1]),
        "found": float(differences[found].mean() / truth) if found.any() else math.nan,
    }
