"""Kaplan-Meier, restricted mean and log-rank: by hand, against simulated truth, and on stays that can't be."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clvhelpers import datasets
from clvhelpers.churn import customer_spells, kaplan_meier, log_rank, restricted_mean
from clvhelpers.churn.stays import read_stays
from clvhelpers.errors import ClvError, ConfigError, DataContractError, NotEnoughDataError

ALL = "all customers"
LIVES = arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 12))


def stays_of(duration: Any, left: Any, **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"duration": duration, "left": left, **more})


def simulated(rng: np.random.Generator, customers: int, rate: float = 0.1, samples: int = 1) -> pd.DataFrame:
    """Lives with a constant churn rate, watched for up to 20 months; `sample` numbers the repetitions."""
    life = rng.exponential(1 / rate, customers * samples)
    watched = rng.uniform(5, 20, customers * samples)
    sample = np.repeat(np.arange(samples), customers)
    return stays_of(np.minimum(life, watched), life <= watched, sample=sample)


@pytest.fixture
def two() -> pd.DataFrame:
    return stays_of([1, 2, 2, 3, 5, 1, 4, 4, 6, 8], [1, 1, 0, 1, 0, 1, 0, 1, 1, 0], plan=list("aaaaabbbbb"))


def test_curve_by_hand() -> None:
    rows = kaplan_meier(stays_of([1, 2, 2, 3, 5], [1, 1, 0, 1, 0])).curve(ALL)
    assert rows["survival"].to_list() == pytest.approx([1, 4 / 5, 3 / 5, 3 / 10, 3 / 10])
    variance = np.cumsum([0, 1 / 20, 1 / 12, 1 / 2, 0])
    assert rows["standard_error"].to_list() == pytest.approx((rows["survival"] * np.sqrt(variance)).to_list())
    assert rows["censored"].to_list() == [0, 0, 1, 0, 1]


@settings(max_examples=15)
@given(LIVES)
def test_without_censoring_it_is_the_share_still_there(life: np.ndarray) -> None:
    found = kaplan_meier(stays_of(life, True)).at(range(13))
    assert found["survival"].to_list() == pytest.approx([(life > age).mean() for age in range(13)])
    assert found["at_risk"].to_list() == [(life >= age).sum() for age in range(13)]


@settings(max_examples=15)
@given(LIVES, st.randoms(use_true_random=False))
def test_what_always_holds(life: np.ndarray, random: Any) -> None:
    left = np.array([random.random() < 0.6 for _ in life])
    rows = kaplan_meier(stays_of(life, left)).curve(ALL)
    assert rows["survival"].between(0, 1).all()
    assert rows["survival"].is_monotonic_decreasing
    assert (rows["low"] <= rows["survival"] + 1e-12).all()
    assert (rows["high"] >= rows["survival"] - 1e-12).all()
    assert rows["events"].sum() == left.sum()
    assert rows["events"].sum() + rows["censored"].sum() == len(life)
    following = rows["at_risk"] - rows["events"] - rows["censored"] + rows["entered"]
    assert following.iloc[:-1].to_list() == rows["at_risk"].iloc[1:].to_list()
    order = random.sample(range(len(life)), len(life))
    pd.testing.assert_frame_equal(kaplan_meier(stays_of(life[order], left[order])).curve(ALL), rows)
    longer = kaplan_meier(stays_of(7 * life, left)).curve(ALL)
    assert longer["survival"].to_list() == rows["survival"].to_list()


@settings(max_examples=15)
@given(LIVES)
def test_the_area_is_the_mean_of_lives_cut_at_the_horizon(life: np.ndarray) -> None:
    for horizon in (0.5, 3, 20):
        found = restricted_mean(kaplan_meier(stays_of(life, True)), horizon).frame
        assert found.loc[0, "mean"] == pytest.approx(np.minimum(life, horizon).mean())


def test_intervals_cover_the_truth() -> None:
    stays = simulated(np.random.default_rng(5), customers=80, samples=100)
    curves = kaplan_meier(stays, "sample")
    at = curves.at([6])
    truth = np.exp(-0.6)
    assert at["survival"].mean() == pytest.approx(truth, abs=0.01)
    assert 0.925 <= at["low"].lt(truth).mul(at["high"].gt(truth)).mean() <= 0.98
    median = curves.median()
    true_median = np.log(2) / 0.1
    inside = median["low"].lt(true_median) & median["high"].fillna(np.inf).gt(true_median)
    assert 0.92 <= inside.mean() <= 0.985
    means = restricted_mean(curves, 10).frame
    true_mean = 10 * (1 - np.exp(-1))
    assert means["mean"].mean() == pytest.approx(true_mean, abs=0.1)
    assert means["standard_error"].mean() == pytest.approx(means["mean"].std(), rel=0.1)
    assert 0.925 <= means["low"].lt(true_mean).mul(means["high"].gt(true_mean)).mean() <= 0.98


def test_leaving_running_stays_out_or_ending_them_is_far_off() -> None:
    stays = simulated(np.random.default_rng(6), customers=20_000)
    truth = np.exp(-1)
    assert kaplan_meier(stays).at([10])["survival"].iloc[0] == pytest.approx(truth, abs=0.012)
    assert kaplan_meier(stays[stays["left"]]).at([10])["survival"].iloc[0] < truth - 0.1
    assert kaplan_meier(stays.assign(left=True)).at([10])["survival"].iloc[0] < truth - 0.05


def test_customers_of_before_the_window_need_their_entry() -> None:
    """Everyone of before the window who is seen has stayed until then, which says nothing about the young."""
    rng = np.random.default_rng(7)
    life, entry = rng.exponential(10, 20_000), rng.uniform(0, 15, 20_000) * (rng.random(20_000) < 0.7)
    stays = stays_of(life, True, entry=entry)[life > entry]
    truth = np.exp(-np.array([0.3, 1, 2]))
    assert kaplan_meier(stays).at([3, 10, 20])["survival"].to_list() == pytest.approx(truth.tolist(), abs=0.02)
    naive = kaplan_meier(stays.drop(columns="entry")).at([10])["survival"].iloc[0]
    assert naive > truth[1] + 0.1


def test_a_curve_of_late_entries_is_of_those_who_came_so_far() -> None:
    stays = stays_of([4, 5, 6, 7, 9], [1, 0, 1, 1, 0], entry=[2, 3, 2, 3, 2.5])
    curve = kaplan_meier(stays)
    assert curve.start == 2
    assert curve.curve(ALL)["time"].iloc[0] == 2
    assert "stayed 2 months" in curve.sentence()
    later = kaplan_meier(stays, start=5)
    assert later.curve(ALL)["survival"].to_list() == pytest.approx([1, 2 / 3, 1 / 3, 1 / 3])
    assert restricted_mean(later, 7).frame.loc[0, "mean"] == pytest.approx(1 + 2 / 3)
    with pytest.raises(ConfigError, match=r"start is 1, but before 2\.00 not every group"):
        kaplan_meier(stays, start=1)


@pytest.mark.parametrize(
    ("duration", "entry"), [([2, 9, 9], [0, 3, 4]), ([3, 9, 9], [0, 3, 4])], ids=["hole", "all gone at once"]
)
def test_no_curve_leads_across_an_age_that_nobody_was_seen_at(duration: list[int], entry: list[int]) -> None:
    with pytest.raises(NotEnoughDataError, match=r"no curve leads across; begin it later, with start=[34]"):
        kaplan_meier(stays_of(duration, [1, 1, 0], entry=entry))


def test_nothing_is_known_after_the_last_customer() -> None:
    found = kaplan_meier(stays_of([1, 2, 5], [1, 0, 0])).at([0, 5, 6]).set_index("time")
    assert found["survival"].notna().to_list() == [True, True, False]
    assert found["at_risk"].to_list() == [3, 1, 0]
    assert kaplan_meier(stays_of([1, 2], True)).at([9])["survival"].to_list() == [0]  # all left: 0 from there on


def test_all_customers_lost() -> None:
    curve = kaplan_meier(stays_of([1, 2, 4], True))
    last = curve.curve(ALL).iloc[-1]
    assert (last["survival"], last["low"]) == (0, 0)
    assert last["high"] == curve.curve(ALL)["high"].iloc[-2]
    assert "3 of 3 stays ended; half are over after 2 months" in curve.sentence()
    assert restricted_mean(curve, 100).frame.loc[0, "mean"] == pytest.approx(7 / 3)


def test_nobody_lost() -> None:
    curve = kaplan_meier(stays_of([3] * 50, False))
    assert "none of 50 stays ended in up to 3 months" in curve.sentence()
    low = curve.curve(ALL)["low"].iloc[-1]
    assert low == pytest.approx(0.025 ** (1 / 50))  # 0 of 50 by Clopper-Pearson
    assert curve.median()["median"].isna().all()
    means = restricted_mean(curve, 3)
    assert means.frame.loc[0, "mean"] == 3
    assert means.frame["standard_error"].isna().all()
    assert "nobody left" in means.sentence()
    with pytest.raises(NotEnoughDataError, match="nobody left, in any group"):
        log_rank(stays_of([3] * 50, False, plan=["a", "b"] * 25), "plan")


def test_no_difference_without_a_standard_error(two: pd.DataFrame) -> None:
    means = restricted_mean(kaplan_meier(two.assign(left=two["left"].where(two["plan"] == "a", 0)), "plan"), 4)
    with pytest.raises(NotEnoughDataError, match="none of b left within 4 months"):
        means.difference("a", "b")
    together = stays_of([1, 1, 2, 2], True, plan=list("aabb"))
    with pytest.raises(NotEnoughDataError, match="a and b left all at once"):
        restricted_mean(kaplan_meier(together, "plan"), 3).difference("a", "b")


def test_a_horizon_that_nobody_reached(two: pd.DataFrame) -> None:
    with pytest.raises(NotEnoughDataError, match=r"a for 5 months at most\. Take a horizon of 5 or less"):
        restricted_mean(kaplan_meier(two, "plan"), 8)
    with pytest.raises(ConfigError, match="horizon is 0"):
        restricted_mean(kaplan_meier(two, "plan"), 0)


def test_a_difference_in_words(two: pd.DataFrame) -> None:
    found = restricted_mean(kaplan_meier(two, "plan"), 4).difference("a", "b")
    assert found.frame.shape == (1, 7)
    assert "a customer of a stays 0.7 months shorter on average than one of b" in found.sentence()
    assert "not what moving a customer would do" in found.sentence()
    with pytest.raises(ConfigError, match="nobody is in the group 'Gold'; the groups are a, b"):
        restricted_mean(kaplan_meier(two, "plan"), 4).difference("Gold", "b")


@pytest.mark.parametrize("groups", [2, 3, 4])
def test_log_rank_against_a_loop(groups: int) -> None:
    rng = np.random.default_rng(groups)
    stays = stays_of(rng.integers(1, 9, 60), rng.random(60) < 0.7, group=rng.integers(0, groups, 60).astype(str))
    gap, covariance = np.zeros(groups), np.zeros((groups, groups))
    for time in np.unique(stays["duration"]):
        risk = np.array([((stays["duration"] >= time) & (stays["group"] == str(g))).sum() for g in range(groups)])
        dead = [((stays["duration"] == time) & stays["left"] & (stays["group"] == str(g))).sum() for g in range(groups)]
        n, d = risk.sum(), sum(dead)
        gap += dead - risk * d / n
        if n > 1:
            share = risk / n
            covariance += d * (n - d) / (n - 1) * (np.diag(share) - np.outer(share, share))
    expected = gap[1:] @ np.linalg.solve(covariance[1:, 1:], gap[1:])
    assert log_rank(stays, "group").statistic == pytest.approx(expected)


def test_log_rank_of_equal_groups_is_a_draw_of_chi_squared() -> None:
    rng = np.random.default_rng(8)
    found = [log_rank(simulated(rng, 60).assign(group=["a", "b", "c"] * 20), "group").p_value for _ in range(100)]
    assert 0.02 <= np.mean(np.array(found) < 0.05) <= 0.085
    assert np.mean(found) == pytest.approx(0.5, abs=0.07)


def test_log_rank_names_the_group_that_is_far() -> None:
    rng = np.random.default_rng(9)
    fast, slow = simulated(rng, 200, 0.2).assign(plan="Basic"), simulated(rng, 200, 0.08).assign(plan="Premium")
    test = log_rank(pd.concat([fast, slow]), "plan")
    assert test.p_value < 0.001
    assert test.frame["expected"].sum() == pytest.approx(test.frame["events"].sum())
    assert "p below 0.001" in test.sentence()
    with pytest.raises(NotEnoughDataError, match="all customers are in one group, Basic"):
        log_rank(fast, "plan")
    with pytest.raises(ConfigError, match="weights"):
        log_rank(pd.concat([fast, slow]), "plan", weights="fleming")


def test_lumen_stays_as_its_truth_says() -> None:
    """The curve of first stays against each customer's true chance; a price rise adds a little to it."""
    stays = customer_spells(datasets.load_lumen("spells"), "2025-12-31", returners="first")
    truth = pd.read_parquet(datasets.DATA / "lumen" / "truth.parquet").set_index("customer_id")
    stay = 1 - truth.loc[stays["customer_id"], "cancel_probability"].to_numpy()
    found = kaplan_meier(stays).at([1, 6, 12, 24])
    assert found["survival"].to_list() == pytest.approx([(stay**age).mean() for age in (1, 6, 12, 24)], abs=0.03)


