"""What the models of purchases share: BG/NBD, MBG/NBD, Pareto/NBD and BG/BB.

Such a model has a story of how customers buy and leave without a word. Its parameters tell how customers differ;
from them and from three numbers of a customer's past (frequency, recency, T) everything else follows.

`PurchaseParameters` are parameters with the equations of one model; `PurchaseModel` finds them in data, with
checks before and standard errors after, and answers questions about customers.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.errors import FormulaError
from clvhelpers.models.covariates import Kinds, ModelOfKinds, OfKinds
from clvhelpers.models.fitting import MERGE_ABOVE
from clvhelpers.models.frames import (
    Weights,
    check_enough,
    check_purchases,
    collapse,
    count_rows,
    merge_nearby,
    merge_rows,
    read_rows,
)
from clvhelpers.models.likelihood import Likelihood, LikelihoodOfRows, Parameters
from clvhelpers.models.priors import Prior
from clvhelpers.models.quadrature import endless_times
from clvhelpers.simulate import Repeats

if TYPE_CHECKING:
    from clvhelpers.models.gamma_gamma import GammaGammaModel
    from clvhelpers.models.validation import Validation

Array = np.ndarray
COLUMNS = ("frequency", "recency", "T")
FEWEST_CUSTOMERS, FEWEST_REPEATERS = 30, 10
FEWEST_WITH_PRIORS = 10, 1


@dataclass(frozen=True)
class PurchaseParameters(Parameters, ABC):
    """The parameters of one model, and its equations. Arrays of x, recency, T have an element a customer."""

    @abstractmethod
    def log_odds_gone(self, x: Array, recency: Array, T: Array) -> Array:
        """ln of the odds that customers have left by T; -inf for those who can't have."""

    @abstractmethod
    def purchases_if_alive(
        self, x: Array, T: Array, times: Array, weights: Sequence[float] | Array = (1.0,), rough: bool = False
    ) -> Array:
        """Expected purchases of customers known to be alive at T, by each of `times` after it, summed with `weights`.

        `times` broadcasts to (customers, times). `rough` is quicker and right to 4 digits, where that matters.
        """

    @abstractmethod
    def silent_if_alive(self, x: Array, T: Array, t: Array) -> Array:
        """Probability of no purchase in the `t` after T, of customers known to be alive at T."""

    @abstractmethod
    def probability_of_n(self, n: int, t: Array) -> Array:
        """Probability of exactly `n` repeat purchases in the `t` after the first purchase."""

    @abstractmethod
    def play(self, rng: np.random.Generator, x: Array, T: Array, horizon: float) -> Repeats:
        """One possible future of customers known to be alive at T: their purchases up to `horizon` after it."""

    def probability_alive(self, x: Array, recency: Array, T: Array) -> Array:
        return expit(-self.log_odds_gone(x, recency, T))

    def purchases_of_newcomers(self, times: Array) -> Array:
        """Expected repeat purchases by each of `times` after the first purchase."""
        nobody = np.zeros(len(times))
        alive = self.probability_alive(nobody, nobody, nobody)
        return alive * self.purchases_if_alive(nobody, nobody, times[:, None])

    def discounted_if_alive(self, x: Array, T: Array, rate: float, rough: bool = False) -> Array:
        """Expected purchases of customers known to be alive at T, for ever, each discounted at `rate`, continuously."""
        return self.purchases_if_alive(x, T, *endless_times(rate), rough)


