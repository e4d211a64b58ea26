"""Which model of purchases? BG/NBD, unless the data speak clearly for another."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

import pandas as pd

from clvhelpers.errors import BoundaryWarning, ClvError, ConfigError, ConvergenceError, NotEnoughDataError
from clvhelpers.models.beta_geo import BetaGeoModel
from clvhelpers.models.beta_geo_beta_binom import BetaGeoBetaBinomModel
from clvhelpers.models.frames import read_rows
from clvhelpers.models.modified_beta_geo import ModifiedBetaGeoModel
from clvhelpers.models.pareto_nbd import ParetoNBDModel
from clvhelpers.models.priors import Prior
from clvhelpers.models.purchase_model import COLUMNS, PurchaseModel
from clvhelpers.models.validation import Validation, validate
from clvhelpers.text import number

MODELS: dict[str, type[PurchaseModel]] = {
    kind.title: kind for kind in (BetaGeoModel, ModifiedBetaGeoModel, ParetoNBDModel, BetaGeoBetaBinomModel)
}
CANDIDATES = ("BG/NBD", "MBG/NBD", "Pareto/NBD")
CLEARLY = 2.0  # of log-likelihood: odds of 7 to 1 for data that both explain with as many parameters (4 of AIC)
TOTAL_TIE = 0.05  # how much further off a total may be: the luck of one held-out period moves totals by as much
RMSE_TIE = 0.01  # and how much larger an RMSE
MOST_CUSTOMERS = 50_000  # so many tell models apart as well as more would
FEWEST_IN_SAMPLE = 500  # purchases, before the holdout and in it
COLUMNS_OF_FRAME = (
    "model",
    "log_likelihood",
    "aic",
    "predicted",
    "actual",
    "error",
    "rmse",
    "trusted",
    "chosen",
    "reason",
)

Priors = Mapping[str, Prior] | Literal["weak"] | None


@dataclass(frozen=True, eq=False)
class ModelChoice:
    """The model to use, and why. `model` is not fitted yet: fit it to the whole summary.

    `calibrated` is the same model fitted to the calibration, and `validation` its check; `validations` has the check of
    each candidate that could be fitted, by its title. `frame` has a row for each candidate: `model`, `log_likelihood`
    and `aic` (on the calibration), `predicted`, `actual`, `error`, `rmse`, `trusted` (on the holdout), `chosen`, and
    the `reason` of its verdict or why it could not be fitted. `customers` were compared, of `of_customers`; `because`
    is the reason of the choice.
    """

    model: PurchaseModel
    validation: Validation
    validations: Mapping[str, Validation] = field(repr=False)
    frame: pd.DataFrame = field(repr=False)
    customers: int
    of_customers: int
    because: str
    calibrated: PurchaseModel = field(repr=False)

    @property
    def trusted(self) -> bool:
        """Whether the chosen model passed its check."""
        return self.validation.trusted

    def sentence(self) -> str:
        """The choice and its reason in words."""
        sampled = ""
        if self.customers < self.of_customers:
            sampled = (
                f" The models were compared on {number(self.customers)} customers picked at random from "
                f"{number(self.of_customers)}."
            )
        if not self.trusted:
            return f"No model of purchases may be used: {self.because}.{sampled}"
        return f"{self.model.title} is used: {self.because}.{sampled}"

    def plot(self) -> Any:
        """Expected and actual purchases of the holdout, candidate by candidate."""
        from clvhelpers.plots.choice import candidates

        return candidates(self)


def choose_model(
    holdout_summary: Any,
    unit: str = "W",
    candidates: Sequence[str] = CANDIDATES,
    priors: Priors = None,
    *,
    most_customers: int = MOST_CUSTOMERS,
    seed: int = 0,
) -> ModelChoice:
    """Compare models on a held-out period and by their likelihood, and choose one.

    The first candidate, BG/NBD, is the best known, and is kept unless (1) it is not trusted and another is, or (2)
    another is clearly better: a log-likelihood higher by more than 2, and no worse on the holdout (total and RMSE,
    but for what is a tie). Of several others the one with the highest log-likelihood is taken. All candidates of
    a choice must know the same data: BG/BB counts opportunities, so it is compared with none of the others.

    A candidate that can't be fitted is a row with its reason. Above `most_customers` the candidates are compared on
    so many, picked with `seed`; the chosen one is then checked on all. Raises ConfigError for an unknown candidate,
    and ConvergenceError or NotEnoughDataError if none can be fitted.

    >>> from clvhelpers import customer_summary, load_cdnow, split_holdout
    >>> choice = choose_model(split_holdout(load_cdnow(), "1997-09-30"))
    >>> print(choice.sentence())
    BG/NBD is used: it passed its check on the held-out period, and no other explains the past clearly better.
    >>> choice.frame[["model", "log_likelihood", "predicted", "trusted"]].round(2).to_numpy().tolist()
    [['BG/NBD', -9582.43, 1653.41, True], ['MBG/NBD', -9582.14, 1576.73, True], ['Pareto/NBD', -9594.98, 1665.51, True]]
    >>> model = choice.model.fit(customer_summary(load_cdnow(), end="1998-06-30"))  # with all that is known now
    """
    models = {title: MODELS[title](unit, priors=priors) for title in _known(candidates)}
    rows = read_rows(holdout_summary, [*COLUMNS, "holdout_frequency", "holdout_T"])
    some = _sample(rows, most_customers, seed)
    fits, checks, failures = _try_all(models, some)
    if not checks:
        _refuse(failures)
    chosen, because = _choose({title: fit.log_likelihood for title, fit in fits.items()}, checks, failures)
    calibrated, check = fits[chosen], checks[chosen]
    if some is not rows:
        calibrated = models[chosen].unfitted().fit(rows)
        check = validate(calibrated, rows, refit=False)
        because = because if check.trusted else f"{chosen} failed its check on all customers: {check.reason}"
    frame = pd.DataFrame([_row(title, fits, checks, failures) for title in models], columns=list(COLUMNS_OF_FRAME))
    return ModelChoice(
        model=models[chosen],
        validation=check,
        validations=checks,
        frame=frame.assign(chosen=frame["model"] == chosen),
        customers=len(some),
        of_customers=len(rows),
        because=because,
        calibrated=calibrated,
    )


def _known(candidates: Sequence[str]) -> list[str]:
    names = [candidates] if isinstance(candidates, str) else list(dict.fromkeys(candidates))
    unknown = [name for name in names if name not in MODELS]
    if unknown or not names:
        raise ConfigError(f"candidates is {names}: expected some of {', '.join(map(repr, MODELS))}")
    discrete = [name for name in names if MODELS[name].discrete]
    if discrete and len(names) > len(discrete):
        raise ConfigError(
            f"{', '.join(discrete)} counts opportunities to buy and the other candidates know of time, so the same "
            "summary can't suit both: choose among the others, and validate() this one by itself"
        )
    return names


def _sample(rows: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most so many rows; all of them where too few of those picked bought to tell models apart."""
    if len(rows) <= most:
        return rows
    picked = rows.sample(most, random_state=seed).sort_index()
    bought = min(float(picked[name].sum()) for name in ("frequency", "holdout_frequency"))
    return picked if bought >= FEWEST_IN_SAMPLE else rows


