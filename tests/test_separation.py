"""Segments compared by what comes afterwards: chance gives chance, truth gives all, and no luck from many segments."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.segments.separation import compare_segmentations, explained_share
from tests.figures import title_of


def shop(customers: int = 2000, seed: int = 5) -> tuple[pd.DataFrame, pd.Series]:
    """Customers whose later value hangs on their grade, and not on their shoe size or on where their name sorts."""
    rng = np.random.default_rng(seed)
    grade = rng.integers(0, 5, customers)
    who = pd.DataFrame({"grade": grade, "shoes": rng.integers(36, 46, customers), "id": np.arange(customers)})
    who.index = pd.Index([f"c{i:05d}" for i in rng.permutation(customers)], name="customer_id")
    return who, pd.Series(rng.gamma(1.0, 1.0 + 4.0 * grade), who.index)


def test_the_segmentation_that_matters_wins_and_others_are_chance() -> None:
    frame = compare_segmentations(*shop()).frame.set_index("segmentation")
    assert frame.index[0] == "grade"
    assert frame.loc["grade", "best_segment"] == "4"
    assert frame.loc["grade", "low"] > 0.3
    assert frame.loc["shoes", "low"] < 0.2 < frame.loc["shoes", "high"]
    assert abs(frame.loc["shoes", "explained"]) < 0.01
    assert frame.loc["id", "captured"] == pytest.approx(0.2)  # a segment a customer knows nothing of the other half
    assert frame.loc["id", "explained"] == 0


def test_segments_that_are_the_future_find_all_that_can_be_found() -> None:
    who, _ = shop()
    future = who["grade"].astype(float)
    result = compare_segmentations(who[["grade"]], future)
    assert result.frame["captured"].iloc[0] == pytest.approx(result.possible, abs=0.02)
    assert explained_share(who["grade"], future) == pytest.approx(1)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_one_segment_of_all_gives_the_share(share: float) -> None:
    who, future = shop(300)
    result = compare_segmentations(who[["grade"]].assign(grade="all"), future, share=share)
    assert result.frame["captured"].iloc[0] == pytest.approx(share)
    assert result.frame["explained"].iloc[0] == 0


def test_order_of_rows_changes_nothing() -> None:
    who, future = shop(400)
    mixed = who.sample(frac=1, random_state=1)
    one, other = compare_segmentations(who, future), compare_segmentations(mixed, future.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(one.frame, other.frame)


def test_intervals_hold_the_true_share_about_as_often_as_they_say() -> None:
    """Drawn again and again from one large base with two segments, so that the best is never in doubt."""
    rng = np.random.default_rng(11)
    better, share, inside = 0.25, 0.2, 0
    true = share * 3.0 / (better * 3.0 + (1 - better) * 1.0)
    for draw in range(60):
        good = rng.random(400) < better
        future = pd.Series(rng.gamma(0.7, np.where(good, 3.0, 1.0) / 0.7))
        row = compare_segmentations(pd.DataFrame({"good": good}), future, share=share, seed=draw).frame.iloc[0]
        inside += row["low"] <= true <= row["high"]
    assert 0.88 <= inside / 60 <= 0.99


def test_a_missing_label_is_a_segment_of_its_own() -> None:
    who, future = shop(500)
    labels = who[["grade"]].astype(object).where(who["grade"] < 4)
    assert compare_segmentations(labels, future).frame["best_segment"].iloc[0] == "not known"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), min_size=3, max_size=40))
@settings(max_examples=25, deadline=None)
def test_shares_are_shares_and_the_truth_is_never_beaten(rows: list[tuple[int, int]]) -> None:
    labels = pd.DataFrame({"label": [label for label, _ in rows]})
    future = pd.Series([float(value) for _, value in rows])
    if future.sum() == 0:
        with pytest.raises(NotEnoughDataError):
            compare_segmentations(labels, future)
        return
    result = compare_segmentations(labels, future)
    captured = result.frame["captured"].iloc[0]
    assert 0 <= captured <= 1
    assert captured <= result.possible + 1e-9


def test_bad_input_is_refused_in_a_sentence() -> None:
    who, future = shop(50)
    with pytest.raises(ConfigError, match="share is 20"):
        compare_segmentations(who, future, share=20)
    with pytest.raises(DataContractError, match="1 customer without future value"):
        compare_segmentations(who, future.iloc[1:])
    with pytest.raises(NotEnoughDataError, match="nothing comes afterwards"):
        compare_segmentations(who, 0 * future)
    with pytest.raises(NotEnoughDataError, match="no customers"):
        compare_segmentations(who.iloc[:0], future)
    with pytest.raises(DataContractError, match="occurs more than once in future"):
        compare_segmentations(who, pd.concat([future, future.iloc[:1]]))


def test_picture_says_what_is_no_better_than_chance() -> None:
    result = compare_segmentations(*shop())
    picture = result.plot()
    assert title_of(picture).endswith("no better than chance: id, shoes")
    assert "knowing the future" in result.sentence()
