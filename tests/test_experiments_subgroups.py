"""Effects by segment: useless segments fool, the interaction test does not, and late segments are refused."""

from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError, PostTreatmentCovariateError
from clvhelpers.experiments import compare_means, compare_rates, segment_effects
from clvhelpers.experiments.many import adjusted_p_values
from clvhelpers.experiments.subgroups import cochran


def offered(pro: float = 0.0, units: int = 6000) -> pd.DataFrame:
    """An offer that keeps 3 points more, and `pro` more of those on the plan pro."""
    random = np.random.default_rng(units)
    frame = pd.DataFrame(
        {
            "customer_id": range(units),
            "arm": random.choice(["control", "offer"], units),
            "plan": random.choice(["basic", "plus", "pro"], units, p=[0.5, 0.3, 0.2]),
            "exposed_at": pd.Timestamp("2026-03-01"),
            "joined": pd.Timestamp("2025-06-01"),
        }
    )
    rate = 0.3 + (frame["arm"] == "offer") * (0.03 + pro * (frame["plan"] == "pro"))
    return frame.assign(kept=random.random(units) < rate, spend=100 * rate + random.normal(0, 20, units))


def test_of_twenty_useless_segments_one_wins_in_most_tests() -> None:
    """150 tests of an offer that does nothing, each cut into 20 segments that mean nothing."""
    tests, segments, units = 150, 20, 30
    random = np.random.default_rng(20)
    labels = [f"{test:03}-{segment:02}" for test in range(tests) for segment in range(segments)]
    frame = pd.DataFrame({"segment": np.repeat(labels, 2 * units)})
    frame["arm"] = np.tile(np.repeat(["control", "offer"], units), tests * segments)
    frame["spend"] = random.normal(20, 8, len(frame))
    found = segment_effects(frame, "segment", "spend", measured_at="before", unit=None).frame
    rows = [own for _, own in found.groupby(found["segment"].str[:3])]
    assert [len(own) for own in rows] == [segments] * tests
    wins = np.mean([(own["p_value"] < 0.05).any() for own in rows])
    assert wins > 0.5  # 1 - 0.95 ** 20 is 0.64
    assert np.mean([(adjusted_p_values(own["p_value"], "holm") < 0.05).any() for own in rows]) < 0.1
    assert 0.01 < np.mean([cochran(own)["p_value"] < 0.05 for own in rows]) < 0.1


def test_one_effect_for_all_is_said_to_be_one() -> None:
    found = segment_effects(offered(), "plan", "kept", measured_at="joined")
    assert found.interaction["p_value"][0] > 0.05
    assert found.interaction["freedom"][0] == 2
    whole = found.overall.iloc[0]
    assert whole["low"] < 0.03 < whole["high"]
    sentence = found.sentence()
    assert "does not differ between the 3 segments of plan by more than chance (Cochran's Q" in sentence
    assert "is the luckiest of 3" in sentence


def test_a_segment_for_which_it_works_is_found() -> None:
    found = segment_effects(offered(0.2), "plan", "kept", measured_at={"plan": "2026-02-01"})
    rows = found.frame.set_index("segment")
    assert found.interaction["p_value"][0] < 0.001
    assert rows.loc["pro", "low"] < 0.23 < rows.loc["pro", "high"]
    assert rows.loc["pro", "adjusted"] < 0.001
    assert (rows["adjusted"] >= rows["p_value"]).all()
    shares = rows["units"] + rows["control_units"]
    assert found.overall["difference"][0] == pytest.approx((rows["difference"] * shares).sum() / shares.sum())
    assert "differs between the segments of plan by more than chance" in found.sentence()
    assert found.plot().alt.startswith(
        "Points with intervals. The effect of offer differs between segments of plan. over"
    )


def test_each_segment_is_compared_as_the_whole_is() -> None:
    frame = offered(units=600)
    basic = frame[frame["plan"] == "basic"]
    columns = ["difference", "low", "high", "p_value"]
    rates = segment_effects(frame, "plan", "kept", measured_at="before").frame.set_index("segment")
    means = segment_effects(frame, "plan", "spend", measured_at="before").frame.set_index("segment")
    np.testing.assert_allclose(
        rates.loc["basic", columns].astype(float), compare_rates(basic, "kept").frame.loc[0, columns].astype(float)
    )
    np.testing.assert_allclose(
        means.loc["basic", columns].astype(float), compare_means(basic, "spend").frame.loc[0, columns].astype(float)
    )


