"""`clv.truth`: what is marked, by whom an action is lost, and every estimate that can't be marked."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clvhelpers as clv
from clvhelpers import datasets
from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.marking import Mark
from clvhelpers.simulate import Simulated

SHOP = clv.simulate.non_contractual(customers=300, weeks=52, seed=11)
TRUTH = SHOP.truth.set_index("customer_id")["expected_future_value_12m"]


def small(values: list[float]) -> Simulated:
    """A shop of which only the value of each customer, a, b, c ..., is of interest."""
    ids = [chr(ord("a") + place) for place in range(len(values))]
    table = pd.DataFrame({"customer_id": ids, "expected_future_value_12m": values})
    empty = pd.DataFrame({"customer_id": [], "date": pd.to_datetime([]), "amount": []})
    return Simulated(empty, empty, table, pd.Timestamp("2025-12-31"))


def mark(values: list[float], estimate: list[float], **options: Any) -> Mark:
    shop = small(values)
    return clv.truth(shop, pd.Series(estimate, index=shop.truth["customer_id"]), **options)


def test_the_truth_itself_is_perfect() -> None:
    found = clv.truth(SHOP, TRUTH)
    assert (found.bias, found.error, found.rmse, found.profit_left) == (0, 0, 0, 0)
    assert found.rank_agreement == pytest.approx(1)
    assert found.frame["mean_estimate"].tolist() == found.frame["mean_truth"].tolist()


def test_numbers_of_a_case_worked_by_hand() -> None:
    found = mark([100, 50, 0, 10], [40, 60, 20, 0], share=0.25)
    assert (found.total_estimate, found.total_truth, found.bias, found.bias_share) == (120, 160, -10, -0.25)
    assert (found.error, found.rmse) == (25, pytest.approx(np.sqrt((60**2 + 10**2 + 20**2 + 10**2) / 4)))
    assert found.rank_agreement == pytest.approx(0.6)  # ranks 3 4 2 1 and 4 3 1 2: 1 - 6 * 4 / (4 * 15)
    assert (found.chosen, found.profit, found.best_profit, found.profit_left) == (1, 50, 100, 50)


def test_an_action_reaches_only_those_who_seem_worth_its_cost() -> None:
    found = mark([100, 50, 0, 10], [40, 60, 200, 0], share=1, lift=0.5, cost=25)
    assert found.chosen == 2  # b seems to bring 30 and c 100, a only 20
    assert found.profit == (25 - 25) + (0 - 25)
    assert found.best_profit == 50 - 25  # a; b would bring just its cost
    assert found.profit_left == 50


def test_customers_with_one_estimate_share_the_last_places() -> None:
    found = mark([100, 50, 0, 10], [7, 7, 7, 7], share=0.5)
    assert found.profit == pytest.approx((100 + 50 + 0 + 10) / 2)
    assert np.isnan(found.rank_agreement)
    assert "can't put the customers in order" in found.sentence()
    assert len(found.frame) == 1


def test_order_of_the_rows_plays_no_part() -> None:
    estimate = SHOP.transactions.groupby("customer_id")["amount"].sum()
    one, other = clv.truth(SHOP, estimate), clv.truth(SHOP, estimate.sample(frac=1, random_state=1))
    assert one.sentence() == other.sentence()
    pd.testing.assert_frame_equal(one.frame, other.frame)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(-1e4, 1e4)), min_size=1, max_size=12), st.floats(0.01, 1))
def test_no_estimate_beats_the_truth(rows: list[tuple[float, float]], share: float) -> None:
    values, estimate = (list(column) for column in zip(*rows, strict=True))
    found = mark(values, estimate, share=share, lift=0.3, cost=5)
    assert found.profit_left >= -1e-6
    assert found.frame["customers"].sum() == len(rows)
    assert found.frame["total_truth"].sum() == pytest.approx(sum(values))


def test_groups_in_place_of_tenths() -> None:
    shop = small([100, 50, 0, 10])
    ids = shop.truth["customer_id"]
    found = clv.truth(shop, pd.Series([1.0, 2, 3, 4], index=ids), by=pd.Series(["old", "new", "old", "new"], index=ids))
    assert found.frame[["group", "mean_estimate", "mean_truth"]].to_numpy().tolist() == [["new", 3, 30], ["old", 2, 50]]
    assert "The estimate for old is 96% too low" in found.plot().alt


def test_realised_future_is_beside_the_truth_and_scatters_around_it() -> None:
    found = clv.truth(SHOP, TRUTH).frame
    assert found["mean_realised"].mean() == pytest.approx(found["mean_truth"].mean(), rel=0.15)
    assert (found["mean_realised"] != found["mean_truth"])[:3].all()


def test_purchases_have_their_own_unit() -> None:
    purchases = SHOP.truth.set_index("customer_id")["expected_purchases_12m"]
    found = clv.truth(SHOP, 2 * purchases, what="purchases")
    assert found.bias_share == pytest.approx(1)
    assert f"adds up to {2 * purchases.sum():.2f} purchases" in found.sentence()
    assert "purchases a customer" in found.plot().figure.axes[0].get_ylabel()


@pytest.mark.parametrize("horizon", [12, 36, None])
def test_lumen_has_months_and_value_for_each_horizon(horizon: int | None) -> None:
    ids = datasets.load_lumen("customers")["customer_id"]
    months = clv.truth("lumen", pd.Series(6.0, index=ids), horizon, what="months")
    value = clv.truth("lumen", pd.Series(50.0, index=ids), horizon)
    assert months.customers == value.customers == len(ids)
    assert 0 < months.total_truth < value.total_truth
    assert "life" in months.sentence() if horizon is None else f"Over {horizon} months" in months.sentence()


@pytest.mark.parametrize("world", [None, "fits", "mixed"])
def test_each_world_of_harbor_and_pine_is_marked_for_its_own_customers(world: str | None) -> None:
    orders = datasets.load_harbor_and_pine(world=world)
    past = orders.groupby("customer_id")["amount"].sum()
    found = clv.truth("harbor_and_pine", past, world=world)
    assert found.customers == len(past)
    assert found.rank_agreement > 0
    cost = clv.truth("harbor_and_pine", 0 * past, world=world, what="service_cost")
    assert cost.profit == 0
    assert "$0.00" in cost.sentence()


def test_past_margin_of_lumen_is_no_forecast_but_keeps_some_order() -> None:
    past = datasets.load_lumen("payments").groupby("customer_id")["amount"].sum()
    found = clv.truth("lumen", past)
    assert 0.1 < found.rank_agreement < 0.9
    assert found.profit_left > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"company": "cdnow"}, "no truth for 'cdnow': it is real, and nobody knows"),
        ({"company": "acme"}, "no truth for 'acme'; there is for 'harbor_and_pine', 'lumen'"),
        ({"company": "lumen", "world": "mixed"}, "lumen has no world 'mixed': it has 'lumen'"),
        ({"world": "fits"}, "a simulated company has one world"),
        ({"horizon_months": 24}, "horizon_months is 24: the simulated company has a truth for 12"),
        ({"company": "lumen", "horizon_months": 24}, r"lumen has a truth for 12 and 36 and None \(life\)"),
        ({"what": "orders"}, "what is 'orders': the simulated company has a truth for 'purchases', 'value'"),
        ({"share": 0}, "share must lie above 0"),
        ({"lift": 0}, "lift above 0"),
        ({"cost": -1}, "cost must be 0 or more"),
    ],
)
def test_what_can_not_be_asked(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        clv.truth(**{"company": SHOP, "estimate": TRUTH, **options})


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        ([1.0, 2.0], "the estimate is a list: give a pandas Series"),
        (TRUTH.astype(str), "the estimate holds str and not numbers"),
        (TRUTH > 1, "the estimate holds bool and not numbers"),
        (TRUTH.iloc[2:], r"2 customers \(C001, C002\): missing in the estimate"),
        (pd.concat([TRUTH, pd.Series({"X1": 1.0})]), r"1 customer \(X1\): unknown to the simulated company"),
        (pd.concat([TRUTH, TRUTH.iloc[:1]]), r"1 customer \(C001\): more than once in the estimate"),
        (TRUTH.where(TRUTH.index != "C007"), r"1 customer \(C007\): no finite number in the estimate"),
        (TRUTH.reset_index(drop=True), "its index starts with 0, and ids look like 'C001'"),
    ],
)
def test_estimates_that_can_not_be_marked(estimate: Any, words: str) -> None:
    with pytest.raises(DataContractError, match=words):
        clv.truth(SHOP, estimate)


def test_every_problem_of_an_estimate_is_told_at_once() -> None:
    wrong = pd.concat([TRUTH.iloc[1:].where(TRUTH.index[1:] != "C009"), pd.Series({"X1": 1.0})])
    with pytest.raises(DataContractError) as refused:
        clv.truth(SHOP, wrong)
    assert len(refused.value.problems) == 3


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (["a"], "`by` is a list"),
        (pd.Series("x", index=TRUTH.index[1:]), r"1 customer \(C001\): missing in `by`"),
        (pd.Series("x", index=TRUTH.index).where(TRUTH.index != "C007"), r"1 customer \(C007\): no label in `by`"),
    ],
)
def test_groups_that_leave_customers_out(by: Any, words: str) -> None:
    with pytest.raises(DataContractError, match=words):
        clv.truth(SHOP, TRUTH, by=by)


def test_truth_is_no_table_to_look_at() -> None:
    with pytest.raises(ConfigError, match=r"clv\.truth\('lumen', estimate\) marks an estimate"):
        clv.load_lumen("truth")
