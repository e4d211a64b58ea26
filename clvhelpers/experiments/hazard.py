"""At how many times the rate of control do customers of an arm leave? The hazard ratio, by Cox regression.

One number for the whole curve, if the arms leave in the same ratio at every moment; a plan that counts on a hazard
ratio (`sample_size_for_stays`) is judged by it. It compares those still there, and is not what turns into money: time
in the window is, see `compare_stays`.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from clvhelpers.churn.stays import Stays, check_level, read_stays
from clvhelpers.errors import ConfigError, ConvergenceError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments.chosen import covariate_problems, design_columns, refuse_collinear
from clvhelpers.experiments.stays import stays_by_arm
from clvhelpers.experiments.units import MeasuredAt, When, refuse_post_treatment
from clvhelpers.experiments.welch import estimated
from clvhelpers.experiments.words import repeated, shown_p
from clvhelpers.text import count, number, percent, plain

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

FEWEST_EVENTS = 5  # who left, for each column of the regression
CHANGES = 0.05  # a ratio that changes with time is told from this p-value down


@dataclass(frozen=True, eq=False)
class HazardRatio:
    """The rate at which units of each arm leave, relative to those of control.

    `frame` has one row an arm but the control: `arm, hazard_ratio, low, high, log_hazard_ratio, standard_error` (of the
    log) and `p_value`. `coefficients` has one row a column of the covariates (of labels, one for each but the first):
    `covariate, coefficient` (log hazard ratio for one more of it), `standard_error, low, high, p_value`.
    `likelihood_ratio` compares with a model of no columns at all; by chance it is chi-squared with
    `degrees_of_freedom`, and as large with `p_value`. `proportional` has one row an arm: `arm, correlation` (of its
    scaled Schoenfeld residuals with the rank of the time of leaving), `statistic` (chi-squared, 1 degree of freedom)
    and `p_value`; a low one says that the ratio changes with time. It is missing where all left at one time.
    """

    frame: pd.DataFrame
    coefficients: pd.DataFrame
    proportional: pd.DataFrame
    log_likelihood: float
    likelihood_ratio: float
    degrees_of_freedom: int
    p_value: float
    control: str
    covariates: tuple[str, ...]
    units: int
    events: int
    level: float

    @property
    def changing(self) -> list[str]:
        """The arms whose ratio changes with time, more than by chance."""
        return self.proportional.loc[self.proportional["p_value"] < CHANGES, "arm"].tolist()

    def sentence(self) -> str:
        """The ratio of each arm, what all columns tell together, and whether one number holds throughout."""
        parts = [self._ratio_sentence(row) for row in self.frame.to_dict("records")]
        if self.degrees_of_freedom > 1:
            parts.append(
                f"The {self.degrees_of_freedom} columns together: likelihood ratio {number(self.likelihood_ratio, 2)}, "
                f"{shown_p(self.p_value)}."
            )
        return " ".join([*parts, self._proportional_sentence()])

    def plot(self) -> "Picture":
        """The ratio of each arm with its interval, on a scale of logs, and the line of no difference at 1."""
        from clvhelpers.plots.experiments_stays import hazard_ratios

        return hazard_ratios(self)

    def _ratio_sentence(self, row: dict[Any, Any]) -> str:
        adjusted = f", adjusted for {', '.join(self.covariates)}" if self.covariates else ""
        ratio, low, high = (shown_ratio(row[name]) for name in ("hazard_ratio", "low", "high"))
        return (
            f"At any moment those of {row['arm']} who are still there leave at {ratio} times the rate of "
            f"{self.control}{adjusted} ({percent(self.level, 0)} interval {low} to {high}; {shown_p(row['p_value'])})."
        )

    def _proportional_sentence(self) -> str:
        least = float(self.proportional["p_value"].min())
        if np.isnan(least):
            return "All who left did so at one time, so whether the ratio changes with time can't be told."
        if not self.changing:
            return f"Nothing shows that the ratio changes with time (Schoenfeld residuals, {shown_p(least)})."
        return (
            f"But the ratio of {' and '.join(self.changing)} changes with time (Schoenfeld residuals, "
            f"{shown_p(least)}), so no single number holds throughout, and this one hangs on how long units were "
            "watched: use the restricted means of compare_stays instead."
        )


def hazard_ratio(
    stays: Any,
    *,
    arm: str = "arm",
    control: str = "control",
    covariates: Sequence[str] = (),
    measured_at: MeasuredAt = None,
    exposed_at: When = "exposed_at",
    level: float = 0.95,
) -> HazardRatio:
    """The hazard ratio of each arm to `control` by Cox regression, with `covariates` of before exposure if given.

    `stays` (a frame of any engine) has one row a unit: `arm`, `duration` (from exposure until the unit left or was last
    seen), `left` (true or false), `entry` where units came under observation later, and the covariates: numbers, or
    labels. When these were measured has to be said with `measured_at` (see `refuse_post_treatment`). Ties are Efron's,
    intervals and p-values Wald's. A ratio below 1 means that fewer leave. The more durations differ, the longer
    it takes: for 100,000 units in full days two seconds, for 20,000 to the minute ten.

    Raises `NotEnoughDataError` where the ratio of an arm has no end, as nobody of it or of the others left while both
    were there, and for fewer than 5 leavers a column; `PostTreatmentCovariateError` for a covariate from after
    exposure; `ExperimentError` for arms or covariates that can't be (missing, all alike, one following from others);
    `DataContractError` for stays that can't be, such as a negative duration; `ConfigError` for arguments that can't be;
    `ConvergenceError` where a covariate sets units apart of whom nobody left, or only they, or a few from all others.
    Sources: Cox (1972), Journal of the Royal Statistical Society B 34, 187-220; Efron (1977), Journal of the American
    Statistical Association 72, 557-565 (ties); Grambsch & Therneau (1994), Biometrika 81, 515-526 (whether the ratio
    changes with time); Vittinghoff & McCulloch (2007), American Journal of Epidemiology 165, 710-718 (how many leavers
    a column takes).

    >>> stays = pd.DataFrame({"duration": [1, 2, 4, 6, 6, 3, 5, 6, 6, 6], "left": [1, 1, 1, 1, 0, 1, 1, 0, 0, 0],
    ...                       "arm": ["control"] * 5 + ["offer"] * 5})
    >>> hazard_ratio(stays).frame[["arm", "hazard_ratio", "low", "high"]].round(2).to_numpy().tolist()
    [['offer', 0.35, 0.06, 1.92]]
    """
    check_level(level)
    _check_names(covariates, arm)
    rows = stays_by_arm(stays, arm, control, also=covariates)
    refuse_post_treatment(stays, covariates, measured_at, exposed_at)
    checked = read_stays(rows, "arm")
    columns = _columns(rows, covariates)
    _check_events(checked, columns)
    fit, spread = _fitted(checked, columns)
    estimates = [
        estimated(coefficient, error, level)
        for coefficient, error in zip(fit.params / spread, fit.bse / spread, strict=True)
    ]
    arms = checked.groups[1:]
    statistic = 2 * float(fit.llf - fit.model.loglike(np.zeros(len(spread))))
    return HazardRatio(
        frame=pd.DataFrame([{"arm": name} | _ratio(found) for name, found in zip(arms, estimates, strict=False)]),
        coefficients=_coefficients(columns.columns[len(arms) :], estimates[len(arms) :]),
        proportional=_proportional(fit, checked),
        log_likelihood=float(fit.llf),
        likelihood_ratio=statistic,
        degrees_of_freedom=len(spread),
        p_value=float(chdtrc(len(spread), statistic)),
        control=checked.groups[0],
        covariates=tuple(covariates),
        units=len(rows),
        events=int(checked.left.sum()),
        level=level,
    )


def shown_ratio(value: float) -> str:
    """A ratio of rates in words, with three digits that count.

    >>> shown_ratio(0.99568), shown_ratio(0.0234), shown_ratio(12.345), shown_ratio(1234.5)
    ('0.996', '0.0234', '12.3', '1,234')
    """
    return plain(value, ".3g") if value < 100 else number(value)


def _check_names(covariates: Sequence[str], arm: str) -> None:
    if isinstance(covariates, str):
        raise ConfigError(f"covariates is {covariates!r}: expected a list of columns that were known before exposure")
    twice = repeated([*dict.fromkeys([arm, "arm", "duration", "left", "entry"]), *covariates])
    if twice:
        raise ConfigError(
            f"covariates name {twice} twice, or it is part of the stay itself (arm, duration, "
            "left, entry): name each column once, and rename one that only happens to be called so"
        )


def _columns(rows: pd.DataFrame, covariates: Sequence[str]) -> pd.DataFrame:
    """The columns of the regression: one of 0 and 1 for each arm but the control, then those of the covariates."""
    arms = pd.get_dummies(rows["arm"].astype(object), dtype=float)[list(rows["arm"].cat.categories[1:])]
    if not len(covariates):
        return arms
    known = rows[list(covariates)]
    problems = covariate_problems(known)
    if problems:
        raise ExperimentError(problems)
    columns = pd.concat([arms, design_columns(known)], axis=1)
    refuse_collinear(columns)
    return columns


def _check_events(stays: Stays, columns: pd.DataFrame) -> None:
    """Refuse arms of which no finite ratio can be told, and more columns than leavers can carry."""
    from scipy.sparse.csgraph import connected_components

    nobody = [name for name in stays.groups if not stays.of(name).left.any()]
    if nobody:
        raise NotEnoughDataError(
            f"nobody of {' and '.join(nobody)} left, so a hazard ratio has no end: wait until some have, or compare "
            "the retention of compare_stays, which does without"
        )
    if connected_components(_left_beside(stays), connection="strong")[0] > 1:
        raise NotEnoughDataError(
            "of some arms nobody left while units of the others were there too, so a hazard ratio has no end: look at "
            "the curves of compare_stays, and whether the arms were watched at the same times"
        )
    least = FEWEST_EVENTS * columns.shape[1]
    if stays.left.sum() < least:
        raise NotEnoughDataError(
            f"only {count(int(stays.left.sum()), 'unit')} left, and {count(columns.shape[1], 'column')} "
            f"({_listed(columns)}) {'takes' if columns.shape[1] == 1 else 'take'} {least}: wait until more have, or "
            "leave covariates out"
        )


def _listed(columns: pd.DataFrame) -> str:
    return ", ".join(map(str, columns))


def _left_beside(stays: Stays) -> Any:
    """Groups x groups: whether somebody of the first left while anybody of the second was there.

    The ratios of all groups are finite if a way along these leads from each to each, as in tournaments of pairs.
    Source: Ford (1957), American Mathematical Monthly 64, 28-33.
    """
    parts = [stays.of(name) for name in stays.groups]
    return np.array([[(other.at_risk(one.duration[one.left]) > 0).any() for other in parts] for one in parts])


def _fitted(stays: Stays, columns: pd.DataFrame) -> tuple[Any, Any]:
    """The fit of columns in units of their spread, and the spread of each."""
    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    values = columns.to_numpy()
    spread = values.std(axis=0)
    seen_from = np.where(np.isfinite(stays.entry), np.nextafter(stays.entry, np.inf), 0)  # at risk after entry, not at
    model = PHReg(
        stays.duration, (values - values.mean(axis=0)) / spread, status=stays.left, entry=seen_from, ties="efron"
    )
    silent = np.errstate(over="ignore", invalid="ignore", divide="ignore")  # a step too far; refused below
    try:
        with warnings.catch_warnings(action="error", category=ConvergenceWarning), silent:
            fit = model.fit()
            found = bool(np.isfinite(fit.bse).all())
    except (ConvergenceWarning, np.linalg.LinAlgError):
        found = False
    if not found:
        raise ConvergenceError(
            f"the regression on {_listed(columns)} found no end: one of them sets units apart of whom nobody left, or "
            "only they, or a few are far from all others in it; leave it out, join labels, or take its logarithm"
        )
    return fit, spread


def _ratio(found: dict[str, float]) -> dict[str, float]:
    return {
        "hazard_ratio": np.exp(found["difference"]),
        "low": np.exp(found["low"]),
        "high": np.exp(found["high"]),
        "log_hazard_ratio": found["difference"],
        "standard_error": found["standard_error"],
        "p_value": found["p_value"],
    }


def _coefficients(names: "pd.Index[Any]", estimates: Sequence[dict[str, float]]) -> pd.DataFrame:
    rows = pd.DataFrame(estimates, columns=["difference", "standard_error", "low", "high", "p_value"], dtype=float)
    rows.insert(0, "covariate", names)
    return rows.rename(columns={"difference": "coefficient"})


def _proportional(fit: Any, stays: Stays) -> pd.DataFrame:
    """Whether the scaled Schoenfeld residuals of each arm go with the rank of the time of leaving."""
    residuals, covariance = fit.schoenfeld_residuals[stays.left], fit.cov_params()
    scaled = len(residuals) * residuals @ covariance
    rank = pd.Series(stays.duration[stays.left]).rank().to_numpy()
    rank = rank - rank.mean()
    with np.errstate(invalid="ignore"):  # all at one time
        along = rank @ scaled / np.sqrt(rank @ rank)
        correlation = along / np.sqrt(((scaled - scaled.mean(axis=0)) ** 2).sum(axis=0))
        statistic = along**2 / (len(residuals) * np.diag(covariance))
    arms = stays.groups[1:]
    frame = pd.DataFrame({"arm": arms, "correlation": correlation[: len(arms)], "statistic": statistic[: len(arms)]})
    return frame.assign(p_value=chdtrc(1, frame["statistic"]))
