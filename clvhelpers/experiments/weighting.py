"""Who was treated was chosen: others weighted until they look like the treated, and whether there are such others.

The propensity is the probability to be treated, given the covariates. Weighted by it the groups are alike in the
covariates, as a randomised experiment would make them, but in nothing else. Where nobody in one group looks like
the units of the other there is no comparison, whatever the model; so the overlap is shown and units without are left
out, and counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.experiments.chosen import (
    LEAST_UNITS,
    WHOM,
    Chosen,
    ChosenEffect,
    On,
    chosen_units,
    difference_of_means,
)
from clvhelpers.experiments.propensity import Treated, propensity, weighted_difference, weights
from clvhelpers.experiments.units import MeasuredAt, When, refuse_post_treatment
from clvhelpers.experiments.welch import estimated
from clvhelpers.purchases import one_of
from clvhelpers.text import count, number

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Array = npt.NDArray[np.float64]
BALANCED = 0.1  # standardised difference that is small enough
BINS = 20


@dataclass(frozen=True, eq=False)
class WeightedEffect(ChosenEffect):
    """The effect of a treatment that was not randomised, by weighting; `frame` as of every `ChosenEffect`.

    `balance` has for each `covariate` the standardised difference `before` and `after` weighting. `overlap` has for
    each bin of the propensity (`low, high`) the units `treated` and `others`, before any is left out. `groups` has for
    each group its `units`, how many were `left_out`, and its `effective` units: how many unweighted ones would tell as
    much. The difference "not weighted" is of all units.
    """

    balance: pd.DataFrame
    overlap: pd.DataFrame
    groups: pd.DataFrame
    trim: float

    def sentence(self) -> str:
        """Both numbers, what the weighted one assumes, who was left out, and how alike the groups became."""
        told = self._told("Without weights", "weighted by", ", which these data can't test")
        return f"{told}. {self._overlap_words()} {self._balance_words()}"

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
    weight, weighted = _weighted(units, kept, on)
    groups = _groups(units.treated, kept, weight)
    _check_effective(groups, treated)
    plain = difference_of_means(units.outcome[units.treated], units.outcome[~units.treated])
    found = {"not weighted": plain, "weighted": weighted}
    return WeightedEffect(
        frame=pd.DataFrame([{"method": name} | estimated(*each, level) for name, each in found.items()]),
        outcome=outcome,
        treated=treated,
        covariates=tuple(covariates),
        on=on,
        rate=units.rate,
        level=level,
        currency=currency,
        balance=_balance(units, weight),
        overlap=_overlap(first, units.treated),
        groups=groups,
        trim=trim,
    )


def _weighted(units: Chosen, kept: Treated, on: On) -> tuple[Array, tuple[float, float]]:
    """The weight of every unit, 0 for those left out, and the weighted difference with its error."""
    used = Chosen(units.outcome[kept], units.treated[kept], units.covariates[kept])
    p = propensity(used)
    weight = np.zeros(len(kept))
    weight[kept] = weights(p, used.treated, on)
    return weight, weighted_difference(used, p, on)


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
