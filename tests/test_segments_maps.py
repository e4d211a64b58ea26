"""The long map, frozen edges, scores by category, notes on scores, and concentration by channel."""

import io

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers import datasets, segments
from clvhelpers.customers import customer_summary
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.reporting.small_groups import hide_concentration

SIZES = {
    "Champions": 7,
    "Loyal": 8,
    "Potential Loyalist": 24,
    "New": 7,
    "Promising": 16,
    "Need Attention": 8,
    "About to Sleep": 8,
    "At Risk": 22,
    "Cannot Lose": 8,
    "Hibernating": 11,
    "Lost": 6,
}
"""The published map, as counted in the reference numbers (part C 3.2): 125 codes, no overlap."""


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    return customer_summary(datasets.load_cdnow(sample=False), end="1998-06-30")


@pytest.fixture
def shop() -> pd.DataFrame:
    """Ten days of orders of two categories; anna buys both, and every ten days for books."""
    rows = [("anna", day, "books", 10.0) for day in (1, 11, 21)]
    rows += [("bob", 1, "books", 30.0), ("bob", 29, "books", 5.0)]
    rows += [("anna", 2, "toys", 8.0), ("carl", 1, "toys", 80.0), ("carl", 3, "toys", 90.0)]
    log = pd.DataFrame(rows, columns=["customer_id", "day", "category", "amount"])
    return log.assign(date=pd.Timestamp("2025-01-01") + pd.to_timedelta(log.pop("day") - 1, unit="D"))


class TestElevenGroups:
    def test_each_code_is_mapped_once_and_the_sizes_are_the_published_ones(self) -> None:
        codes = segments.check_groups(segments.eleven_groups())
        assert len(codes) == 125
        assert codes["group"].value_counts().to_dict() == SIZES

    def test_some_published_codes(self) -> None:
        codes = segments.check_groups(segments.eleven_groups()).set_index(["R", "F", "M"])["group"]
        assert codes[5, 5, 5] == "Champions"
        assert codes[3, 2, 3] == "Potential Loyalist"
        assert codes[3, 1, 1] == "New"
        assert codes[1, 5, 4] == "Cannot Lose"
        assert codes[1, 1, 1] == "Lost"

    @pytest.mark.parametrize("make", [segments.default_groups, segments.eleven_groups])
    def test_a_map_survives_a_csv_file(self, make: object, cdnow: pd.DataFrame) -> None:
        table = make()  # type: ignore[operator]
        edited = pd.read_csv(io.StringIO(table.to_csv(index=False)))
        scores = segments.rfm_scores(cdnow)
        assert segments.rfm_groups(scores, edited).labels.equals(segments.rfm_groups(scores, table).labels)

    def test_cdnow_adds_up_in_eleven_groups_in_any_order(self, cdnow: pd.DataFrame) -> None:
        groups = segments.rfm_groups(segments.rfm_scores(cdnow), segments.eleven_groups())
        assert groups.frame["customers"].sum() == 23570
        assert groups.frame["group"].tolist() == list(SIZES)
        shuffled = cdnow.sample(frac=1, random_state=2)
        again = segments.rfm_groups(segments.rfm_scores(shuffled), segments.eleven_groups())
        assert again.labels.sort_index().equals(groups.labels)

    def test_it_needs_money(self, cdnow: pd.DataFrame) -> None:
        scores = segments.rfm_scores(cdnow.drop(columns="total"))
        with pytest.raises(NotEnoughDataError, match="look at money"):
            segments.rfm_groups(scores, segments.eleven_groups())

    def test_a_badly_edited_map_is_named_row_by_row(self) -> None:
        table = segments.default_groups().astype({"r_min": object})
        table.loc[0, "r_min"], table.loc[2, "f_max"], table.loc[3, "group"] = "four", 7, None
        with pytest.raises(ConfigError) as caught:
            segments.check_groups(table)
        assert caught.value.problems == (
            "row 0 of the groups: r_min is 'four'; expected a whole number from 1 to 5",
            "row 2 of the groups: f_max is 7; expected a whole number from 1 to 5",
            "row 3 of the groups has no name in column 'group'",
        )


