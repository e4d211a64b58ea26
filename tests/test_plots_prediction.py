"""The figures of a forecast show the numbers that they were given, and their titles follow them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoModel, ShiftedBetaGeoModel
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.models import Validation
from clvhelpers.models.calibration import Calibration
from clvhelpers.models.posterior import Posterior
from clvhelpers.plots.posterior import parameter_pairs
from clvhelpers.plots.prediction import weekly_tracking
from clvhelpers.plots.trust import active_calibration, model_gains
from tests.figures import title_of

BG = BetaGeoModel("W").with_parameters(r=0.243, alpha=4.414, a=0.793, b=2.426)


@pytest.fixture
def path() -> pd.DataFrame:
    weeks = pd.date_range("2026-01-07", periods=4, freq="7D")
    return pd.DataFrame({"date": weeks, "actual": [5.0, 30.0, 20.0, 40.0], "expected": [6.0, 28.0, 25.0, 20.0]})


def check_with(gains: pd.DataFrame, actual: float = 100.0) -> Validation:
    nothing = dict.fromkeys(("weeks", "predicted", "naive", "error", "naive_error", "rmse", "naive_rmse"), 0.0)
    nothing |= dict.fromkeys(("average", "average_error", "average_rmse", "top_decile_overlap", "chance_overlap"), 0.0)
    active = Calibration(customers=0, expected=0, actual=0, error=0, p_value=1, frame=pd.DataFrame())
    return Validation(**nothing, actual=actual, trusted=True, reason="", frame=gains, gains=gains, active=active)


def test_weeks_are_lines_and_those_held_out_are_shaded(path: pd.DataFrame) -> None:
    shown = weekly_tracking(path, "2026-01-14")
    axes = shown.figure.axes[0]
    assert [list(line.get_ydata()) for line in axes.get_lines()] == [path["actual"].tolist(), path["expected"].tolist()]
    assert len(axes.patches) == 1
    assert title_of(shown) == "In the weeks held out 30 repeat purchases came a week, and 22 were expected"
    assert shown.alt.endswith(
        "In the 2 weeks held out there were 30.0 repeat purchases a week and the model expected 22.5 (-25.0%)."
    )


def test_without_a_holdout_all_weeks_are_told_and_none_is_shaded(path: pd.DataFrame) -> None:
    shown = weekly_tracking(path, "2026-01-28")
    assert not shown.figure.axes[0].patches
    assert title_of(shown) == "In all weeks 24 repeat purchases came a week, and 20 were expected"
    assert "In all 4 weeks" in shown.alt
    silent = weekly_tracking(path.assign(actual=0.0), "2026-01-14")
    assert title_of(silent) == "In the weeks held out nobody came back, and 22.5 repeat purchases a week were expected"
    assert silent.alt.endswith("expected 22.5.")


@pytest.mark.parametrize(("p_value", "words"), [(0.5, "no more than chance"), (0.001, "more than chance")])
def test_points_are_expected_against_actual_shares_and_the_title_knows_chance(p_value: float, words: str) -> None:
    frame = pd.DataFrame({"customers": [100, 50], "expected": [0.2, 0.6], "actual": [0.1, 0.7]})
    found = Calibration(customers=150, expected=0.33, actual=0.3, error=0.1, p_value=p_value, frame=frame)
    shown = active_calibration(found)
    _, points = shown.figure.axes[0].get_lines()[:2]
    np.testing.assert_allclose(points.get_xydata(), [[0.2, 0.1], [0.6, 0.7]])
    (bars,) = shown.figure.axes[0].collections
    ends = [segment[:, 1].tolist() for segment in bars.get_segments()]
    np.testing.assert_allclose(ends[0], [0.0552, 0.1744], atol=1e-4)  # Wilson's 95% interval of 10 in 100
    assert title_of(shown) == f"A group's probability is off by 10.0 points on average, {words} explains"
    assert "20.0% expected, 10.0% came (100 customers)" in shown.alt


def test_gains_begin_at_nobody_and_the_title_is_about_the_best_fifth() -> None:
    gains = pd.DataFrame(
        {
            "share_of_customers": [0.2, 1.0],
            "model": [0.7, 1.0],
            "naive": [0.5, 1.0],
            "random": [0.2, 1.0],
            "hindsight": [0.9, 1.0],
        }
    )
    shown = model_gains(check_with(gains))
    lines = {line.get_label(): line.get_ydata().tolist() for line in shown.figure.axes[0].get_lines()[:4]}
    assert lines["Model"] == [0.0, 0.7, 1.0]
    assert lines["If you knew what comes"] == [0.0, 0.9, 1.0]
    assert title_of(shown) == "The model's best 20% made 70% of the purchases, the naive rule's 50%"
    assert "Best 20%: model 70%, naive 50%, hindsight 90%" in shown.alt
    worse = model_gains(check_with(gains.assign(model=[0.3, 1.0])))
    assert "made 30% of the purchases" in title_of(worse)
    with pytest.raises(NotEnoughDataError, match="nobody bought"):
        model_gains(check_with(gains, actual=0.0))


def draws(rank: float) -> Posterior:
    """Draws of four parameters, independent but for alpha, which goes with r to a degree."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(np.exp(rng.normal(size=(400, 4))), columns=["r", "alpha", "a", "b"])
    return Posterior(frame.assign(alpha=frame["r"] ** rank * frame["alpha"] ** (1 - abs(rank))), 250.0)