def test_several_arms_have_a_test_each() -> None:
    frame = offered(0.2)
    frame["arm"] = frame["arm"].where((frame["arm"] == "control") | (frame["customer_id"] % 2 == 0), "letter")
    found = segment_effects(frame, "plan", "spend", measured_at="before", method="benjamini-hochberg", currency="USD")
    assert found.interaction["arm"].to_list() == found.overall["arm"].to_list() == ["letter", "offer"]
    assert len(found.frame) == 6
    assert found.sentence().count("Cochran's Q") == 2
    assert "in pro; $" in found.sentence()
    assert "The effect of letter" in found.plot("letter").alt
    with pytest.raises(ConfigError, match="arm is 'b': expected one of 'letter', 'offer'"):
        found.plot("b")


def test_small_segments_are_named_and_left_out() -> None:
    frame = offered(units=900)
    frame["plan"] = frame["plan"].mask(frame["customer_id"] < 20, "tiny").mask(frame["customer_id"] > 799, "lost")
    frame["kept"] = frame["kept"] & (frame["plan"] != "lost")
    found = segment_effects(frame, "plan", "kept", measured_at="before")
    assert found.small == ("lost", "tiny")
    assert found.frame["segment"].to_list() == ["basic", "plus", "pro"]
    assert "Too small to have an effect of their own, and left out: lost, tiny" in found.sentence()
    with pytest.raises(NotEnoughDataError, match="1 segment of 'plan' with 140 units or more in every arm"):
        segment_effects(frame, "plan", "kept", measured_at="before", smallest=140)


@pytest.mark.parametrize(
    "native", [lambda frame: pl.from_pandas(frame).lazy(), duckdb.from_df], ids=["polars", "duckdb"]
)
def test_effects_are_the_same_on_every_engine(native: Callable[[pd.DataFrame], object]) -> None:
    frame = offered(units=600)
    ours, theirs = (segment_effects(data, "plan", "kept", measured_at="joined") for data in (frame, native(frame)))
    for name in ("frame", "interaction", "overall"):
        pd.testing.assert_frame_equal(getattr(ours, name), getattr(theirs, name), check_dtype=False)


def test_a_segment_chosen_after_treatment_is_refused() -> None:
    frame = offered(units=600)
    with pytest.raises(PostTreatmentCovariateError, match="'plan' was measured after exposure, as you say"):
        segment_effects(frame, "plan", "kept", measured_at="after")
    late = frame.assign(joined=frame["joined"].mask(frame["customer_id"] < 9, pd.Timestamp("2026-03-02")))
    with pytest.raises(PostTreatmentCovariateError, match="after the exposure of 9 of 600 units"):
        segment_effects(late, "plan", "kept", measured_at="joined")
    with pytest.raises(ConfigError, match="when were 'plan' measured"):
        segment_effects(frame, "plan", "kept", measured_at=None)


def test_units_that_can_not_be_are_refused() -> None:
    frame = offered(units=600)
    swapped = frame.head(2).assign(arm=frame["arm"].head(2).map({"control": "offer", "offer": "control"}))
    with pytest.raises(
        ExperimentError, match=r"2 units with more than one row, such as 0 \(in plan .*, arm control and plan"
    ):
        segment_effects(pd.concat([frame, swapped]), "plan", "kept", measured_at="before")
    with pytest.raises(ExperimentError, match="'plan' is missing for 4 rows: find out what it was"):
        segment_effects(frame.assign(plan=frame["plan"].mask(frame.index < 4)), "plan", "kept", measured_at="before")
    with pytest.raises(ExperimentError, match="'arm' is missing for 1 row"):
        segment_effects(frame.assign(arm=frame["arm"].mask(frame.index == 4)), "plan", "kept", measured_at="before")
    with pytest.raises(ExperimentError, match="no arm is called 'a': name the control, one of control, offer"):
        segment_effects(frame, "plan", "kept", measured_at="before", control="a")
    with pytest.raises(NotEnoughDataError, match="0 segments of 'plan' with 30 units or more in every arm that differ"):
        segment_effects(frame.assign(kept=1), "plan", "kept", measured_at="before")