class TestFrozenMoney:
    def test_edges_give_the_scores_of_the_base_period_again(self, cdnow: pd.DataFrame) -> None:
        scores = segments.rfm_scores(cdnow)
        again = segments.rfm_scores(cdnow, money_edges=segments.money_edges(scores))
        assert again["M"].tolist() == scores["M"].tolist()

    def test_fifths_stay_and_frozen_edges_let_spending_grow(self, cdnow: pd.DataFrame) -> None:
        edges = segments.money_edges(segments.rfm_scores(cdnow))
        doubled = cdnow.assign(total=2 * cdnow["total"])
        assert segments.rfm_scores(doubled)["M"].equals(segments.rfm_scores(cdnow)["M"])
        assert (
            segments.rfm_scores(doubled, money_edges=edges)["M"].mean() > segments.rfm_scores(cdnow)["M"].mean() + 0.5
        )

    def test_where_nobody_has_a_score_its_edge_is_the_next(self) -> None:
        scores = pd.DataFrame({"M": [1, 1, 3], "total": [5.0, 5.0, 9.0]})
        assert segments.money_edges(scores) == (9.0, 9.0, float("inf"), float("inf"))
        with pytest.raises(NotEnoughDataError, match="look at no money"):
            segments.money_edges(scores[["M"]])
        with pytest.raises(ConfigError, match="four amounts from low to high"):
            segments.rfm_scores(pd.DataFrame(), money_edges=[4, 3, 2, 1])


class TestNotes:
    def test_cdnow_is_fine_but_for_nothing(self, cdnow: pd.DataFrame) -> None:
        """Ties leave M without a score of its own nowhere: 697 equal totals are few among 23,570."""
        assert segments.score_notes(segments.rfm_scores(cdnow)) == []

    def test_all_frequencies_equal(self) -> None:
        summary = pd.DataFrame({"customer_id": list("abcde"), "frequency": 0, "recency": 0.0, "orders": 1})
        summary = summary.assign(T=[1.0, 5, 9, 14, 30], total=[1.0, 2, 3, 4, 5])
        notes = segments.score_notes(segments.rfm_scores(summary, gap=4))
        assert notes == ["F is 1 for all 5 customers: it tells nobody apart, and the groups rest on the other letters."]

    def test_one_customer_with_most_of_the_revenue(self) -> None:
        summary = pd.DataFrame({"customer_id": [f"c{i}" for i in range(21)], "frequency": [*range(1, 21), 3]})
        summary = summary.assign(recency=10.0, T=12.0, orders=summary["frequency"] + 1, total=[5.0] * 20 + [400.0])
        scores = segments.rfm_scores(summary, gap=5)
        notes = segments.score_notes(scores)
        assert "Nobody has an M of 2, 3, 4" in notes[1]
        assert notes[-1].startswith("One customer holds 80% of the revenue")
        assert "One customer alone makes 80.0%" in segments.concentration(scores["total"]).sentence()

    def test_a_report_that_hides_small_groups_does_not_tell_of_that_customer(self) -> None:
        result = segments.concentration([400.0] + [1.0] * 99)
        assert "One customer alone" in result.sentence()
        assert "One customer alone" not in hide_concentration(result, minimum=5).sentence()

    def test_a_group_of_one(self) -> None:
        scores = pd.DataFrame({"R": [5, 1, 1], "F": [5, 1, 1], "M": [5, 1, 1], "total": [90.0, 10.0, 10.0]})
        words = segments.rfm_groups(scores).sentence()
        assert "Of one customer only: Champions; what one customer does says nothing of a group." in words


