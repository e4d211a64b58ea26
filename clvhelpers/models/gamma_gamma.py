"""The Gamma-Gamma model: what a customer spends on a purchase in the long run.

Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value", note 025 on brucehardie.com;
the equation numbers below are of that note. Its story: the amounts of a customer vary around a
personal mean (gamma with shape p and scale 1/nu), the means vary across customers (nu gamma with
shape q and rate gamma, here `v`), and neither has to do with how often they buy.
"""

from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from scipy.special import digamma, gammaln

from clvhelpers.errors import ConfigError, ConvergenceError
from clvhelpers.models.fitting import MERGE_ABOVE, FittedModel
from clvhelpers.models.frames import Weights, check_enough, count_rows, mean_of, merge_rows, read_rows, refuse
from clvhelpers.text import plain

Array = np.ndarray
COLUMNS = ("frequency", "monetary_value")
FEWEST_REPEATERS = 10
MERGE_STEP = 0.02  # of the logarithm of the monetary value


class GammaGammaParameters(NamedTuple):
    """p: how steady a customer's amounts are; q and v: how the personal means are spread."""

    p: float
    q: float
    v: float


class GammaGammaModel(FittedModel):
    """Gamma-Gamma: each customer's expected spend on a purchase, shrunk towards that of all.

    A summary is a pandas, Polars or Spark frame or a DuckDB relation with the columns `frequency` and
    `monetary_value` (mean of the repeat purchases), as from `customer_summary`, lifetimes or
    pymc-marketing. The monetary value of customers without a repeat purchase is not used: missing or
    0 are both fine. After `fit`: `parameters` (p, q, v in money), `standard_errors`, `covariance`,
    `log_likelihood`, `customers` (repeat buyers), `posterior()`.

    >>> from clvhelpers import customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> model = GammaGammaModel().fit(summary)
    >>> model
    GammaGammaModel of 946 customers: p=6.25, q=3.744, v=15.44
    >>> model.expected_customer_spend(summary).round(2).head(3).tolist()
    [24.65, 35.17, 18.91]
    """

    parameter_names = GammaGammaParameters._fields

    def fit(self, summary: Any, weights: Weights = None) -> Self:
        """Find the parameters under which the repeat buyers' mean amounts are most likely.

        `weights` counts rows more than once: a column's name or one number a row. Raises
        DataContractError for repeat buyers whose monetary value is missing, 0 or negative (counted),
        NotEnoughDataError below 10 repeat buyers, and ConvergenceError where no maximum is found or
        where q is 1 or less: the mean of such a distribution does not exist, so there is no expected
        spend to tell (the usual formula would give a negative one).
        """
        self._fit = self._objective = None  # a fit that fails leaves no answer, and not the one before
        rows = check_spend(count_rows(summary, COLUMNS, weights))
        money = rows["monetary_value"]
        refuse(
            rows,
            [
                (
                    ~(money > 0) & money.notna(),
                    "with repeat purchases but a monetary_value of 0 or less: the model knows only positive amounts; "
                    "leave these customers out of the fit and value them by hand",
                )
            ],
        )
        check_enough(rows, 0, FEWEST_REPEATERS, "Gamma-Gamma")
        distinct = merge_rows(rows, rows[list(COLUMNS)])
        quick = _Likelihood(_merged(distinct)) if len(distinct) > MERGE_ABOVE else None
        start = (4.0, 4.0, 0.75 * mean_of(distinct, "monetary_value"))
        self._estimate(_Likelihood(distinct), quick, start)
        return self._refuse_endless_mean()

    def with_parameters(self, **parameters: float) -> Self:
        """As of FittedModel; raises ConfigError for a q of 1 or less, too: there the mean spend does not exist."""
        given = super().with_parameters(**parameters)
        if parameters["q"] <= 1:
            raise ConfigError(
                f"GammaGammaModel with given parameters (p, q, v): q is {parameters['q']}: expected a number above 1, "
                "for at 1 or less the mean spend of the customers does not exist"
            )
        return given

    def expected_customer_spend(self, summary: Any) -> pd.Series:
        """Expected value of a future purchase of each customer, in money (equation 5).

        A weighted mean of the customer's own mean and that of everybody: the more repeat purchases,
        the more the own mean counts. Without repeat purchases it is the mean of everybody.
        """
        parameters = self.gamma_gamma_parameters
        rows = read_rows(summary, COLUMNS)
        check_spend(rows)
        spend = expected_spend(parameters, rows["frequency"].to_numpy(), rows["monetary_value"].to_numpy())
        return pd.Series(spend, rows.index, name="expected_spend")

    @property
    def gamma_gamma_parameters(self) -> GammaGammaParameters:
        """The parameters as the functions of this module take them."""
        return GammaGammaParameters(**self.parameters)

    def _possible(self, parameters: Array) -> Array:
        return super()._possible(parameters) & (parameters[:, 1] > 1)

    def _refuse_endless_mean(self) -> Self:
        q = self.parameters["q"]
        if q <= 1:
            self._fit = self._objective = None
            raise ConvergenceError(
                f"the fitted q is {plain(q, '.3g')}, and at 1 or less the mean spend of the customers does not exist: "
                "a few amounts are too large for this model. Look at the largest amounts, set wholesale customers "
                "apart, or use historical means"
            )
        return self


