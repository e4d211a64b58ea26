"""A churn score on customers whose true risk is known: calibrated, in order, the same every time; bad labels."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvhelpers.churn.behaviour import ChurnSet, behaviour_features, churn_set
from clvhelpers.churn.judging import calibration, ranking
from clvhelpers.churn.score import KINDS, ChurnScore, fit_churn_score
from clvhelpers.datasets import TRUTH, load_lumen, path_of
from clvhelpers.errors import ConfigError, DataContractError, LeakageError, NotEnoughDataError

FEATURES = ("hours_1m", "support_3m", "plan", "score_last")


def customers(n: int, seed: int, cut: str = "2025-03-31", end: str = "2025-06-30", bend: float = 0.0) -> ChurnSet:
    """Customers who leave with a probability that follows from what they did; it is in the column `risk`.

    `bend`: how much more those leave who watch under two hours, a threshold that no straight line follows.
    """
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "hours_1m": rng.gamma(2, 5, n),
            "support_3m": rng.poisson(0.3, n),
            "plan": rng.choice(["Basic", "Standard", "Premium"], n),
            "score_last": np.where(rng.random(n) < 0.7, rng.integers(0, 11, n), np.nan),
        }
    )
    odds = -1.4 - 0.1 * frame["hours_1m"] + 0.6 * frame["support_3m"] + 0.5 * (frame["plan"] == "Basic")
    frame["risk"] = 1 / (1 + np.exp(-odds - bend * (frame["hours_1m"] < 2)))
    frame["left"] = rng.random(n) < frame["risk"]
    frame.index = pd.Index([f"c{place:06d}" for place in range(n)], name="customer_id")
    return ChurnSet(frame, FEATURES, dt.date.fromisoformat(cut), dt.date.fromisoformat(end))


@pytest.fixture(scope="module")
def training() -> ChurnSet:
    return customers(6000, seed=1)


@pytest.fixture(scope="module")
def later() -> ChurnSet:
    return customers(6000, seed=2, cut="2025-06-30", end="2025-09-30")


@pytest.fixture(scope="module")
def scores(training: ChurnSet) -> dict[str, ChurnScore]:
    return {kind: fit_churn_score(training, kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
class TestAgainstTheTruth:
    def test_probabilities_are_near_the_true_ones(
        self, scores: dict[str, ChurnScore], later: ChurnSet, kind: str
    ) -> None:
        risk = scores[kind].predict(later.frame)
        assert (risk - later.frame["risk"]).abs().mean() < {"logistic": 0.012, "boosting": 0.03}[kind]
        assert np.corrcoef(risk, later.frame["risk"])[0, 1] > 0.9

    def test_later_customers_find_it_calibrated_and_better_than_the_base_rate(
        self, scores: dict[str, ChurnScore], later: ChurnSet, kind: str
    ) -> None:
        check = scores[kind].check(later)
        held = check.calibration
        assert held.error < 0.02
        assert held.predicted == pytest.approx(held.actual, abs=0.015)
        oracle = calibration(later.frame["risk"], later.frame["left"])
        assert oracle.brier <= held.brier < held.brier_base
        assert 0 < held.skill < 1 - oracle.brier / held.brier_base + 1e-9
        assert check.auc == pytest.approx(ranking(later.frame["risk"], later.frame["left"]), abs=0.03)
        assert check.accuracy_of_nobody == pytest.approx(1 - held.actual)
        assert check.lift > 2
        assert "nobody leaves" in check.sentence()

    def test_the_same_data_give_the_same_score(self, training: ChurnSet, later: ChurnSet, kind: str) -> None:
        shuffled = ChurnSet(training.frame.sample(frac=1, random_state=3), FEATURES, training.cut, training.label_end)
        one, same, other = (fit_churn_score(found, kind) for found in (training, training, shuffled))
        pd.testing.assert_series_equal(one.predict(later.frame), same.predict(later.frame), check_exact=True)
        pd.testing.assert_frame_equal(one.frame, same.frame, check_exact=True)
        pd.testing.assert_series_equal(one.predict(later.frame), other.predict(later.frame), atol=1e-4)

    def test_the_strongest_feature_is_told(self, scores: dict[str, ChurnScore], kind: str) -> None:
        assert scores[kind].frame.iloc[0]["feature"] == "hours_1m"
        assert "What tells it most is hours_1m" in scores[kind].sentence()

    def test_a_plan_never_seen_and_a_missing_number_still_get_a_probability(
        self, scores: dict[str, ChurnScore], kind: str
    ) -> None:
        odd = pd.DataFrame({"hours_1m": [np.nan], "support_3m": [0], "plan": ["Gold"], "score_last": [np.nan]})
        assert scores[kind].predict(odd).between(0, 1).all()

    def test_features_that_are_not_there_are_named(self, scores: dict[str, ChurnScore], kind: str) -> None:
        with pytest.raises(DataContractError, match="the score needs 'plan', which the features lack"):
            scores[kind].predict(pd.DataFrame({"hours_1m": [1.0], "support_3m": [0], "score_last": [1.0]}))
        words = pd.DataFrame({"hours_1m": ["many"], "support_3m": [0], "score_last": [1.0], "plan": ["Basic"]})
        with pytest.raises(DataContractError, match="'hours_1m' holds words, and the score learned from numbers"):
            scores[kind].predict(words)
        assert scores[kind].predict(words.iloc[:0].assign(hours_1m=1.0)).empty


def test_odds_ratios_are_those_of_the_truth(scores: dict[str, ChurnScore], training: ChurnSet) -> None:
    found = scores["logistic"].frame.set_index("feature")
    spread = training.frame[["hours_1m", "support_3m"]].std()
    assert found.loc["hours_1m", "weight"] == pytest.approx(-0.1 * spread["hours_1m"], rel=0.15)
    assert found.loc["support_3m", "weight"] == pytest.approx(0.6 * spread["support_3m"], rel=0.15)
    assert found.loc["plan_Basic", "weight"] - found.loc["plan_Premium", "weight"] == pytest.approx(0.5, abs=0.15)
    assert np.allclose(found["odds_ratio"], np.exp(found["weight"]))


def test_trees_find_a_threshold_that_a_straight_line_misses() -> None:
    training = customers(6000, seed=4, bend=2.5)
    later = customers(6000, seed=5, cut="2025-06-30", end="2025-09-30", bend=2.5)
    briers = {kind: fit_churn_score(training, kind).check(later).calibration.brier for kind in KINDS}
    assert briers["boosting"] < briers["logistic"]


def test_the_next_quarter_of_lumen_is_as_the_score_says() -> None:
    """Trained on who left by the last day, asked about the three months after it, which nobody has seen."""
    spells, end = load_lumen("spells"), "2025-12-31"
    tables = {name: load_lumen(name) for name in ("usage", "satisfaction", "payments")}
    truth = pd.read_parquet(path_of("lumen", TRUTH)).set_index("customer_id")
    held = {}
    for seasonal in ([], ["hours", "days_active"]):
        training = churn_set(spells, "2025-09-30", 3, tables, end=end, seasonal=seasonal)
        today = behaviour_features(spells, end, tables, seasonal=seasonal)
        assert truth.loc[today.index, "alive"].all()
        assert len(today) == truth["alive"].sum()
        risk = fit_churn_score(training, "boosting").predict(today)
        held[len(seasonal)] = calibration(risk, truth.loc[today.index, "leaves_within_3m"])
    assert held[2].predicted == pytest.approx(held[2].actual, abs=0.01)
    assert held[2].error < 2 * held[2].error_by_chance
    assert held[2].brier < held[2].brier_base
    assert held[0].actual - held[0].predicted > 0.012, "December's hours are taken for loyalty"


class TestBadLabels:
    @pytest.mark.parametrize(("left", "word"), [(False, "longer"), (True, "shorter")])
    def test_a_label_with_one_class_is_refused_in_a_sentence(
        self, training: ChurnSet, scores: dict[str, ChurnScore], left: bool, word: str
    ) -> None:
        same = ChurnSet(training.frame.assign(left=left), FEATURES, dt.date(2025, 6, 30), dt.date(2025, 9, 30))
        for act in (fit_churn_score, scores["logistic"].check):
            with pytest.raises(NotEnoughDataError, match=rf"the label has one class[^.]*; take a {word} horizon"):
                act(same)

    def test_too_few_leavers_are_refused(self, training: ChurnSet) -> None:
        few = training.frame.assign(left=np.arange(len(training.frame)) < 29)
        with pytest.raises(NotEnoughDataError, match="29 left by 2025-06-30 and 5,971 stayed: at least 30 of each"):
            fit_churn_score(ChurnSet(few, FEATURES, training.cut, training.label_end))

    def test_a_score_is_not_judged_on_days_it_has_learned_from(
        self, scores: dict[str, ChurnScore], training: ChurnSet
    ) -> None:
        with pytest.raises(
            LeakageError, match="learned who left up to 2025-06-30, and is to be judged from 2025-03-31"
        ):
            scores["logistic"].check(training)

    def test_an_unknown_kind_is_refused(self, training: ChurnSet) -> None:
        with pytest.raises(ConfigError, match="kind is 'neural': expected one of 'logistic', 'boosting'"):
            fit_churn_score(training, "neural")


class TestCalibration:
    def test_true_probabilities_are_off_by_what_chance_makes(self) -> None:
        rng = np.random.default_rng(3)
        errors, chance, held = [], [], []
        for _ in range(60):
            risk = pd.Series(rng.beta(1, 8, 1000))
            found = calibration(risk, pd.Series(rng.random(1000) < risk))
            errors.append(found.error)
            chance.append(found.error_by_chance)
            held.append(found.frame["predicted"].between(found.frame["low"], found.frame["high"]).mean())
        assert np.mean(errors) == pytest.approx(np.mean(chance), rel=0.05)
        assert np.mean(held) == pytest.approx(0.95, abs=0.02)

    def test_a_score_twice_too_high_is_found_out(self) -> None:
        rng = np.random.default_rng(3)
        risk = pd.Series(rng.beta(1, 8, 5000))
        found = calibration((2 * risk).clip(upper=1), pd.Series(rng.random(5000) < risk))
        assert found.error > 5 * found.error_by_chance
        assert found.skill < 0

    @settings(max_examples=40)
    @given(st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=1, max_size=60), st.integers(1, 12))
    def test_groups_hold_everybody_and_equal_probabilities_stay_together(
        self, pairs: list[tuple[int, bool]], bins: int
    ) -> None:
        risk = pd.Series([value / 10 for value, _ in pairs])
        came = pd.Series([happened for _, happened in pairs])
        found = calibration(risk, came, bins)
        assert found.frame["customers"].sum() == len(pairs)
        assert (found.frame["customers"] * found.frame["actual"]).sum() == pytest.approx(came.sum())
        assert found.frame["predicted"].is_monotonic_increasing
        assert 0 <= found.error <= 1
        assert found.frame["predicted"].nunique() == len(found.frame)

    def test_numbers_that_are_no_probabilities_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="not between 0 and 1"):
            calibration(pd.Series([0.2, 1.2]), pd.Series([True, False]))
        with pytest.raises(ConfigError, match="bins is 0"):
            calibration(pd.Series([0.2]), pd.Series([True]), bins=0)
        with pytest.raises(NotEnoughDataError, match="there is no customer"):
            calibration(pd.Series(dtype=float), pd.Series(dtype=bool))


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_ranking_counts_pairs(pairs: list[tuple[int, bool]]) -> None:
    ones = [value for value, happened in pairs if happened]
    zeros = [value for value, happened in pairs if not happened]
    if ones and zeros:
        won = sum((one > zero) + 0.5 * (one == zero) for one in ones for zero in zeros) / (len(ones) * len(zeros))
        values, came = zip(*pairs, strict=True)
        assert ranking(pd.Series(values), pd.Series(came)) == pytest.approx(won)
