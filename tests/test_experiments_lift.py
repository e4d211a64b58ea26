"""A lift in lifetime value: exact where it can be done by hand, standard errors against simulation, bad input named."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers.churn import kaplan_meier
from clvhelpers.errors import ConfigError, DataContractError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments import clv_lift
from clvhelpers.experiments.lift_rows import ROWS, Money, lift_rows
from clvhelpers.experiments.renewals import Renewals
from clvhelpers.models import ShiftedBetaGeoModel

CONTROL = [10_000, 7_576, 6_251, 5_397, 4_794, 4_343, 3_990]
OFFER = [10_000, 7_869, 6_612, 5_779, 5_182, 4_728, 4_370]
TERMS: dict[str, Any] = {"margin": 10.0, "discount_rate": 0.10, "horizon": 36}
MONTHLY = 1.10 ** (-1 / 12)


def stays(**survivors: list[int]) -> pd.DataFrame:
    """One row a unit."""
    parts = []
    for arm, alive in survivors.items():
        duration = np.repeat(np.arange(1, len(alive)), -np.diff(alive))
        kept = np.full(alive[-1], len(alive) - 1)
        ended = np.arange(alive[0]) < len(duration)
        parts.append(pd.DataFrame({"arm": arm, "duration": np.append(duration, kept), "left": ended}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return stays(control=[500, 400, 340, 300, 275], offer=[480, 400, 350, 315, 290])


def test_the_window_is_the_discounted_difference_of_what_was_paid() -> None:
    lift = clv_lift({"control": CONTROL, "offer": OFFER}, **TERMS)
    difference = (np.array(OFFER) - np.array(CONTROL)) / 10_000
    assert lift.window == 6
    assert lift.of()["window"]["lift"] == pytest.approx(10 * sum(MONTHLY**t * d for t, d in enumerate(difference)))


def test_the_window_has_the_multinomial_standard_error_where_everyone_was_followed() -> None:
    """A customer's payments are a sum that ends when they leave, so their variance is known without Greenwood."""
    lift = clv_lift({"control": CONTROL, "offer": OFFER}, **TERMS)
    worth = 10 * np.cumsum(MONTHLY ** np.arange(7))  # of who leaves at renewal 1, 2, ... or never
    variance = 0.0
    for alive in (np.array(CONTROL), np.array(OFFER)):
        share = np.append(-np.diff(alive), alive[-1]) / alive[0]
        variance += (share @ worth**2 - (share @ worth) ** 2) / alive[0]
    assert lift.of()["window"]["standard_error"] == pytest.approx(np.sqrt(variance), rel=1e-10)


def test_the_tails_are_those_of_the_models() -> None:
    rows = clv_lift({"control": CONTROL, "offer": OFFER}, **TERMS).of("offer")
    both = ShiftedBetaGeoModel("M").fit_survivors(np.array(CONTROL) + np.array(OFFER))
    t = np.arange(7, 36)
    remaining = 10 * np.sum(MONTHLY**t * both.survival(t)) / both.survival(6)
    extra = (OFFER[-1] - CONTROL[-1]) / 10_000
    assert rows["common tail"]["lift"] == pytest.approx(rows["window"]["lift"] + extra * remaining)
    worth = [
        ShiftedBetaGeoModel("M").fit_survivors(alive).expected_lifetime(0.10, periods=36) for alive in (CONTROL, OFFER)
    ]
    assert rows["separate tails"]["lift"] == pytest.approx(10 * (worth[1] - worth[0]), rel=1e-6)
    assert rows["window"]["lift"] < rows["common tail"]["lift"] < rows["separate tails"]["lift"]


def test_the_horizon_may_end_with_the_window() -> None:
    rows = clv_lift({"control": CONTROL, "offer": OFFER}, margin=10, discount_rate=0.10, horizon=7).of()
    assert rows["common tail"]["lift"] == rows["window"]["lift"]
    assert rows["common tail"]["standard_error"] == pytest.approx(rows["window"]["standard_error"])


