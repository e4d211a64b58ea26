"""The BG/NBD model: how often customers buy and when they have left, where nobody says goodbye.

Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way", Marketing Science 24(2),
275-284; the equation numbers below are of that paper. Its story, for each customer:

- while alive, purchases come at random times at a personal rate (lambda);
- after each repeat purchase the customer leaves for good with a personal probability (p);
- across customers, lambda is gamma distributed (r, alpha), and p is beta distributed (a, b).

A customer is known by x repeat purchases, the time t_x of the last of them, and the time T
watched. Everything is computed with logarithms, so that it holds for x and T of 10,000 and more.
"""

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pandas as pd
from scipy.special import betainc, betaln, digamma, expit, gammaln, log_expit

from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.errors import ConfigError, FormulaError
from clvhelpers.models.fitting import MERGE_ABOVE, FittedModel
from clvhelpers.models.frames import (
    Weights,
    check_enough,
    check_purchases,
    collapse,
    count_rows,
    mean_of,
    merge_rows,
    read_rows,
)

if TYPE_CHECKING:
    from clvhelpers.models.gamma_gamma import GammaGammaModel
    from clvhelpers.models.validation import Validation

Array = np.ndarray
COLUMNS = ("frequency", "recency", "T")
FEWEST_CUSTOMERS, FEWEST_REPEATERS = 30, 10
MERGE_STEPS = 40
CHUNK = 500  # rows whose integrals are computed at once
FINE, COARSE = 0.1, 0.2  # steps of the integral: errors below 1e-7, and below 1e-4


class BetaGeoParameters(NamedTuple):
    """r and alpha of the gamma distributed rate, a and b of the beta distributed chance to leave."""

    r: float
    alpha: float
    a: float
    b: float


