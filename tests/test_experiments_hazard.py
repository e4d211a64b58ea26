"""Hazard ratios: known ones come out, the interval holds, and stays and covariates that can't be."""

import re
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers.churn import kaplan_meier
from clvhelpers.errors import (
    ConfigError,
    ConvergenceError,
    DataContractError,
    ExperimentError,
    NotEnoughDataError,
    PostTreatmentCovariateError,
)
from clvhelpers.experiments import HazardRatio, hazard_ratio
from tests.figures import title_of


@pytest.fixture(scope="module")
def played() -> list[HazardRatio]:
    """200 experiments of 40 customers an arm; the offer leaves at 0.6 times the rate of control. In months, up to 5."""
    rng = np.random.default_rng(11)
    arm = np.repeat(["control", "offer"], 40)
    lives = np.ceil(rng.exponential(1 / np.where(arm == "control", 0.3, 0.18), (200, 80)))
    frames = (pd.DataFrame({"arm": arm, "duration": np.minimum(life, 5), "left": life <= 5}) for life in lives)
    return [hazard_ratio(frame) for frame in frames]


@pytest.fixture(scope="module")
def stays() -> pd.DataFrame:
    """Offer at 0.5 times the rate of control, a letter at the same; each customer at a rate that goes with `risk`."""
    rng = np.random.default_rng(6)
    arm, risk = np.repeat(["control", "offer", "a letter"], 300), rng.normal(size=900)
    rate = 0.1 * np.where(arm == "offer", 0.5, 1) * np.exp(0.8 * risk)
    life, until = rng.exponential(1 / rate).round(1), rng.uniform(4, 12, 900).round(1)
    rows = pd.DataFrame({"arm": arm, "duration": np.minimum(life, until), "left": life <= until, "risk": risk})
    return rows.assign(plan=np.where(rng.random(900) < 0.5, "basic", "premium"))


@pytest.fixture(scope="module")
def crossing() -> pd.DataFrame:
    """Those of the offer leave late, when it ends, and those of control early."""
    rng = np.random.default_rng(4)
    early, late = (np.minimum(rng.weibull(shape, 300) * 6, 12).round(1) for shape in (0.7, 2.5))
    duration = np.concatenate([early, late])
    return pd.DataFrame({"arm": ["control"] * 300 + ["offer"] * 300, "duration": duration, "left": duration < 12})


def test_the_estimate_is_right_on_average_and_the_interval_holds_as_often_as_it_says(played: list[HazardRatio]) -> None:
    rows = pd.concat([found.frame for found in played])
    assert rows["log_hazard_ratio"].mean() == pytest.approx(np.log(0.6), abs=0.05)
    assert rows["log_hazard_ratio"].std() == pytest.approx(rows["standard_error"].mean(), rel=0.15)
    assert 0.91 <= rows["low"].le(0.6).mul(rows["high"].ge(0.6)).mean() <= 0.98


def test_the_check_calls_out_one_in_twenty_of_those_that_are_proportional(played: list[HazardRatio]) -> None:
    assert np.mean([bool(found.changing) for found in played]) == pytest.approx(0.05, abs=0.03)


def test_each_arm_stands_against_the_control_and_covariates_take_their_part(stays: pd.DataFrame) -> None:
    raw = hazard_ratio(stays).frame.set_index("arm")
    found = hazard_ratio(stays, covariates=["risk", "plan"], measured_at="before", level=0.99)
    adjusted = found.frame.set_index("arm")
    assert found.control == "control"
    assert list(adjusted.index) == ["a letter", "offer"]
    assert adjusted.loc["offer", "low"] < 0.5 < adjusted.loc["offer", "high"]
    assert adjusted.loc["a letter", "low"] < 1 < adjusted.loc["a letter", "high"]
    assert adjusted.loc["offer", "hazard_ratio"] < raw.loc["offer", "hazard_ratio"]  # a mix of risks looks more alike
    columns = found.coefficients.set_index("covariate")
    assert list(columns.index) == ["risk", "plan premium"]
    assert columns.loc["risk", "low"] < 0.8 < columns.loc["risk", "high"]
    assert columns.loc["plan premium", "low"] < 0 < columns.loc["plan premium", "high"]
    assert found.degrees_of_freedom == 4


