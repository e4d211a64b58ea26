"""Whom it pays to save: expected profit against what came, and other ways to choose."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvhelpers.churn.saving import GROUPS, profit_curve, saving_plan
from clvhelpers.errors import DataContractError, FormulaError, NotEnoughDataError

CUSTOMERS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1000), st.booleans()), min_size=1, max_size=30).map(
    lambda rows: pd.DataFrame(rows, columns=["risk", "value", "left"])
)


@pytest.fixture
def base() -> pd.DataFrame:
    """50,000 customers whose true risk is known; value has nothing to do with it."""
    rng = np.random.default_rng(6)
    risk = rng.beta(1, 6, 50_000)
    return pd.DataFrame({"risk": risk, "value": rng.gamma(3, 40, 50_000), "left": rng.random(50_000) < risk})


def test_the_offer_pays_from_the_break_even_risk_on() -> None:
    plan = saving_plan(pd.Series([0.24, 0.26, 0.9]), pd.Series([200.0, 200.0, 40.0]), offer_cost=10, success_rate=0.2)
    assert plan.frame["break_even"].tolist()[:2] == [0.25, 0.25]
    assert np.isnan(plan.frame["break_even"].iloc[2])
    assert plan.frame["act"].tolist() == [False, True, False]
    assert plan.expected_profit == pytest.approx(0.26 * 0.2 * 200 - 10)
    assert "The offer pays for 1 customer of 3, at $10.00 an offer that keeps 20%" in plan.sentence()


def test_with_true_risks_what_was_expected_comes(base: pd.DataFrame) -> None:
    plan = saving_plan(base["risk"], base["value"], offer_cost=8, success_rate=0.3)
    found = profit_curve(plan, base["left"])
    assert found.profit("score") == pytest.approx(plan.expected_profit, rel=0.05)
    assert found.profit("score") == pytest.approx(found.curve["profit"].max(), rel=0.01)
    assert found.profit("riskiest first") < found.profit("score") < found.profit("truth")
    assert found.profit("everybody") < 0 == found.profit("nobody")
    assert found.curve["profit"].iloc[-1] == pytest.approx(found.profit("everybody"))
    score = found.frame.set_index("policy").loc["score"]
    assert found.curve["profit"].iloc[int(score["customers"])] == pytest.approx(score["profit"])
    assert "Acting on the score" in found.sentence()


def test_groups_are_everybody_once_and_say_who_is_worth_it(base: pd.DataFrame) -> None:
    plan = saving_plan(base["risk"], base["value"], offer_cost=8, success_rate=0.3)
    groups = plan.groups().set_index("group")
    assert groups.index.tolist() == list(GROUPS)
    assert groups["customers"].sum() == 50_000
    assert groups.loc["at risk, not worth it", "expected_profit"] < 0 < groups.loc["save", "expected_profit"]
    assert groups.loc["worth it, not at risk", "value"] > base["value"].mean()
    assert groups.loc["at risk, not worth it", "probability"] > base["risk"].mean()


@settings(max_examples=40)
@given(CUSTOMERS, st.floats(0, 50), st.floats(0, 1))
def test_no_other_choice_is_expected_to_bring_more(frame: pd.DataFrame, cost: float, success: float) -> None:
    plan = saving_plan(frame["risk"], frame["value"], cost, success)
    found = profit_curve(plan, frame["left"])
    everybody = plan.frame["expected_profit"].sum()
    assert plan.expected_profit >= max(0.0, everybody) - 1e-9
    assert found.profit("truth") >= max(found.frame["profit"]) - 1e-9
    assert found.profit("truth") >= found.curve["profit"].max() - 1e-9


@settings(max_examples=40)
@given(CUSTOMERS, st.floats(0.1, 50))
def test_order_of_customers_plays_no_part(frame: pd.DataFrame, cost: float) -> None:
    one, other = (saving_plan(rows["risk"], rows["value"], cost, 0.3) for rows in (frame, frame.iloc[::-1]))
    pd.testing.assert_frame_equal(one.frame, other.frame.sort_index())


def test_an_offer_that_keeps_nobody_is_made_to_nobody(base: pd.DataFrame) -> None:
    plan = saving_plan(base["risk"], base["value"], offer_cost=8, success_rate=0)
    assert not plan.frame["act"].any()
    assert plan.sentence().startswith("For none of 50,000 customers does the offer pay")
    found = profit_curve(plan, base["left"])
    assert found.profit("truth") == 0
    assert "of which" not in found.sentence()


def test_numbers_that_can_not_be_are_told_at_once() -> None:
    with pytest.raises(FormulaError) as told:
        saving_plan(pd.Series([0.5, 1.5]), pd.Series([-1.0, 5.0]), offer_cost=-2, success_rate=20)
    assert len(told.value.problems) == 4
    with pytest.raises(FormulaError, match="the index is not that of probability"):
        saving_plan(pd.Series([0.5], ["a"]), pd.Series([1.0], ["b"]), 1, 0.5)
    with pytest.raises(NotEnoughDataError, match="no customer to save"):
        saving_plan(pd.Series(dtype=float), pd.Series(dtype=float), 1, 0.5)


def test_the_truth_must_be_about_the_same_customers() -> None:
    plan = saving_plan(pd.Series([0.5, 0.2]), pd.Series([10.0, 10.0]), 1, 0.5)
    with pytest.raises(DataContractError, match="one value for each customer of the plan"):
        profit_curve(plan, pd.Series([True]))
    with pytest.raises(DataContractError, match="who left is missing for 1 customer"):
        profit_curve(plan, pd.Series([True, None]))