def _try_all(
    models: Mapping[str, PurchaseModel], rows: pd.DataFrame
) -> tuple[dict[str, PurchaseModel], dict[str, Validation], dict[str, ClvError]]:
    """Each candidate fitted to the calibration and checked on the holdout; or why that can't be."""
    fits: dict[str, PurchaseModel] = {}
    checks: dict[str, Validation] = {}
    failures: dict[str, ClvError] = {}
    for title, model in models.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", BoundaryWarning)  # the one that is chosen warns when it is fitted
                fits[title] = model.unfitted().fit(rows)
        except (ConvergenceError, NotEnoughDataError) as error:
            failures[title] = error
        else:
            checks[title] = validate(fits[title], rows, refit=False)
    return fits, checks, failures


def _refuse(failures: Mapping[str, ClvError]) -> NoReturn:
    """No candidate could be fitted: what is missing, which is the same for all, or the error of each."""
    if all(isinstance(error, NotEnoughDataError) for error in failures.values()):
        raise next(iter(failures.values()))
    raise ConvergenceError([f"{title} can't be fitted: {error}" for title, error in failures.items()])


def _choose(
    likely: Mapping[str, float], checks: Mapping[str, Validation], failures: Collection[str]
) -> tuple[str, str]:
    """The title of the model to use, and why. `likely` has the log-likelihoods."""
    first = next(iter(checks))
    trusted = [title for title in checks if checks[title].trusted]
    lost = f"; {' and '.join(failures)} could not be fitted" if failures else ""
    if not trusted:
        return first, f"{_verdicts(checks)}{lost}"
    best = max(trusted, key=likely.__getitem__)
    if first not in trusted:
        return best, f"{first} failed its check ({checks[first].reason}), and {best} passed it{lost}"
    clearly = [title for title in trusted if likely[title] > likely[first] + CLEARLY]
    better = [title for title in clearly if _no_worse(checks[title], checks[first])]
    if better:
        best = max(better, key=likely.__getitem__)
        gain = number(likely[best] - likely[first], 1)
        return (
            best,
            f"it explains the past clearly better than {first} (log-likelihood +{gain}) and forecasts no worse{lost}",
        )
    return first, f"it passed its check on the held-out period{_rivals(len(checks) - 1, clearly)}{lost}"


def _verdicts(checks: Mapping[str, Validation]) -> str:
    """Why no candidate passed its check; the same reason of all is told once."""
    reasons = {check.reason for check in checks.values()}
    if len(reasons) == 1:
        return f"{', '.join(checks)} failed the check on the held-out period: {reasons.pop()}"
    return "; ".join(f"{title} failed its check: {check.reason}" for title, check in checks.items())


def _no_worse(check: Validation, than: Validation) -> bool:
    """Whether a forecast is as good as another, but for the luck of one held-out period."""
    return abs(check.error) <= abs(than.error) + TOTAL_TIE and check.rmse <= than.rmse * (1 + RMSE_TIE)


def _rivals(others: int, clearly: Sequence[str]) -> str:
    if not others:
        return ""
    if clearly:
        return f", and {' and '.join(clearly)}, which explained the past better, forecast it worse"
    return ", and no other explains the past clearly better"


def _row(
    title: str,
    fits: Mapping[str, PurchaseModel],
    checks: Mapping[str, Validation],
    failures: Mapping[str, ClvError],
) -> dict[str, Any]:
    if title in failures:
        return {"model": title, "trusted": False, "reason": str(failures[title])}
    fit, check = fits[title], checks[title]
    numbers = {name: getattr(check, name) for name in ("predicted", "actual", "error", "rmse")}
    known = {"model": title, "log_likelihood": fit.log_likelihood, "aic": fit.aic}
    return {**known, **numbers, "trusted": check.trusted, "reason": check.reason}