BAD = {
    "negative duration": (stays_of([-2, 3], [1, 0]), "duration is -2 in row 0: a customer can't stay"),
    "event before entry": (stays_of([2, 3], [1, 0], entry=[2, 0]), "entry is 2 in row 0: the stay ended by then"),
    "negative entry": (stays_of([2, 3], [1, 0], entry=[-1, 0]), "entry is -1 in row 0: nobody is seen before"),
    "no entry": (stays_of([2, 3], [1, 0], entry=[np.nan, 0]), "entry is nan in row 0: it must be a number"),
    "codes 1 and 2": (stays_of([2, 3], [1, 2]), "left is 2 in row 1: write True"),
    "no outcome": (stays_of([2, 3], [1, None]), "left is nan in row 1"),
    "no duration": (stays_of([2, np.nan], [1, 0]), "duration is nan in row 1: it must be a number"),
    "text": (stays_of(["long", "short"], [1, 0]), "duration: the column holds str and not numbers"),
    "no column": (pd.DataFrame({"T": [1]}), "no column duration, left; they have T"),
    "no group": (stays_of([2, 3], [1, 0], plan=["a", None]), "plan is nan in row 1: give each stay a group"),
    "no frame": ([1, 2], "must be a pandas frame"),
}


@pytest.mark.parametrize("case", BAD)
def test_stays_that_can_not_be(case: str) -> None:
    stays, message = BAD[case]
    by = "plan" if "plan" in stays else None
    with pytest.raises(DataContractError, match=message.replace("(", r"\(")):
        read_stays(stays, by)  # type: ignore[arg-type]


