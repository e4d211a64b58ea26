"""Bayesian rates: quadrature against exact integrals and simulation, money, and arguments that can't be."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import betainc, betaln

from clvhelpers.errors import ConfigError, ExperimentError
from clvhelpers.experiments import bayesian_rates
from clvhelpers.experiments.bayes import best_and_loss
from tests.figures import title_of


def integral(curve: Callable[[float], float]) -> float:
    return float(quad(curve, 0, 1, points=[0.05, 0.3, 0.8, 0.95], epsabs=1e-12, limit=200)[0])


def test_quadrature_holds_for_wide_narrow_and_many_arms() -> None:
    """The definitions on the scale of the rates, by another quadrature."""
    posteriors = [(2.0, 18.0), (11.0, 1.5), (200.0, 40.0)]
    best, loss = best_and_loss(np.array(posteriors))
    for i, (a, b) in enumerate(posteriors):
        others = np.array(posteriors[:i] + posteriors[i + 1 :]).T

        def highest(x: float, a: float = a, b: float = b, others: Any = others) -> float:
            return np.exp((a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - betaln(a, b)) * betainc(*others, x).prod()

        def beaten(x: float, a: float = a, b: float = b, others: Any = others) -> float:
            return betainc(a, b, x) * (1 - betainc(*others, x).prod())

        assert (best[i], loss[i]) == pytest.approx((integral(highest), integral(beaten)), abs=1e-10)


def test_quadrature_holds_at_the_edges() -> None:
    # P(Beta(1, n) > Beta(1, m)) = m / (n + m), also where one curve is 10 million times as narrow as the other
    best, _ = best_and_loss(np.array([[1.0, 1e7], [1.0, 3.0]]))
    assert best[0] == pytest.approx(3 / (1e7 + 3), rel=1e-9)
    # P(Beta(a, 1) > Beta(c, 1)) = a / (a + c), with priors that have no end at 0
    best, _ = best_and_loss(np.array([[0.02, 1.0], [0.5, 1.0]]))
    assert best == pytest.approx([0.02 / 0.52, 0.5 / 0.52], rel=1e-9)


def test_several_arms_agree_with_draws() -> None:
    counts = {"control": (40, 200), "short": (52, 210), "long": (49, 190), "none": (0, 15)}
    found = bayesian_rates(counts)
    draws = np.random.default_rng(6).beta(
        *np.array([found.posteriors[arm] for arm in found.frame["arm"]]).T, (40000, 4)
    )
    share_best = np.bincount(draws.argmax(axis=1), minlength=4) / len(draws)
    np.testing.assert_allclose(found.frame["probability_best"], share_best, atol=0.01)
    np.testing.assert_allclose(
        found.frame["expected_loss"], (draws.max(axis=1)[:, None] - draws).mean(axis=0), atol=1e-3
    )
    above = (draws[:, 1:] > draws[:, :1]).mean(axis=0)
    np.testing.assert_allclose(found.frame["probability_above_control"][1:], above, atol=0.01)
    assert found.frame["probability_above_control"].isna().to_list() == [True, False, False, False]


def test_probability_keeps_its_promise_on_average() -> None:
    """Where true rates come from the prior, arms called the better one are so as often as was said."""
    rng = np.random.default_rng(11)
    rates = rng.beta(3, 7, (80, 2))
    ones = rng.binomial(60, rates)
    posteriors = np.stack([3 + ones, 7 + 60 - ones], axis=2).astype(float)
    chances = np.array([best_and_loss(pair)[0] for pair in posteriors])
    called = chances.argmax(axis=1)
    assert 0.8 < chances.max(axis=1).mean() < 0.95
    assert np.mean(called == rates.argmax(axis=1)) == pytest.approx(chances.max(axis=1).mean(), abs=0.09)


def test_priors_change_what_is_believed_and_money_follows() -> None:
    counts = {"control": (0, 20), "offer": (20, 20)}  # zero events, all events: Beta needs no other formula
    frame = bayesian_rates(counts, prior={"control": (1, 1), "offer": (10, 30)}).frame
    assert frame["rate"].to_list() == pytest.approx([1 / 22, 30 / 60])
    valued = bayesian_rates({"control": (30, 100), "offer": (36, 100)}, value_per_success=12, customers=5000)
    assert valued.best == "offer"
    np.testing.assert_allclose(valued.frame["expected_loss_money"], valued.frame["expected_loss"] * 60000)
    assert "for 5,000 customers" in valued.sentence()
    each = bayesian_rates({"control": (30, 100), "offer": (36, 100)}, value_per_success=12, currency="GBP")
    assert "points or £0.79 a customer." in each.sentence()
    assert "expected_loss_money" not in bayesian_rates(counts).frame


def test_sentence_of_a_frame_and_its_figure() -> None:
    frame = pd.DataFrame({"group": ["a"] * 50 + ["b"] * 50, "kept": [1] * 20 + [0] * 30 + [1] * 32 + [0] * 18})
    found = bayesian_rates(frame, "kept", arm="group", control="a")
    assert found.sentence().startswith("b has the highest rate with probability 99.")
    assert "choosing a, 23." in found.sentence()
    shown = found.plot()
    assert title_of(shown) in shown.alt
    a, b = shown.figure.axes[0].get_lines()
    assert a.get_xdata()[a.get_ydata().argmax()] == pytest.approx(0.4, abs=0.01)
    assert b.get_xdata()[b.get_ydata().argmax()] == pytest.approx(0.64, abs=0.01)


def test_arguments_that_cannot_be_are_all_named() -> None:
    counts = {"control": (3, 10), "offer": (5, 10)}
    with pytest.raises(ConfigError) as caught:
        bayesian_rates(counts, prior=(0, 1), value_per_success=-1, customers=0, level=2)
    assert [problem[:25] for problem in caught.value.problems] == [
        "the prior of each arm is ",
        "value_per_success is -1: ",
        "customers is 0: expected ",
        "level is 2: expected a sh",
    ]
    with pytest.raises(ConfigError, match="no prior for the arm offer"):
        bayesian_rates(counts, prior={"control": (1, 1)})
    with pytest.raises(ConfigError, match="together with value_per_success"):
        bayesian_rates(counts, customers=100)
    with pytest.raises(ExperimentError, match="nobody is in the arm offer"):
        bayesian_rates({"control": (3, 10), "offer": (0, 0)})
