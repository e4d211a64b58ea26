"""Churn rates and reasons: by hand, against simulated truth, and where they don't apply."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvhelpers.churn import cumulative_incidence, hazard_table, kaplan_meier, reason_counts
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError

ALL = "all customers"


def stays_of(duration: Any, reason: Any, **more: Any) -> pd.DataFrame:
    reasons = pd.Series(reason, dtype=object)
    return pd.DataFrame({"duration": duration, "left": reasons.notna(), "reason": reasons, **more})


def simulated(rng: np.random.Generator, customers: int, samples: int = 1) -> pd.DataFrame:
    """Two reasons with constant rates of 0.06 and 0.04 a month, watched for up to 20 months."""
    size = customers * samples
    life, watched = rng.exponential(10, size), rng.uniform(5, 20, size)
    reason = np.where(rng.random(size) < 0.6, "price", "moved").astype(object)
    reason[life > watched] = None
    return stays_of(np.minimum(life, watched), reason, sample=np.repeat(np.arange(samples), customers))


def true_incidence(age: float, share: float) -> float:
    return share * (1 - np.exp(-0.1 * age))


def test_incidence_by_hand() -> None:
    stays = stays_of([1, 2, 2, 4, 5], ["price", "moved", None, "price", None])
    found = cumulative_incidence(stays)
    assert found.reasons == ["price", "moved"]
    price = found.curve("price").set_index("time")
    assert price["incidence"].to_dict() == pytest.approx({0: 0, 1: 0.2, 2: 0.2, 4: 0.2 + 0.6 / 2, 5: 0.5})
    assert price["events"].to_list() == [0, 1, 0, 1, 0]
    assert found.at([5, 6]).query("reason == 'price'")["incidence"].notna().to_list() == [True, False]
    all_left = cumulative_incidence(stays_of([1, 2], ["price", "moved"])).at([9])
    assert all_left["incidence"].to_list() == [0.5, 0.5]


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([None, "a", "b", "c"])), min_size=2, max_size=30))
def test_reasons_add_up_to_all_who_left(customers: list[tuple[int, str | None]]) -> None:
    stays = stays_of(*zip(*[*customers, (3, "a")], strict=True))
    found = cumulative_incidence(stays).frame
    survival = kaplan_meier(stays).curve(ALL).set_index("time")["survival"]
    assert found.groupby("time")["incidence"].sum().to_list() == pytest.approx((1 - survival).to_list())
    assert found.groupby("reason")["incidence"].apply(lambda share: share.is_monotonic_increasing).all()
    assert (found["low"] <= found["incidence"] + 1e-12).all()
    assert (found["high"] >= found["incidence"] - 1e-12).all()


def test_one_reason_is_kaplan_meier_upside_down() -> None:
    stays = simulated(np.random.default_rng(1), 200)
    stays["reason"] = stays["reason"].where(stays["reason"].isna(), "any")
    curve, incidence = kaplan_meier(stays).curve(ALL), cumulative_incidence(stays).curve("any")
    assert incidence["incidence"].to_list() == pytest.approx((1 - curve["survival"]).to_list())
    assert incidence["standard_error"].to_list() == pytest.approx(curve["standard_error"].to_list())


def test_one_minus_kaplan_meier_of_a_reason_is_too_high() -> None:
    """It asks how many would leave for a reason if nobody could leave for another; the sums pass 100%."""
    rng = np.random.default_rng(2)
    life = rng.exponential(10, 5000)
    stays = stays_of(life, rng.choice(["price", "moved", "rival"], 5000))
    age = 30
    naive = {}
    for reason in ("price", "moved", "rival"):
        alone = stays.assign(left=stays["reason"] == reason)
        naive[reason] = 1 - kaplan_meier(alone).at([age])["survival"].iloc[0]
    right = cumulative_incidence(stays).at([age]).set_index("reason")["incidence"]
    assert sum(naive.values()) > 1.5
    assert right.sum() == pytest.approx((life <= age).mean())
    shares = stays[life <= age].groupby("reason").size() / 5000
    assert right.to_dict() == pytest.approx(shares.to_dict())  # nobody was censored, so it is a plain share
    assert all(naive[reason] > right[reason] + 0.2 for reason in naive)


def test_intervals_of_an_incidence_cover_the_truth() -> None:
    stays = simulated(np.random.default_rng(3), customers=100, samples=80)
    found = cumulative_incidence(stays, "sample")
    at = found.at([8])
    for reason, share in (("price", 0.6), ("moved", 0.4)):
        rows, truth = at[at["reason"] == reason], true_incidence(8, share)
        assert rows["incidence"].mean() == pytest.approx(truth, abs=0.01)
        assert 0.9 <= (rows["low"].lt(truth) & rows["high"].gt(truth)).mean() <= 0.99


def test_reasons_with_late_entries() -> None:
    rng = np.random.default_rng(4)
    stays = simulated(rng, 20_000)
    entry = rng.uniform(0, 6, 20_000) * (rng.random(20_000) < 0.5)
    seen = stays.assign(entry=entry)[stays["duration"] > entry]
    found = cumulative_incidence(seen).at([5, 12]).set_index(["reason", "time"])["incidence"]
    for age in (5, 12):
        assert found["price", age] == pytest.approx(true_incidence(age, 0.6), abs=0.015)
        assert found["moved", age] == pytest.approx(true_incidence(age, 0.4), abs=0.015)
    later = cumulative_incidence(seen, start=4).at([12]).set_index("reason")["incidence"]
    assert later["price"] == pytest.approx(true_incidence(8, 0.6), abs=0.02)


def test_counts_of_reasons() -> None:
    stays = stays_of([1, 2, 3, 4, 5], ["price", "price", "moved", "price", None], plan=list("aabbb"))
    found = reason_counts(stays, "plan")
    assert found.frame[["group", "reason", "leavers", "share"]].to_numpy().tolist() == [
        ["a", "price", 2, 1.0], ["a", "moved", 0, 0.0], ["b", "price", 1, 0.5], ["b", "moved", 1, 0.5],
    ]  # fmt: skip
    assert found.frame["low"].le(found.frame["share"]).all()
    assert "a: price, 100% of 2 leavers" in found.sentence()
    assert "price, 75% of 4 leavers" in reason_counts(stays).sentence()


def test_the_sentence_rests_on_enough_customers() -> None:
    found = cumulative_incidence(simulated(np.random.default_rng(5), 400))
    last = found.last("price")
    assert last["at_risk"] >= 10
    assert found.curve("price")["at_risk"].iloc[-1] < 10
    assert f"{100 * last['incidence']:.1f}% had left for price" in found.sentence()


@pytest.mark.parametrize("method", [cumulative_incidence, reason_counts])
def test_reasons_and_leavers_that_do_not_match(method: Any) -> None:
    stays = stays_of([1, 2, 3], ["price", None, "price"])
    with pytest.raises(DataContractError) as raised:
        method(stays.assign(left=[False, True, True]))
    assert raised.value.problems == (
        "row 1 left without a reason: give one, such as 'unknown'",
        "row 0 has a reason and did not leave: correct left, or remove it",
    )
    with pytest.raises(DataContractError, match="the stays have no column reason"):
        method(stays.drop(columns="reason"))
    with pytest.raises(NotEnoughDataError, match="nobody left, so there is no reason"):
        method(stays_of([1, 2], [None, None]))


def test_groups_and_reasons_that_are_not_there() -> None:
    stays = stays_of([1, 2, 3], ["price", None, None], plan=["a", "a", "Gold"])
    with pytest.raises(NotEnoughDataError, match="nobody of Gold left, so there are no shares"):
        reason_counts(stays, "plan")
    with pytest.raises(ConfigError, match="the reasons are price, the groups Gold, a"):
        cumulative_incidence(stays, "plan").curve("weather", "a")


def test_churn_rates_by_hand() -> None:
    stays = stays_of([1, 2, 2, 3, 5], ["x", "x", None, "x", None], plan=list("aabbb"))
    found = hazard_table(stays, ages=[0, 2, 6]).frame
    assert found["exposure"].to_list() == [9, 4]
    assert found["leavers"].to_list() == [2, 1]
    assert found["customers"].to_list() == [5, 2]
    assert found["hazard"].to_list() == pytest.approx([2 / 9, 1 / 4])
    by_plan = hazard_table(stays, "plan").frame.set_index("group")
    assert by_plan["hazard"].to_dict() == pytest.approx({"a": 2 / 3, "b": 1 / 10})


def test_late_entries_count_from_when_they_are_seen() -> None:
    stays = stays_of([5, 5, 3], ["x", None, "x"], entry=[0, 4, 2.5])
    found = hazard_table(stays, ages=[0, 3, 5]).frame
    assert found["exposure"].to_list() == [3.5, 3]
    assert found["leavers"].to_list() == [1, 1]


def test_nobody_left_has_a_rate_of_zero_with_an_upper_end() -> None:
    found = hazard_table(stays_of([10] * 30, [None] * 30)).frame.iloc[0]
    assert (found["hazard"], found["low"]) == (0, 0)
    assert found["high"] == pytest.approx(-np.log(0.025) / 300)  # Garwood's limit for no event


def test_a_span_in_which_nobody_was_seen_has_no_rate() -> None:
    found = hazard_table(stays_of([1, 2], ["x", None]), ages=[0, 3, 6]).frame
    assert found.loc[1, ["hazard", "low", "high"]].isna().all()
    with pytest.raises(NotEnoughDataError, match="every stay has length 0"):
        hazard_table(stays_of([0, 0], ["x", None]))


def test_rates_of_simulated_customers() -> None:
    stays = simulated(np.random.default_rng(6), customers=60, samples=200)
    found = hazard_table(stays, "sample").frame
    assert found["hazard"].mean() == pytest.approx(0.1, rel=0.03)
    assert 0.93 <= (found["low"].lt(0.1) & found["high"].gt(0.1)).mean() <= 0.99  # an exact interval errs to be wide
    spans = hazard_table(stays, ages=[0, 5, 10, 20]).frame
    assert spans["hazard"].to_list() == pytest.approx([0.1] * 3, rel=0.06)
    assert spans["leavers"].sum() == stays["left"].sum()
    assert spans["exposure"].sum() == pytest.approx(stays["duration"].sum())


def test_rates_in_words() -> None:
    stays = stays_of([1, 1, 12, 12], ["x", "x", "x", None], plan=list("aabb"))
    assert hazard_table(stays).sentence().startswith("11.5% a month (2.4% to 33.7%): 3 leavers in 26 customer-months.")
    words = hazard_table(stays, "plan", [0, 1, 12]).sentence()
    assert "Customers leave fastest in a in month 1, 100.0% a month" in words
    assert "slowest in b in month 1, 0.0% a month" in words


@pytest.mark.parametrize(
    ("ages", "message"),
    [
        ([0, 5, 3], "expected two ages or more that rise"),
        ([0], "expected two ages or more"),
        ([1, 20], "begin at 0"),
        ([0, 3], "end at 5 or later, so that nobody is left out"),
        ([0, float("nan")], "expected two ages"),
    ],
)
def test_ages_that_can_not_be(ages: list[float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        hazard_table(stays_of([1, 5], ["x", None]), ages=ages)
