"""The customer summary of CDNOW, against the published and independently measured numbers."""

import numpy as np
import pandas as pd
import pytest

import clvhelpers as clv


@pytest.fixture(scope="module")
def split() -> pd.DataFrame:
    """Calibration of 39 weeks and holdout of 39 weeks, as in Fader, Hardie & Lee (2005a)."""
    return clv.split_holdout(clv.load_cdnow(), "1997-09-30", "1998-06-30")


def test_customers_and_repeat_purchases(split: pd.DataFrame) -> None:
    # Fader, Hardie & Lee (2005a), Marketing Science 24(2): 2,357 customers, 946 of them repeaters
    assert len(split) == 2357
    assert (split["frequency"] > 0).sum() == 946
    assert split["frequency"].sum() == 2457
    assert split["frequency"].max() == 29


def test_histogram_of_repeat_purchases(split: pd.DataFrame) -> None:
    # Fader, Hardie & Lee (2005a), figure of the actual frequencies 0 to 7+
    counts = split["frequency"].clip(upper=7).value_counts().sort_index()
    assert counts.to_list() == [1411, 439, 214, 100, 62, 38, 29, 64]


def test_spend_of_repeat_buyers(split: pd.DataFrame) -> None:
    # Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value", note 025: mean 35.08, sd 30.28
    spend = split["monetary_value"].dropna()
    assert len(spend) == 946
    assert spend.mean() == pytest.approx(35.08, abs=0.005)
    assert spend.std() == pytest.approx(30.28, abs=0.005)


def test_distinct_rows_and_holdout(split: pd.DataFrame) -> None:
    # counted independently with SQL and with a loop
    assert len(split[["frequency", "recency", "T"]].drop_duplicates()) == 1016
    assert split["holdout_frequency"].sum() == 1882
    assert np.unique(split["holdout_T"]).tolist() == [39]


def test_first_customer_of_the_tutorial_note(split: pd.DataFrame) -> None:
    # Fader & Hardie, "Implementing the BG/NBD Model in Excel": x = 2, t_x = 30.43, T = 38.86
    first = split.iloc[0]
    assert first["customer_id"] == "00004"
    assert first[["frequency", "recency", "T"]].to_list() == pytest.approx([2, 30.43, 38.86], abs=0.005)