class TestCategories:
    def test_each_category_has_its_own_gap_and_fifths(self, shop: pd.DataFrame) -> None:
        """Books: gaps of 10 and 28 days, median 19; toys: 2 days."""
        scores = segments.category_scores(shop, "2025-01-29").set_index(["category", "customer_id"])
        assert scores["orders"].to_dict() == {
            ("books", "anna"): 3,
            ("books", "bob"): 2,
            ("toys", "anna"): 1,
            ("toys", "carl"): 2,
        }
        assert scores["R"].tolist() == [5, 5, 1, 1]
        assert scores.loc["toys", "M"].tolist() == [3, 5]

    def test_other_engines_give_the_same(self, shop: pd.DataFrame) -> None:
        expected = segments.category_scores(shop, "2025-01-29")
        for engine in (lambda log: pl.from_pandas(log).lazy(), pl.from_pandas, duckdb.from_df):
            pd.testing.assert_frame_equal(segments.category_scores(engine(shop), "2025-01-29"), expected)

    def test_what_is_missing_is_named(self, shop: pd.DataFrame) -> None:
        with pytest.raises(DataContractError, match="no column 'kind' to score by"):
            segments.category_scores(shop, "2025-01-29", category="kind")
        with pytest.raises(DataContractError, match="1 row of the log have no category"):
            segments.category_scores(shop.assign(category=shop["category"].where(shop.index > 0)), "2025-01-29")
        once = pd.concat([shop, shop.iloc[:1].assign(category="pens")])
        with pytest.raises(NotEnoughDataError, match="category 'pens': nobody has bought on two days"):
            segments.category_scores(once, "2025-01-29")
        assert len(segments.category_scores(once, "2025-01-29", gap=10)) == 5

    def test_a_mix_loses_nobody(self) -> None:
        labels = pd.Series(["Gold", "Bronze", "Gold", "Bronze"])
        by = pd.Series(["web", "web", None, "shop"], name="channel")
        mix = segments.segment_mix(labels, by)
        assert mix["customers"].sum() == 4
        assert np.allclose(mix[["Gold", "Bronze"]].sum(axis="columns"), 1)
        with pytest.raises(DataContractError, match="1 customer in only one of them"):
            segments.segment_mix(labels, by[:3])


class TestConcentrationBy:
    def test_parts_are_as_each_by_itself(self, cdnow: pd.DataFrame) -> None:
        channel = pd.Series(np.where(cdnow["orders"] > 1, "again", "once"), name="bought")
        result = segments.concentration_by(cdnow["total"], channel)
        alone = segments.concentration(cdnow.loc[channel == "again", "total"])
        row = result.frame.set_index("bought").loc["again"]
        assert (row["gini"], row["top_20_share"], row["total"]) == (alone.gini, alone.top_20_share, alone.total)
        assert result.frame["share_of_total"].sum() == pytest.approx(1)
        assert "bought" in result.plot().alt

    def test_refunds_lift_the_whale_curve_above_all(self) -> None:
        money = pd.Series([100.0] * 10 + [-20.0] * 10)
        result = segments.concentration_by(money, pd.Series("web", money.index, name="channel"))
        assert result.frame["peak"].iloc[0] == pytest.approx(1000 / 800)
        assert pd.isna(result.frame["gini"].iloc[0])
        assert "125%" in result.plot().alt
        assert "rises to 125.0% of the total before they take it back" in result.parts["web"].sentence()

    def test_a_channel_of_one_customer_has_no_shares(self) -> None:
        money = pd.Series([10.0] * 12 + [99.0])
        channel = pd.Series(["web"] * 12 + ["fax"], name="channel")
        result = segments.concentration_by(money, channel)
        assert result.frame.set_index("channel").loc["fax", ["gini", "top_10_share", "peak"]].isna().all()
        assert result.sentence().endswith("Too few customers to say: fax.")
        assert "No channel has the 10 customers" in segments.concentration_by(money[12:], channel[12:]).sentence()

    def test_customers_without_a_channel_stay(self) -> None:
        money = pd.Series([10.0] * 12)
        channel = pd.Series([None] * 2 + ["web"] * 10, name="channel")
        frame = segments.concentration_by(money, channel).frame
        assert frame.set_index("channel")["customers"].to_dict() == {"web": 10, "unknown": 2}