class PurchaseModel(ModelOfKinds, ABC):
    """Expected purchases and the probability of being alive, from three numbers a customer.

    `unit` is the unit of `recency` and `T` in the summaries it will see, "D", "W", "M" or "Y", and of
    the times it is asked about. `priors` are optional: see Prior. `covariates` are columns of a summary with a
    label a customer, such as a channel: each level has factors on how often customers buy (`rate`) and on how
    readily they leave (`leaving`). After `fit`: `parameters`, `standard_errors`, `covariance`,
    `log_likelihood`, `aic`, `customers`, `posterior()`.

    A summary is a pandas, Polars or Spark frame or a DuckDB relation with the columns `frequency`,
    `recency` and `T`, as from `customer_summary`, lifetimes or pymc-marketing; more columns do no harm.
    Answers are pandas Series with the index of a pandas summary, else with `customer_id` as index.
    """

    title: ClassVar[str]
    units = tuple(DAYS_PER_UNIT)
    prior_unit = "W"
    merge_steps: ClassVar[int | None] = 20  # a first fit is made on customers alike to 1/20 of the longest T
    discrete: ClassVar[bool] = False  # purchases happen at opportunities, of which T and t count the number
    equations: ClassVar[type[PurchaseParameters]]
    likelihood: ClassVar[type[LikelihoodOfRows]]

    def __init__(
        self,
        unit: str = "W",
        *,
        priors: Mapping[str, Prior] | Literal["weak"] | None = None,
        covariates: Sequence[str] = (),
    ):
        super().__init__(unit, priors=priors, covariates=covariates)

    def fit(self, summary: Any, weights: Weights = None) -> Self:
        """Find the parameters under which the summary is most likely, and return the model.

        `weights` counts rows more than once: a column's name or one number a row. Raises
        DataContractError for rows that can't be (all listed), NotEnoughDataError below 30 customers
        or 10 repeat buyers (with priors: 10 and 1), ConvergenceError where no maximum is found; warns with
        BoundaryWarning where the data leave a parameter open.
        """
        self._fit = self._objective = None  # a fit that fails leaves no answer, and not the one before
        counted = count_rows(summary, COLUMNS, weights, self.covariates)
        kinds, rows = self._learn_kinds(counted)
        self._check(rows)
        least = FEWEST_WITH_PRIORS if self.priors else (FEWEST_CUSTOMERS, FEWEST_REPEATERS)
        check_enough(rows, *least, self.title)
        distinct = merge_rows(rows, rows[[*COLUMNS, "kind"]])
        merged = None
        if self.merge_steps and len(distinct) > MERGE_ABOVE:
            merged = self._likelihoods(kinds, merge_nearby(distinct, self.merge_steps))
        start = (*self._start(distinct), *np.ones(len(kinds.names) - len(self.parameter_names)))
        self._estimate(self._likelihoods(kinds, distinct), merged, start, kinds.names)
        self._kinds = kinds
        return self

    def expected_purchases(self, summary: Any, t: float | pd.Series | Array) -> pd.Series:
        """Expected purchases of each customer in the `t` after their T (one number, or one a row).

        It is the probability of being alive times what a customer who is alive will buy.
        """
        rows = self.customers_of(summary)
        rows = rows.assign(t=self._times(t, len(rows)))
        purchases = self.probability_alive_of(rows) * self.of_each(
            rows, ["frequency", "T", "t"], lambda it, some: it.purchases_if_alive(*some[:2], some[2][:, None])
        )
        return pd.Series(purchases, rows.index, name="expected_purchases")

    def expected_probability_alive(self, summary: Any) -> pd.Series:
        """The probability that each customer has not left by the end of their T."""
        rows = self.customers_of(summary)
        return pd.Series(self.probability_alive_of(rows), rows.index, name="probability_alive")

    def expected_probability_active(self, summary: Any, t: float | pd.Series | Array) -> pd.Series:
        """The probability that each customer buys at least once in the `t` after their T (one number, or one a row).

        Unlike the probability of being alive it can be checked: some bought, and others did not.
        """
        rows = self.customers_of(summary)
        rows = rows.assign(t=self._times(t, len(rows)))
        silent = self.of_each(rows, ["frequency", "T", "t"], lambda it, some: it.silent_if_alive(*some))
        return pd.Series(self.probability_alive_of(rows) * (1 - silent), rows.index, name="probability_active")

    def expected_purchases_new_customer(self, t: npt.ArrayLike) -> float | Array:
        """Expected repeat purchases of somebody in the `t` after a first purchase."""
        times = self._times(t, None)
        answer = self.only_kind().purchases_of_newcomers(np.atleast_1d(times))
        return answer if np.ndim(t) else float(answer[0])

    def probability_of_n_purchases(self, n: int, t: npt.ArrayLike) -> float | Array:
        """Probability of exactly `n` repeat purchases in the `t` after a first one."""
        if n < 0 or n % 1:
            raise FormulaError(f"n is {n}: expected a whole number of purchases, 0 or more")
        answer = self.only_kind().probability_of_n(n, np.atleast_1d(self._times(t, None)))
        return answer if np.ndim(t) else float(answer[0])

    def expected_discounted_purchases(self, summary: Any, discount_rate: float = 0.10) -> pd.Series:
        """Expected purchases of each customer after T, for ever, each worth less the later it comes (DERT).

        `discount_rate` is per year and must be above 0. Fader, Hardie & Lee (2005), "RFM and CLV", Journal of
        Marketing Research 42(4), have the definition: discounted expected residual transactions.
        """
        from clvhelpers.models.value import discounted_purchases

        return discounted_purchases(self, summary, discount_rate)

    def expected_new_customer_lifetime_value(
        self,
        spend_model: "GammaGammaModel",
        horizon_months: int | None = 12,
        discount_rate: float = 0.10,
        margin: float = 1.0,
        **new: Any,
    ) -> float:
        """Expected profit of somebody about to become a customer; see `models.value.new_customer_value`."""
        from clvhelpers.models.value import new_customer_value

        return new_customer_value(self, spend_model, horizon_months, discount_rate, margin, **new)

    def expected_customer_lifetime_value(
        self,
        summary: Any,
        spend_model: "GammaGammaModel",
        horizon_months: int | None = 12,
        discount_rate: float = 0.10,
        margin: float = 1.0,
    ) -> pd.Series:
        """Expected profit of each customer in the months to come; see `models.value.lifetime_value`."""
        from clvhelpers.models.value import lifetime_value

        return lifetime_value(self, spend_model, summary, horizon_months, discount_rate, margin)

    def validate(self, holdout_summary: Any, **how: Any) -> "Validation":
        """Try the model on a period it has not seen; see `models.validation.validate`."""
        from clvhelpers.models.validation import validate

        return validate(self, holdout_summary, **how)

    @abstractmethod
    def _start(self, rows: pd.DataFrame) -> tuple[float, ...]:
        """Parameters from which the search for the most likely ones begins."""

    def _check(self, rows: pd.DataFrame) -> None:
        check_purchases(rows)

    def _likelihoods(self, kinds: Kinds, rows: pd.DataFrame) -> Likelihood:
        if not self.covariates:
            return self.likelihood(rows)
        codes = rows["kind"].astype(int)
        return OfKinds([(kinds.matrix(code), self.likelihood(rows[codes == code])) for code in sorted({*codes})])

    def customers_of(self, summary: Any, columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
        """The rows of a summary, checked, with the kind of each customer."""
        self._fitted  # noqa: B018  a model that was not fitted says so before it looks at data
        rows = read_rows(summary, columns, self.covariates)
        labels = rows[list(self.covariates)]
        rows = rows.drop(columns=list(self.covariates)).assign(kind=self._kinds.codes(labels))
        self._check(rows)
        return rows

    def probability_alive_of(self, rows: pd.DataFrame) -> Array:
        return self.of_each(rows, COLUMNS, lambda it, some: it.probability_alive(*some))

    def of_each(
        self,
        rows: pd.DataFrame,
        columns: Sequence[str],
        answer: Callable[[Any, list[Array]], Array],
    ) -> Array:
        """The answer for each row, computed once for each kind and for each distinct row of `columns`."""
        distinct, place = collapse(rows, ["kind", *columns])
        found = np.empty(len(distinct))
        for kind in sorted({*distinct["kind"]}):
            some = (distinct["kind"] == kind).to_numpy()
            values = [distinct[name].to_numpy()[some] for name in columns]
            found[some] = answer(self.equations_of(kind), values)
        return found[place]

    def _times(self, t: Any, rows: int | None) -> Array:
        times = np.asarray(t, dtype=float)
        if rows is not None and times.ndim and times.shape != (rows,):
            raise FormulaError(f"t has the shape {times.shape}: expected one number, or one for each of {rows} rows")
        if not np.isfinite(times).all() or (times < 0).any():
            raise FormulaError("t must be a time of 0 or more, in the model's unit")
        if self.discrete and (times % 1 != 0).any():
            raise FormulaError("t must be a whole number of opportunities to buy, 0 or more")
        return times