def test_standard_errors_are_those_of_repeated_experiments() -> None:
    """Of all three rows, also where no model is right: the treatment moves the first renewal only."""
    rng = np.random.default_rng(36)
    t = np.arange(1, 7)
    control = 0.704 / (0.704 + 2.2 + t - 1)
    offered = control * np.where(t == 1, 0.85, 1)
    found = []
    for _ in range(60):
        arms = [drawn(rng, hazard, 3_000) for hazard in (control, offered)]
        rows = lift_rows(*(Renewals(alive[:-1], -np.diff(alive)) for alive in arms), Money(1, 0.01, 36), "month")
        found.append(rows[["lift", "standard_error"]].to_numpy(dtype=float))
    lifts, errors = np.array(found).transpose(2, 0, 1)
    np.testing.assert_allclose(errors.mean(axis=0), lifts.std(axis=0, ddof=1), rtol=0.23)  # 2.5 times its own error


def test_standard_errors_are_those_of_refitting_with_each_hazard_moved() -> None:
    """The same sum of variances, with slopes by differences: every fit is made again, of counts that follow along."""
    hazards = np.array([[0.30, 0.16, 0.14, 0.10], [0.24, 0.17, 0.13, 0.11]])  # no model's
    money = Money(10.0, 0.01, 24)

    def rows(moved: np.ndarray) -> pd.DataFrame:
        alive = 2_000 * np.cumprod(np.c_[np.ones(2), 1 - moved], axis=1)
        return lift_rows(*(Renewals(each[:-1], -np.diff(each)) for each in alive), money, "month")

    alive = 2_000 * np.cumprod(np.c_[np.ones(2), 1 - hazards], axis=1)[:, :-1]
    variance = np.zeros(3)
    for place in np.ndindex(hazards.shape):
        step = np.zeros_like(hazards)
        step[place] = 1e-4
        slope = (rows(hazards + step)["lift"] - rows(hazards - step)["lift"]).to_numpy() / 2e-4
        variance += slope**2 * (hazards * (1 - hazards) / alive)[place]
    np.testing.assert_allclose(rows(hazards)["standard_error"], np.sqrt(variance), rtol=1e-4)


def drawn(rng: np.random.Generator, hazard: np.ndarray, customers: int) -> np.ndarray:
    alive = np.append(1.0, np.cumprod(1 - hazard))
    left = rng.multinomial(customers, np.append(-np.diff(alive), alive[-1]))[:-1]
    return customers - np.append(0.0, np.cumsum(left))


@pytest.mark.parametrize("engine", ["pandas", "polars", "lazy", "duckdb"])
def test_stays_of_every_engine_give_what_survivors_by_hand_give(frame: pd.DataFrame, engine: str) -> None:
    native = {
        "pandas": lambda: frame,
        "polars": lambda: pl.from_pandas(frame),
        "lazy": lambda: pl.from_pandas(frame).lazy(),
        "duckdb": lambda: duckdb.from_df(frame),
    }[engine]()
    by_hand = clv_lift({"offer": [480, 400, 350, 315, 290], "control": [500, 400, 340, 300, 275]}, **TERMS)
    found = clv_lift(native, **TERMS)
    pd.testing.assert_frame_equal(found.frame, by_hand.frame)
    pd.testing.assert_frame_equal(found.survival, by_hand.survival)


