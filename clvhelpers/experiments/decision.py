"""Ship, do not ship, or keep testing: what a lift with its uncertainty means against what the treatment costs.

With the lift taken as normal, mean L and standard error s, the net value of a roll-out to N customers at a cost of c
each and F once is normal too, with mean N (L - c) - F and standard deviation N s, and all else is in closed form. With
u(z) = phi(z) - z (1 - Phi(z)), the unit normal loss: shipping is expected to lose sd x u(mean / sd) in the cases where
it is wrong, not shipping sd x u(-mean / sd). Knowing the truth would save the smaller of the two.
Source: Raiffa & Schlaifer (1961), Applied Statistical Decision Theory, chapters 5 and 11.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.errors import ConfigError
from clvhelpers.experiments.effect import difference_and_error
from clvhelpers.experiments.guardrails import Guardrail
from clvhelpers.text import count, money, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Verdict = Literal["ship", "do not ship", "keep testing"]
NORMAL = NormalDist()
RISK = 0.20  # the largest probability of a loss at which one ships


class Checked(Protocol):
    """A check of the experiment that passes or does not, such as `sample_ratio`."""

    @property
    def passed(self) -> bool: ...


@dataclass(frozen=True, eq=False)
class Terms:
    """What a decision needs besides the lift; money is in `currency`."""

    cost: float
    customers: int
    fixed_cost: float = 0.0
    guardrails: Sequence[Guardrail] = ()
    sample_ratio: Checked | None = None
    risk: float = RISK
    test_cost: float | None = None
    level: float = 0.95
    currency: str = "USD"

    def check(self) -> None:
        """Refuse terms that can't be, all at once."""
        check_level(self.level)
        problems = [
            f"{name} is {value}: expected money, 0 or more"
            for name, value in (("cost", self.cost), ("fixed_cost", self.fixed_cost), ("test_cost", self.test_cost))
            if value is not None and not (np.isfinite(value) and value >= 0)
        ]
        if not (np.isfinite(self.customers) and self.customers >= 1):
            problems.append(f"customers is {self.customers}: expected how many the roll-out would treat, 1 or more")
        if not 0 < self.risk <= 0.5:
            problems.append(f"risk is {self.risk}: expected the largest probability of a loss, above 0 and up to 0.5")
        if isinstance(self.guardrails, Guardrail) or not all(isinstance(each, Guardrail) for each in self.guardrails):
            problems.append("guardrails must be a list of what guardrail(...) gives")
        if self.sample_ratio is not None and not hasattr(self.sample_ratio, "passed"):
            problems.append(f"sample_ratio is {self.sample_ratio!r}: expected what sample_ratio(...) gives")
        if problems:
            raise ConfigError(problems)


