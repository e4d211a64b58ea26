"""The figures of leaving show the numbers that they were given."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from clvhelpers.churn.before import BeforeLeaving
from clvhelpers.churn.behaviour import ChurnSet
from clvhelpers.churn.judging import calibration
from clvhelpers.churn.saving import profit_curve, saving_plan
from clvhelpers.churn.score import fit_churn_score
from clvhelpers.churn.silence import Rhythms, Silence
from clvhelpers.errors import NotEnoughDataError
from tests.figures import title_of


@pytest.fixture
def before() -> BeforeLeaving:
    frame = pd.DataFrame(
        {
            "measure": ["hours", "hours", "contacts", "contacts"],
            "months_before": [1, 2, 1, 2],
            "leavers": 50,
            "leavers_mean": [5.0, 9.0, 0.4, 0.2],
            "stayers_mean": [10.0, 10.0, 0.2, 0.2],
            "difference": [-5.0, -1.0, 0.2, 0.0],
        }
    )
    width = np.array([0.5, 0.5, 0.1, 0.1])
    return BeforeLeaving(frame.assign(low=frame["difference"] - width, high=frame["difference"] + width), 2, 0)


@pytest.fixture
def customers() -> ChurnSet:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"hours": rng.gamma(2, 5, 400), "flat": 1.0, "plan": "Basic"})
    frame["left"] = rng.random(400) < 1 / (1 + np.exp(frame["hours"] / 5))
    return ChurnSet(frame, ("hours", "flat", "plan"), dt.date(2025, 3, 31), dt.date(2025, 6, 30))


def test_last_months_are_a_panel_a_measure_and_the_title_is_about_the_clearest(before: BeforeLeaving) -> None:
    picture = before.plot()
    hours, contacts = picture.figure.axes
    assert list(hours.lines[0].get_ydata()) == [5.0, 9.0]
    assert list(contacts.lines[1].get_ydata()) == [0.2, 0.2]
    assert picture.figure.get_suptitle() == "The month before leaving: hours -50% against stayers"
    assert "contacts 1 before: 0.40 and 0.20" in picture.alt
    assert picture.png()


def test_contrast_and_score_name_the_strongest_feature(customers: ChurnSet) -> None:
    assert title_of(customers.plot()) == "Those who left differ most in hours"
    assert [bar.get_width() < 0 for bar in customers.plot().figure.axes[0].patches] == [True]
    score = fit_churn_score(customers).plot()
    assert title_of(score) == "What tells most who leaves is hours"
    assert "effect on the log odds" in score.alt
    same = ChurnSet(customers.frame[["flat", "left"]], ("flat",), customers.cut, customers.label_end)
    with pytest.raises(NotEnoughDataError, match="no feature is a number that differs"):
        same.plot()


def test_calibration_has_a_point_a_group() -> None:
    risk = pd.Series([0.2] * 10 + [0.8] * 10)
    picture = calibration(risk, pd.Series([1] * 3 + [0] * 7 + [1] * 8 + [0] * 2)).plot()
    points = picture.figure.axes[0].lines[1].get_xydata()
    assert np.allclose(points, [[0.2, 0.3], [0.8, 0.8]])
    assert title_of(picture) == "A group's probability is off by 5.0 points on average"
    assert "20.0% expected, 30.0% came" in picture.alt


def test_every_customer_is_a_point_of_its_group_and_profits_are_marked() -> None:
    risk, value = pd.Series([0.6, 0.5, 0.1, 0.05]), pd.Series([100.0, 10.0, 200.0, 10.0])
    plan = saving_plan(risk, value, offer_cost=20, success_rate=0.5, currency="EUR")
    picture = plan.plot()
    drawn = {group.get_label(): group.get_offsets().tolist() for group in picture.figure.axes[0].collections}
    assert drawn["save (1)"] == [[0.6, 100.0]]
    assert drawn["worth it, not at risk (1)"] == [[0.1, 200.0]]
    assert title_of(picture) == "The offer pays for 1 customer of 4"
    found = profit_curve(plan, pd.Series([True, False, False, False])).plot()
    marks = {line.get_label(): line.get_xydata().tolist() for line in found.figure.axes[0].lines}
    assert marks["score"] == [[1.0, 30.0]]
    assert marks["everybody"] == [[4.0, -30.0]]
    assert title_of(found) == "Acting on the score brings €30.00, on everybody -€30.00"
    assert found.png()
    assert saving_plan(risk, value, 0, 0).plot().png()


def test_silence_is_drawn_by_rhythm() -> None:
    frame = pd.DataFrame({"gap_days": [7.0, 30.0], "purchases": [52, 12], "limit_days": [56.0, 208.0], "gaps": [8, 7]})
    curves = pd.DataFrame({"gap_days": [7.0, 7.0, 30.0, 30.0], "silent_days": [0, 60, 0, 60]})
    lines = Rhythms(frame, curves.assign(probability_alive=[1.0, 0.1, 0.9, 0.7]), 0.9).plot()
    assert [line.get_label() for line in lines.figure.axes[0].lines[:2]] == ["every 7 days", "every 30 days"]
    assert "every 30 days: 208" in lines.alt

    rhythms = pd.DataFrame({"gap_days": ["1-15", "over 180"], "customers": [10, 20], "model": [0.7, 0.3]})
    rhythms = rhythms.assign(rule=[0.7, 0.6], truth=[0.8, 0.4])
    bars = Silence(pd.DataFrame(), 0.9, 90, 0, rhythms, None, None).plot()
    heights = [[bar.get_height() for bar in kind] for kind in bars.figure.axes[0].containers]
    assert heights == [[0.7, 0.3], [0.7, 0.6], [0.8, 0.4]]
    assert "Of the slowest customers the rule calls 60% gone, the model 30%, and 40% are" in title_of(bars)
    unknown = Silence(pd.DataFrame(), 0.9, 90, 0, rhythms.assign(truth=np.nan), None, None).plot()
    assert len(unknown.figure.axes[0].containers) == 2
    with pytest.raises(NotEnoughDataError, match="no rhythm to set silence against"):
        Silence(pd.DataFrame(), 0.9, 90, 0, rhythms.assign(customers=0), None, None).plot()
