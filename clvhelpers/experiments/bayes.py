"""Rates read the Bayesian way: how likely each arm is to be the best, and what a wrong choice costs.

With a Beta prior the rate of an arm, after s of n units had the outcome, is Beta(a + s, b + n - s): exactly, without
simulation. What follows from several such rates is an integral over one number, done here by quadrature on the
scale of the log-odds, where every curve is smooth and dies away on both sides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import betainc, betaincinv, betaln, expit, log_expit, polygamma, psi

from clvhelpers.errors import ConfigError
from clvhelpers.experiments.arms import ArmCounts, Array, arm_counts
from clvhelpers.text import count, money, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

NODES = 20  # of each panel, which is at most one standard deviation wide where a curve has its bulk
DEVIATIONS = np.arange(-9.0, 10.0)
FAR = 40.0  # a curve has fallen by exp(-40) there
CERTAIN = 0.9995
Prior = tuple[float, float]


@dataclass(frozen=True, eq=False)
class BayesianRates:
    """What the data and the prior say about the rate of each arm.

    `frame` has one row an arm, control first: `arm, successes, units, rate` (mean of the posterior), `low, high`
    (equal tails), `probability_best`, `probability_above_control` (missing for the control), `expected_loss` (how
    much rate is lost on average by choosing this arm, in all cases in which another is better), and with a value
    `expected_loss_money`, for `customers` customers. `posteriors` are the two numbers of each arm's Beta.
    """

    frame: pd.DataFrame
    posteriors: dict[str, Prior]
    level: float
    customers: int | None
    currency: str

    @property
    def best(self) -> str:
        """The arm with the smallest expected loss."""
        return str(self.frame["arm"].iloc[int(self.frame["expected_loss"].argmin())])

    def sentence(self) -> str:
        """Which arm is best, how surely, and what choosing each would lose on average."""
        rows = {row["arm"]: row for row in self.frame.to_dict("records")}
        chosen = rows[self.best]
        others = "; ".join(f"choosing {arm}, {self._loss(row)}" for arm, row in rows.items() if arm != self.best)
        return (
            f"{self.best} has the highest rate with probability {probability(chosen['probability_best'])}. "
            f"Choosing it loses {self._loss(chosen)} on average, over all cases in which it is not the best; "
            f"{others}."
        )

    def plot(self) -> "Picture":
        """The posterior of each arm as a curve."""
        from clvhelpers.plots.experiments_bayes import posterior_curves

        return posterior_curves(self)

    def _loss(self, row: Mapping[Any, Any]) -> str:
        points = 100 * row["expected_loss"]
        shown = "less than 0.001 points" if points < 0.001 else f"{number(points, 3)} points"
        if "expected_loss_money" not in row:
            return shown
        whom = "a customer" if self.customers is None else f"for {count(self.customers, 'customer')}"
        return f"{shown} or {money(row['expected_loss_money'], self.currency)} {whom}"


def bayesian_rates(
    data: Any,
    outcome: str | None = None,
    *,
    prior: Prior | Mapping[str, Prior] = (1, 1),
    value_per_success: float | None = None,
    customers: int | None = None,
    currency: str = "USD",
    arm: str = "arm",
    control: str = "control",
    level: float = 0.95,
) -> BayesianRates:
    """The posterior of each arm's rate, how likely it is the best, and the expected loss of choosing it.

    `data` as for `arm_counts`. `prior` is the Beta before the experiment, (1, 1) for "any rate is as likely", one for
    all arms or a mapping with one for each: (30, 70) is worth 100 customers of whom 30 had the outcome. With
    `value_per_success` (money for one more success, in `currency`) the loss is in money too, for one customer or for
    `customers` to whom the arm will be rolled out.

    No Monte Carlo: P(best) of arm a is the integral of its density times the other arms' distribution functions, and
    its expected loss that of F_a (1 - product of the others' F), so that small losses keep all their digits.
    The probability holds if the experiment is read once, at its planned end, and if the prior is believed.

    Raises what `arm_counts` raises, and `ConfigError` for a prior, value or number of customers that is not above 0.
    Sources: Gelman et al. (2013), Bayesian Data Analysis, section 2.4; Stucchio (2015), Bayesian A/B testing at VWO.

    >>> found = bayesian_rates({"gate_30": (20034, 44700), "gate_40": (20119, 45489)}, control="gate_30")
    >>> found.frame[["probability_best", "expected_loss"]].round(5).to_numpy().tolist()
    [[0.96279, 5e-05], [0.03721, 0.00595]]
    """
    counts = arm_counts(data, outcome, arm=arm, control=control)
    priors = _check(counts, prior, value_per_success, customers, level)
    posteriors = {
        name: (priors[name][0] + counts.successes[name], priors[name][1] + n - counts.successes[name])
        for name, n in counts.units.items()
    }
    frame = _frame(counts, posteriors, (1 - level) / 2)
    if value_per_success is not None:
        frame["expected_loss_money"] = frame["expected_loss"] * value_per_success * (customers or 1)
    return BayesianRates(frame, posteriors, level, customers, currency)


def _frame(counts: ArmCounts, posteriors: Mapping[str, Prior], tail: float) -> pd.DataFrame:
    best, loss = best_and_loss(np.array(list(posteriors.values()), dtype=float))
    a, b = np.array(list(posteriors.values()), dtype=float).T
    return pd.DataFrame(
        {
            "arm": counts.arms,
            "successes": list(counts.successes.values()),
            "units": list(counts.units.values()),
            "rate": a / (a + b),
            "low": betaincinv(a, b, tail),
            "high": betaincinv(a, b, 1 - tail),
            "probability_best": best,
            "probability_above_control": [np.nan, *(_above(posteriors, counts.control, n) for n in counts.arms[1:])],
            "expected_loss": loss,
        }
    )


def best_and_loss(posteriors: Array) -> tuple[Array, Array]:
    """P(best) and expected loss of each of several Betas, given as rows (a, b).

    >>> best, loss = best_and_loss(np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]))
    >>> best.round(12).tolist(), loss.round(12).tolist()  # E[max of three uniforms] - 1/2 = 1/4
    ([0.333333333333, 0.333333333333, 0.333333333333], [0.25, 0.25, 0.25])
    """
    a, b = posteriors.T[:, :, None]
    odds, weights = _grid(posteriors)
    rate, rest = expit(odds), expit(-odds)
    below, above = betainc(a, b, rate), betainc(b, a, rest)
    density = np.exp(a * log_expit(odds) + b * log_expit(-odds) - betaln(a, b))
    best, loss = np.empty(len(posteriors)), np.empty(len(posteriors))
    for i in range(len(posteriors)):
        others = np.arange(len(posteriors)) != i
        best[i] = (weights * density[i]) @ below[others].prod(axis=0)
        # 1 - product of F, from 1 - F, which keeps its digits where F is all but 1
        one_higher = -np.expm1(np.log1p(-np.minimum(above[others], 1 - 1e-16)).sum(axis=0))
        loss[i] = (weights * rate * rest * below[i]) @ one_higher
    return best / best.sum(), loss


def _grid(posteriors: Array) -> tuple[Array, Array]:
    """Points and weights on the log-odds: Gauss-Legendre between breaks that are dense where any curve has its bulk."""
    a, b = posteriors.T
    centre, width = psi(a) - psi(b), np.sqrt(polygamma(1, a) + polygamma(1, b))
    bulk = centre[:, None] + width[:, None] * DEVIATIONS
    # beyond the bulk a curve falls like exp(a t) to the left and exp(-b t) to the right
    far = np.linspace(0, FAR, 9)
    breaks = np.unique(
        np.concatenate([bulk, centre[:, None] - far / a[:, None], centre[:, None] + far / b[:, None]], axis=None)
    )
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half = np.diff(breaks)[:, None] / 2
    return (breaks[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()


def _above(posteriors: Mapping[str, Prior], control: str, name: str) -> float:
    best, _ = best_and_loss(np.array([posteriors[control], posteriors[name]], dtype=float))
    return float(best[1])


def _check(
    counts: ArmCounts, prior: Prior | Mapping[str, Prior], value: float | None, customers: int | None, level: float
) -> dict[str, Prior]:
    """The prior of each arm, or every problem of the arguments at once."""
    given: Any = prior if isinstance(prior, Mapping) else {"each arm": prior}
    problems = [
        f"the prior of {name} is {numbers}: expected two numbers above 0, such as (1, 1)"
        for name, numbers in given.items()
        if len(numbers) != 2 or not all(np.isfinite(x) and x > 0 for x in numbers)
    ]
    given = given if isinstance(prior, Mapping) else dict.fromkeys(counts.arms, prior)
    problems += [f"no prior for the arm {name}: give one for each arm" for name in counts.arms if name not in given]
    if value is not None and not (np.isfinite(value) and value > 0):
        problems.append(f"value_per_success is {value}: expected money above 0 for one more success")
    if customers is not None and (value is None or customers <= 0):
        problems.append(f"customers is {customers}: expected a number above 0, together with value_per_success")
    if not 0 < level < 1:
        problems.append(f"level is {level}: expected a share between 0 and 1, such as 0.95")
    if problems:
        raise ConfigError(problems)
    return {name: (float(given[name][0]), float(given[name][1])) for name in counts.arms}


def probability(value: float) -> str:
    """A probability in words that never claims certainty.

    >>> probability(0.9628), probability(0.99997), probability(0.00001)
    ('96.3%', 'more than 99.9%', 'less than 0.1%')
    """
    if value >= CERTAIN:
        return f"more than {percent(0.999)}"
    return f"less than {percent(0.001)}" if value <= 1 - CERTAIN else percent(value)
