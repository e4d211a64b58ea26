"""The shifted beta-geometric model: how long customers stay who tell you when they leave.

Fader & Hardie (2007), "How to project customer retention", Journal of Interactive Marketing 21(1); lifetimes with
discounting: Fader & Hardie (2010), "Customer-base valuation in a contractual setting: the perils of ignoring
heterogeneity", Marketing Science 29(1). Its story: at each renewal a customer leaves with a personal, constant
probability; these are beta(alpha, beta) distributed. Those likely to leave go first, so retention rises with age
though nobody changes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betaln, digamma

from clvhelpers.errors import ConfigError, ConvergenceError, DataContractError, FormulaError, NotEnoughDataError
from clvhelpers.formulas.rates import PERIOD_NAMES, convert_rate
from clvhelpers.models.fitting import FittedModel
from clvhelpers.models.frames import Weights, count_rows, merge_rows, refuse
from clvhelpers.text import count, number, plain

Array = np.ndarray
COLUMNS = ("duration", "left")
FEWEST_LOST = 10
ALIKE = 1e5  # alpha + beta above this: customers all alike, or even more likely to leave with time


class ShiftedBetaGeoParameters(NamedTuple):
    """alpha and beta of the beta distributed probability to leave at a renewal; its mean is alpha / (alpha + beta)."""

    alpha: float
    beta: float


class ShiftedBetaGeoModel(FittedModel):
    """sBG: retention, survival and lifetime of customers with a contract, from two numbers.

    `unit` is the time between two renewals: "D", "W", "M", "Q" or "Y". After a fit: `parameters` (alpha, beta),
    `standard_errors`, `covariance`, `log_likelihood`, `customers`, `posterior()`.

    >>> regular = [1000, 631, 468, 382, 326, 289, 262, 241]  # Fader & Hardie 2007, table 1: year 0 to 7
    >>> model = ShiftedBetaGeoModel(unit="Y").fit_survivors(regular)
    >>> model
    ShiftedBetaGeoModel of 1,000 customers: alpha=0.7041, beta=1.182
    >>> model.expected_retention_rate([1, 2, 7]).round(3).tolist()
    [0.627, 0.756, 0.911]
    >>> round(model.survival(12), 3), round(model.expected_lifetime(discount_rate=0.10), 2)
    (0.17, 3.69)
    """

    parameter_names = ShiftedBetaGeoParameters._fields

    def __init__(self, unit: str = "M"):
        if unit not in PERIOD_NAMES:
            raise ConfigError(f"unit is {unit!r}: expected one of {', '.join(map(repr, PERIOD_NAMES))}")
        self.unit = unit

    def fit(self, rows: Any, weights: Weights = None) -> Self:
        """Find the parameters under which these lifetimes are most likely, and return the model.

        `rows` is a pandas, Polars or Spark frame or a DuckDB relation with one row a customer, as from
        `churn.customer_spells`: `duration`, the periods from the start to the leaving, or to the end of
        observation; `left`, true (1) for who left then. Somebody who has paid three times and is still there has
        come through two renewals: a duration of 2 or 2.9 is the same. Customers who have met no renewal yet do no
        harm and tell nothing. Where there is a column `entry`, the age from which a customer was watched, those
        who left younger are not in the data, and the fit allows for it. `weights` counts rows more than once: a
        column's name or one number a row. Raises DataContractError for rows that can't be, NotEnoughDataError
        where nobody left, everybody left at once, or only one renewal was seen, ConvergenceError where customers
        don't differ in the way of this model; warns with BoundaryWarning where the data leave a parameter open.
        """
        columns = [*COLUMNS, *({"entry"} & set(nw.from_native(rows).collect_schema().names()))]
        counted = count_rows(rows, columns, weights)
        counted = counted.assign(entry=counted.get("entry", 0.0))
        _check_rows(counted)
        renewals = counted[[*COLUMNS, "entry"]] // 1
        likelihood = _likelihood(merge_rows(renewals.assign(weight=counted["weight"]), renewals), self.unit)
        return self._estimate(likelihood, None, likelihood.start())._refuse_all_alike()

    def fit_survivors(self, survivors: Sequence[float] | pd.Series | Array) -> Self:
        """Fit to one cohort's number of customers at the start and after each renewal: [1000, 869, 743, ...].

        Raises DataContractError for numbers that are missing, negative or rise, else as `fit`.
        """
        alive = np.asarray(survivors, dtype=float)
        _check_survivors(alive)
        ages = np.arange(1.0, len(alive))
        lost = pd.DataFrame({"duration": ages, "left": 1.0, "weight": -np.diff(alive)})
        kept = pd.DataFrame({"duration": ages[-1:], "left": 0.0, "weight": alive[-1:]})
        likelihood = _likelihood(pd.concat([lost, kept]).assign(entry=0.0).query("weight > 0"), self.unit)
        return self._estimate(likelihood, None, likelihood.start())._refuse_all_alike()

    def expected_retention_rate(self, t: npt.ArrayLike) -> float | Array:
        """The share who renew of those who come to renewal `t` (1, 2, ...): (beta + t - 1) / (alpha + beta + t - 1)."""
        alpha, beta = self._parameters
        past = _whole("t", t, least=1) - 1
        return _like(t, (beta + past) / (alpha + beta + past))

    def survival(self, t: npt.ArrayLike) -> float | Array:
        """The share of a cohort still there after `t` renewals (0, 1, ...): B(alpha, beta + t) / B(alpha, beta)."""
        alpha, beta = self._parameters
        return _like(t, np.exp(betaln(alpha, beta + _whole("t", t, least=0)) - betaln(alpha, beta)))

    def retention_curve(self, periods: int) -> pd.DataFrame:
        """One row a renewal from 1 to `periods`: `period`, `retention`, `churn`, and `survival` of a new cohort."""
        period = np.arange(1, int(_whole("periods", periods, least=1)) + 1)
        retention = np.asarray(self.expected_retention_rate(period))
        frame = pd.DataFrame({"period": period, "retention": retention, "churn": 1 - retention})
        return frame.assign(survival=self.survival(period))

    def expected_lifetime(self, discount_rate: float = 0.10, periods: int | None = None) -> float:
        """Expected number of payments of a new customer, each worth less the later it comes; the first one is now.

        `discount_rate` is per year and converted once to the unit. `periods` counts only the first so many
        payments. Without discounting, and without `periods`, it is (alpha + beta - 1) / (alpha - 1), and has no
        end for alpha of 1 or less: a FormulaError.
        """
        return self._lifetime(discount_rate, periods, renewals=0)

    def expected_residual_lifetime(
        self, paid: npt.ArrayLike = 1, discount_rate: float = 0.10, periods: int | None = None
    ) -> float | Array | pd.Series:
        """Expected payments still to come of a customer who has `paid` so many times, just before the next is due.

        `paid` may be several (an array, or a Series, whose index is kept).

        The next payment is made by those who renew and is not discounted (DERL of Fader & Hardie 2010, equation 7).
        `discount_rate` and `periods` as for `expected_lifetime`.
        """
        made, place = np.unique(_whole("paid", paid, least=1), return_inverse=True)
        stays = np.asarray(self.expected_retention_rate(made))
        left = stays * [self._lifetime(discount_rate, periods, renewals=int(n)) for n in made]
        if isinstance(paid, pd.Series):
            return pd.Series(left[place], paid.index, name="expected_residual_lifetime")
        return _like(paid, left[place].reshape(np.shape(paid)))

    @property
    def _parameters(self) -> ShiftedBetaGeoParameters:
        return ShiftedBetaGeoParameters(**self.parameters)

    def _lifetime(self, discount_rate: float, periods: int | None, renewals: int) -> float:
        alpha, beta = self._parameters
        discount = convert_rate(discount_rate, "Y", self.unit)
        if discount_rate < 0:
            raise FormulaError(f"discount_rate is {discount_rate}: expected 0 or more, per year (0.1 for 10%)")
        if periods is not None:
            ahead = np.arange(int(_whole("periods", periods, least=0)))
            stays = np.exp(betaln(alpha, beta + renewals + ahead) - betaln(alpha, beta + renewals))
            return float((stays * (1 + discount) ** -ahead.astype(float)).sum())
        if discount == 0 and alpha <= 1:
            raise FormulaError(
                f"alpha is {plain(alpha, '.3g')}, and at 1 or less some customers stay so long that the mean lifetime "
                "has no end; give a discount_rate above 0, or periods"
            )
        return float(discounted_lifetime(alpha, beta + renewals, discount))

    def _refuse_all_alike(self) -> Self:
        alpha, beta = self._parameters
        if alpha + beta <= ALIKE:
            return self
        self._fit = self._objective = None
        raise ConvergenceError(
            "retention does not rise with age in these data, so customers are all alike or more likely to leave with "
            "time, and this model has nothing to add to one constant churn of "
            f"{plain(alpha / (alpha + beta), '.4f')} a {PERIOD_NAMES[self.unit]}: use formulas.lifetime_from_churn"
        )


def discounted_lifetime(alpha: npt.ArrayLike, beta: npt.ArrayLike, discount: float) -> Array:
    """Sum of S(t) / (1 + discount)^t over t = 0, 1, ...: 2F1(1, beta; alpha + beta; 1 / (1 + discount)).

    `discount` is per period. Gauss's continued fraction, whose terms are all between 0 and 1; power series and
    their transformations, as in scipy's hyp2f1, go wrong near whole alpha at small discounts. For arrays too.

    >>> discounted_lifetime([0.668088, 0.704077], [3.806095, 1.182043], 0.10).round(4).tolist()
    [5.9223, 3.6949]
    """
    b, c = np.asarray(beta, dtype=float), np.asarray(alpha, dtype=float) + np.asarray(beta, dtype=float)
    if discount == 0:
        return (c - 1) / (c - b - 1)
    z = 1 / (1 + discount)
    tail = np.ones(np.broadcast(b, c).shape)
    for j in range(int(12 / np.sqrt(1 - z)) + 10, -1, -1):
        tail = 1 - (j + 1) * (c - b + j) / ((c + 2 * j) * (c + 2 * j + 1)) * z / tail
        share = (b + j) * (c - 1 + j) / ((c - 1 + 2 * j) * (c + 2 * j)) if j else b / c
        tail = 1 - share * z / tail
    return 1 / tail


class _Likelihood:
    """Equation 5 of the 2007 paper's appendix and its gradient, for lost and kept customers, with weights.

    ln P(lost at t) = ln B(alpha + 1, beta + t - 1) - ln B(alpha, beta), ln S(t) = ln B(alpha, beta + t) - ln B(...);
    so each customer is a beta function with `leaves` (0 or 1) more in alpha and `stays` more in beta. Given that
    they had stayed for `entry` renewals before, it is divided by S(entry).
    """

    def __init__(self, rows: pd.DataFrame):
        names = ("duration", "left", "entry", "weight")
        self.duration, self.leaves, self.entry, self.weight = (rows[name].to_numpy(dtype=float) for name in names)
        self.stays = self.duration - self.leaves
        self.total = float(self.weight.sum())

    def start(self) -> tuple[float, float]:
        """Parameters with the mean of the probability to leave that all renewals together show."""
        renewals, left = (self.weight * (self.duration - self.entry)).sum(), (self.weight * self.leaves).sum()
        return 1.0, max(float(renewals / left) - 1, 0.1)

    def value(self, log_parameters: Array) -> float:
        alpha, beta = np.exp(log_parameters)
        each = betaln(alpha + self.leaves, beta + self.stays) - betaln(alpha, beta + self.entry)
        return float(np.einsum("i,i->", self.weight, each))

    def __call__(self, log_parameters: Array) -> tuple[float, Array]:
        alpha, beta = np.exp(log_parameters)
        together = digamma(alpha + beta + self.entry) - digamma(alpha + beta + self.duration)
        by_alpha = digamma(alpha + self.leaves) - digamma(alpha) + together
        by_beta = digamma(beta + self.stays) - digamma(beta + self.entry) + together
        slopes = np.einsum("i,ji->j", self.weight, np.array([by_alpha, by_beta]))
        return self.value(log_parameters), np.array([alpha, beta]) * slopes


def _likelihood(rows: pd.DataFrame, unit: str) -> _Likelihood:
    """Of those who met a renewal while they were watched, if that is enough."""
    rows = rows[rows["duration"] > rows["entry"]]
    _check_enough(rows, PERIOD_NAMES[unit])
    return _Likelihood(rows)


def _check_rows(rows: pd.DataFrame) -> None:
    duration, left, entry = rows["duration"], rows["left"], rows["entry"]
    known = pd.Series(np.isfinite(rows[["duration", "left", "entry"]].to_numpy()).all(axis=1), rows.index)
    refuse(
        rows,
        [
            (~known, "with a missing or infinite duration, left or entry"),
            (known & ((duration < 0) | (entry < 0)), "with a negative duration or entry: it ends before it starts"),
            (known & ~left.isin([0, 1]), "where left is neither 0 (still there) nor 1 (left)"),
            (
                known & (left == 1) & (duration % 1 != 0),
                "with a leaving between two renewals: durations of those who left count whole periods",
            ),
            (
                known & (left == 1) & (duration == 0),
                "with a leaving after 0 periods: the first renewal comes after one period (duration 1)",
            ),
            (
                known & ((entry > duration) | ((left == 1) & (entry == duration) & (entry > 0))),
                "who left before they were watched: entry is the age at which that began, below duration",
            ),
        ],
    )


def _check_survivors(alive: Array) -> None:
    problems = []
    if alive.ndim != 1 or len(alive) < 2:
        raise NotEnoughDataError("survivors needs the customers at the start and after each renewal, two at the least")
    if not np.isfinite(alive).all() or (alive < 0).any():
        problems.append("survivors must be numbers of 0 or more, none missing; leave off periods not observed yet")
    rises = np.flatnonzero(np.diff(alive) > 0)
    if len(rises):
        place = int(rises[0])
        problems.append(
            f"survivors rise from {number(alive[place])} to {number(alive[place + 1])} at renewal {place + 1}: they "
            "count the customers of one cohort who never left; don't mix cohorts or add those who came back"
        )
    if problems:
        raise DataContractError(problems)


def _check_enough(rows: pd.DataFrame, period: str) -> None:
    if rows.empty:
        raise NotEnoughDataError(f"no customer was watched for a whole {period}, so nobody has had to renew yet")
    longest, lost = int(rows["duration"].max()), rows.loc[rows["left"] == 1, "weight"].sum()
    if lost == 0:
        raise NotEnoughDataError(
            f"nobody left in {count(longest, period)}, so nothing shows how long customers stay; wait for more "
            "data, or state a churn rate and use formulas.lifetime_from_churn"
        )
    if longest == 1:
        share = lost / rows["weight"].sum()
        seen = "everybody left at the first" if share == 1 else f"only one was seen, where {plain(share, '.1%')} left"
        raise NotEnoughDataError(
            f"of the renewals, {seen}: that tells the mean probability to leave and not how customers differ; "
            f"two {period}s are the least, six or more are better"
        )
    if lost < FEWEST_LOST:
        raise NotEnoughDataError(
            f"sBG needs at least {FEWEST_LOST} customers who left, and {plain(lost)} did; wait for more data, or take "
            "larger groups (and give numbers of customers, not shares)"
        )


def _whole(name: str, value: npt.ArrayLike, least: int) -> Array:
    numbers = np.asarray(value, dtype=float)
    if not np.isfinite(numbers).all() or (numbers % 1 != 0).any() or (numbers < least).any():
        raise FormulaError(f"{name} must be a whole number of {least} or more, or several")
    return numbers


def _like(given: npt.ArrayLike, answer: Array) -> float | Array:
    return answer if np.ndim(given) else float(answer)