def test_all_problems_are_told_at_once_with_the_customer() -> None:
    stays = stays_of([-1, -2, 3], [1, 7, 0], customer_id=["A", "B", "C"])
    with pytest.raises(DataContractError) as raised:
        kaplan_meier(stays)
    assert raised.value.problems == (
        "duration is -1 in row 0 (customer A) (and 1 more): a customer can't stay for less than no time; "
        "is the end before the start?",
        "left is 7 in row 1 (customer B): write True (or 1) for a customer who left and False (or 0) for one who was "
        "still there",
    )


def test_a_plan_that_nobody_chose(two: pd.DataFrame) -> None:
    plans = pd.Categorical(two["plan"], categories=["b", "a", "Gold"])
    with pytest.raises(DataContractError, match="plan: nobody has Gold"):
        kaplan_meier(two.assign(plan=plans), "plan")
    assert kaplan_meier(two.assign(plan=plans.remove_unused_categories()), "plan").groups == ["b", "a"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 95}, "level is 95"),
        ({"unit": "months"}, "unit is 'months': expected what one unit"),
        ({"start": -1}, "start is -1"),
        ({"start": float("nan")}, "start is nan"),
    ],
)
def test_arguments_that_can_not_be(two: pd.DataFrame, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        kaplan_meier(two, **options)


def test_too_little(two: pd.DataFrame) -> None:
    with pytest.raises(NotEnoughDataError, match="no stay in the frame"):
        kaplan_meier(two.head(0))
    with pytest.raises(NotEnoughDataError, match=r"a: no stay goes on beyond 6\.00"):
        kaplan_meier(two, "plan", start=6)


def test_one_customer_and_a_stay_of_no_length() -> None:
    assert kaplan_meier(stays_of([0], [0])).curve(ALL)["survival"].to_list() == [1]
    assert kaplan_meier(stays_of([0], [1])).curve(ALL)["survival"].to_list() == [0]
    assert kaplan_meier(stays_of([0, 2], [1, 1])).curve(ALL)["survival"].to_list() == [0.5, 0]


def test_several_columns_make_a_group(two: pd.DataFrame) -> None:
    by_two = kaplan_meier(two.assign(channel=["x", "y"] * 5), ["plan", "channel"])
    assert by_two.groups == ["a / x", "a / y", "b / x", "b / y"]
    assert issubclass(DataContractError, ClvError)