def test_those_followed_for_less_count_for_as_long_as_they_were_seen(frame: pd.DataFrame) -> None:
    """With unequal follow-up the curves are Kaplan and Meier's, and the default window ends where the first does."""
    cut = frame.assign(follow=np.where(np.arange(len(frame)) % 3 == 0, 2.9, 4.0))
    cut["left"] = cut["left"] & (cut["duration"] <= cut["follow"])
    cut["duration"] = cut[["duration", "follow"]].min(axis=1)
    assert clv_lift(cut, **TERMS).window == 2
    lift = clv_lift(cut, window=4, **TERMS)
    curves = kaplan_meier(cut.assign(duration=cut["duration"] // 1), "arm").at([1, 2, 3, 4]).set_index("group")
    for arm, rows in lift.survival.groupby("arm"):
        assert rows["survival"].to_list()[1:] == pytest.approx(curves.loc[str(arm), "survival"].to_list())
    whole = clv_lift(frame, **TERMS).of()
    assert all(lift.of()[row]["standard_error"] > whole[row]["standard_error"] for row in ROWS)


def test_each_arm_is_compared_with_control_alone() -> None:
    other = [9_000, 6_800, 5_600, 4_850, 4_320, 3_900, 3_600]
    three = clv_lift({"none": CONTROL, "offer": OFFER, "call": other}, control="none", **TERMS)
    two = clv_lift({"none": CONTROL, "offer": OFFER}, control="none", **TERMS)
    assert three.arms == ["call", "offer"]
    assert three.of("offer") == two.of()
    with pytest.raises(ConfigError, match="arm is not given: name one of call, offer"):
        three.of()
    with pytest.raises(ConfigError, match="no arm is called 'visit'"):
        three.of("visit")


def test_customers_all_alike_have_one_churn() -> None:
    """Retention that does not rise with age is the limit of the model, and has a tail too."""
    arms = {"control": [10_000, 8_000, 6_400, 5_120, 4_096], "offer": [10_000, 8_200, 6_724, 5_514, 4_521]}
    rows = clv_lift(arms, **TERMS).of()
    truth = [10 * sum((MONTHLY * r) ** t for t in range(36)) for r in (0.80, 0.82)]
    assert rows["separate tails"]["lift"] == pytest.approx(truth[1] - truth[0], rel=0.002)
    assert rows["common tail"]["standard_error"] < rows["separate tails"]["standard_error"] < 1
    assert not any(row["problem"] for row in rows.values())
    assert rows["common tail"]["assumption"].endswith("the tail is of one constant churn")


def test_a_row_whose_model_does_not_apply_has_a_reason_and_no_number() -> None:
    one = clv_lift({"control": [1_000, 800], "offer": [1_000, 840]}, **TERMS)
    rows = one.of()
    assert rows["window"]["lift"] == pytest.approx(10 * MONTHLY * 0.04)
    assert np.isnan([rows[row]["lift"] for row in ROWS[1:]]).all()
    assert "how customers differ" in rows["common tail"]["problem"]
    assert one.sentence().startswith(
        "By month 1 a customer of offer has brought $0.40 more (95% interval $0.06 to $0.73)"
    )
    assert "what comes after month 1 can't be said" in one.sentence()
    with pytest.raises(NotEnoughDataError, match="the row 'common tail' has no number"):
        one.decide(cost=1, customers=100)
    assert one.decide(cost=1, customers=100, row="window").frame["row"].to_list() == ["window"]
    assert "brings $0.40 more in the first month" in one.plot().alt


def test_a_lift_in_words_and_as_a_figure() -> None:
    lift = clv_lift({"control": CONTROL, "offer": OFFER}, **TERMS)
    rows = lift.of()
    for row in ROWS:
        assert f"${rows[row]['lift']:.2f}" in lift.sentence()
        assert (
            f"{row}: ${rows[row]['lift']:.2f} (${rows[row]['low']:.2f} to ${rows[row]['high']:.2f})" in lift.plot().alt
        )
    assert lift.plot(cost=30).alt.endswith("A line marks the cost of $30.00 a customer.")
    low, high = lift.plot(cost=30).figure.axes[0].get_xlim()
    assert low < 0 < 30 < high
    assert rows["common tail"]["assumption"].startswith("the effect stops after month 6")


def test_a_loss_is_told_as_less() -> None:
    lift = clv_lift({"control": OFFER, "offer": CONTROL}, **TERMS)
    assert lift.of()["common tail"]["lift"] < 0
    assert lift.sentence().startswith(
        "In 36 months a customer of offer brings $7.50 less (95% interval -$10.06 to -$4.94)"
    )
    assert "brings $7.50 less in 36 months, $2.13 less in the first 6 months" in lift.plot().alt


BY_HAND = {
    "unequal follow-up": ({"control": [100, 80, 60], "offer": [100, 80]}, "control for 2, offer for 1.*window=1"),
    "an empty arm": ({"control": [100, 80], "offer": [0, 0]}, "nobody is in the arm offer"),
    "one arm": ({"control": [100, 80]}, "only the arm control is there"),
    "no control": ({"a": [100, 80], "b": [100, 80]}, "no arm is called 'control'"),
    "more than before": ({"control": [100, 80, 90], "offer": [100, 80, 70]}, "control: survivors rise from 80 to 90"),
    "shares": ({"control": [1, 0.8], "offer": [1, 0.7]}, "counts of units and not shares"),
    "negative": ({"control": [100, -1], "offer": [100, 90]}, "whole numbers of 0 or more"),
    "too short": ({"control": [100], "offer": [100]}, "two numbers at the least"),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_survivors_that_cannot_be_are_refused(case: str) -> None:
    data, words = BY_HAND[case]
    with pytest.raises(ExperimentError, match=words):
        clv_lift(data, **TERMS)


ROWS_REFUSED = {
    "negative durations": ({"duration": -1.0}, "1 unit with a negative duration"),
    "a missing duration": ({"duration": np.nan}, "1 unit with a missing or infinite duration"),
    "days, not periods": ({"duration": 1e6}, "1 unit with a duration above 10,000"),
    "left at the start": ({"duration": 0.0}, "1 unit with a leaving at duration 0"),
    "left between renewals": ({"duration": 1.5}, "1 unit with a leaving between two renewals"),
    "left unknown": ({"left": 2.0}, "1 unit with a value of left that is neither 0 nor 1"),
    "no arm": ({"arm": None}, "1 unit without an arm"),
}


@pytest.mark.parametrize("case", ROWS_REFUSED)
def test_stays_that_cannot_be_are_refused(frame: pd.DataFrame, case: str) -> None:
    change, words = ROWS_REFUSED[case]
    broken = frame.astype({"duration": float, "left": float})
    broken.loc[[0], list(change)] = list(change.values())
    with pytest.raises(ExperimentError, match=words):
        clv_lift(broken, **TERMS)


def test_every_problem_of_stays_is_named_at_once(frame: pd.DataFrame) -> None:
    broken = frame.astype({"duration": float})
    broken.loc[[0, 1], "duration"] = [-1.0, np.inf]
    with pytest.raises(ExperimentError) as caught:
        clv_lift(broken, control="nobody", **TERMS)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "1 unit with a missing or infinite duration",
        "1 unit with a negative duration",
        "no arm is called 'nobody'",
    ]
    with pytest.raises(ExperimentError) as caught:
        clv_lift(frame.rename(columns={"left": "churned"}).assign(duration="1"), **TERMS)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "no column 'left'",
        "column 'duration' holds String, not a number of periods",
    ]
    with pytest.raises(DataContractError, match="the stays is a list"):
        clv_lift([1, 2], **TERMS)


def test_too_little_to_see_a_lift_is_said() -> None:
    with pytest.raises(NotEnoughDataError, match="nobody of offer left within 1 month"):
        clv_lift({"control": [100, 80], "offer": [100, 100]}, **TERMS)
    with pytest.raises(NotEnoughDataError, match="9 of offer left within 1 month: an interval needs at least 10"):
        clv_lift({"control": [100, 80], "offer": [100, 91]}, **TERMS)
    gone = {"control": [100, 40, 0], "offer": [100, 50, 10]}
    with pytest.raises(NotEnoughDataError, match="everybody in the arm control had left by month 2"):
        clv_lift(gone, **TERMS)
    assert clv_lift(gone, window=1, **TERMS).window == 1


def test_a_window_that_was_not_followed_is_said(frame: pd.DataFrame) -> None:
    with pytest.raises(
        NotEnoughDataError, match=r"window of 5 months is beyond .*control to month 4.*window=4 or less"
    ):
        clv_lift(frame, window=5, **TERMS)
    late = pd.concat([frame, pd.DataFrame({"arm": ["offer"], "duration": [0], "left": [False]})])
    with pytest.raises(NotEnoughDataError, match="followed for less than one month, so the default window is empty"):
        clv_lift(late, **TERMS)
    assert clv_lift(late, window=4, **TERMS).of()["window"]["lift"] == clv_lift(frame, **TERMS).of()["window"]["lift"]


def test_arguments_that_cannot_be_are_refused() -> None:
    arms = {"control": CONTROL, "offer": OFFER}
    with pytest.raises(ConfigError) as caught:
        clv_lift(arms, margin=0, discount_rate=-0.1, horizon=1.5)
    assert [problem.partition(" is")[0] for problem in caught.value.problems] == ["margin", "discount_rate", "horizon"]
    with pytest.raises(ConfigError, match="holds 7 payments, the first one included"):
        clv_lift(arms, margin=1, discount_rate=0.1, horizon=6)
    with pytest.raises(ConfigError, match=r"window is 1\.5: expected"):
        clv_lift(arms, window=1.5, **TERMS)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="unit is 'M'"):
        clv_lift(arms, unit="M", **TERMS)
    with pytest.raises(ConfigError, match="level is 95"):
        clv_lift(arms, level=95, **TERMS)
    with pytest.raises(ConfigError, match="row is 'tail'"):
        clv_lift(arms, **TERMS).decide(cost=1, customers=10, row="tail")