def spend_frequency_correlation(summary: Any) -> float:
    """Correlation of frequency and monetary value among repeat buyers, from -1 to 1.

    The Gamma-Gamma model assumes there is none. Published examples use it up to about 0.1 (CDNOW
    has 0.11); from about 0.3 on, values of the best and worst customers are off: fit groups apart.

    >>> from clvhelpers import customer_summary, load_cdnow
    >>> round(spend_frequency_correlation(customer_summary(load_cdnow(), end="1997-09-30")), 4)
    0.1139
    """
    rows = check_spend(read_rows(summary, COLUMNS))
    return float(rows["frequency"].corr(rows["monetary_value"]))


def expected_spend(parameters: GammaGammaParameters, x: Array, mean: Array) -> Array:
    """E(M) = p (v + x m) / (p x + q - 1), equation 5; p v / (q - 1) where x = 0."""
    p, q, v = parameters
    return p * (v + np.where(x > 0, x * np.where(x > 0, mean, 0.0), 0.0)) / (p * x + q - 1)


class _Likelihood:
    """Equation 1a and its gradient, summed over rows with weights.

    ln f = ln G(px+q)/(G(px) G(q)) + q ln v - q ln(v + x m) - p x ln(1 + v / (x m)) - ln m.
    """

    def __init__(self, rows: pd.DataFrame):
        self.x, self.mean, self.weight = (rows[name].to_numpy() for name in (*COLUMNS, "weight"))
        self.counts, place = np.unique(self.x, return_inverse=True)
        self.count_weight = np.bincount(place, self.weight)
        self.spend = self.x * self.mean
        self.total = self.weight.sum()
        self.constant = self._sum(self.weight, np.log(self.mean))

    def __call__(self, log_parameters: Array) -> tuple[float, Array]:
        parameters = GammaGammaParameters(*np.exp(log_parameters))
        steady, summed = self._of_rows(parameters)
        return self._value(parameters, steady, summed), self._gradient(parameters, steady, summed)

    def value(self, log_parameters: Array) -> float:
        parameters = GammaGammaParameters(*np.exp(log_parameters))
        return self._value(parameters, *self._of_rows(parameters))

    def _of_rows(self, parameters: GammaGammaParameters) -> tuple[float, float]:
        """The sums of x ln(1 + v / (x m)) and of ln(v + x m)."""
        own_share = self._sum(self.weight * self.x, np.log1p(parameters.v / self.spend))
        return own_share, self._sum(self.weight, np.log(parameters.v + self.spend))

    def _value(self, parameters: GammaGammaParameters, steady: float, summed: float) -> float:
        p, q, v = parameters
        numbers = self._sum(self.count_weight, gammaln(p * self.counts + q) - gammaln(p * self.counts))
        return numbers + self.total * (q * np.log(v) - gammaln(q)) - q * summed - p * steady - self.constant

    def _gradient(self, parameters: GammaGammaParameters, steady: float, summed: float) -> Array:
        """d ln f / d ln parameter."""
        p, q, v = parameters
        x, w = self.counts, self.count_weight
        d_p = self._sum(w * x, digamma(p * x + q) - digamma(p * x)) - steady
        d_q = self._sum(w, digamma(p * x + q)) + self.total * (np.log(v) - digamma(q)) - summed
        d_v = self.total * q / v - self._sum(self.weight, (p * self.x + q) / (v + self.spend))
        return np.array(parameters) * (d_p, d_q, d_v)

    @staticmethod
    def _sum(weights: Array, values: Array) -> float:
        return float(np.einsum("i,i->", weights, values))


def check_spend(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with repeat purchases, once it is sure that their numbers can be."""
    x, money = rows["frequency"], rows["monetary_value"]
    refuse(
        rows,
        [
            (~np.isfinite(x) | (x < 0) | (x % 1 != 0), "with a frequency that is no whole number of 0 or more"),
            ((x > 0) & ~np.isfinite(money), "with repeat purchases but no monetary_value"),
            ((x > 0) & (money < 0), "with repeat purchases but a negative monetary_value"),
        ],
    )
    return rows[x > 0]


def _merged(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the same x and nearly the same mean amount as one."""
    steps = np.floor(np.log(rows["monetary_value"]) / MERGE_STEP)
    return merge_rows(rows, rows[list(COLUMNS)].assign(monetary_value=steps))