@dataclass(frozen=True, eq=False)
class Decision:
    """A verdict, and the numbers from which it follows.

    `frame` has one row for each assumption that the lift was computed under (one, `lift`, where only a number was
    given): `row`, `lift` and `standard_error` (money a customer), `probability` (of a net value above 0),
    `net_per_customer`, `net`, `low`, `high` (of the whole roll-out), `loss_of_shipping` and `loss_of_not_shipping`
    (what each is expected to lose where it is the wrong choice), `break_even_cost` (a customer, at which the expected
    net value is 0), `value_of_information` (of knowing the truth: the most that any test is worth),
    `value_of_testing_again` (of as much data again), `verdict` and `reason`. `row` names the one that decides.
    """

    frame: pd.DataFrame
    row: str
    terms: Terms
    what: str

    @property
    def numbers(self) -> dict[str, Any]:
        """The row that decides, by column."""
        row = self.frame[self.frame["row"] == self.row].to_dict("records")[0]
        return {str(name): value for name, value in row.items()}

    @property
    def verdict(self) -> Verdict:
        verdict: Verdict = self.numbers["verdict"]
        return verdict

    @property
    def depends_on_the_row(self) -> bool:
        """Whether another assumption would give another verdict."""
        return bool(self.frame["verdict"].nunique() > 1)

    @property
    def rule(self) -> str:
        """How the verdict comes about, in words."""
        risk, likely = percent(self.terms.risk, 0), percent(1 - self.terms.risk, 0)
        return (
            f"Ship if the expected net value is above 0, the probability of a loss is below {risk}, every guardrail "
            "passes and the arms have the sizes that were planned. Keep testing while neither a gain nor a loss has a "
            f"probability above {likely} (or a guardrail is open), unless as much data again costs more than it is "
            "worth. Otherwise do not ship."
        )

    def sentence(self) -> str:
        """The verdict, its reason, the money, and whether it hangs on what comes after the window."""
        row, terms = self.numbers, self.terms
        net, low, high = (money(row[name], terms.currency) for name in ("net", "low", "high"))
        parts = [
            f"{self.verdict.capitalize()}: {row['reason']}. For {count(terms.customers, 'customer')}, {self.what} is "
            f"expected to bring {net} after its cost ({percent(terms.level, 0)} interval {low} to {high}); the "
            f"probability that it pays for itself is {chance(row['probability'])}. It breaks even at a cost of "
            f"{money(row['break_even_cost'], terms.currency)} a customer."
        ]
        if len(self.frame) > 1:
            parts.append(self._beside())
        return " ".join(parts)

    def plot(self) -> "Picture":
        """The net value as a distribution, with the part below zero."""
        from clvhelpers.plots.experiments_decision import net_value

        return net_value(self)

    def _beside(self) -> str:
        if not self.depends_on_the_row:
            return "The verdict is the same under each assumption about the time after the window."
        others = self.frame[(self.frame["row"] != self.row) & (self.frame["verdict"] != self.verdict)]
        told = " and ".join(f"{one} ({name})" for name, one in zip(others["row"], others["verdict"], strict=True))
        return f"The verdict depends on what happens after the window: otherwise {told}."


def decide(
    lift: Any,
    standard_error: float | None = None,
    *,
    cost: float,
    customers: int,
    fixed_cost: float = 0.0,
    value: float = 1.0,
    arm: str | None = None,
    guardrails: Sequence[Guardrail] = (),
    sample_ratio: Checked | None = None,
    risk: float = RISK,
    test_cost: float | None = None,
    level: float = 0.95,
    currency: str = "USD",
) -> Decision:
    """A verdict on rolling a treatment out to `customers`, from a lift per customer.

    `lift` is money a customer with its `standard_error`, or a comparison: of `compare_means` with `value` the margin (a
    share of revenue), of `compare_rates` with `value` the money that one success is worth. For a `clv_lift` use its own
    `.decide`. `cost` is per treated customer, `fixed_cost` once. `risk` is the largest probability of a loss at which
    one ships; `test_cost` what as much data again would cost, delay included. See `Decision.rule`, and the module for
    the formulas. Raises `ConfigError` for terms that can't be.

    >>> decision = decide(0.664, 0.125, cost=0.50, customers=100_000)
    >>> decision.verdict, decision.frame["probability"].round(3).tolist(), decision.frame["net"].round().tolist()
    ('ship', [0.905], [16400.0])
    >>> decide(0.664, 0.125, cost=0.90, customers=100_000).verdict  # significant, and below its cost
    'do not ship'
    >>> decide(0.010, 0.010, cost=0, customers=100_000).verdict  # not significant, and free
    'ship'
    """
    terms = Terms(cost, customers, fixed_cost, guardrails, sample_ratio, risk, test_cost, level, currency)
    mean, error = _money(lift, standard_error, value, arm)
    return decide_rows({"lift": (mean, error)}, "lift", terms, what=arm or "the treatment")


def decide_rows(lifts: Mapping[str, tuple[float, float]], row: str, terms: Terms, what: str) -> Decision:
    """The decision for each lift with its standard error, by the name of its assumption; `row` is the one that decides.

    `what` is the arm that would be rolled out.
    """
    terms.check()
    found = [{"row": name, **_numbers(lift, error, terms)} for name, (lift, error) in lifts.items()]
    return Decision(pd.DataFrame(found), row, terms, what)


