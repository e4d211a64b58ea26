"""Decisions: closed forms against simulation and on both sides of each line, guardrails, and what can't be weighed."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clvhelpers.errors import ConfigError
from clvhelpers.experiments import clv_lift, compare_means, compare_rates, decide, guardrail
from clvhelpers.experiments.decision import Decision

SURVIVORS = {
    "control": [10_000, 7_576, 6_251, 5_397, 4_794, 4_343, 3_990],
    "offer": [10_000, 7_869, 6_612, 5_779, 5_182, 4_728, 4_370],
}


@dataclass(frozen=True)
class Check:
    passed: bool


def decided(lift: float = 0.66, error: float = 0.12, **changed: Any) -> Decision:
    return decide(lift, error, **{"cost": 0.5, "customers": 100_000, **changed})


def test_closed_forms_are_those_of_many_worlds() -> None:
    truth = np.random.default_rng(8).normal(0.66, 0.12, 400_000)
    net = 50_000 * (truth - 0.5) - 4_000
    found = decided(customers=50_000, fixed_cost=4_000).numbers
    assert found["net"] == pytest.approx(4_000)
    assert found["net_per_customer"] == pytest.approx(0.08)
    assert found["probability"] == pytest.approx((net > 0).mean(), abs=0.002)
    assert found["loss_of_shipping"] == pytest.approx(np.maximum(-net, 0).mean(), rel=0.01)
    assert found["loss_of_not_shipping"] == pytest.approx(np.maximum(net, 0).mean(), rel=0.01)
    assert found["value_of_information"] == pytest.approx(np.maximum(net, 0).mean() - max(net.mean(), 0), rel=0.01)
    assert [found["low"], found["high"]] == pytest.approx(np.quantile(net, [0.025, 0.975]), rel=0.01)
    even = decided(customers=50_000, cost=found["break_even_cost"], fixed_cost=4_000).numbers
    assert even["net"] == pytest.approx(0, abs=1e-6)


def test_a_second_test_is_worth_what_it_changes() -> None:
    """Played: the truth, then a second estimate as exact as the first, then the better choice by both."""
    rng = np.random.default_rng(9)
    truth = rng.normal(0.52, 0.12, 400_000)
    both = (0.52 + rng.normal(truth, 0.12)) / 2
    gain = np.where(both > 0.5, truth - 0.5, 0).mean() - 0.02
    found = decided(lift=0.52, customers=1_000).numbers
    assert found["value_of_testing_again"] == pytest.approx(1_000 * gain, rel=0.02)
    assert found["value_of_testing_again"] < found["value_of_information"]


def test_the_expected_losses_differ_by_the_expected_value() -> None:
    for cost in (0.1, 0.66, 0.9, 3.0):
        found = decided(cost=cost).numbers
        assert found["loss_of_not_shipping"] - found["loss_of_shipping"] == pytest.approx(found["net"], abs=1e-6)
        assert min(found["loss_of_shipping"], found["loss_of_not_shipping"], found["value_of_testing_again"]) >= 0


def test_the_verdict_turns_where_the_rule_says() -> None:
    edge = 0.66 - 0.12 * NormalDist().inv_cdf(0.80)  # the cost at which a loss has a probability of 20%
    assert decided(cost=edge - 0.001).verdict == "ship"
    assert decided(cost=edge + 0.001).verdict == "keep testing"
    other = 0.66 + 0.12 * NormalDist().inv_cdf(0.80)
    assert decided(cost=other - 0.001).verdict == "keep testing"
    assert decided(cost=other + 0.001).verdict == "do not ship"
    assert decided(cost=edge - 0.001, risk=0.1).verdict == "keep testing"


def test_significance_is_neither_needed_nor_enough() -> None:
    assert decide(0.010, 0.010, cost=0, customers=100_000).verdict == "ship"  # p = 0.32, and free
    assert decide(0.664, 0.125, cost=0.90, customers=100_000).verdict == "do not ship"  # p < 0.000001, below cost
    assert decide(-0.010, 0.010, cost=0, customers=100_000).verdict == "do not ship"


def test_testing_goes_on_only_while_it_is_worth_its_cost() -> None:
    worth = decided(cost=0.6).numbers["value_of_testing_again"]
    assert decided(cost=0.6, test_cost=worth - 1).verdict == "keep testing"
    stopped = decided(cost=0.6, test_cost=worth + 1)
    assert stopped.verdict == "do not ship"
    assert "as much data again costs" in stopped.sentence()


def test_a_broken_split_or_harm_stops_what_pays() -> None:
    fine = guardrail((0.0, -0.005, 0.005), margin=0.01, better="higher", name="Orders")
    unsure = guardrail((0.0, -0.02, 0.02), margin=0.01, better="higher", name="Satisfaction")
    harm = guardrail((0.03, 0.02, 0.04), margin=0.01, better="lower", name="Refunds")
    assert decided(cost=0, guardrails=[fine], sample_ratio=Check(True)).verdict == "ship"
    assert (
        decided(cost=0, guardrails=[fine, harm, unsure]).sentence().startswith("Do not ship: harm is shown by Refunds.")
    )
    assert (
        decided(cost=0, guardrails=[fine, unsure]).sentence().startswith("Keep testing: Satisfaction can't rule harm")
    )
    assert decided(cost=0, guardrails=[unsure], test_cost=1e9).verdict == "do not ship"
    broken = decided(cost=0, guardrails=[fine], sample_ratio=Check(False))
    assert broken.verdict == "do not ship"
    assert "no number of this test can be trusted" in broken.sentence()


@pytest.mark.parametrize(
    ("effect", "better", "state"),
    [
        ((-0.004, -0.009, 0.001), "higher", "passes"),
        ((-0.006, -0.011, -0.001), "higher", "open"),  # a significant fall, and perhaps within the margin
        ((-0.020, -0.029, -0.011), "higher", "fails"),
        ((0.004, -0.001, 0.009), "lower", "passes"),
        ((0.006, 0.001, 0.011), "lower", "open"),
        ((0.020, 0.011, 0.029), "lower", "fails"),
        ((0.050, 0.020, 0.080), "higher", "passes"),
        ((0.0, -0.010, 0.010), "higher", "open"),  # on the margin is not within it
    ],
)
def test_a_guardrail_rules_harm_out_and_does_not_look_for_it(effect: Any, better: Any, state: str) -> None:
    found = guardrail(effect, margin=0.01, better=better, name="Visits")
    assert (found.state, found.passed) == (state, state == "passes")
    assert found.frame["state"].to_list() == [state]
    word = {"passes": "ruled out", "open": "neither shown nor ruled out", "fails": "is shown"}[state]
    assert word in found.sentence()
    assert ("a fall" if better == "higher" else "a rise") in found.sentence()
    assert found.plot().alt.endswith(f"A line marks the margin, {'-' if better == 'higher' else ''}0.01.")


def test_a_guardrail_takes_a_comparison() -> None:
    rates = compare_rates({"control": (4_500, 10_000), "offer": (4_480, 10_000)})
    found = guardrail(rates, margin=0.02, better="higher")
    assert found.difference == pytest.approx(-0.002)
    assert (found.low, found.high) == (rates.frame["low"][0], rates.frame["high"][0])
    assert found.passed
    assert guardrail(rates, margin=0.01, better="higher").state == "open"


def test_revenue_in_the_window_is_decided_on_its_margin() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"arm": ["control", "offer"] * 2_000, "revenue": rng.gamma(2, 20, 4_000)})
    frame["revenue"] += 5.0 * (frame["arm"] == "offer")
    means = compare_means(frame, "revenue")
    row = means.frame.iloc[0]
    found = decide(means, value=0.4, cost=1.0, customers=1_000).numbers
    assert found["lift"] == pytest.approx(0.4 * row["difference"])
    assert found["standard_error"] == pytest.approx(0.4 * row["standard_error"])


def test_a_rate_is_decided_on_what_a_success_is_worth() -> None:
    counts = {"control": (900, 10_000), "call": (930, 10_000), "offer": (1_050, 10_000)}
    rates = compare_rates(counts)
    found = decide(rates, value=40.0, cost=0.3, customers=1_000, arm="offer").numbers
    assert found["lift"] == pytest.approx(40 * 0.015)
    error = np.sqrt(sum(ones / n * (1 - ones / n) / n for ones, n in (counts["control"], counts["offer"])))
    assert found["standard_error"] == pytest.approx(40 * error, rel=0.01)
    with pytest.raises(ConfigError, match="arm is not given: name one of call, offer"):
        decide(rates, value=40.0, cost=0.3, customers=1_000)
    with pytest.raises(ConfigError, match="no arm is called 'visit'"):
        decide(rates, value=40.0, cost=0.3, customers=1_000, arm="visit")


def test_a_lift_decides_on_its_common_tail_and_shows_the_others() -> None:
    lift = clv_lift(SURVIVORS, margin=10, discount_rate=0.1268, horizon=36)
    decision = lift.decide(cost=3, customers=50_000, fixed_cost=20_000)
    assert decision.frame["row"].to_list() == ["window", "common tail", "separate tails"]
    assert decision.row == "common tail"
    assert decision.verdict == "ship"
    rows = lift.of()
    for row, lone in decision.frame.set_index("row").iterrows():
        alone = decide(
            rows[str(row)]["lift"], rows[str(row)]["standard_error"], cost=3, customers=50_000, fixed_cost=20_000
        )
        assert lone["net"] == pytest.approx(alone.numbers["net"])
        assert lone["verdict"] == alone.verdict
    assert decision.depends_on_the_row
    assert decision.sentence().endswith("otherwise do not ship (window).")
    cheap = lift.decide(cost=1, customers=50_000)
    assert not cheap.depends_on_the_row
    assert "the same under each assumption" in cheap.sentence()
    assert lift.decide(cost=3, customers=50_000, row="window").verdict == "do not ship"
    assert lift.decide(cost=1, customers=9, sample_ratio=Check(False)).frame["verdict"].eq("do not ship").all()
    with pytest.raises(ConfigError, match="decides by itself"):
        decide(lift, cost=1, customers=9)


def test_a_decision_in_words_and_as_a_figure() -> None:
    decision = decided(customers=50_000, fixed_cost=4_000, currency="GBP", level=0.9)
    said, numbers = decision.sentence(), decision.numbers
    assert said.startswith("Keep testing: neither a gain nor a loss has a probability above 80%. For 50,000 customers,")
    assert "£4,000" in said
    assert "(90% interval -£5,869 to £13,869)" in said
    assert f"{numbers['probability']:.0%}" in said
    assert "breaks even at a cost of £0.58 a customer" in said
    assert "below 20%, every guardrail passes" in decision.rule
    picture = decision.plot()
    assert "a loss has a probability of 25%, and £4,000 is expected from 50,000 customers" in picture.alt
    assert [text.get_text() for text in picture.figure.axes[0].texts] == ["loss 25%", "gain 75%"]
    certain = decided(cost=0).plot()  # zero is in the figure even where all of the curve is above it
    assert certain.figure.axes[0].get_xlim()[0] < 0


def test_terms_that_cannot_be_are_refused_all_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        decide(1.0, 0.1, cost=-1, customers=0, fixed_cost=np.nan, risk=0.9, test_cost=-5)
    assert [problem.partition(" is")[0] for problem in caught.value.problems] == [
        "cost",
        "fixed_cost",
        "test_cost",
        "customers",
        "risk",
    ]
    with pytest.raises(ConfigError) as caught:
        decided(guardrails=guardrail((0, -1, 1), margin=1, better="higher"), sample_ratio=0.3)
    assert [problem.partition(" ")[0] for problem in caught.value.problems] == ["guardrails", "sample_ratio"]
    with pytest.raises(ConfigError, match="standard_error is missing"):
        decide(1.0, cost=1, customers=1)
    with pytest.raises(ConfigError, match="an error above 0"):
        decide(1.0, 0.0, cost=1, customers=1)
    with pytest.raises(ConfigError, match="value is 0"):
        decide(1.0, 0.1, value=0, cost=1, customers=1)
    with pytest.raises(ConfigError, match="level is 2"):
        decided(level=2)
    with pytest.raises(ConfigError, match="is no comparison of arms"):
        decide(Decision(pd.DataFrame({"row": ["lift"]}), "lift", decided().terms, ""), cost=1, customers=1)


def test_guardrails_that_cannot_be_are_refused_all_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        guardrail((0.2, 0.3, 0.4), margin=0, better="up")  # type: ignore[arg-type]
    assert [problem.partition(" is")[0] for problem in caught.value.problems] == ["better", "margin", "the effect"]
    with pytest.raises(ConfigError, match=r"a comparison, or \(difference, low, high\)"):
        guardrail((0.2, 0.3), margin=1, better="higher")
    with pytest.raises(ConfigError, match="a float is no comparison"):
        guardrail(0.2, margin=1, better="higher")
