"""Measured numbers of RFM on the whole CDNOW log, and what goes wrong there with other ways to score.

Source: reference-numbers C 3.1, measured independently with pandas: 23,570 customers, 51.14 % bought on one day
only, quintile edges 1, 1, 1, 2, 4, 171.
"""

import numpy as np
import pandas as pd
import pytest

from clvhelpers import customer_summary, load_cdnow, rfm_scores


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    return customer_summary(load_cdnow(sample=False), end="1998-06-30")


def by_place(orders: pd.Series) -> pd.Series:
    """Fifths in which a tie is broken by the order of the rows."""
    return np.ceil(5 * orders.rank(method="first") / len(orders))


def test_more_than_half_bought_once_and_three_fifths_have_one_edge(summary: pd.DataFrame) -> None:
    orders = summary["orders"]
    assert len(orders) == 23570
    assert (orders == 1).mean() == pytest.approx(0.5114, abs=5e-5)
    assert orders.quantile([0, 0.2, 0.4, 0.6, 0.8, 1]).tolist() == [1, 1, 1, 2, 4, 171]


def test_quintiles_do_not_exist(summary: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="Bin edges must be unique"):
        pd.qcut(summary["orders"], 5)
    bins = pd.qcut(summary["orders"], 5, duplicates="drop")
    assert bins.value_counts().tolist() == [16094, 3835, 3641]


def test_ties_by_row_give_equal_customers_three_scores_and_ours_one(summary: pd.DataFrame) -> None:
    """Reference: 44.3 % of scores change when the rows are shuffled; it depends a little on the shuffle."""
    once = summary["orders"] == 1
    assert sorted(by_place(summary["orders"])[once].unique()) == [1, 2, 3]
    shuffled = summary.sample(frac=1, random_state=0)
    moved = by_place(summary["orders"]) != by_place(shuffled["orders"]).reindex(summary.index)
    assert moved.mean() == pytest.approx(0.443, abs=0.01)
    ours, again = rfm_scores(summary), rfm_scores(shuffled).sort_index()
    assert ours["F"][once].unique().tolist() == [1]
    assert ours["code"].equals(again["code"])


def test_one_total_is_shared_by_many_and_they_share_its_score(summary: pd.DataFrame) -> None:
    same = np.isclose(summary["total"], 11.77)
    assert same.sum() == 697
    assert rfm_scores(summary).loc[same, "M"].nunique() == 1
