"""Who was treated was chosen: others weighted until they look like the treated, and whether there are such others.

The propensity is the probability to be treated, given the covariates. Weighted by it the groups are alike in the
covariates, as a randomised experiment would make them, but in nothing else. Where nobody in one group looks like
the units of the other there is no comparison, whatever the model; so the overlap is shown and units without are left
out, and counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.experiments.adjustment import WHOM
from clvhelpers.experiments.chosen import LEAST_UNITS, Chosen, chosen_units, interval_words, shown
from clvhelpers.experiments.propensity import On, Treated, propensity, weighted_difference, weights
from clvhelpers.experiments.units import MeasuredAt, When, refuse_post_treatment
from clvhelpers.purchases import one_of
from clvhelpers.text import count, number

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Array = npt.NDArray[np.float64]
BALANCED = 0.1  # standardised difference that is small enough
BINS = 20


@dataclass(frozen=True, eq=False)
class WeightedEffect:
    """The effect of a treatment that was not randomised, by weighting.

    `frame` has the rows "not weighted" (of all units) and "weighted": `method, difference` (treated minus others),
    `standard_error, low, high, p_value`. `balance` has for each `covariate` the standardised difference `before` and
    `after` weighting. `overlap` has for each bin of the propensity (`low, high`) the units `treated` and `others`,
    before any is left out. `groups` has for each group its `units`, how many were `left_out`, and its `effective`
    units: how many unweighted ones would tell as much.
    """

    frame: pd.DataFrame
    balance: pd.DataFrame
    overlap: pd.DataFrame
    groups: pd.DataFrame
    outcome: str
    treated: str
    covariates: tuple[str, ...]
    on: On
    trim: float
    rate: bool
    level: float
    currency: str | None

    def shown(self, value: float) -> str:
        """An effect in words."""
        return shown(value, self.rate, self.currency)

    def sentence(self) -> str:
        """Both numbers, what the weighted one assumes, who was left out, and how alike the groups became."""
        raw, weighted = (
            interval_words(row, self.rate, self.currency, self.level) for row in self.frame.to_dict("records")
        )
        return (
            f"Nobody was randomised. Without weights, {self.treated} goes with a difference of {raw} in "
            f"{self.outcome}; weighted by {', '.join(self.covariates)} the effect {WHOM[self.on]} is {weighted}. This "
            "assumes that among customers alike in these columns chance decided who was treated, which these data "
            "can't test. "
            f"{self._overlap_words()} {self._balance_words()}"
        )

    def _overlap_words(self) -> str:
        treated, others = self.groups.to_dict("records")
        out = int(self.groups["left_out"].sum())
        left = (
            f"Left out for want of others like them ({self._limits()}): {count(out, 'unit')}; the effect is that on "
            "who remains."
            if out
            else f"No unit was left out ({self._limits()})."
        )
        return (
            f"{left} After weighting the {number(treated['units'])} treated count like {number(treated['effective'])} "
            f"and the {number(others['units'])} others like {number(others['effective'])}."
        )

    def _limits(self) -> str:
        most = f"a propensity above {number(1 - self.trim, 2)}"
        return most if self.on == "treated" else f"{most} or below {number(self.trim, 2)}"

    def _balance_words(self) -> str:
        worst = self.balance.iloc[int(self.balance["after"].abs().argmax())]
        told = (
            f"the largest standardised difference is {number(abs(worst['after']), 2)} ({worst['covariate']}), "
            f"before weighting it was {number(self.balance['before'].abs().max(), 2)} ({self._worst_before()})"
        )
        if abs(worst["after"]) <= BALANCED:
            return f"Weighting made the groups alike in the columns: {told}."
        return f"The groups are still unlike: {told}, and up to {BALANCED} is thought small. Don't rely on this effect."

    def _worst_before(self) -> str:
        return str(self.balance["covariate"].iloc[int(self.balance["before"].abs().argmax())])

    def plot(self) -> "Picture":
        """How many treated and others there are at each propensity: do they overlap?"""
        from clvhelpers.plots.experiments_observational import overlap_bars

        return overlap_bars(self)

    def plot_balance(self) -> "Picture":
        """How unlike the groups are in each covariate, before and after weighting."""
        from clvhelpers.plots.experiments_observational import balance_points

        return balance_points(self)


def weighted_effect(
    frame: Any,
    outcome: str,
    *,
    treated: str,
    covariates: Sequence[str],
    measured_at: MeasuredAt = None,
    exposed_at: When = "exposed_at",
    on: On = "treated",
    trim: float = 0.02,
    level: float = 0.95,
    currency: str | None = None,
) -> WeightedEffect:
    """The effect of `treated` (a column of 0 and 1) on `outcome`, with units weighted by their propensity.

    `frame` of any engine has one row a unit. The propensity p is a logistic regression on `covariates`. For the effect
    `on` the "treated" others have the weight p / (1 - p), and units with p above 1 - `trim` are left out; for "all"
    the treated have 1 / p and the others 1 / (1 - p), and units with p below `trim` are left out too. Weights are
    brought to sum 1 in each group. Errors allow for the propensity being estimated, not for who was left out.
    When covariates were measured has to be said with `measured_at` (see `refuse_post_treatment`).

    Raises `NotEnoughDataError` where the groups don't overlap: the covariates tell exactly who was treated, or what
    is left counts like fewer than 30 units; `PostTreatmentCovariateError` for a covariate from after exposure;
    `ConfigError` for a `trim` that is not from 0 to below 0.5, and what `chosen_units` raises.
    Sources: Rosenbaum & Rubin (1983), Biometrika 70, 41-55; Hirano, Imbens & Ridder (2003), Econometrica 71, 1161-1189;
    Crump, Hotz, Imbens & Mitnik (2009), Biometrika 96, 187-199 (leaving out); Stefanski & Boos (2002), American
    Statistician 56, 29-38 (errors).

    >>> random = np.random.default_rng(2)
    >>> risk = random.normal(size=4000)
    >>> called = (random.random(4000) < 1 / (1 + np.exp(-risk))).astype(int)
    >>> customers = pd.DataFrame({"risk": risk, "called": called})
    >>> customers["spend"] = 50 - 10 * risk + 4 * called + random.normal(0, 5, 4000)
    >>> found = weighted_effect(customers, "spend", treated="called", covariates=["risk"], measured_at="before")
    >>> found.frame.set_index("method")["difference"].round(1).to_dict()
    {'not weighted': -4.2, 'weighted': 3.9}
    """
    check_level(level)
    one_of(on, WHOM, "on")
    if not 0 <= trim < 0.5:
        raise ConfigError(f"trim is {trim}: expected a share from 0 to below 0.5, such as 0.02")
    units = chosen_units(frame, outcome, treated, covariates)
    refuse_post_treatment(frame, covariates, measured_at, exposed_at)
    first = propensity(units)
    kept = (first <= 1 - trim) & ((first >= trim) | (on == "treated"))
    _check_kept(kept, units, treated)
    used = Chosen(units.outcome[kept], units.treated[kept], units.covariates[kept])
    p = propensity(used)
    weight = np.zeros(len(kept))
    weight[kept] = weights(p, used.treated, on)
    groups = _groups(units.treated, kept, weight)
    _check_effective(groups, treated)
    rows = [_row("not weighted", *_plain_difference(units), level)]
    rows.append(_row("weighted", *weighted_difference(used, p, on), level))
    return WeightedEffect(
        pd.DataFrame(rows),
        _balance(units, weight),
        _overlap(first, units.treated),
        groups,
        outcome,
        treated,
        tuple(covariates),
        on,
        trim,
        units.rate,
        level,
        currency,
    )


def _check_kept(kept: Treated, units: Chosen, treated: str) -> None:
    for value, own in ((1, units.treated), (0, ~units.treated)):
        if (kept & own).sum() < LEAST_UNITS:
            raise NotEnoughDataError(
                f"of {count(int(own.sum()), 'unit')} with {treated} {value} only {number((kept & own).sum())} have "
                f"others like them: the groups don't overlap, so there is no comparison. It takes {LEAST_UNITS} or more"
            )


def _groups(treated: Treated, kept: Treated, weight: Array) -> pd.DataFrame:
    """Of each group its units, those left out, and Kish's effective number of those who stayed."""
    rows = []
    for name, own in (("treated", treated), ("others", ~treated)):
        effective = weight[own].sum() ** 2 / (weight[own] ** 2).sum()
        units = int((own & kept).sum())
        rows.append({"group": name, "units": units, "left_out": int(own.sum()) - units, "effective": float(effective)})
    return pd.DataFrame(rows)


