"""Who was treated was chosen, not drawn: the difference adjusted by regression, and what that takes on trust.

A regression compares the treated with others of the same values in the covariates, as far as straight lines in them
describe the outcome. Whatever else made the desk choose a customer stays in the number, and no figure of these data
can show it. So beside the effect stands how strong such an unseen cause would have to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.experiments.chosen import WHOM, Chosen, ChosenEffect, On, chosen_units
from clvhelpers.experiments.propensity import propensity
from clvhelpers.experiments.units import MeasuredAt, When, refuse_post_treatment
from clvhelpers.experiments.welch import estimated
from clvhelpers.purchases import one_of
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Array = npt.NDArray[np.float64]
ALONE = 0.98  # propensity above which hardly anybody was not treated


@dataclass(frozen=True, eq=False)
class AdjustedEffect(ChosenEffect):
    """The effect of a treatment that was not randomised, by regression; `frame` as of every `ChosenEffect`.

    `robustness` is the share of what the covariates leave unexplained, of who is treated and of the outcome alike,
    that an unseen cause would have to explain to bring the adjusted effect to 0. `alone` counts the treated without
    others like them: for them the effect is what straight lines say beyond the data.
    """

    robustness: float
    alone: int

    def sentence(self) -> str:
        """Both numbers, what the adjusted one assumes, and how easily that could be wrong."""
        told = self._told("Without adjusting", "adjusted for", ", and that straight lines describe the outcome")
        return (
            f"{told}. These data can't test the first: an unseen cause that explains {percent(self.robustness)} of "
            "what is left of the outcome and of who was treated would be enough to make the effect 0."
            f"{self._alone_words()}"
        )

    def _alone_words(self) -> str:
        if not self.alone:
            return ""
        return (
            f" {count(self.alone, 'unit')} of the treated had a probability above {number(ALONE, 2)} to be treated, so "
            "there are hardly any others like them and the effect on them is read off the lines beyond the data: see "
            "weighted_effect, which leaves them out."
        )

    def plot(self) -> "Picture":
        """The difference before and after adjusting, with intervals."""
        from clvhelpers.plots.experiments_observational import adjusted_points

        return adjusted_points(self)


def regression_effect(
    frame: Any,
    outcome: str,
    *,
    treated: str,
    covariates: Sequence[str],
    measured_at: MeasuredAt = None,
    exposed_at: When = "exposed_at",
    on: On = "treated",
    level: float = 0.95,
    currency: str | None = None,
) -> AdjustedEffect:
    """The effect of `treated` (a column of 0 and 1) on `outcome`, by least squares with `covariates` of before.

    `frame` of any engine has one row a unit. The regression has a slope of its own for the treated in every
    covariate, and covariates are taken around the mean of those `on` whom the effect is asked for: "treated" or
    "all". Errors are HC2 and take these means as given. When covariates were measured has to be said with
    `measured_at` (see `refuse_post_treatment`).

    Raises `PostTreatmentCovariateError` for a covariate from after exposure; `NotEnoughDataError` where the covariates
    tell exactly who was treated, and what `chosen_units` raises.
    Sources: Lin (2013), Annals of Applied Statistics 7(1), 295-318 (the regression); MacKinnon & White (1985), Journal
    of Econometrics 29, 305-325 (HC2); Cinelli & Hazlett (2020), Journal of the Royal Statistical Society B 82, 39-67
    (robustness).

    >>> random = np.random.default_rng(2)
    >>> risk = random.normal(size=4000)
    >>> called = (random.random(4000) < 1 / (1 + np.exp(-risk))).astype(int)
    >>> customers = pd.DataFrame({"risk": risk, "called": called})
    >>> customers["spend"] = 50 - 10 * risk + 4 * called + random.normal(0, 5, 4000)
    >>> found = regression_effect(customers, "spend", treated="called", covariates=["risk"], measured_at="before")
    >>> found.frame.set_index("method")["difference"].round(1).to_dict()
    {'not adjusted': -4.2, 'adjusted': 4.1}
    """
    from statsmodels.regression.linear_model import OLS

    check_level(level)
    one_of(on, WHOM, "on")
    units = chosen_units(frame, outcome, treated, covariates)
    refuse_post_treatment(frame, covariates, measured_at, exposed_at)
    raw = OLS(units.outcome, np.column_stack([np.ones(len(units.outcome)), units.treated])).fit()
    adjusted = OLS(units.outcome, _regressors(units, on)).fit()
    return AdjustedEffect(
        frame=pd.DataFrame([_row("not adjusted", raw, level), _row("adjusted", adjusted, level)]),
        outcome=outcome,
        treated=treated,
        covariates=tuple(covariates),
        on=on,
        rate=units.rate,
        level=level,
        currency=currency,
        robustness=robustness_value(float(adjusted.tvalues[1]), int(adjusted.df_resid)),
        alone=int((units.treated & (propensity(units) > ALONE)).sum()),
    )


def _regressors(units: Chosen, on: On) -> Array:
    """The columns 1, treated, covariates, and treated x covariates; the covariates around the mean of `on`."""
    values, treated = units.design(), units.treated.astype(float)
    centred = values - values[units.treated if on == "treated" else slice(None)].mean(axis=0)
    return np.column_stack([np.ones(len(treated)), treated, centred, centred * treated[:, None]])


def _row(method: str, fit: Any, level: float) -> dict[str, Any]:
    """The slope of the treatment, which is the second column, with its HC2 error."""
    return {"method": method} | estimated(float(fit.params[1]), float(fit.HC2_se[1]), level, fit.df_resid)


def robustness_value(t_value: float, freedom: int) -> float:
    """The partial R2 with treatment and with outcome, the same for both, of a cause that brings an effect to 0.

    `t_value` is that of the treatment by the classic error, with `freedom` degrees. Source: Cinelli & Hazlett (2020),
    Journal of the Royal Statistical Society B 82, 39-67, section 4.2.

    >>> round(robustness_value(4.18445, 783), 4)
    0.1388
    """
    f2 = t_value**2 / freedom
    return float((np.sqrt(f2**2 + 4 * f2) - f2) / 2)
