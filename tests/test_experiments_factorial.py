"""Factorial designs: main effects, interactions, engines, and designs that can't be told apart."""

from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments import factorial_effects

BASE = {"price": "old", "message": "plain"}


def launch(interaction: float = 0.0, units: int = 4000) -> pd.DataFrame:
    """A new price costs 6 points, a personal message gives 4, and both together `interaction` more."""
    random = np.random.default_rng(units)
    frame = pd.DataFrame(
        {
            "customer_id": range(units),
            "price": random.choice(["old", "new"], units, p=[0.8, 0.2]),
            "message": random.choice(["plain", "personal"], units),
        }
    )
    new, personal = frame["price"] == "new", frame["message"] == "personal"
    rate = 0.5 - 0.06 * new + 0.04 * personal + interaction * (new & personal)
    return frame.assign(kept=random.random(units) < rate, spend=100 * rate + random.normal(0, 20, units))


def test_effects_are_contrasts_of_cell_means() -> None:
    frame = launch(0.1)
    found = factorial_effects(frame, ["price", "message"], "kept", base=BASE)
    means = frame.groupby(["price", "message"])["kept"].mean().unstack()
    effect = (means.loc["new"] - means.loc["old"]).mean()
    difference = (means.loc["new"] - means.loc["old"]) @ pd.Series({"plain": -1, "personal": 1})
    assert found.frame.loc[0, ["factor", "level", "base"]].to_list() == ["price", "new", "old"]
    assert found.frame["difference"][0] == pytest.approx(effect)
    assert found.contrasts["difference"][0] == pytest.approx(difference)
    assert found.interactions["p_value"][0] == pytest.approx(found.contrasts["p_value"][0])
    assert found.cells["units"].sum() == len(frame)


def test_truth_lies_within_the_intervals() -> None:
    found = factorial_effects(launch(0.1, 60_000), ["price", "message"], "kept", base=BASE, level=0.999)
    rows = pd.concat([found.frame, found.contrasts], ignore_index=True)
    truth = pd.Series([-0.06 + 0.1 / 2, 0.04 + 0.1 / 2, 0.1])
    assert ((rows["low"] < truth) & (truth < rows["high"])).all()
    assert (rows["high"] - rows["low"]).to_list() == pytest.approx([0.0334, 0.0334, 0.0668], abs=0.001)


def test_sentence_says_what_a_main_effect_means() -> None:
    with_one = factorial_effects(launch(0.15), ["price", "message"], "kept", base=BASE).sentence()
    assert "There is an interaction of price x message (p below 0.001)" in with_one
    assert "choose by the means of the cells; the highest is price new, message personal" in with_one
    without = factorial_effects(launch(), ["price", "message"], "kept", base=BASE)
    assert without.sentence().startswith(
        "Effects on kept with 95% intervals, each averaged over the levels of the other"
    )
    assert "message personal instead of plain" in without.sentence()
    assert "No interaction shows (price x message: p 0." in without.sentence()


def test_three_factors_with_several_levels() -> None:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({name: random.integers(0, 3 if name == "c" else 2, 900) for name in "abc"})
    frame["y"] = 2.0 * frame["a"] + frame["c"] * frame["b"] + random.normal(0, 1, 900)
    found = factorial_effects(frame, ["a", "b", "c"], "y", unit=None, base={"c": 1})
    assert found.frame[["factor", "level", "base"]].to_numpy().tolist() == [
        ["a", 1, 0], ["b", 1, 0], ["c", 0, 1], ["c", 2, 1],
    ]  # fmt: skip
    assert found.frame["difference"].to_list() == pytest.approx([2, 1, -0.5, 0.5], abs=0.3)
    assert found.interactions[["factors", "freedom"]].to_numpy().tolist() == [
        ["a x b", 1], ["a x c", 2], ["b x c", 2], ["a x b x c", 2],
    ]  # fmt: skip
    assert found.interactions.set_index("factors")["p_value"].idxmin() == "b x c"
    assert len(found.contrasts) == 1 + 2 + 2
    assert "p_value_odds" not in found.interactions
    by = found.means_by(["b"])
    assert by["mean"].diff()[1] == pytest.approx(found.frame["difference"][1])
    alone = frame.loc[(frame["a"] == 0) & (frame["b"] == 0) & (frame["c"] == 0), "y"]
    cell = found.cells.query("a == 0 and b == 0 and c == 0").iloc[0]
    assert cell["standard_error"] == pytest.approx(alone.sem())
    one = found.means_by(["a", "b", "c"])
    assert one[["low", "high"]].to_numpy() == pytest.approx(found.cells[["low", "high"]].to_numpy())
    with pytest.raises(ConfigError, match="the factors are a, b, c"):
        found.means_by(["a", "d"])