def _money(lift: Any, standard_error: float | None, value: float, arm: str | None) -> tuple[float, float]:
    if hasattr(lift, "decide"):
        raise ConfigError("a lift of clv_lift decides by itself: lift.decide(cost=..., customers=...)")
    if not np.isfinite(value) or value <= 0:
        raise ConfigError(f"value is {value}: expected what one unit of the difference is worth in money, above 0")
    if hasattr(lift, "frame"):
        difference, error = difference_and_error(lift, arm)
    elif standard_error is None:
        raise ConfigError("standard_error is missing: a lift without it can't be weighed against a cost")
    else:
        difference, error = float(lift), float(standard_error)
    if not (np.isfinite(difference) and np.isfinite(error) and error > 0):
        raise ConfigError(
            f"the lift is {difference} with a standard error of {error}: expected numbers, an error above 0"
        )
    return value * difference, value * error


def chance(probability: float) -> str:
    """A probability in words that never says that something is certain.

    >>> chance(0.998), chance(0.37), chance(0.0001)
    ('above 99%', '37%', 'below 1%')
    """
    if probability < 0.005 or probability > 0.995:
        return f"below {percent(0.01, 0)}" if probability < 0.5 else f"above {percent(0.99, 0)}"
    return percent(probability, 0)


def unit_normal_loss(z: float) -> float:
    """E[max(Z - z, 0)] of a standard normal Z.

    >>> round(unit_normal_loss(0), 6), round(unit_normal_loss(1), 5)
    (0.398942, 0.08332)
    """
    return max(NORMAL.pdf(z) - z * NORMAL.cdf(-z), 0.0)  # far out, rounding could make it a hair below 0


def _numbers(lift: float, error: float, terms: Terms) -> dict[str, Any]:
    mean = terms.customers * (lift - terms.cost) - terms.fixed_cost
    spread = terms.customers * error
    z = mean / spread
    half = NORMAL.inv_cdf(0.5 + terms.level / 2) * spread
    shipping, holding = spread * unit_normal_loss(z), spread * unit_normal_loss(-z)
    again = spread * np.sqrt(0.5)  # how far the best guess would move with as much data again
    numbers = {
        "lift": lift,
        "standard_error": error,
        "probability": NORMAL.cdf(z),
        "net_per_customer": mean / terms.customers,
        "net": mean,
        "low": mean - half,
        "high": mean + half,
        "loss_of_shipping": shipping,
        "loss_of_not_shipping": holding,
        "break_even_cost": lift - terms.fixed_cost / terms.customers,
        "value_of_information": min(shipping, holding),
        "value_of_testing_again": again * unit_normal_loss(abs(mean) / again),
    }
    verdict, reason = _verdict(numbers, terms)
    return numbers | {"verdict": verdict, "reason": reason}


def _verdict(numbers: dict[str, float], terms: Terms) -> tuple[Verdict, str]:
    """The rule; see `Decision.rule`."""
    if terms.sample_ratio is not None and not terms.sample_ratio.passed:
        return "do not ship", "the arms are not of the sizes planned, so no number of this test can be trusted"
    failed = [each.name for each in terms.guardrails if each.state == "fails"]
    if failed:
        return "do not ship", f"harm is shown by {', '.join(failed)}"
    gain, likely = numbers["probability"], percent(1 - terms.risk, 0)
    if numbers["net"] > 0 and 1 - gain < terms.risk:
        unsure = [each.name for each in terms.guardrails if each.state == "open"]
        if not unsure:
            return "ship", f"a loss has a probability of {chance(1 - gain)}, and {percent(terms.risk, 0)} is allowed"
        return _more_data(terms, numbers["net"], f"{', '.join(unsure)} can't rule harm out yet")
    if gain < terms.risk:
        return "do not ship", f"it costs more than it brings, with a probability of {chance(1 - gain)}"
    return _more_data(
        terms, numbers["value_of_testing_again"], f"neither a gain nor a loss has a probability above {likely}"
    )


def _more_data(terms: Terms, worth: float, why: str) -> tuple[Verdict, str]:
    """Keep testing, unless that costs more than it is worth."""
    if terms.test_cost is None or worth > terms.test_cost:
        return "keep testing", why
    cost, most = money(terms.test_cost, terms.currency), money(worth, terms.currency)
    return "do not ship", f"{why}, and as much data again costs {cost} and is worth {most} at most"
