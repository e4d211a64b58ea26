"""Clusters: kinds of customers that are there are found, a cloud is called one, names and order, and bad input."""

from itertools import pairwise

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import clvhelpers as clv
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.segments import clusters, naming, points
from tests.figures import title_of


def kinds(sizes: tuple[int, ...] = (300, 200, 100), seed: int = 4) -> tuple[pd.DataFrame, pd.Series]:
    """Customers of kinds that stand apart in orders and spend, and the kind of each."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(np.arange(len(sizes)), sizes)
    orders, total = (rng.normal(0, 0.25, len(kind)) for _ in range(2))
    frame = pd.DataFrame({"orders": np.exp(1.5 * kind + orders), "total": np.exp(4 + 2 * kind + total)})
    frame.index = pd.Index([f"c{i:04d}" for i in range(len(kind))], name="customer_id")
    return frame, pd.Series(kind, frame.index)


def cloud(customers: int = 500, seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(np.exp(rng.normal(3, 1, (customers, 2))), columns=["orders", "total"])


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    return clusters.rfm_features(clv.customer_summary(clv.load_cdnow(), end="1998-06-30"))


class TestFound:
    @pytest.mark.parametrize("method", ["kmeans", "ward"])
    def test_kinds_that_stand_apart_are_found_and_said_to(self, method: points.Method) -> None:
        features, truth = kinds()
        choice = clusters.choose_clusters(features, [2, 3, 4], method=method, resamples=3)
        assert choice.k == 3
        found = clusters.cluster_customers(features, 3, method=method)
        assert clusters.cluster_agreement(found.labels, truth) > 0.98
        assert found.has_structure
        assert "stand apart" in found.sentence()
        assert found.frame["customers"].tolist() == [100, 200, 300]
        assert found.frame["total"].is_monotonic_decreasing

    def test_a_cloud_has_no_structure_and_a_choice_that_is_not_the_datas(self) -> None:
        choice = clusters.choose_clusters(cloud(), [2, 4], resamples=3)
        assert (choice.frame["silhouette"] < clusters.STRUCTURE_FLOOR).all()
        if choice.k is not None:
            assert "no strong structure" in choice.sentence()
        assert "no strong structure" in clusters.cluster_customers(cloud(), 3).sentence()

    def test_none_is_acceptable_where_every_split_is_small_or_unstable(self) -> None:
        features, _ = kinds((400, 4))
        choice = clusters.choose_clusters(features, [2], resamples=5)
        assert choice.k is None
        assert choice.frame["silhouette"].iloc[0] > clusters.STRUCTURE_FLOOR
        assert "don't cluster" in choice.sentence()

    def test_value_in_the_next_period_is_measured(self) -> None:
        features, truth = kinds()
        future = 10.0 * truth + np.random.default_rng(1).normal(0, 1, len(truth))
        explained = clusters.choose_clusters(features, [2, 3], future=future, resamples=3).frame["explained"]
        assert explained.iloc[1] > 0.95 > explained.iloc[0]

    def test_later_customers_go_to_the_same_clusters(self) -> None:
        features, _ = kinds()
        found = clusters.cluster_customers(features, 3)
        pd.testing.assert_series_equal(found.assign(features), found.labels, check_names=False)
        alone = found.assign(features.iloc[[0]])
        assert alone.tolist() == [found.labels.iloc[0]]

    def test_ward_of_many_customers_is_ward_of_some_with_the_others_beside(self) -> None:
        features, truth = kinds((1100, 700, 400))
        found = clusters.cluster_customers(features, 3, method="ward")
        assert clusters.cluster_agreement(found.labels, truth) > 0.98


class TestReference:
    """What the clustering of a real shop's customers is known to show, on CDNOW (Online Retail is not shipped)."""

    def test_raw_money_makes_clusters_of_a_few_large_customers(self, cdnow: pd.DataFrame) -> None:
        raw = clusters.choose_clusters(cdnow, [2, 4], log=False, resamples=2).frame
        log = clusters.choose_clusters(cdnow, [2, 4], resamples=2).frame
        assert (raw["silhouette"] > log["silhouette"]).all()
        assert raw["smallest_share"].iloc[1] < 0.001 < 0.05 < log["smallest_share"].iloc[1]
        assert raw["calinski_harabasz"].iloc[1] > raw["calinski_harabasz"].iloc[0]
        assert log["calinski_harabasz"].iloc[1] < log["calinski_harabasz"].iloc[0]

    def test_ward_and_k_means_cut_the_cloud_in_other_places(self, cdnow: pd.DataFrame) -> None:
        one, other = (clusters.cluster_customers(cdnow, 4, method=way) for way in ("kmeans", "ward"))
        assert 0.4 < clusters.cluster_agreement(one.labels, other.labels) < 0.7
        assert not one.has_structure


