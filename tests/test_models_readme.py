"""Frames made by other libraries fit alike, and the page of the models names what is there. Its examples run."""

import re
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

import clvhelpers as clv
from clvhelpers.models.frames import read_rows

README = Path(clv.__file__).parent / "models" / "README.md"
PAGE = README.read_text()
NEEDED = ["frequency", "recency", "T", "monetary_value"]  # of both; pymc-marketing needs customer_id too


@pytest.fixture(scope="module")
def ours() -> pd.DataFrame:
    return clv.customer_summary(clv.load_cdnow(), end="1997-09-30")


def by_days_and_means(log: pd.DataFrame, end: str) -> pd.DataFrame:
    """The summary as the other libraries make it: by day, without the first purchase, 0 where nobody came back."""
    days = log[log["date"] <= end].groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    first = days.groupby("customer_id")["date"].transform("min")
    repeats = days[days["date"] > first].groupby("customer_id")
    dates = days.groupby("customer_id")["date"].agg(["min", "max"])
    frame = pd.DataFrame({"frequency": repeats.size(), "monetary_value": repeats["amount"].mean()}, index=dates.index)
    frame = frame.fillna(0.0).assign(
        recency=(dates["max"] - dates["min"]).dt.days / 7, T=(pd.Timestamp(end) - dates["min"]).dt.days / 7
    )
    return frame[NEEDED].astype(float)


def test_a_frame_made_for_another_library_gives_the_same_fit(ours: pd.DataFrame) -> None:
    lifetimes = by_days_and_means(clv.load_cdnow(), "1997-09-30")  # customer_id as index
    assert lifetimes.loc[lifetimes["frequency"] == 0, "monetary_value"].eq(0).all()
    pymc_marketing = lifetimes.reset_index()
    purchases, spend = clv.BetaGeoModel("W").fit(ours), clv.GammaGammaModel().fit(ours)
    for theirs in (lifetimes, pymc_marketing):
        assert clv.BetaGeoModel("W").fit(theirs).parameters == pytest.approx(purchases.parameters, rel=1e-6)
        assert clv.GammaGammaModel().fit(theirs).parameters == pytest.approx(spend.parameters, rel=1e-6)
    asked = purchases.expected_purchases(lifetimes, 39)
    assert asked.index.equals(lifetimes.index)
    assert asked.sum() == pytest.approx(purchases.expected_purchases(ours, 39).sum())


def test_our_summary_has_the_columns_of_the_others_with_the_same_numbers(ours: pd.DataFrame) -> None:
    theirs = by_days_and_means(clv.load_cdnow(), "1997-09-30")
    given = ours.set_index("customer_id").fillna({"monetary_value": 0.0})[NEEDED].astype(float)
    pd.testing.assert_frame_equal(given, theirs, check_names=False, check_index_type=False)
    assert len(read_rows(theirs, NEEDED)) == len(ours)


def test_every_name_on_the_page_is_there() -> None:
    classes = re.findall(r"^\|.*?\| `(?:models\.)?([\w.]+Model)`", PAGE, flags=re.MULTILINE)
    assert len(classes) == 7
    plots = {
        "tracking": "prediction",
        "weekly_tracking": "prediction",
        "frequency_histogram": "prediction",
        "active_calibration": "trust",
        "model_gains": "trust",
        "parameter_pairs": "posterior",
    }
    for name in classes:
        home, _, kind = name.rpartition(".")
        assert hasattr(import_module(f"clvhelpers.models.{home}") if home else clv, kind), name
    for name, home in plots.items():
        assert name in PAGE
        assert hasattr(import_module(f"clvhelpers.plots.{home}"), name)
    assert "## Do the intervals hold what they promise?" in PAGE