def test_units_of_a_covariate_change_its_coefficient_only(stays: pd.DataFrame) -> None:
    one = hazard_ratio(stays, covariates=["risk"], measured_at="before")
    other = hazard_ratio(stays.assign(risk=1e6 + 1000 * stays["risk"]), covariates=["risk"], measured_at="before")
    pd.testing.assert_frame_equal(one.frame, other.frame, rtol=1e-6)
    assert other.coefficients.loc[0, "coefficient"] == pytest.approx(one.coefficients.loc[0, "coefficient"] / 1000)


def test_frames_of_any_engine(stays: pd.DataFrame) -> None:
    renamed = stays.rename(columns={"arm": "group"})
    expected = hazard_ratio(stays, covariates=["risk"], measured_at="before")
    for data in (pl.from_pandas(renamed), duckdb.from_df(renamed)):
        found = hazard_ratio(data, arm="group", covariates=["risk"], measured_at="before")
        pd.testing.assert_frame_equal(found.frame, expected.frame)


def test_late_entries_are_at_risk_from_then_on_as_in_the_curves() -> None:
    """Without columns the likelihood is one over those at risk, at each time of leaving (no two are alike here)."""
    rng = np.random.default_rng(8)
    order = rng.permutation(60) + 1.0
    entry = np.where(np.arange(60) % 2, 0, np.floor(order / 2))  # often at the very time at which somebody leaves
    rows = pd.DataFrame({"arm": ["control", "offer"] * 30, "duration": order, "left": True, "entry": entry})
    found = hazard_ratio(rows)
    curve = kaplan_meier(rows).curve("all customers").query("events > 0")
    assert found.log_likelihood - found.likelihood_ratio / 2 == pytest.approx(-np.log(curve["at_risk"]).sum())
    assert found.frame.loc[0, "hazard_ratio"] != hazard_ratio(rows.drop(columns="entry")).frame.loc[0, "hazard_ratio"]


def test_hazards_that_cross_are_told(crossing: pd.DataFrame) -> None:
    found = hazard_ratio(crossing)
    assert found.changing == ["offer"]
    assert found.proportional.loc[0, "correlation"] > 0.2  # more of the offer among those who leave late
    assert "But the ratio of offer changes with time (Schoenfeld residuals, p below 0.001)" in found.sentence()
    assert "use the restricted means of compare_stays instead" in found.sentence()
    assert title_of(found.plot()) == "How fast those of offer leave, relative to control, changes with time"


def test_the_sentence_says_ratio_interval_and_check(stays: pd.DataFrame) -> None:
    told = hazard_ratio(stays, covariates=["risk"], measured_at="before").sentence()
    for part in (
        "At any moment those of offer who are still there leave at 0.",
        " times the rate of control, adjusted for risk (95% interval ",
        "; p below 0.001)",
        "The 3 columns together: likelihood ratio ",
        "Nothing shows that the ratio changes with time (Schoenfeld residuals, p 0.",
    ):
        assert part in told
    two = hazard_ratio(stays.query("arm != 'offer'")).sentence()
    assert "columns together" not in two
    assert "adjusted" not in two


def test_all_who_left_at_one_time_leave_the_check_open() -> None:
    rows = pd.DataFrame({"arm": ["control", "offer"] * 20, "left": np.arange(40) % 7 < 3})
    found = hazard_ratio(rows.assign(duration=np.where(rows["left"], 1, 6)))
    assert np.isnan(found.proportional.loc[0, "p_value"])
    assert "whether the ratio changes with time can't be told" in found.sentence()


def test_figure_on_a_scale_of_logs(stays: pd.DataFrame) -> None:
    found = hazard_ratio(stays, covariates=["risk"], measured_at="before")
    shown = found.plot()
    assert title_of(shown).startswith("Those of offer leave at 0.")
    axes = shown.figure.axes[0]
    (dots,) = (line for line in axes.get_lines() if line.get_marker() == "o")
    assert np.exp(np.asarray(dots.get_xdata())) == pytest.approx(found.frame["hazard_ratio"].to_list())
    shown.figure.canvas.draw()
    ticks = {label.get_text(): at for label, at in zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)}
    assert ticks["1"] == 0
    assert all(np.exp(at) == pytest.approx(float(label)) for label, at in ticks.items())
    alike = hazard_ratio(stays.query("arm != 'offer'"), covariates=["risk"], measured_at="before").plot()
    assert re.fullmatch(r"Chance alone could explain [01]\.\d+ times the rate of control", title_of(alike))
    shuffled = stays.assign(arm=stays["arm"].sample(frac=1, random_state=1).to_numpy())
    title = title_of(hazard_ratio(shuffled).plot())
    assert title == "Chance alone could explain every difference from the rate of control"