class TestOrder:
    def test_rows_and_ids_play_no_part(self, cdnow: pd.DataFrame) -> None:
        mixed = cdnow.sample(frac=1, random_state=3)
        renamed = mixed.set_axis([f"x{i}" for i in range(len(mixed))])
        here, there = (clusters.cluster_customers(frame, 4) for frame in (cdnow, mixed))
        pd.testing.assert_frame_equal(here.frame, there.frame)
        pd.testing.assert_series_equal(here.labels, there.labels.reindex(here.labels.index))
        assert clusters.cluster_customers(renamed, 4).labels.tolist() == there.labels.tolist()

    def test_numbers_of_the_clusters_play_no_part_in_names(self) -> None:
        centres = pd.DataFrame({"orders": [2.0, 0.6, 0.7, -0.1], "total": [1.0, 0.9, 0.5, 0.2]})
        names = naming.cluster_names(centres)
        assert len(set(names)) == len(names)
        for order in ([3, 1, 0, 2], [2, 3, 1, 0]):
            assert naming.cluster_names(centres.iloc[order]) == [names[i] for i in order]

    def test_equal_customers_are_together(self, cdnow: pd.DataFrame) -> None:
        labels = clusters.cluster_customers(cdnow, 5).labels
        alike = labels.groupby([cdnow[name] for name in cdnow]).nunique()
        assert (alike == 1).all()
        assert len(alike) < len(cdnow)

    def test_the_same_call_gives_the_same_numbers(self) -> None:
        one, other = (clusters.choose_clusters(cloud(), [2, 3], resamples=3).frame for _ in range(2))
        pd.testing.assert_frame_equal(one, other)

    def test_own_words_make_names(self) -> None:
        features = kinds()[0].rename(columns={"orders": "hours"})
        found = clusters.cluster_customers(features, 2, words={"hours": ("looks in", "binges")})
        assert found.frame["cluster"].tolist() == ["Binges, high spend", "Looks in, low spend"]

    @pytest.mark.parametrize("engine", [pl.from_pandas, duckdb.from_df])
    def test_features_are_equal_on_each_engine(self, engine: object, cdnow: pd.DataFrame) -> None:
        summary = clv.customer_summary(engine(clv.load_cdnow()), end="1998-06-30")  # type: ignore[operator]
        pd.testing.assert_frame_equal(clusters.rfm_features(summary), cdnow)


class TestBadInput:
    def test_equal_customers_are_refused(self) -> None:
        with pytest.raises(NotEnoughDataError, match="all 3 customers are equal in orders, total"):
            clusters.cluster_customers(pd.DataFrame({"orders": [2, 2, 2], "total": [9.0] * 3}), 2)

    def test_more_clusters_than_customers_are_refused(self) -> None:
        with pytest.raises(NotEnoughDataError, match="k is 4, and there are 3 customers of whom 2 differ"):
            clusters.cluster_customers(pd.DataFrame({"orders": [1, 2, 2]}), 4)
        with pytest.raises(NotEnoughDataError, match="a number in ks is 3"):
            clusters.choose_clusters(pd.DataFrame({"orders": [1, 2, 2]}), [3])

    def test_a_cluster_of_one_is_refused_by_name_and_not_acceptable(self) -> None:
        features = pd.DataFrame({"orders": [1, 2, 1, 2, 3, 900]}, index=list("abcdef"))
        with pytest.raises(NotEnoughDataError, match=r"single customer, 'f' \(orders 900\), which is no segment"):
            clusters.cluster_customers(features, 2)
        frame = clusters.choose_clusters(features, [2], resamples=2).frame
        assert frame["smallest"].tolist() == [1]
        assert not frame["acceptable"].any()

    def test_every_bad_column_is_named_at_once(self) -> None:
        bad = pd.DataFrame({"orders": [1.0, np.nan, 2], "total": [5.0, -3, 2], "hours": [1, 2, 3]}, index=list("abc"))
        with pytest.raises(DataContractError) as caught:
            clusters.cluster_customers(bad, 2)
        assert [problem.split(" has")[0] for problem in caught.value.problems] == ["column 'orders'", "column 'total'"]
        assert "customer 'b': -3" in caught.value.problems[1]

    def test_text_and_constant_columns_are_named(self) -> None:
        with pytest.raises(DataContractError, match="column 'channel' holds"):
            clusters.cluster_customers(pd.DataFrame({"channel": ["a", "b"]}), 2)
        with pytest.raises(DataContractError, match="'orders' is the same for all"):
            clusters.cluster_customers(pd.DataFrame({"orders": [1, 1, 1], "total": [1, 2, 3]}), 2)
        with pytest.raises(NotEnoughDataError, match="no customers"):
            clusters.cluster_customers(pd.DataFrame({"orders": []}), 2)

    @pytest.mark.parametrize("k", [1, 21, 2.5, True])
    def test_a_number_of_clusters_that_makes_none_is_refused(self, k: object) -> None:
        with pytest.raises(ConfigError, match="from 2 to 20"):
            clusters.cluster_customers(cloud(), k)  # type: ignore[arg-type]

    def test_wrong_calls_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="method is 'dbscan'"):
            clusters.cluster_customers(cloud(), 2, method="dbscan")  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="resamples is 1"):
            clusters.choose_clusters(cloud(), [2], resamples=1)
        with pytest.raises(ConfigError, match="ks is empty"):
            clusters.choose_clusters(cloud(), [])
        with pytest.raises(ConfigError, match="1 customer without future value"):
            clusters.choose_clusters(cloud(), [2], future=pd.Series(range(499)))
        with pytest.raises(ConfigError, match="not about the same customers"):
            clusters.cluster_agreement(pd.Series([1, 2]), pd.Series([1]))
        with pytest.raises(ConfigError, match=r"the features lack \['total'\]"):
            clusters.cluster_customers(cloud(), 2).assign(cloud()[["orders"]])


class TestPictures:
    def test_choice_says_which_numbers_hold(self) -> None:
        choice = clusters.choose_clusters(kinds()[0], [2, 3, 4], resamples=3)
        picture = choice.plot()
        assert "Stable and large enough: 2, 3, 4. Standing apart: 2, 3, 4" in picture.alt
        assert picture.alt.count("silhouette") >= 3

    def test_profile_names_each_cluster(self) -> None:
        found = clusters.cluster_customers(kinds()[0], 3)
        picture = found.plot()
        assert title_of(picture) == "3 clusters differ most in orders"
        assert all(name in picture.alt for name in found.frame["cluster"])
        lows = [one < other for one, other in pairwise(found.centres["total"])]
        assert not any(lows)