class BetaGeoModel(FittedModel):
    """BG/NBD: expected purchases and the probability of being alive, from three numbers a customer.

    `unit` is the unit of `recency` and `T` in the summaries it will see, "D", "W", "M" or "Y", and of
    the times it is asked about. After `fit`: `parameters` (r, alpha in that unit, a, b),
    `standard_errors`, `covariance`, `log_likelihood`, `customers`, `posterior()`.

    A summary is a pandas, Polars or Spark frame or a DuckDB relation with the columns `frequency`,
    `recency` and `T`, as from `customer_summary`, lifetimes or pymc-marketing; more columns do no harm.
    Answers are pandas Series with the index of a pandas summary, else with `customer_id` as index.

    >>> from clvhelpers import customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> model = BetaGeoModel(unit="W").fit(summary)
    >>> model
    BetaGeoModel of 2,357 customers: r=0.2426, alpha=4.414, a=0.7929, b=2.426
    >>> {name: round(error, 3) for name, error in model.standard_errors.items()}
    {'r': 0.013, 'alpha': 0.378, 'a': 0.186, 'b': 0.705}
    >>> round(model.expected_purchases(summary, t=39).sum(), 1)  # the 39 weeks that follow, all customers
    np.float64(1653.4)
    """

    parameter_names = BetaGeoParameters._fields

    def __init__(self, unit: str = "W"):
        if unit not in DAYS_PER_UNIT:
            raise ConfigError(f"unit is {unit!r}: expected one of {', '.join(map(repr, DAYS_PER_UNIT))}")
        self.unit = unit

    def fit(self, summary: Any, weights: Weights = None) -> Self:
        """Find the parameters under which the summary is most likely, and return the model.

        `weights` counts rows more than once: a column's name or one number a row. Raises
        DataContractError for rows that can't be (all listed), NotEnoughDataError below 30 customers
        or 10 repeat buyers, ConvergenceError where no maximum is found; warns with BoundaryWarning
        where the data leave a parameter open.
        """
        rows = count_rows(summary, COLUMNS, weights)
        check_purchases(rows)
        check_enough(rows, FEWEST_CUSTOMERS, FEWEST_REPEATERS, "BG/NBD")
        distinct = merge_rows(rows, rows[list(COLUMNS)])
        merged = merge_nearby(distinct) if len(distinct) > MERGE_ABOVE else None
        r = 0.5
        alpha = r * mean_of(distinct, "T") / mean_of(distinct, "frequency")
        quick = None if merged is None else _Likelihood(merged)
        return self._estimate(_Likelihood(distinct), quick, (r, alpha, 0.8, 2.5))

    @property
    def beta_geo_parameters(self) -> BetaGeoParameters:
        """The parameters as the functions of this module take them."""
        return BetaGeoParameters(**self.parameters)

    def expected_purchases(self, summary: Any, t: float | pd.Series | Array) -> pd.Series:
        """Expected purchases of each customer in the `t` after their T (one number, or one a row).

        Equation 10: the probability of being alive times what a customer who is alive will buy.
        """
        parameters = self.beta_geo_parameters
        rows = _customers(summary)
        times = _times(t, len(rows))
        purchases = probability_alive(parameters, rows) * _purchases_of_rows(parameters, rows, times)
        return purchases.rename("expected_purchases")

    def expected_probability_alive(self, summary: Any) -> pd.Series:
        """The probability that each customer has not left by the end of their T.

        In this model a customer can only leave after a repeat purchase, so it is exactly 1 for
        everybody with none, however long ago they bought. That is an assumption and not a finding:
        it says that a one-time buyer is either new or slow. The forecast is low for them all the same,
        as their rate is estimated to be low.
        """
        return probability_alive(self.beta_geo_parameters, _customers(summary))

    def expected_purchases_new_customer(self, t: float | Array) -> float | Array:
        """Expected repeat purchases of somebody in the `t` after a first purchase (equation 9)."""
        times = np.atleast_1d(_times(t, None))
        nobody = np.zeros(len(times))
        answer = purchases_if_alive(self.beta_geo_parameters, nobody, nobody, times[:, None])
        return answer if np.ndim(t) else float(answer[0])

    def probability_of_n_purchases(self, n: int, t: float | Array) -> float | Array:
        """Probability of exactly `n` repeat purchases in the `t` after a first one (equation 8)."""
        if n < 0 or n % 1:
            raise FormulaError(f"n is {n}: expected a whole number of purchases, 0 or more")
        answer = probability_of_n_purchases(self.beta_geo_parameters, n, _times(t, None))
        return answer if np.ndim(t) else float(answer)

    def expected_customer_lifetime_value(
        self,
        summary: Any,
        spend_model: "GammaGammaModel",
        horizon_months: int = 12,
        discount_rate: float = 0.10,
        margin: float = 1.0,
    ) -> pd.Series:
        """Expected profit of each customer in the months to come; see `models.value.lifetime_value`."""
        from clvhelpers.models.value import lifetime_value

        return lifetime_value(self, spend_model, summary, horizon_months, discount_rate, margin)

    def validate(self, holdout_summary: Any) -> "Validation":
        """Try the model on a period it has not seen; see `models.validation.validate`."""
        from clvhelpers.models.validation import validate

        return validate(self, holdout_summary)


def probability_alive(parameters: BetaGeoParameters, rows: pd.DataFrame) -> pd.Series:
    """P(alive) = 1 / (1 + a / (b + x - 1) ((alpha + T) / (alpha + t_x))^(r + x)), and 1 where x = 0."""
    x, recency, T = (rows[name].to_numpy() for name in COLUMNS)
    return pd.Series(expit(-_log_odds_gone(parameters, x, recency, T)), rows.index, name="probability_alive")