def test_where_a_ratio_has_no_end_there_is_no_number(stays: pd.DataFrame) -> None:
    offer = stays["arm"] == "offer"
    with pytest.raises(NotEnoughDataError, match=r"^nobody of offer left, so a hazard ratio has no end"):
        hazard_ratio(stays.assign(left=stays["left"] & ~offer))
    with pytest.raises(NotEnoughDataError, match=r"^nobody of control and a letter left"):
        hazard_ratio(stays.assign(left=stays["left"] & offer))
    apart = stays.assign(duration=stays["duration"] + np.where(offer, 100, 0))
    with pytest.raises(NotEnoughDataError, match="of some arms nobody left while units of the others were there too"):
        hazard_ratio(apart)
    few = stays.assign(left=stays["left"] & (stays.groupby(["arm", "left"]).cumcount() < 2))
    with pytest.raises(NotEnoughDataError, match=r"only 6 units left, and 2 columns \(a letter, offer\) take 10"):
        hazard_ratio(few)
    vip = stays.assign(vip=~stays["left"] & (stays["risk"] > 0))
    with pytest.raises(ConvergenceError, match="the regression on a letter, offer, vip found no end"):
        hazard_ratio(vip, covariates=["vip"], measured_at="before")
    oracle = stays.assign(rank=-stays["duration"].rank())
    with pytest.raises(ConvergenceError, match="the regression on a letter, offer, rank found no end"):
        hazard_ratio(oracle, covariates=["rank"], measured_at="before")


def test_stays_and_covariates_that_cant_be(stays: pd.DataFrame) -> None:
    with pytest.raises(DataContractError, match="can't stay for less than no time"):
        hazard_ratio(stays.assign(duration=stays["duration"].where(stays.index > 0, -1)))
    with pytest.raises(ExperimentError, match="nobody is in the arm 'old'"):
        hazard_ratio(stays, control="old")
    with pytest.raises(ExperimentError, match="no column 'age' in the stays"):
        hazard_ratio(stays, covariates=["age"], measured_at="before")
    bad: dict[str, Any] = {
        "is missing for 1 unit": stays["risk"].where(stays.index > 0),
        "is 1 for every unit": 1,
        "holds 900 labels": [f"label {i}" for i in range(900)],
        "one follows from the others": (stays["arm"] == "offer") * 2.0,
    }
    for message, values in bad.items():
        with pytest.raises(ExperimentError, match=message):
            hazard_ratio(stays.assign(x=values), covariates=["x"], measured_at="before")
    for wrong, message in (
        ({"covariates": "risk"}, "covariates is 'risk'"),
        ({"covariates": ["risk", "risk"]}, "covariates name 'risk' twice"),
        ({"covariates": ["duration"]}, "it is part of the stay itself"),
        ({"covariates": ["risk"]}, "when were 'risk' measured"),
        ({"level": 95}, "level is 95"),
    ):
        with pytest.raises(ConfigError, match=message):
            hazard_ratio(stays, **wrong)  # type: ignore[arg-type]


def test_covariates_of_after_exposure_are_refused(stays: pd.DataFrame) -> None:
    with pytest.raises(PostTreatmentCovariateError, match="'risk' was measured after exposure, as you say"):
        hazard_ratio(stays, covariates=["risk"], measured_at={"risk": "after"})
    dated = stays.assign(exposed_at=pd.Timestamp("2026-01-05"), asked=pd.Timestamp("2026-02-01"))
    with pytest.raises(PostTreatmentCovariateError, match="after the exposure of 900 of 900 units"):
        hazard_ratio(dated, covariates=["risk"], measured_at={"risk": "asked"})
    assert hazard_ratio(dated, covariates=["risk"], measured_at="2026-01-01").units == 900
