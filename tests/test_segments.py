"""RFM scores and groups, tiers and concentration: ties, boundaries, order, and the numbers of CDNOW."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvhelpers import datasets, segments
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError

AMOUNTS = st.lists(st.integers(0, 30).map(float), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    """One row a customer of the whole CDNOW log at 1998-06-30, made here with pandas alone."""
    log = datasets.load_cdnow(sample=False)
    days = log.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    end = pd.Timestamp("1998-06-30")
    summary = days.groupby("customer_id", as_index=False).agg(
        first=("date", "min"), last=("date", "max"), orders=("date", "size"), total=("amount", "sum")
    )
    return summary.assign(
        frequency=summary["orders"] - 1,
        recency=(summary["last"] - summary["first"]).dt.days / 7,
        T=(end - summary["first"]).dt.days / 7,
    )


def made(orders: list[int], since: list[float], total: list[float] | None = None) -> pd.DataFrame:
    frame = pd.DataFrame({"customer_id": [f"c{i}" for i in range(len(orders))], "orders": orders})
    frame["frequency"] = frame["orders"] - 1
    frame["recency"] = 10.0 * frame["frequency"]
    frame["T"] = frame["recency"] + since
    return frame if total is None else frame.assign(total=total)


class TestScores:
    def test_frequency_has_fixed_thresholds(self) -> None:
        scores = segments.rfm_scores(made([1, 2, 3, 4, 5, 9, 10, 171], [0.0] * 8))
        assert scores["F"].tolist() == [1, 2, 3, 3, 4, 4, 5, 5]

    def test_recency_counts_multiples_of_the_usual_gap_and_a_boundary_belongs_to_the_better_score(self) -> None:
        scores = segments.rfm_scores(made([2] * 7, [0, 10, 10.1, 20, 30, 50, 50.1]))
        assert segments.typical_gap(made([2, 1], [0, 0])) == 10
        assert scores["R"].tolist() == [5, 5, 4, 4, 3, 2, 1]

    @pytest.mark.parametrize("days", [15, 20, 30])
    def test_as_many_days_ago_is_the_same_score_whenever_one_came(self, days: int) -> None:
        """In weeks, T less recency differs in the last digit between customers who are away equally long."""
        age = np.arange(5 * days, 2000)
        for multiple, score in zip([1, 2, 3, 5], [5, 4, 3, 2], strict=True):
            summary = made([2] * len(age), [0.0] * len(age))
            summary = summary.assign(T=age / 7, recency=(age - multiple * days) / 7)
            assert set(segments.rfm_scores(summary, gap=days / 7)["R"]) == {score}

    def test_equal_totals_are_a_tie_in_whatever_order_they_were_added(self) -> None:
        totals = [0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1, 0.6, 0.6, 5e9]
        assert len(set(totals)) == 3
        assert segments.rfm_scores(made([2] * 5, [1.0] * 5, totals))["M"].tolist() == [1, 1, 1, 1, 5]

    def test_money_ties_share_the_lowest_rank(self) -> None:
        scores = segments.rfm_scores(made([1] * 5, [1.0] * 5, [7.0, 7.0, 7.0, 7.0, 50.0]), gap=10)
        assert scores["M"].tolist() == [1, 1, 1, 1, 5]

    def test_fifths_are_equal_where_there_are_no_ties(self) -> None:
        scores = segments.rfm_scores(made([2] * 10, [1.0] * 10, [float(i) for i in range(10)]))
        assert scores["M"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]

    def test_without_amounts_there_are_two_letters(self) -> None:
        scores = segments.rfm_scores(made([1, 12], [60.0, 2.0]))
        assert scores["code"].tolist() == ["11", "55"]
        assert segments.rfm_groups(scores).labels.tolist() == ["Lost", "Champions"]
        assert "revenue" not in segments.rfm_groups(scores).frame

    def test_nobody_came_back(self) -> None:
        with pytest.raises(NotEnoughDataError, match="nobody has bought on two days"):
            segments.rfm_scores(made([1, 1], [3.0, 60.0]))
        assert segments.rfm_scores(made([1, 1], [3.0, 60.0]), gap=8)["R"].tolist() == [5, 1]

    def test_other_engines_give_the_same(self) -> None:
        frame = made([1, 3, 12], [60.0, 5.0, 2.0], [5.0, 20.0, 90.0])
        assert segments.rfm_scores(pl.from_pandas(frame).lazy()).equals(segments.rfm_scores(frame))

    def test_a_missing_column_is_named(self) -> None:
        with pytest.raises(DataContractError, match="no column 'orders'"):
            segments.rfm_scores(made([1], [1.0]).drop(columns="orders"))
        with pytest.raises(DataContractError, match="the summary is a list: expected a frame"):
            segments.rfm_scores([1])

    def test_wrong_edges_are_refused_together(self) -> None:
        with pytest.raises(ConfigError, match="2 problems"):
            segments.rfm_scores(made([2], [1.0]), frequency_edges=[1, 1, 2, 3, 4], recency_multiples=[3, 2, 1])

    def test_cdnow(self, cdnow: pd.DataFrame) -> None:
        """Measured with pandas: 51.14 % bought on one day; 697 customers spent exactly 11.77 in all."""
        scores = segments.rfm_scores(cdnow)
        assert segments.score_shares(scores).loc[1, "F"] == pytest.approx(0.5114, abs=5e-5)
        same = scores.loc[np.isclose(cdnow["total"], 11.77), "M"]
        assert len(same) == 697
        assert same.nunique() == 1

    def test_labels_do_not_depend_on_the_order_of_rows(self, cdnow: pd.DataFrame) -> None:
        shuffled = cdnow.sample(frac=1, random_state=1)
        labels = segments.rfm_groups(segments.rfm_scores(cdnow)).labels
        again = segments.rfm_groups(segments.rfm_scores(shuffled)).labels
        assert again.set_axis(shuffled.index).sort_index().equals(labels)


class TestGroups:
    def test_each_code_is_mapped_once(self) -> None:
        codes = segments.check_groups(segments.default_groups())
        assert len(codes) == 125
        assert codes["group"].notna().all()

    def test_a_gap_and_an_overlap_are_both_named(self) -> None:
        groups = segments.default_groups()
        groups.loc[groups["group"] == "Champions", ["f_min", "m_max"]] = [3, 4]
        with pytest.raises(ConfigError) as caught:
            segments.check_groups(groups)
        assert "code 555 (R, F, M) is in no group; it must be in exactly one" in caught.value.problems
        assert "code 431 (R, F, M) is in 2 rows; it must be in exactly one" in caught.value.problems

    def test_one_action_a_group(self) -> None:
        groups = segments.default_groups()
        groups.loc[1, "action"] = "Send a card"
        with pytest.raises(ConfigError, match="'Loyal' has 2 different actions"):
            segments.check_groups(groups)

    def test_a_missing_column_is_named(self) -> None:
        with pytest.raises(ConfigError, match="lacks the columns \\['action'\\]"):
            segments.check_groups(segments.default_groups().drop(columns="action"))

    def test_a_client_can_pass_another_table(self) -> None:
        rich = [("Rich", 1, 5, 1, 5, 4, 5, "call"), ("Others", 1, 5, 1, 5, 1, 3, "mail")]
        table = pd.DataFrame(rich, columns=segments.default_groups().columns)
        scores = segments.rfm_scores(made([2] * 5, [1.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]))
        groups = segments.rfm_groups(scores, table)
        assert groups.labels.tolist() == ["Others"] * 3 + ["Rich"] * 2
        assert groups.frame["share_of_revenue"].tolist() == [9 / 15, 6 / 15]
        with pytest.raises(NotEnoughDataError, match="look at money"):
            segments.rfm_groups(scores.drop(columns=["M", "total"]), table)

    def test_empty_groups_stay_in_the_table(self) -> None:
        groups = segments.rfm_groups(segments.rfm_scores(made([12], [1.0], [50.0])))
        assert groups.frame["customers"].tolist() == [1, 0, 0, 0, 0, 0]
        assert "The largest group is Champions: 1 customer, 100% of all" in groups.sentence()

    def test_cdnow_adds_up(self, cdnow: pd.DataFrame) -> None:
        frame = segments.rfm_groups(segments.rfm_scores(cdnow)).frame
        assert frame["customers"].sum() == 23570
        assert frame["revenue"].sum() == pytest.approx(2500315.63)


class TestTiers:
    def test_quartiles_and_their_value(self) -> None:
        tiers = segments.value_tiers([1.0, 2.0, 3.0, 4.0])
        assert tiers.frame["customers"].tolist() == [1, 1, 1, 1]
        assert tiers.frame["share_of_value"].tolist() == [0.4, 0.3, 0.2, 0.1]
        assert math.isnan(tiers.frame["threshold"].iloc[-1])

    def test_a_tie_at_a_cutoff_goes_down_and_is_counted(self) -> None:
        tiers = segments.value_tiers([10.0, 20.0, 20.0, 30.0], cutoffs=(30, 20, 10))
        assert tiers.labels.tolist() == ["Bronze", "Silver", "Silver", "Gold"]
        assert tiers.ties == 4
        assert "On a cut-off lie 4 customers, in the lower tier" in tiers.sentence()

    def test_all_alike_are_all_bronze(self) -> None:
        assert set(segments.value_tiers([5.0] * 9).labels) == {"Bronze"}

    def test_frozen_cutoffs_let_a_tier_grow(self) -> None:
        base = segments.value_tiers([1.0, 2.0, 3.0, 4.0])
        later = segments.value_tiers([4.0, 4.0, 4.0, 4.0], base.cutoffs)
        assert later.frame["customers"].tolist() == [4, 0, 0, 0]

    def test_impossible_input(self) -> None:
        with pytest.raises(ConfigError, match="from high to low"):
            segments.value_tiers([1.0], cutoffs=(1, 2, 3))
        with pytest.raises(DataContractError, match="1 of 2 values are missing"):
            segments.value_tiers([1.0, float("nan")])
        with pytest.raises(NotEnoughDataError, match="no customer"):
            segments.value_tiers([])

    @given(AMOUNTS)
    def test_equal_values_share_a_tier(self, values: list[float]) -> None:
        labels = segments.value_tiers(values).labels
        assert (labels.groupby(pd.Series(values)).nunique() == 1).all()


class TestConcentration:
    def test_cdnow(self, cdnow: pd.DataFrame) -> None:
        """Measured independently: Gini 0.6346; top 1, 10, 20 %: 15.8, 50.9, 67.8 %; 32.6 % make 80 %."""
        result = segments.concentration(cdnow["total"])
        assert result.gini == pytest.approx(0.6346, abs=5e-5)
        shares = [result.top_1_share, result.top_10_share, result.top_20_share, result.share_for_80]
        assert shares == pytest.approx([0.158, 0.509, 0.678, 0.326], abs=1e-3)
        assert result.total == pytest.approx(2500315.63)

    @given(AMOUNTS.filter(lambda values: sum(values) > 0))
    def test_gini_equals_the_mean_difference(self, values: list[float]) -> None:
        """Gini = mean absolute difference of all pairs / (2 mean): the definition, by brute force."""
        x = np.array(values)
        expected = np.abs(x[:, None] - x[None, :]).mean() / (2 * x.mean())
        assert segments.concentration(values).gini == pytest.approx(expected, abs=1e-12)

    def test_negatives_are_stated_and_there_is_no_gini(self) -> None:
        result = segments.concentration([100.0, 50.0, -30.0])
        assert result.gini is None
        assert (result.negatives, result.negative_total) == (1, -30.0)
        assert result.frame["share_of_value"].max() == pytest.approx(150 / 120)
        assert "1 customer below zero" in result.sentence()

    def test_nothing_to_share(self) -> None:
        result = segments.concentration([0.0, 0.0])
        assert (result.gini, result.top_10_share) == (None, None)
        assert "do not add up to more than 0" in result.sentence()

    def test_one_customer_is_everything(self) -> None:
        result = segments.concentration([12.0])
        assert (result.gini, result.top_1_share, result.share_for_80) == (0.0, 1.0, 1.0)


def test_figures_say_what_they_show(cdnow: pd.DataFrame) -> None:
    groups = segments.rfm_groups(segments.rfm_scores(cdnow))
    assert "Champions: 12% of customers, 47% of revenue" in groups.plot().alt
    assert groups.plot().png().startswith(b"\x89PNG")
    assert "best 10% of customers make 50.9%" in segments.concentration(cdnow["total"]).plot().alt
    assert "Platinum" in segments.value_tiers(cdnow["total"]).plot().alt