def purchases_if_alive(
    parameters: BetaGeoParameters,
    x: Array,
    T: Array,
    times: Array,
    weights: tuple[float, ...] | Array = (1.0,),
    step: float = FINE,
) -> Array:
    """Expected purchases of customers known to be alive, by each of `times`, summed with `weights`.

    `times` broadcasts to (customers, times). Given p, a customer with lambda ~ gamma(r + x, alpha + T)
    is expected to buy (1 - (1 + p t / (alpha + T))^-(r + x)) / p times; this is averaged over
    p ~ beta(a, b + x). The paper has the same average as a Gauss hypergeometric function, which
    overflows for large x and is 0 / 0 at a = 1; a sum of positive terms can do neither.
    """
    if not len(x):
        return np.zeros(0)
    r, alpha, a, b = parameters
    scaled = np.broadcast_to(times, (len(x), np.shape(times)[-1])) / (alpha + T)[:, None]
    distinct, place = np.unique(x, return_inverse=True)
    p, share = _beta_nodes(a, b + distinct, step)
    answer = np.empty(len(x))
    for start in range(0, len(x), CHUNK):
        rows = slice(start, start + CHUNK)
        nodes = p[place[rows]][:, None, :]
        bought = -np.expm1(-(r + x[rows])[:, None, None] * np.log1p(scaled[rows][:, :, None] * nodes))
        answer[rows] = np.einsum("ijk,ik,j->i", bought, (share / p)[place[rows]], np.asarray(weights))
    return answer


def probability_of_n_purchases(parameters: BetaGeoParameters, n: int, t: Array | float) -> Array:
    """Equation 8: still alive after n purchases, or left with the n-th.

    Its sum over fewer purchases is a negative binomial distribution function, so an incomplete beta.
    """
    r, alpha, a, b = parameters
    t = np.asarray(t, dtype=float)
    with np.errstate(divide="ignore"):
        log_share = np.log(t / (alpha + t)) if n else np.zeros_like(t)
    log_count = gammaln(r + n) - gammaln(r) - gammaln(n + 1) + n * log_share - r * np.log1p(t / alpha)
    stays = np.exp(betaln(a, b + n) - betaln(a, b) + log_count)
    if n == 0:
        return stays
    return stays + np.exp(betaln(a + 1, b + n - 1) - betaln(a, b)) * betainc(n, r, t / (alpha + t))


def merge_nearby(rows: pd.DataFrame, steps: int = MERGE_STEPS) -> pd.DataFrame:
    """Rows with the same x and nearly the same recency and T (to 1/`steps` of the longest T) as one."""
    width = rows["T"].max() / steps
    near = {name: np.floor(rows[name] / width) for name in ("recency", "T")}
    return merge_rows(rows, rows[list(COLUMNS)].assign(**near))


def _customers(summary: Any) -> pd.DataFrame:
    rows = read_rows(summary, COLUMNS)
    check_purchases(rows)
    return rows


def _purchases_of_rows(parameters: BetaGeoParameters, rows: pd.DataFrame, times: Array) -> Array:
    """Computed once for each distinct (frequency, T, t), since nothing else matters to those alive."""
    distinct, place = collapse(rows.assign(t=times), ["frequency", "T", "t"])
    x, T = distinct["frequency"].to_numpy(), distinct["T"].to_numpy()
    return purchases_if_alive(parameters, x, T, distinct[["t"]].to_numpy())[place]


