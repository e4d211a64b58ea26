"""The A/A check: customers split by chance, again and again, must differ "significantly" as rarely as promised."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy.special import kolmogorov, ndtr

from clvhelpers.cohorts.interval import wilson_interval
from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments.arms import Array
from clvhelpers.experiments.words import shown_p
from clvhelpers.purchases import as_frame
from clvhelpers.text import count, number, percent, plain

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

ALPHAS = (0.01, 0.05, 0.10)
FEWEST_UNITS, FEWEST_SPLITS = 100, 100
UNEVEN = 0.001
AT_ONCE = 2_000_000  # assignments drawn at a time


@dataclass(frozen=True, eq=False)
class AACheck:
    """What the comparison finds where there is nothing to find.

    `frame` has one row a threshold: `alpha, splits, below` (how many p-values), `rate, low, high` (95% interval by
    Wilson). `p_values` has one a split; `uniform_p_value` is that of the Kolmogorov-Smirnov test that they are uniform.
    """

    frame: pd.DataFrame
    p_values: Array
    uniform_p_value: float

    @property
    def passed(self) -> bool:
        """Whether the p-values are uniform as far as so many splits can tell (test at 0.001)."""
        return self.uniform_p_value >= UNEVEN

    def sentence(self) -> str:
        """How often two halves alike came out as different, and whether the comparison can be trusted."""
        row = self.frame[self.frame["alpha"] == 0.05].iloc[0]
        found = (
            f"In {number(row['below'])} of {count(int(row['splits']), 'split')} by chance "
            f"({percent(row['rate'])}, 95% interval {percent(row['low'])} to {percent(row['high'])}) the halves "
            "differed with p below 0.05, where 5% are promised"
        )
        uniform = f"Kolmogorov-Smirnov test of uniform p-values: {shown_p(self.uniform_p_value)}"
        if self.passed:
            return f"{found}: the comparison holds what it promises ({uniform})."
        return (
            f"{found}: its p-values can't be believed ({uniform}). Most often rows are counted that belong to one "
            "customer, or a few values outweigh all others: sum to one row a customer, or cap the values."
        )

    def plot(self) -> "Picture":
        """The p-values of all splits, which should lie level."""
        from clvhelpers.plots.experiments_soundness import p_value_bars

        return p_value_bars(self)


def aa_check(
    frame: Any, outcome: str, *, unit: str | None = None, share: float = 0.5, splits: int = 1000, seed: int
) -> AACheck:
    """Split pre-period data by chance many times and test each split: are the p-values uniform, as they should be?

    `frame` has the numbers of `outcome` from before the experiment. With `unit` (a column such as "customer_id") chance
    splits units and the test counts rows, as a comparison by session would: the check shows what that does. `share` is
    that of the units in the second part. The test is of two means with unequal variances, normal.

    Raises `ExperimentError` for an outcome that is missing, infinite or no number, `NotEnoughDataError` for fewer than
    100 units or values all the same, `ConfigError` for wrong arguments.
    Source: Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, chapter 19.

    >>> spend = pd.DataFrame({"spend": np.random.default_rng(7).gamma(2, 10, 1000)})
    >>> found = aa_check(spend, "spend", splits=500, seed=1)
    >>> found.passed, round(float(found.frame["rate"][1]), 3)
    (True, 0.062)
    """
    problems = [] if 0 < share < 1 else [f"share is {share}: expected a share between 0 and 1"]
    problems += [] if splits >= FEWEST_SPLITS else [f"splits is {splits}: expected {FEWEST_SPLITS} or more"]
    if problems:
        raise ConfigError(problems)
    p_values = _p_values(_unit_sums(frame, outcome, unit), share, splits, np.random.default_rng(seed))
    below = np.array([(p_values < alpha).sum() for alpha in ALPHAS])
    low, high = wilson_interval(below / splits, splits)
    columns = {"splits": splits, "below": below, "rate": below / splits, "low": low, "high": high}
    return AACheck(pd.DataFrame({"alpha": ALPHAS, **columns}), p_values, _uniform(p_values))


def _unit_sums(frame: Any, outcome: str, unit: str | None) -> Array:
    """Of each unit its rows, their sum and their sum of squares, around the mean of all; shape units x 3."""
    rows = as_frame(frame, "the pre-period")
    schema = rows.collect_schema()
    missing = [name for name in (outcome, unit) if name is not None and name not in schema]
    if missing:
        raise ExperimentError([f"no column {name!r}: the frame has {', '.join(map(repr, schema))}" for name in missing])
    if not (schema[outcome].is_numeric() or schema[outcome] == nw.Boolean):
        raise ExperimentError(f"column {outcome!r} holds {schema[outcome]}, not numbers or true and false")
    chosen = rows.select(*dict.fromkeys([outcome, unit or outcome]))
    known = (chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen).to_pandas()
    values = known[outcome].to_numpy(dtype=float, na_value=np.nan)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise ExperimentError(f"{outcome!r} is missing or infinite in {count(bad, 'row')}: who did nothing has a 0")
    codes = np.arange(len(values)) if unit is None else pd.factorize(known[unit])[0]
    units = len(np.unique(codes))
    if units < FEWEST_UNITS:
        raise NotEnoughDataError(f"{count(units, 'unit')}: splits of fewer than {FEWEST_UNITS} tell nothing")
    if np.ptp(values) == 0:
        raise NotEnoughDataError(f"{outcome!r} is {plain(values[0])} for every unit: there is nothing to compare")
    off = values - values.mean()
    return np.column_stack([np.bincount(codes, weights=weights) for weights in (np.ones_like(off), off, off**2)])


def _p_values(sums: Array, share: float, splits: int, rng: np.random.Generator) -> Array:
    """The p-value of each of many splits; the sums of one part are a product of assignments and units."""
    at_once = max(1, AT_ONCE // len(sums))
    chosen = np.vstack(
        [
            (rng.random((min(at_once, splits - start), len(sums))) < share).astype(float) @ sums
            for start in range(0, splits, at_once)
        ]
    )
    means, variances = zip(*(_mean_and_variance(part) for part in (chosen, sums.sum(axis=0) - chosen)), strict=True)
    z = (means[0] - means[1]) / np.sqrt(variances[0] + variances[1])
    return np.asarray(2 * ndtr(-np.abs(z)))


def _uniform(p_values: Array) -> float:
    """The p-value of the Kolmogorov-Smirnov test, by Stephens (1970), JRSS B 32, 115-122: right from 5 values on."""
    n, ordered = len(p_values), np.sort(p_values)
    ranks = np.arange(n + 1) / n
    distance = max((ranks[1:] - ordered).max(), (ordered - ranks[:-1]).max())
    return float(kolmogorov(distance * (np.sqrt(n) + 0.12 + 0.11 / np.sqrt(n))))


def _mean_and_variance(part: Array) -> tuple[Array, Array]:
    """The mean of one part of each split, and the variance of that mean."""
    n, total, squares = part.T
    mean = total / n
    return mean, (squares / n - mean**2) / (n - 1)
