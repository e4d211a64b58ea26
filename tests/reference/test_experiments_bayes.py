"""Bayesian rates against published numbers, and against closed forms in 40 digits."""

from decimal import Decimal, localcontext

import mpmath
import pytest

from clvhelpers.experiments import BayesianRates, bayesian_rates
from clvhelpers.experiments.bayes import Prior

DIGITS = 40
COOKIE_CATS = {
    "day 1": {"gate_30": (20034, 44700), "gate_40": (20119, 45489)},
    "day 7": {"gate_30": (8502, 44700), "gate_40": (8279, 45489)},
}


def cookie_cats(day: str) -> BayesianRates:
    return bayesian_rates(COOKIE_CATS[day], control="gate_30")


@pytest.mark.parametrize(
    ("day", "low", "high", "losses"),
    # by simulation, so their losses are right to 3e-6 only; the next test has all digits
    [("day 1", 0.9625, 0.9628, (0.0000502, 0.005954)), ("day 7", 0.99922, 0.99925, (5.1e-7, 0.008199))],
)
def test_cookie_cats(day: str, low: float, high: float, losses: tuple[float, float]) -> None:
    frame = cookie_cats(day).frame
    assert low <= frame["probability_best"][0] <= high
    assert frame["expected_loss"].to_list() == pytest.approx(losses, abs=3e-6)


def chance_above(first: Prior, second: Prior) -> Decimal:
    """P(first > second) for whole numbers, each term made from the last.

    Source: Miller (2015), Formulas for Bayesian A/B testing.
    """
    (a, b), (c, d) = (tuple(map(int, pair)) for pair in (first, second))
    with mpmath.workdps(DIGITS):
        term = Decimal(str(mpmath.beta(c, d + b) / mpmath.beta(c, d)))
    total = Decimal(0)
    for i in range(a):
        total += term
        term *= Decimal((c + i) * (b + i)) / ((c + d + b + i) * (1 + i))
    return total


def loss_of(chosen: Prior, other: Prior) -> Decimal:
    """E[max(other - chosen, 0)]: Stucchio (2015), Bayesian A/B testing at VWO."""
    (a, b), (c, d) = other, chosen
    higher = Decimal(a) / Decimal(a + b) * chance_above((a + 1, b), chosen)
    return higher - Decimal(c) / Decimal(c + d) * chance_above(other, (c + 1, d))


@pytest.mark.parametrize("day", ["day 1", "day 7"])
def test_cookie_cats_to_all_digits(day: str) -> None:
    found = cookie_cats(day)
    first, second = found.posteriors.values()
    with localcontext(prec=DIGITS):
        best = float(chance_above(second, first))
        losses = [float(loss_of(*pair)) for pair in ((first, second), (second, first))]
    assert found.frame["probability_best"].to_list() == pytest.approx([1 - best, best], rel=1e-9)
    assert found.frame["expected_loss"].to_list() == pytest.approx(losses, rel=1e-9)