class _Likelihood:
    """Equation 6 and its gradient, summed over rows with weights.

    ln L = ln G(r+x)/G(r) + ln B(a,b+x)/B(a,b) + r ln alpha - (r+x) ln(alpha+T) + ln(1 + odds gone).
    What depends on x alone is computed once for each distinct x. Sums use einsum: on long vectors
    the threads behind `@` cost more than they save.
    """

    def __init__(self, rows: pd.DataFrame):
        self.x, self.recency, self.T, self.weight = (rows[name].to_numpy() for name in (*COLUMNS, "weight"))
        self.counts, place = np.unique(self.x, return_inverse=True)
        self.count_weight = np.bincount(place, self.weight)
        self.total = self.weight.sum()

    def __call__(self, log_parameters: Array) -> tuple[float, Array]:
        parameters = BetaGeoParameters(*np.exp(log_parameters))
        log_odds, watched = self._of_rows(parameters)
        value = self._value(parameters, log_odds, watched)
        return value, self._gradient(parameters, self.weight * expit(log_odds), watched)

    def value(self, log_parameters: Array) -> float:
        parameters = BetaGeoParameters(*np.exp(log_parameters))
        return self._value(parameters, *self._of_rows(parameters))

    def _of_rows(self, parameters: BetaGeoParameters) -> tuple[Array, Array]:
        log_odds = _log_odds_gone(parameters, self.x, self.recency, self.T)
        return log_odds, np.log(parameters.alpha + self.T)

    def _value(self, parameters: BetaGeoParameters, log_odds: Array, watched: Array) -> float:
        r, alpha, a, b = parameters
        x, w = self.counts, self.count_weight
        return (
            self._sum(w, gammaln(r + x) + gammaln(b + x) - gammaln(a + b + x))
            + self.total * (gammaln(a + b) - gammaln(b) - gammaln(r) + r * np.log(alpha))
            - self._sum(self.weight, (r + self.x) * watched)
            + self._sum(self.weight, np.maximum(log_odds, 0) + np.log1p(np.exp(-np.abs(log_odds))))
        )

    def _gradient(self, parameters: BetaGeoParameters, gone: Array, watched: Array) -> Array:
        """d ln L / d ln parameter; `gone` is each row's weight times its probability of having left."""
        r, alpha, a, b = parameters
        x, w = self.counts, self.count_weight
        together = self.total * digamma(a + b) - self._sum(w, digamma(a + b + x))
        rate, last = r + self.x, alpha + self.recency
        d_r = (
            self._sum(w, digamma(r + x))
            + self.total * (np.log(alpha) - digamma(r))
            - self._sum(self.weight, watched)
            + self._sum(gone, watched - np.log(last))
        )
        d_alpha = (
            self.total * r / alpha
            - self._sum(self.weight, rate / (alpha + self.T))
            + self._sum(gone, rate * (1 / (alpha + self.T) - 1 / last))
        )
        d_a = together + gone.sum() / a
        repeated = self.x > 0
        d_b = (
            together
            + self._sum(w, digamma(b + x))
            - self.total * digamma(b)
            - self._sum(gone[repeated], 1 / (b + self.x[repeated] - 1))
        )
        return np.array(parameters) * (d_r, d_alpha, d_a, d_b)

    @staticmethod
    def _sum(weights: Array, values: Array) -> float:
        return float(np.einsum("i,i->", weights, values))


def _log_odds_gone(parameters: BetaGeoParameters, x: Array, recency: Array, T: Array) -> Array:
    """ln of a / (b + x - 1) ((alpha + T) / (alpha + t_x))^(r + x): gone against alive; -inf where x = 0."""
    r, alpha, a, b = parameters
    silence = (r + x) * np.log1p((T - recency) / (alpha + recency))
    return np.where(x > 0, np.log(a) - np.log(np.maximum(b + x - 1, b)) + silence, -np.inf)


def _beta_nodes(a: float, b: Array, step: float) -> tuple[Array, Array]:
    """Points p and their shares of beta(a, b) distributions, one row a `b`; for functions smooth in log p.

    The trapezoid rule in s, where logit p = centre + scale sinh(s): close together where the
    density bends, and far out in its tails with few points (Takahasi & Mori 1974, Publications of
    RIMS 9, have the idea). 60 to 120 points.
    """
    scale = np.minimum(1.0, np.sqrt(1 / a + 1 / b))
    left = np.arcsinh(40 / min(a, 1.0) / (scale.min() if a < 1 else 1.0))
    right = np.arcsinh(40 / min(b.min(), 1.0))
    s = np.arange(-left, right + step, step)
    logit = np.clip((np.log(a) - np.log(b))[:, None] + scale[:, None] * np.sinh(s), -700, 700)
    log_share = a * log_expit(logit) + b[:, None] * log_expit(-logit) + np.log(np.cosh(s))
    share = np.exp(log_share - log_share.max(axis=1, keepdims=True))
    kept = (share > 1e-18).any(axis=0)
    share = share[:, kept] / share.sum(axis=1, keepdims=True)
    return expit(logit[:, kept]), share


def _times(t: Any, rows: int | None) -> Array:
    times = np.asarray(t, dtype=float)
    if rows is not None and times.ndim and times.shape != (rows,):
        raise FormulaError(f"t has the shape {times.shape}: expected one number, or one for each of {rows} rows")
    if not np.isfinite(times).all() or (times < 0).any():
        raise FormulaError("t must be a time of 0 or more, in the model's unit")
    return times