@pytest.mark.parametrize(
    "native", [lambda frame: pl.from_pandas(frame).lazy(), duckdb.from_df], ids=["polars", "duckdb"]
)
@pytest.mark.parametrize("outcome", ["kept", "spend"])
def test_effects_are_the_same_on_every_engine(native: Callable[[pd.DataFrame], object], outcome: str) -> None:
    frame = launch(units=400)
    ours, theirs = (factorial_effects(data, ["price", "message"], outcome) for data in (frame, native(frame)))
    assert ours.rate == theirs.rate == (outcome == "kept")
    for name in ("frame", "interactions", "contrasts", "cells"):
        pd.testing.assert_frame_equal(getattr(ours, name), getattr(theirs, name), check_dtype=False)


def test_means_far_from_zero_keep_their_spread() -> None:
    frame = launch(units=400)
    near, far = (
        factorial_effects(frame.assign(spend=frame["spend"] + add), ["price", "message"], "spend") for add in (0, 1e9)
    )
    columns = ["difference", "standard_error", "p_value"]
    np.testing.assert_allclose(near.frame[columns], far.frame[columns], rtol=1e-5)


def test_figure_is_of_the_clearest_pair() -> None:
    found = factorial_effects(launch(0.15), ["price", "message"], "kept", base=BASE)
    assert found.plot().alt.startswith("Lines with intervals. What price does depends on message. message plain: ")
    assert "What message does depends on price" in found.plot("message", "price").alt
    same = factorial_effects(launch(), ["price", "message"], "spend", base=BASE, currency="GBP")
    assert "message personal: £5" in same.plot().alt
    assert "No interaction of price and message shows" in same.plot().alt


def test_designs_that_can_not_be_told_apart_are_refused() -> None:
    frame = launch(units=400)
    together = frame.assign(message=frame["price"].map({"old": "plain", "new": "personal"}))
    with pytest.raises(ExperimentError, match="'price' and 'message' always change together, so nobody can tell"):
        factorial_effects(together, ["price", "message"], "kept")
    hole = frame[(frame["price"] == "old") | (frame["message"] == "plain")]
    with pytest.raises(ExperimentError, match="no unit is in the cell price new, message personal: with it missing"):
        factorial_effects(hole, ["price", "message"], "kept")
    with pytest.raises(ExperimentError, match="'message' is always plain: a factor needs two levels"):
        factorial_effects(frame.assign(message="plain"), ["price", "message"], "kept")


def test_units_in_two_cells_or_without_one_are_refused() -> None:
    frame = launch(units=400)
    moved = pd.concat([frame, frame.iloc[[0]].assign(price=lambda row: row["price"].map({"old": "new", "new": "old"}))])
    with pytest.raises(
        ExperimentError, match=r"1 unit with more than one row, such as 0 \(in price new, .* and price old"
    ):
        factorial_effects(moved, ["price", "message"], "kept")
    with pytest.raises(ExperimentError, match=r"1 unit with more than one row, such as 3 .*, twice"):
        factorial_effects(pd.concat([frame, frame.iloc[[3]]]), ["price", "message"], "kept")
    broken = frame.assign(price=frame["price"].mask(frame.index < 2), spend=frame["spend"].mask(frame.index == 9))
    with pytest.raises(
        ExperimentError, match=r"'price' is missing for 2 rows(.|\n)*'spend' is missing or infinite for 1 row"
    ):
        factorial_effects(broken, ["price", "message"], "spend")
    with pytest.raises(ExperimentError, match=r"no column 'colour'(.|\n)*no column 'person'"):
        factorial_effects(frame, ["price", "colour"], "kept", unit="person")


def test_outcomes_without_spread_are_refused() -> None:
    frame = launch(units=400)
    with pytest.raises(ExperimentError, match=r"'kept' is 0.00 for every unit: an outcome that never varies"):
        factorial_effects(frame.assign(kept=0), ["price", "message"], "kept")
    both = (frame["price"] == "new") & (frame["message"] == "plain")
    with pytest.raises(
        NotEnoughDataError, match=r"in the cell price new, message plain the outcome is 1.00 for all of"
    ):
        factorial_effects(frame.assign(kept=frame["kept"] | both), ["price", "message"], "kept")
    single = pd.concat([frame[~both], frame[both].head(1)])
    with pytest.raises(NotEnoughDataError, match="for all of 1 unit: without units that differ"):
        factorial_effects(single, ["price", "message"], "spend")


def test_wrong_arguments_are_named() -> None:
    frame = launch(units=400)
    with pytest.raises(ConfigError, match="for one factor there are compare_rates"):
        factorial_effects(frame, ["price"], "kept")
    with pytest.raises(ConfigError, match=r"base names 'colour', which is no factor(.|\n)*base of 'price' is 'odd'"):
        factorial_effects(frame, ["price", "message"], "kept", base={"colour": "red", "price": "odd"})
    with pytest.raises(ConfigError, match="level is 95"):
        factorial_effects(frame, ["price", "message"], "kept", level=95)
    with pytest.raises(ExperimentError, match="holds String, not numbers"):
        factorial_effects(frame, ["price", "message"], "price")