@pytest.mark.parametrize(
    ("rank", "words"),
    [
        (1.0, "r and alpha rise together (rank correlation 1.00): the data hardly tell them apart"),
        (-0.5, "r and alpha make up for each other (rank correlation -0.66): don't read one alone"),
        (0.0, "No two parameters depend much on each other: "),
    ],
)
def test_the_title_names_the_pair_that_hangs_together_most(rank: float, words: str) -> None:
    shown = parameter_pairs(BG, draws(rank), ["r", "alpha", "b"])
    assert " ".join(shown.figure.get_suptitle().split()).startswith(words)
    assert words in shown.alt
    assert "400 draws of each pair of r, alpha, b (worth 250 independent ones)" in shown.alt


def test_pairs_and_heaps_show_the_draws_and_the_maximum() -> None:
    posterior = draws(0.0)
    shown = parameter_pairs(BG, posterior)
    grid = np.reshape(shown.figure.axes, (4, 4))
    points, maximum = grid[2, 1].get_lines()
    np.testing.assert_allclose(points.get_xydata(), posterior.frame[["alpha", "a"]])
    assert maximum.get_xydata().tolist() == [[4.414, 0.793]]
    assert not grid[1, 2].axison  # the same pair a second time
    assert grid[3, 3].get_lines()[0].get_xdata()[0] == 2.426
    assert [axes.get_xlabel() for axes in grid[-1]] == ["r", "alpha", "a", "b"]


def test_which_parameters_can_be_shown() -> None:
    posterior = draws(0.0)
    with pytest.raises(ConfigError, match="no parameter 's': it has r, alpha, a, b"):
        parameter_pairs(BG, posterior, ["r", "s"])
    with pytest.raises(ConfigError, match=r"1 parameters were chosen \(r\)"):
        parameter_pairs(BG, posterior, ["r"])
    many = replace(posterior, frame=pd.concat([posterior.frame, posterior.frame.add_suffix("_web")], axis="columns"))
    with pytest.raises(ConfigError, match="a figure of pairs takes 2 to 5"):
        parameter_pairs(BG, many)


def test_a_fitted_model_of_contracts_draws_its_own_posterior() -> None:
    model = ShiftedBetaGeoModel().fit_survivors([1000, 869, 743, 653, 593, 551, 517, 491])
    shown = parameter_pairs(model)
    assert "0.668" in shown.alt  # alpha of the high end, Fader & Hardie (2007)