def _check_effective(groups: pd.DataFrame, treated: str) -> None:
    worst = groups.iloc[int(groups["effective"].argmin())]
    if worst["effective"] < LEAST_UNITS:
        raise NotEnoughDataError(
            f"the {count(int(worst['units']), 'unit')} of the {worst['group']} ({treated}) count like "
            f"{number(worst['effective'], 1)} after weighting, for nearly all weight is on a few: the groups hardly "
            f"overlap. It takes {LEAST_UNITS} or more; a higher trim compares fewer units, which are more alike"
        )


def _plain_difference(units: Chosen) -> tuple[float, float]:
    one, other = units.outcome[units.treated], units.outcome[~units.treated]
    error = np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    return float(one.mean() - other.mean()), float(error)


def _row(method: str, difference: float, error: float, level: float) -> dict[str, Any]:
    half = NormalDist().inv_cdf((1 + level) / 2) * error
    return {
        "method": method,
        "difference": difference,
        "standard_error": error,
        "low": difference - half,
        "high": difference + half,
        "p_value": 2 * NormalDist().cdf(-abs(difference) / error),
    }


def _balance(units: Chosen, weight: Array) -> pd.DataFrame:
    """Differences of the means in standard deviations (root of the mean variance of both groups, before weighting)."""
    values, treated = units.covariates.to_numpy(), units.treated
    spread = np.sqrt((values[treated].var(axis=0, ddof=1) + values[~treated].var(axis=0, ddof=1)) / 2)
    gaps = {
        name: (
            np.average(values[treated], axis=0, weights=by[treated])
            - np.average(values[~treated], axis=0, weights=by[~treated])
        )
        / spread
        for name, by in (("before", np.ones(len(treated))), ("after", weight))
    }
    return pd.DataFrame({"covariate": list(units.covariates), **gaps})


def _overlap(p: Array, treated: Treated) -> pd.DataFrame:
    edges = np.linspace(0, 1, BINS + 1)
    counts = {name: np.histogram(p[own], edges)[0] for name, own in (("treated", treated), ("others", ~treated))}
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], **counts})
