"""Looking early, against published tables and R's rpact."""

import numpy as np
import pandas as pd
import pytest

from clvhelpers.experiments import confidence_sequence, cost_of_peeking, false_alarm_rate, sequential_bounds
from clvhelpers.experiments.boundaries import crossing, sequence_bound
from clvhelpers.experiments.peeking import sequence_bounds

COOKIE_CATS = {"gate_30": (8502, 44700), "gate_40": (8279, 45489)}  # players retained on day 7, as published


@pytest.mark.parametrize(("looks", "constant"), [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413)])
def test_pocock(looks: int, constant: float) -> None:
    # Jennison & Turnbull (2000), table 2.1, alpha 0.05
    bounds = sequential_bounds(looks, "pocock").frame["bound"].to_list()
    assert bounds == pytest.approx([constant] * looks, abs=6e-4)


@pytest.mark.parametrize(("looks", "bounds"), [(3, [3.471, 2.454, 2.004]), (5, [4.562, 3.226, 2.634, 2.281, 2.040])])
def test_obrien_fleming(looks: int, bounds: list[float]) -> None:
    # Jennison & Turnbull (2000), table 2.3, alpha 0.05
    assert sequential_bounds(looks).frame["bound"].to_list() == pytest.approx(bounds, abs=6e-4)


def test_obrien_fleming_to_all_digits_of_rpact() -> None:
    # rpact's own tests (test-f_design_group_sequential.R): three looks, one-sided at 0.025
    frame = sequential_bounds(3).frame
    assert frame["bound"].to_list() == pytest.approx([3.4710914, 2.4544323, 2.0040356], abs=1e-6)
    assert (frame["spent"] / 2).to_list() == pytest.approx([0.00025917372, 0.0071600594, 0.025], abs=1e-7)
    assert (frame["p_value"] / 2).to_list() == pytest.approx([0.00025917372, 0.0070553616, 0.022533125], abs=1e-7)


@pytest.mark.parametrize(
    ("looks", "chance"),
    [(1, 0.05), (2, 0.083), (3, 0.107), (4, 0.126), (5, 0.142), (10, 0.193), (20, 0.248), (50, 0.320), (100, 0.374)],
)
def test_false_alarms_of_looking(looks: int, chance: float) -> None:
    # Armitage, McPherson & Rowe (1969), table 2
    assert false_alarm_rate(looks) == pytest.approx(chance, abs=6e-4)


def test_false_alarms_of_two_hundred_looks() -> None:
    # measured by simulation: 42.0% with 1.96 each time, 2.1% with a confidence sequence, which promises at most 5%
    assert false_alarm_rate(200) == pytest.approx(0.42, abs=0.01)
    assert crossing(sequence_bounds(200, 0.05)).sum() == pytest.approx(0.021, abs=0.006)


def test_widths_of_the_confidence_sequence() -> None:
    # arXiv 2103.06476, equation 9, as in GrowthBook's gbstats; measured in standard errors
    assert sequence_bound(np.array([5000.0]), 5000, 0.05) == pytest.approx([3.035], abs=5e-4)
    assert sequence_bound(np.array([90189.0]), 5000, 0.05) == pytest.approx([3.322], abs=6e-4)


@pytest.mark.parametrize(
    ("relative", "low", "high", "sequence_low", "sequence_high"),
    [(-1.3176, -2.7554, 0.1203, -3.75, 1.12), (-4.3119, -6.9245, -1.6993, -8.74, 0.12)],
)
def test_relative_lifts_of_cookie_cats_as_gbstats_has_them(
    relative: float, low: float, high: float, sequence_low: float, sequence_high: float
) -> None:
    # measured with gbstats, in percent, its default of 5,000 planned units: day 1 and day 7, of which only the
    # usual interval of the second leaves out 0
    looks = pd.DataFrame({"units": [90189], "difference": [relative], "standard_error": [(high - low) / 2 / 1.959964]})
    found = confidence_sequence(looks, planned_units=5000)
    row = found.frame.loc[0]
    assert [row["low"], row["high"]] == pytest.approx([sequence_low, sequence_high], abs=0.006)
    assert [row["fixed_low"], row["fixed_high"]] == pytest.approx([low, high], abs=1e-4)
    if relative < -4:
        assert row["p_value"] == pytest.approx(0.0665, abs=1e-4)  # gbstats: .0665, and 1.0 on day 1
    else:
        assert row["p_value"] == 1
    assert found.first_beyond is None


def test_with_the_planned_size_cookie_cats_is_found() -> None:
    assert confidence_sequence(COOKIE_CATS, 5000, control="gate_30").first_beyond is None
    assert confidence_sequence(COOKIE_CATS, 90_000, control="gate_30").first_beyond == 1


def test_simulated_tests_raise_as_many_false_alarms_as_the_integral_says() -> None:
    cost = cost_of_peeking(10, runs=20_000)
    frame = cost.frame.set_index("way")
    error = np.sqrt(frame["exact"] * (1 - frame["exact"]) / cost.runs)
    assert (np.abs(frame["false_alarms"] - frame["exact"]) < 4 * error + 0.004).all()  # counts are not quite normal
    assert frame.loc["a look each time, same bound", "exact"] == pytest.approx(0.193, abs=6e-4)
