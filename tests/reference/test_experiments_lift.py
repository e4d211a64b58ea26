"""From retention to money: textbook values, and the simulation that was measured before this code was written.

The simulated table is of 300 runs of 10,000 customers an arm (numpy and scipy, other code); `benchmarks/lift.py` makes
all of it, and here are fewer runs of each treatment.
"""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from clvhelpers.experiments.lift_rows import ROWS, Money, lift_rows
from clvhelpers.experiments.renewals import Renewals
from clvhelpers.formulas import convert_rate, retention_slope, retention_value

RUNS = 20
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "lift.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_lift", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


lift = load()


def test_one_retention_for_ever() -> None:
    """m = 100, d = 0.1. Gupta & Lehmann (2003), Journal of Interactive Marketing 17(1): m (1 + d) / (1 + d - r)."""
    now = [retention_value(100, r, 0.1, timing="start") for r in (0.80, 0.81)]
    assert now == pytest.approx([366.67, 379.31], abs=0.005)
    assert now[1] / now[0] - 1 == pytest.approx(0.0345, abs=5e-5)
    assert now[1] - now[0] == pytest.approx(12.64, abs=0.005)
    assert retention_value(100, 0.80, 0.1, timing="end") == pytest.approx(266.67, abs=0.005)
    assert retention_slope(100, 0.80, 0.1) == pytest.approx(1222.2, abs=0.05)


def test_the_error_of_one_retention_is_larger_than_half_a_point_is_worth() -> None:
    """5,000 customers an arm, r = 0.80: the delta method on the slope."""
    error = np.sqrt(0.80 * 0.20 / 5_000)
    assert error == pytest.approx(0.005657, abs=5e-7)
    of_value = retention_slope(100, 0.80, 0.1) * error
    assert of_value == pytest.approx(6.91, abs=0.005)
    assert of_value > 12.64 / 2


def test_a_point_in_one_period_is_worth_far_less_than_for_ever() -> None:
    """The extra survivors of the first renewal then stay like all others; their next payment comes after a period."""
    once = 0.01 * retention_value(100, 0.80, 0.1, timing="start") / 1.1
    assert once == pytest.approx(3.33, abs=0.005)
    assert once / retention_value(100, 0.80, 0.1, timing="start") == pytest.approx(0.0091, abs=5e-5)
    assert 12.64 / once == pytest.approx(3.8, abs=0.01)


@pytest.mark.parametrize("treatment", lift.PUBLISHED)
def test_the_true_lifts_are_the_published_ones(treatment: str) -> None:
    window, whole = lift.true_lifts(lift.hazards()[treatment])
    assert whole == pytest.approx(lift.PUBLISHED[treatment][0], abs=0.0006)
    assert window == pytest.approx(lift.PUBLISHED[treatment][1][0], abs=4 * 0.035 / np.sqrt(300))  # a mean of 300


@pytest.mark.parametrize("treatment", lift.PUBLISHED)
def test_the_simulated_table_comes_again(treatment: str) -> None:
    """Means of 20 runs within 4 of their errors, and the mean standard error within a seventh of the published sd."""
    rng = np.random.default_rng(6)
    money = Money(1.0, lift.MONTHLY, lift.HORIZON)
    found = []
    for _ in range(RUNS):
        alive = [lift.survivors(rng, hazard, 10_000) for hazard in (lift.leaving(lift.BETA), lift.hazards()[treatment])]
        arms = [Renewals(each[:-1].astype(float), -np.diff(each).astype(float)) for each in alive]
        found.append(lift_rows(*arms, money, "month")[["lift", "standard_error"]].to_numpy(dtype=float))
    lifts, errors = np.array(found).transpose(2, 0, 1)
    published = lift.PUBLISHED[treatment][1:]
    for at, (mean, sd) in enumerate(published):
        assert lifts[:, at].mean() == pytest.approx(mean, abs=4 * sd * np.sqrt(1 / RUNS + 1 / 300)), ROWS[at]
        assert errors[:, at].mean() == pytest.approx(sd, rel=1 / 7), ROWS[at]
    assert errors[:, 1].mean() < 0.6 * errors[:, 2].mean()  # the common tail has half the error of separate ones


def test_the_rate_of_the_table_is_a_yearly_one() -> None:
    assert convert_rate(lift.YEARLY, "year", "month") == pytest.approx(0.01)
    assert pytest.approx(0.126825, abs=5e-7) == lift.YEARLY
