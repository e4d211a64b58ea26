"""What all models of customers with a contract share: they say when they leave, at one of equally spaced renewals.

A model of this kind says what share renews at the t-th renewal, t = 1, 2, ...; all else follows from that.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.errors import ConfigError, ConvergenceError, DataContractError, FormulaError
from clvhelpers.formulas.rates import PERIOD_NAMES, convert_rate
from clvhelpers.models.contract_parameters import ContractParameters
from clvhelpers.models.covariates import Kinds, ModelOfKinds, OfKinds
from clvhelpers.models.frames import Weights, count_rows
from clvhelpers.models.life_table import (
    LifeTable,
    RenewalLikelihood,
    check_enough,
    check_rows,
    count_renewals,
    rows_of_survivors,
)
from clvhelpers.models.likelihood import Likelihood
from clvhelpers.models.priors import Prior

if TYPE_CHECKING:
    from clvhelpers.models.contract_futures import ContractFutures
    from clvhelpers.models.contract_terms import ByCustomer

Array = np.ndarray
COLUMNS = ("duration", "left")


class ContractualModel(ModelOfKinds):
    """Retention, survival, lifetime and value of customers with a contract.

    `unit` is the time between two renewals: "D", "W", "M", "Q" or "Y". `priors` are optional: see Prior.
    `covariates` are columns of the rows with a label a customer, such as a plan: each level has a factor on how
    readily customers leave. After a fit: `parameters`, `standard_errors`, `covariance`, `log_likelihood`, `aic`,
    `customers`, `posterior()`.
    """

    short_name: ClassVar[str]
    fewest_renewals: ClassVar[int]
    equations: ClassVar[type[ContractParameters]]
    units = tuple(PERIOD_NAMES)
    prior_unit = "Y"
    _tables: Mapping[int, LifeTable]

    def __init__(
        self,
        unit: str = "M",
        *,
        priors: Mapping[str, Prior] | Literal["weak"] | None = None,
        covariates: Sequence[str] = (),
    ):
        super().__init__(unit, priors=priors, covariates=covariates)

    def fit(self, rows: Any, weights: Weights = None) -> Self:
        """Find the parameters under which these lifetimes are most likely, and return the model.

        `rows` is a pandas, Polars or Spark frame or a DuckDB relation with one row a customer, as from
        `churn.customer_spells`: `duration`, the periods from the start to the leaving, or to the end of
        observation; `left`, true (1) for who left then. Somebody who has paid three times and is still there has
        come through two renewals: a duration of 2 or 2.9 is the same. Customers who have met no renewal yet do no
        harm and tell nothing. Where there is a column `entry`, the age from which a customer was watched, those
        who left younger are not in the data, and the fit allows for it. `weights` counts rows more than once: a
        column's name or one number a row. Raises DataContractError for rows that can't be, NotEnoughDataError
        where nobody left, everybody left at once, or too few renewals were seen (less is asked where each parameter
        has a prior), ConvergenceError where customers don't live by this model; warns with BoundaryWarning where the
        data leave a parameter open.
        """
        self._fit = self._objective = None  # a fit that fails leaves no answer, and not the one before
        columns = [*COLUMNS, *({"entry"} & set(nw.from_native(rows).collect_schema().names()))]
        counted = count_rows(rows, columns, weights, self.covariates)
        counted = counted.assign(entry=counted.get("entry", 0.0))
        kinds, known = self._learn_kinds(counted)
        check_rows(known)
        likelihood = self._likelihood(kinds, known)
        self._estimate(likelihood, None, self._start(kinds), kinds.names)
        return self._settle(kinds)

    def fit_survivors(self, survivors: Sequence[float] | pd.Series | Array) -> Self:
        """Fit to one cohort's number of customers at the start and after each renewal: [1000, 869, 743, ...].

        Raises DataContractError for numbers that are missing, negative or rise, else as `fit`.
        """
        if self.covariates:
            raise ConfigError(f"one cohort's survivors have no {' or '.join(self.covariates)}: fit the rows instead")
        self._fit = self._objective = None
        rows = rows_of_survivors(np.asarray(survivors, dtype=float)).assign(kind=0)
        likelihood = self._likelihood(self._kinds, rows)
        self._estimate(likelihood, None, self._start(self._kinds), self._kinds.names)
        return self._settle(self._kinds)

    def expected_retention_rate(self, t: npt.ArrayLike) -> float | Array:
        """The share who renew of those who come to renewal `t` (1, 2, ...)."""
        return _like(t, np.exp(self.only_kind().log_retention(_whole("t", t, least=1))))

    def survival(self, t: npt.ArrayLike) -> float | Array:
        """The share of a cohort still there after `t` renewals (0, 1, ...)."""
        return _like(t, np.exp(self.only_kind().log_survival(_whole("t", t, least=0))))

    def retention_curve(self, periods: int) -> pd.DataFrame:
        """One row a renewal from 1 to `periods`: `period`, `retention`, `churn`, and `survival` of a new cohort."""
        period = np.arange(1, int(_whole("periods", periods, least=1)) + 1)
        retention = np.asarray(self.expected_retention_rate(period))
        frame = pd.DataFrame({"period": period, "retention": retention, "churn": 1 - retention})
        return frame.assign(survival=self.survival(period))

    def expected_lifetime(self, discount_rate: float = 0.10, periods: int | None = None) -> float:
        """Expected number of payments of a new customer, each worth less the later it comes; the first one is now.

        `discount_rate` is per year and converted once to the unit. `periods` counts only the first so many
        payments. Without discounting, and without `periods`, the mean may have no end: a FormulaError.
        """
        terms = self.discount(discount_rate), horizon(periods)
        return float(self.only_kind().still_to_come(np.array([0.0]), *terms)[0])

    def expected_residual_lifetime(
        self, paid: npt.ArrayLike = 1, discount_rate: float = 0.10, periods: int | None = None
    ) -> float | Array | pd.Series:
        """Expected payments still to come of a customer who has `paid` so many times, just before the next is due.

        `paid` may be several (an array, or a Series, whose index is kept).

        The next payment is made by those who renew and is not discounted (DERL of Fader & Hardie 2010, equation 7).
        `discount_rate` and `periods` as for `expected_lifetime`.
        """
        terms = self.discount(discount_rate), horizon(periods)
        left = self.only_kind().still_to_come(_whole("paid", paid, least=1), *terms)
        if isinstance(paid, pd.Series):
            return pd.Series(left, paid.index, name="expected_residual_lifetime")
        return _like(paid, left)

    def expected_customer_lifetime_value(
        self,
        paid: "ByCustomer" = 0,
        *,
        price: "ByCustomer",
        margin: "ByCustomer" = 1.0,
        discount_rate: float = 0.10,
        periods: int | None = None,
        acquisition_cost: "ByCustomer" = 0.0,
        first_payment: bool = True,
        customers: pd.DataFrame | None = None,
    ) -> Any:
        """What customers are expected to bring from now on: margin x price x discounted payments, less what they cost.

        `paid` counts the payments that a customer has made. With 0 somebody is new and pays now for the first time;
        with more the next payment is due now, and those who renew make it. `first_payment=False` leaves out the
        payment that is due now, such as a free first month. `price` is per period, `margin` the share of it that is
        kept, `discount_rate` per year; `periods` counts only the first so many payments, None all. `acquisition_cost`
        is subtracted from new customers only: for the others it is spent.

        Each of `paid`, `price`, `margin` and `acquisition_cost` is one number, or one a customer (an array or a
        Series, whose index is kept). With `customers`, a frame with one row each, it may be the name of a column, and
        a mapping such as {"basic": 9.99, "pro": 19.99} is looked up in the column `plan`; a model with covariates
        takes them from there. A mapping without `customers` asks for a new customer of each plan. Raises FormulaError
        for terms that can't be, all listed.

        >>> from clvhelpers import ShiftedBetaGeoModel
        >>> model = ShiftedBetaGeoModel("Y").with_parameters(alpha=0.7041, beta=1.182)
        >>> round(model.expected_customer_lifetime_value(price=100, margin=0.5, acquisition_cost=80), 2)
        104.74
        >>> base = pd.DataFrame({"plan": ["basic", "pro"], "paid": [1, 5]}, index=["Ada", "Bo"])
        >>> price = {"basic": 60.0, "pro": 120.0}
        >>> model.expected_customer_lifetime_value("paid", price=price, customers=base).round(2).to_dict()
        {'Ada': 177.85, 'Bo': 707.28}
        """
        from clvhelpers.models.contract_terms import contract_value

        given = {"paid": paid, "price": price, "margin": margin, "acquisition_cost": acquisition_cost}
        return contract_value(self, given, customers, discount_rate, periods, first_payment)

    def simulate_payments(
        self,
        paid: "ByCustomer" = 0,
        *,
        price: "ByCustomer",
        margin: "ByCustomer" = 1.0,
        discount_rate: float = 0.10,
        periods: int,
        acquisition_cost: "ByCustomer" = 0.0,
        first_payment: bool = True,
        customers: pd.DataFrame | None = None,
        draws: int = 1000,
        seed: int = 0,
    ) -> "ContractFutures":
        """What a base of customers may really bring in the next `periods`: possible futures, with their chances.

        Each of `draws` futures takes parameters from the posterior and lets customers renew or leave by chance, so
        the answer allows for both. A new cohort of 1,000 is `paid=np.zeros(1000)`. Other arguments as of
        `expected_customer_lifetime_value`; `periods` must be given. One `seed` gives one answer.

        >>> from clvhelpers import ShiftedBetaGeoModel
        >>> model = ShiftedBetaGeoModel("Y").fit_survivors([1000, 631, 468, 382, 326, 289, 262, 241])
        >>> futures = model.simulate_payments(np.full(200, 3), price=100, periods=3, draws=200)
        >>> answer = futures.interval().loc["customers"]
        >>> round(float(answer["expected"]), 1), bool(100 < answer["low"] < 120 < answer["high"] < 150)
        (123.4, True)
        """
        from clvhelpers.models.contract_futures import simulate_payments

        given = {"paid": paid, "price": price, "margin": margin, "acquisition_cost": acquisition_cost}
        return simulate_payments(self, given, customers, discount_rate, periods, first_payment, draws, seed)

    def interval(
        self, of: Callable[[Self], npt.ArrayLike], level: float = 0.90, draws: int = 1000, seed: int = 0
    ) -> pd.DataFrame:
        """How well the data tell the answer to a question: `model.interval(lambda model: model.survival(12))`.

        `of` takes a model and gives a number, an array or a Series. One row for each number: its `estimate`, and
        `low` and `high`, the middle `level` of its answers over posterior draws of the parameters. It is an interval
        for what is expected, as of an endless number of customers; `simulate_payments` adds the chance in what a
        base of some size really does. One `seed` gives one answer. Raises what `of` raises at any of the draws.
        """
        if not 0 < level < 1:
            raise FormulaError(f"level is {level}: expected a probability between 0 and 1, such as 0.90")
        answer = of(self)
        drawn = [np.ravel(of(self.at(row))) for row in self.posterior(draws, seed).frame.to_numpy()]
        low, high = np.quantile(np.array(drawn, dtype=float), [(1 - level) / 2, (1 + level) / 2], axis=0)
        index = answer.index if isinstance(answer, pd.Series) else None
        return pd.DataFrame({"estimate": np.ravel(answer), "low": low, "high": high}, index)

    def at(self, parameters: Array) -> Self:
        """The same model at other parameters, in the order of a posterior's columns."""
        moved = copy(self)
        moved._fit = replace(self._fitted, log_parameters=np.log(parameters))
        return moved

    def discount(self, discount_rate: float) -> float:
        """The discount per period of a rate per year."""
        if not 0 <= discount_rate < np.inf:
            raise FormulaError(f"discount_rate is {discount_rate}: expected 0 or more, per year (0.1 for 10%)")
        return float(convert_rate(discount_rate, "Y", self.unit))

    def kinds_of(self, customers: pd.DataFrame | None, number: int) -> Array:
        """The kind of each of `number` customers; `customers` has a column for each covariate."""
        if not self.covariates:
            return np.zeros(number, dtype=np.int64)
        if customers is None:
            raise ConfigError(f"customers is not given: expected a frame with {' and '.join(self.covariates)}")
        missing = [name for name in self.covariates if name not in customers]
        if missing:
            raise DataContractError(f"customers has no column {', '.join(map(repr, missing))}, which the fit knows")
        return self._kinds.codes(customers[list(self.covariates)])

    def _likelihood(self, kinds: Kinds, rows: pd.DataFrame) -> Likelihood:
        """Of the life tables of all kinds, if they are enough."""
        believed = all(name in self.priors for name in self.parameter_names)
        fewest = 0 if believed else self.fewest_renewals
        check_enough(count_renewals(rows), PERIOD_NAMES[self.unit], self.short_name, fewest)
        kind = rows["kind"].to_numpy()
        self._tables = {int(code): count_renewals(rows[kind == code]) for code in np.unique(kind)}
        return self._of_tables(kinds)

    def _of_tables(self, kinds: Kinds) -> Likelihood:
        if not self.covariates:
            return RenewalLikelihood(self._tables[0], self.equations)
        parts = [(kinds.matrix(kind), RenewalLikelihood(some, self.equations)) for kind, some in self._tables.items()]
        return OfKinds(parts)

    def _start(self, kinds: Kinds) -> tuple[float, ...]:
        """Parameters with the mean probability to leave that all renewals together show; all factors are 1."""
        renewed = sum(table.renewed.sum() for table in self._tables.values())
        lost = sum(table.lost.sum() for table in self._tables.values())
        return 1.0, max(float((renewed + 0.5) / (lost + 0.5)), 0.1), *np.ones(len(kinds.names) - 2)

    def _settle(self, kinds: Kinds) -> Self:
        """Keep the kinds of customers, unless the fit means nothing."""
        self._kinds = kinds
        try:
            self._check_fit()
        except ConvergenceError:
            self._fit = self._objective = None
            raise
        return self

    def _check_fit(self) -> None:
        """Raise ConvergenceError for a fit that means nothing."""


def horizon(periods: int | None) -> int | None:
    """A whole number of periods, or None for no end."""
    return None if periods is None else int(_whole("periods", periods, least=0))


def _whole(name: str, value: npt.ArrayLike, least: int) -> Array:
    numbers = np.asarray(value, dtype=float)
    if not np.isfinite(numbers).all() or (numbers % 1 != 0).any() or (numbers < least).any():
        raise FormulaError(f"{name} must be a whole number of {least} or more, or several")
    return numbers


def _like(given: npt.ArrayLike, answer: Array) -> float | Array:
    return answer if np.ndim(given) else float(answer)
