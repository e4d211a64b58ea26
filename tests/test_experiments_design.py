"""Before a test: unequal arms, several arms, days, simulation, figures, and arguments that can't be."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_ind

from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.experiments import (
    detectable_rate_difference,
    duration,
    sample_size_for_means,
    sample_size_for_rates,
    sample_size_for_stays,
    simulated_power,
)
from clvhelpers.experiments.power import RATE_METHODS, STAY_METHODS, Means, Rates, Stays
from clvhelpers.plots.look import Picture

SPLIT = {"control": 0.8, "offer": 0.2}


def test_unequal_arms_need_more_units_in_the_asked_for_shares() -> None:
    equal, unequal = sample_size_for_rates(0.20, 0.25), sample_size_for_rates(0.20, 0.25, shares=SPLIT)
    assert unequal.total > 1.4 * equal.total
    n, m = unequal.frame["exact"]
    assert n == pytest.approx(4 * m)
    assert (unequal.frame["units"] - unequal.frame["exact"]).between(0, 1).all()
    assert Rates(0.20, 0.25, "power.prop.test").power(np.array(n), np.array(m), 0.05) == pytest.approx(0.8)


def test_control_comes_first_whatever_the_order_of_shares() -> None:
    found = sample_size_for_rates(0.20, 0.25, shares={"offer": 0.2, "control": 0.8})
    assert found.frame["arm"].to_list() == ["control", "offer"]


def test_alpha_is_shared_out_among_several_arms_and_the_smallest_decides() -> None:
    three = sample_size_for_rates(0.20, 0.25, shares={"control": 0.5, "mail": 0.3, "call": 0.2})
    n, _, m = three.frame["exact"]
    assert Rates(0.20, 0.25, "power.prop.test").power(np.array(n), np.array(m), 0.025) == pytest.approx(0.8)
    assert "Each of the 2 comparisons with control is made at 2.5%, which is 5% shared out" in three.sentence()
    assert "comparisons" not in sample_size_for_rates(0.20, 0.25).sentence()


@pytest.mark.parametrize("method", RATE_METHODS)
def test_detectable_difference_is_the_size_turned_round(method: str) -> None:
    found = detectable_rate_difference(0.20, 1000, method=method).frame.loc[0]
    for target in (0.20 + found["rise"], 0.20 - found["fall"]):
        size = sample_size_for_rates(0.20, target, method=method)
        assert size.frame["exact"].to_list() == pytest.approx([1000, 1000])


def test_detectable_difference_of_several_arms_and_one_that_nothing_reaches() -> None:
    found = detectable_rate_difference(0.98, {"control": 300, "mail": 300, "call": 30})
    assert found.frame["arm"].to_list() == ["mail", "call"]
    assert found.frame["fall"].is_monotonic_increasing
    assert found.frame[["difference", "relative", "rise"]].isna().all(axis=None)
    assert (
        " points, but no rise, however large; for call (300 units in control, 30 in call) a fall of 13.08 points"
        in found.sentence()
    )
    assert found.plot().png()
    assert "made at 2.5%" in found.sentence()


def test_units_that_can_show_nothing_at_all_have_no_figure() -> None:
    found = detectable_rate_difference(0.5, 4)
    assert "neither a rise nor a fall, however large" in found.sentence()
    with pytest.raises(NotEnoughDataError, match="so few units can show neither"):
        found.plot()


def test_what_was_known_before_saves_its_share_of_the_variance() -> None:
    plain, sharper = (sample_size_for_means(0.1, 1, correlation=rho).frame.loc[0, "exact"] for rho in (0, 0.6))
    assert sharper / plain == pytest.approx(1 - 0.6**2, abs=0.001)
    assert sample_size_for_means(-0.1, 1).total == sample_size_for_means(0.1, 1).total


def test_power_for_means_is_what_t_tests_reach() -> None:
    random = np.random.default_rng(12)
    first, second = random.normal(0, 1, (64, 3000)), random.normal(0.5, 1, (30, 3000))
    found = (ttest_ind(first, second).pvalue < 0.05).mean()
    assert found == pytest.approx(Means(0.5).power(np.array(64.0), np.array(30.0), 0.05), abs=0.03)


@pytest.mark.parametrize("method", STAY_METHODS)
def test_power_for_stays_is_what_log_rank_tests_reach(method: str) -> None:
    runs, units, rates = 3000, 200, np.array([0.7, 0.7 * 0.65])  # leaving a year, for one year
    in_arm = np.tile(np.repeat([False, True], units), (runs, 1))
    time = np.random.default_rng(12).exponential(1 / np.repeat(rates, units), (runs, 2 * units))
    order = time.argsort(axis=1)
    in_arm, left = np.take_along_axis(in_arm, order, 1), np.take_along_axis(time, order, 1) < 1
    share = in_arm[:, ::-1].cumsum(axis=1)[:, ::-1] / np.arange(2 * units, 0, -1)  # of those at risk
    z = (left * (in_arm - share)).sum(axis=1) / np.sqrt((left * share * (1 - share)).sum(axis=1))
    gone = 1 - np.exp(-rates)
    power = Stays(0.65, gone[0], gone[1], method).power(np.array(units), np.array(units), 0.05)
    assert (np.abs(z) > 1.959964).mean() == pytest.approx(power, abs=0.03)


def test_share_that_leaves_in_the_arm_follows_from_the_hazard_ratio() -> None:
    one = sample_size_for_stays(0.8, left=0.35)
    both = sample_size_for_stays(0.8, left={"control": 0.35, "treatment": 1 - 0.65**0.8})
    assert one.frame.equals(both.frame)
    assert "about 631 of them" in one.sentence()


def test_duration_is_whole_weeks_and_then_the_wait() -> None:
    size = sample_size_for_rates(0.20, 0.25)
    found = duration(size, units_per_day=2188 / 14, follow_up=30)
    assert found.frame["days"].to_list() == [14, 30]
    assert found.frame["first_day"].to_list() == [1, 15]
    assert found.frame["last_day"].to_list() == [14, 44]
    assert found.days == 44
    assert found.units == 2188
    assert duration(2189, 2188 / 14).days == 21
    assert "follow" not in duration(100, 50).plot().alt


def test_simulated_power_agrees_with_the_formula_in_unequal_arms() -> None:
    found = simulated_power(0.20, 0.25, {"control": 4000, "mail": 1000, "call": 800}, runs=40_000)
    assert found.frame["arm"].to_list() == ["mail", "call"]
    assert found.frame["power"].to_list() == pytest.approx(found.frame["formula"].to_list(), abs=0.02)
    again = simulated_power(0.20, 0.25, {"control": 4000, "mail": 1000, "call": 800}, runs=40_000)
    assert found.frame.equals(again.frame)


@pytest.mark.parametrize(
    "make",
    [
        lambda: sample_size_for_means(20, 10, shares={"control": 0.5, "a": 0.25, "b": 0.25}),
        lambda: detectable_rate_difference(0.5, 40),
        lambda: duration(10, 100),
        lambda: simulated_power(0.2, 0.9, 50, runs=100),
    ],
)
def test_every_answer_has_a_sentence_and_a_figure_that_draws(make: Callable[[], Any]) -> None:
    answer = make()
    picture = answer.plot()
    assert isinstance(picture, Picture)
    assert picture.png()
    for words in (answer.sentence(), picture.alt):
        assert words.endswith(".")
        assert "nan" not in words


REFUSED: list[tuple[Callable[[], Any], list[str]]] = [
    (
        lambda: sample_size_for_rates(20, 0, power=0.01, shares={"a": 0.7, "b": 0.7}),
        [
            "baseline is 20: expected a share between 0 and 1, such as 0.2 for 20%",
            "target is 0: expected a share between 0 and 1, such as 0.2 for 20%",
            "power is 0.01: expected a share between alpha (0.05) and 1, such as 0.8",
            "shares sum to 1.4: expected 1, the units that are in the test",
            "shares: no arm is called 'control', there are 'a', 'b'",
        ],
    ),
    (
        lambda: sample_size_for_rates(0.2, 0.2, alpha=5, shares={"control": 1}),
        [
            "baseline and target are the same: name the smallest change that would matter",
            "alpha is 5: expected a share between 0 and 1, such as 0.05",
            "shares: 'control' has 1, expected a share between 0 and 1",
            "shares: a test needs two arms or more, there are 1",
        ],
    ),
    (
        lambda: sample_size_for_means(0, 0, correlation=1),
        [
            "difference is 0: name the smallest difference that would matter, not 0",
            "standard_deviation is 0: expected more than 0; a metric that is the same for every unit can't show a "
            "difference",
            "correlation is 1: expected a number between -1 and 1",
        ],
    ),
    (
        lambda: sample_size_for_stays(1, left={"control": 0, "mail": 0.3}),
        [
            "hazard_ratio is 1: expected one above 0 and not 1, such as 0.8",
            "left: 'control' has 0, expected a share above 0 up to 1",
            "left: the arm 'treatment' is missing",
            "left: no arm is called 'mail', there are control, treatment",
        ],
    ),
    (
        lambda: detectable_rate_difference(1, {"control": 1, "offer": 10.5}),
        [
            "baseline is 1: expected a share between 0 and 1, such as 0.2 for 20%",
            "units: 'control' has 1, expected a whole number of at least 2",
            "units: 'offer' has 10.5, expected a whole number of at least 2",
        ],
    ),
    (
        lambda: duration(0, 0, follow_up=1.5),  # type: ignore[arg-type]
        [
            "sample_size is 0: expected the units of all arms, at least 1",
            "units_per_day is 0: expected more than 0",
            "follow_up is 1.5: expected whole days, 0 or more",
        ],
    ),
    (
        lambda: sample_size_for_stays(0.8, left=0.3, shares={}),
        [
            "shares sum to 0: expected 1, the units that are in the test",
            "shares: no arm is called 'control', there are none",
            "shares: a test needs two arms or more, there are 0",
        ],
    ),
    (lambda: simulated_power(0.2, 0.25, 100, runs=5), ["runs is 5: expected 100 or more"]),
    (
        lambda: sample_size_for_rates(0.2, 0.25, method="miller"),
        ["method is 'miller': expected one of 'power.prop.test', 'cohen-h', 'fleiss'"],
    ),
]


@pytest.mark.parametrize(("ask", "problems"), REFUSED)
def test_arguments_that_cannot_be_are_all_named(ask: Callable[[], Any], problems: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        ask()
    assert list(caught.value.problems) == problems


def test_an_effect_too_small_for_any_test_is_refused() -> None:
    with pytest.raises(NotEnoughDataError, match="more than 1e\\+12 units would be needed"):
        sample_size_for_rates(0.2, 0.2 + 1e-7)
