"""Cohorts by group, time zones, returning customers and value by cohort; each the same on every engine."""

import datetime as dt
import warnings
from collections.abc import Callable
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import clvhelpers as clv
from clvhelpers.cohorts import KINDS, mix_effect
from clvhelpers.errors import ConfigError, DataContractError, LeftTruncationWarning, NotEnoughDataError
from tests.figures import title_of
from tests.test_cohorts import SMALL, left_truncated, log

ENGINES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "duckdb": duckdb.from_df,
}
each_engine = pytest.mark.parametrize("engine", ENGINES)
END = "2026-03-31"
CHANNELS = SMALL.assign(channel=["web", "shop", "web", "web", "shop", "shop", None, None, "web", "shop"])


@each_engine
def test_a_customer_belongs_to_the_group_of_the_first_purchase(engine: str) -> None:
    found = clv.cohorts_by(ENGINES[engine](CHANNELS), "channel", end=END)
    assert list(found.tables) == ["not stated", "shop", "web"]
    assert found.tables["web"].triangle("n_active").loc["2026-01"].to_list() == [1, 1, 0]
    assert found.tables["shop"].triangle("n_active").iloc[0].to_list() == [1, 0, 1]
    whole = clv.cohort_table(CHANNELS, end=END).frame
    sums = found.frame.groupby(["cohort", "age"])[["n0", "orders", "revenue"]].sum()
    sums = sums.loc[[key for key in sums.index if key in set(zip(whole["cohort"], whole["age"], strict=True))]]
    seen = whole[whole["n0"] > 0].set_index(["cohort", "age"]).dropna(subset="orders")
    for name in ("n0", "orders", "revenue"):
        assert sums.loc[seen.index, name].to_list() == seen[name].to_list()


def test_an_order_of_two_categories_counts_for_the_one_with_more_money_then_by_name() -> None:
    rows = log(("a", "2026-01-05", 10), ("a", "2026-01-05", 30), ("b", "2026-01-06", 5), ("b", "2026-01-06", 5))
    orders = rows.assign(category=["books", "clothing", "toys", "books"])
    assert list(clv.cohorts_by(orders, "category", end="2026-01-31").tables) == ["books", "clothing"]
    shuffled = clv.cohorts_by(orders.iloc[::-1], "category", end="2026-01-31")
    assert list(shuffled.tables) == ["books", "clothing"]


def test_money_of_customers_who_never_bought_and_groups_too_young_are_told() -> None:
    late = log(("e", "2026-02-01", -4), ("f", "2026-04-02", 9)).assign(channel=["web", "fair"])
    found = clv.cohorts_by(pd.concat([CHANNELS, late]), "channel")
    assert found.ungrouped_revenue == -4
    assert list(found.too_young) == ["fair"]
    assert "There is no table for fair: no purchase up to 2026-03-31" in found.sentence()


def test_groups_in_words_and_as_a_figure() -> None:
    orders = clv.load_cdnow().assign(price=lambda frame: (frame["amount"] > 20).map({True: "high", False: "low"}))
    found = clv.cohorts_by(orders, "price", end="1998-06-30")
    assert found.sentence().startswith("Customers are grouped by price of the first purchase; retention is the share")
    assert "At month 12 it was: high 9.3% (7.8% to 11.0%; 1,291 customers), low 5.8%" in found.sentence()
    assert title_of(found.plot()) == "At month 12 retention is 9% for high and 6% for low"
    assert found.plot().png().startswith(b"\x89PNG")
    pooled = found.average().groupby("age")["customers"].sum()
    assert pooled.to_list() == clv.cohort_table(orders, end="1998-06-30").average()["customers"].to_list()
    young = clv.cohorts_by(CHANNELS, "channel", end="2026-01-31")
    assert "In no two groups is a cohort old enough for month 1 yet." in young.sentence()
    with pytest.raises(NotEnoughDataError, match="no cohort is old enough for month 1"):
        young.plot()


def test_groups_that_can_not_be() -> None:
    with pytest.raises(DataContractError, match="no column 'chanel' to group by: the log has 'customer_id'"):
        clv.cohorts_by(CHANNELS, "chanel")
    with pytest.raises(ConfigError, match="by='who' has 14 groups: at most 12 can be told apart"):
        clv.cohorts_by(log(*((f"{n}", "2026-01-05", 1) for n in range(14))).assign(who=range(14)), "who", "2026-01-31")
    with pytest.raises(NotEnoughDataError, match="2026-01-05 to 2026-01-20, which is no complete month"):
        clv.cohorts_by(CHANNELS, "channel", end="2026-01-20")
    with pytest.raises(DataContractError, match="purchase days have no column to group by"):
        clv.cohorts_by(clv.clean_transactions(SMALL).purchase_days, "channel")


def test_old_customers_in_a_group_are_told() -> None:
    with pytest.warns(
        LeftTruncationWarning, match=r"In 1 of 1 groups by channel \(web\) the first cohort stays far more"
    ):
        clv.cohorts_by(left_truncated().assign(channel="web"), "channel", end="2026-08-31")


LATE = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b"],
        "date": pd.to_datetime(["2026-01-31 23:30", "2026-03-05 12:00", "2026-02-28 14:00"]).tz_localize("UTC"),
        "amount": [10.0, 5.0, 7.0],
    }
)


@each_engine
@pytest.mark.parametrize(
    ("zone", "first"), [("UTC", "2026-01"), ("Europe/Paris", "2026-02"), ("America/New_York", "2026-01")]
)
def test_time_stamps_are_local_before_a_month_is_cut_off(engine: str, zone: str, first: str) -> None:
    found = clv.cohort_table(ENGINES[engine](LATE), end="2026-03-31", timezone=zone)
    assert str(found.frame["cohort"].min()) == first
    local = LATE.assign(date=LATE["date"].dt.tz_convert(zone).dt.tz_localize(None))
    pd.testing.assert_frame_equal(found.frame, clv.cohort_table(local, end="2026-03-31").frame)


def test_zones_that_can_not_be() -> None:
    with pytest.raises(ConfigError, match="timezone is 'Europe/Lodon', which is not known"):
        clv.cohort_table(LATE, timezone="Europe/Lodon")
    with pytest.raises(DataContractError, match="carries no zone"):
        clv.cohort_table(SMALL, timezone="UTC")
    with pytest.raises(DataContractError, match="has the time zone UTC: whose midnight ends a day"):
        clv.cohort_table(LATE)
    stamps = [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-02", tz="UTC"), pd.Timestamp("2026-01-03", tz="UTC")]
    mixed = LATE.assign(date=pd.Series(stamps, dtype=object))
    with pytest.raises(DataContractError, match="mixes 1 time stamps without a zone and 2 with one"):
        clv.cohort_table(mixed)
    two_zones = [pd.Timestamp("2026-01-01", tz=zone) for zone in ("UTC", "Asia/Tokyo", "UTC")]
    with pytest.raises(DataContractError, match="holds time stamps of 2 zones"):
        clv.cohort_table(LATE.assign(date=pd.Series(two_zones, dtype=object)), timezone="UTC")
    with pytest.raises(DataContractError, match="no column 'date'"):
        clv.cohort_table(LATE.rename(columns={"date": "day"}), timezone="UTC")


@each_engine
def test_who_comes_stays_and_comes_back(engine: str) -> None:
    flow = clv.returning_customers(ENGINES[engine](SMALL), end="2026-04-30")
    assert flow.frame.drop(columns=["period", "return_rate"]).to_numpy().tolist() == [
        # customers, new, continuing, returning, quiet before, lapsed
        [3, 3, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 2],
        [2, 1, 0, 1, 2, 1],
        [2, 0, 1, 1, 2, 1],
    ]
    assert flow.frame["return_rate"].iloc[2:].to_list() == [0.5, 0.5]


def test_returning_customers_in_words_and_as_a_figure() -> None:
    flow = clv.returning_customers(SMALL)
    assert str(flow.frame["period"].iloc[-1]) == "2026-03"  # April is not over
    assert flow.sentence() == (
        "Of 2 customers in 2026-03 50.0% were new, 0.0% had bought in the month before, and 50.0% came back after at "
        "least one month without a purchase. Of 2 customers who had been silent 50.0% came back: a month without a "
        "purchase is not a customer lost."
    )
    assert title_of(flow.plot()) == "Of the customers of 2026-03 50% came back after a silent month"
    assert clv.returning_customers(SMALL, end="2026-01-31").sentence().endswith("Nobody had been silent before.")
    nobody = clv.returning_customers(log(("a", "2026-01-05", 1), ("a", "2026-02-28", -1)), end="2026-02-28")
    assert nobody.sentence() == "Nobody bought in 2026-02."
    assert "none came back" in title_of(nobody.plot())
    with pytest.raises(NotEnoughDataError, match="no complete month with a purchase up to 2026-01-20"):
        clv.returning_customers(SMALL, end="2026-01-20")


def test_customer_flow_of_cdnow_against_plain_pandas() -> None:
    orders = clv.load_cdnow()
    orders = orders.assign(month=orders["date"].dt.to_period("M"))
    months = {str(month): set(rows["customer_id"]) for month, rows in orders.groupby("month")}
    earlier = set().union(*(months[f"1997-{month:02}"] for month in range(1, 10)))
    now, before = months["1997-11"], months["1997-10"]
    row = clv.returning_customers(orders, end="1998-06-30").frame.set_index("period").loc["1997-11"]
    assert row["continuing"] == len(now & before)
    assert row["returning"] == len((now & earlier) - before)
    assert row["quiet"] == len((earlier | before) - before)
    assert row["lapsed"] == len(before - now)


def test_value_by_cohort_is_money_per_customer_ever_acquired() -> None:
    value = clv.cohort_value(clv.cohort_table(SMALL, end=END), 0.5)
    assert value.triangle().iloc[0].to_list() == pytest.approx([10 / 3, 7.5, 12.5])
    cdnow = clv.cohort_value(clv.cohort_table(clv.load_cdnow(), end="1998-06-30"), 0.4)
    assert cdnow.compared_at == 16
    halves = cdnow.halves()
    orders = clv.load_cdnow()
    first = orders.groupby("customer_id")["date"].transform("min").dt.to_period("M")
    january = orders[(first == "1997-01") & (orders["date"] <= "1998-05-31")]
    assert halves["value"]["older"] == pytest.approx(0.4 * january["amount"].sum() / january["customer_id"].nunique())
    assert "By month 16 a customer of the 1 cohort that came first had brought" in cdnow.sentence()
    assert cdnow.plot().png().startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match="gross_margin is 40: expected a share"):
        clv.cohort_value(clv.cohort_table(SMALL), 40)
    with pytest.raises(NotEnoughDataError, match="has no amounts"):
        clv.cohort_value(clv.cohort_table(SMALL, amount=None))


def test_one_cohort_has_a_value_and_no_comparison() -> None:
    value = clv.cohort_value(clv.cohort_table(SMALL[SMALL["customer_id"] != "d"], end="2026-03-31"))
    assert value.sentence() == "By month 2 a customer of 2026-01, the only cohort, had brought $25.00 of revenue."
    assert title_of(value.plot()) == "By month 2 a customer has brought $25.00"


EVENTS = st.tuples(
    st.sampled_from("abcdef"), st.integers(0, 200), st.sampled_from([-5.0, 0.0, 5.0, 20.0]), st.sampled_from("xyz")
)


@settings(max_examples=2, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(st.lists(EVENTS, min_size=3, max_size=25), st.sampled_from(["calendar", "rolling"]), st.sampled_from(KINDS))
def test_what_must_hold_on_each_engine(rows: list[tuple[str, int, float, str]], mode: str, kind: str) -> None:
    """Invariants of a triangle, for any log; the other engines give what pandas gives, in any order of rows."""
    start = dt.date(2026, 1, 1)
    days = [(who, str(start + dt.timedelta(days=day)), amount) for who, day, amount, _ in rows]
    orders = log(("w", "2026-01-01", 1.0), ("v", "2026-01-02", 1.0), *days)
    orders["group"] = ["x", "y", *(row[3] for row in rows)]
    options: Any = {"end": "2026-07-20", "mode": mode, "kind": kind, "keep_incomplete": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeftTruncationWarning)
        whole = clv.cohort_table(orders, **options).frame
        shuffled = orders.sample(frac=1, random_state=1, ignore_index=True)
        for to_engine in (pl.from_pandas, duckdb.from_df):
            pd.testing.assert_frame_equal(clv.cohort_table(to_engine(shuffled), **options).frame, whole)
        groups = clv.cohorts_by(orders, "group", **options)
        other = clv.cohorts_by(duckdb.from_df(orders), "group", **options)
        pd.testing.assert_frame_equal(other.frame, groups.frame)
        in_half = orders["customer_id"].isin(["w", "a", "b"])
        halves = [clv.cohort_table(part, **options).frame for part in (orders[in_half], orders[~in_half])]
    wanted = ["n0", "n_active", "orders", "revenue"]
    for parts in ([groups.frame], halves):
        added = pd.concat(parts).groupby(["cohort", "age"])[wanted].sum()
        seen = whole.dropna(subset="n_active").set_index(["cohort", "age"])[wanted]
        added = added.reindex(seen.index, fill_value=0)
        pd.testing.assert_frame_equal(added.astype(float), seen.astype(float))


def two_channels() -> pd.DataFrame:
    """Four months; the good channel, whose customers bring 30 each, grows, and both bring less from month 3 on."""
    rows, channels = [], []
    for month, (web, shop, brings) in enumerate([(8, 2, 1.0), (8, 2, 1.0), (5, 5, 0.8), (5, 5, 0.8)], start=1):
        for number in range(web + shop):
            channel = "web" if number < web else "shop"
            rows.append((f"{month}-{number}", f"2026-{month:02}-05", brings * (10 if channel == "web" else 30)))
            channels.append(channel)
    return log(*rows).assign(channel=channels)


def test_mix_effect_by_hand() -> None:
    found = mix_effect(clv.cohorts_by(two_channels(), "channel", end="2026-04-30"), 0, 0.5)
    assert (found.older, found.younger, found.at_old_mix) == pytest.approx((7, 8, 5.6))
    assert found.frame.set_index("channel")["change"].to_list() == pytest.approx([-0.2, -0.2])
    assert found.frame["older_share"].to_list() == pytest.approx([0.2, 0.8])
    assert "$8.00, of the older half $7.00 (+14.3%)" in found.sentence()
    assert "With the older half's mix of channel it would be $5.60 (-20.0%)" in found.sentence()


def test_mix_effect_that_can_not_be() -> None:
    orders = two_channels()
    with pytest.raises(NotEnoughDataError, match="two cohorts or more must have reached month 3: there are 1"):
        mix_effect(clv.cohorts_by(orders, "channel", end="2026-04-30"), 3)
    late = orders[(orders["channel"] == "web") | (orders["date"] > "2026-03-01")]
    with pytest.raises(NotEnoughDataError, match="channel shop has customers in one half of the cohorts only"):
        mix_effect(clv.cohorts_by(late, "channel", end="2026-04-30"), 0)


def test_many_cohorts_are_pooled_in_the_figure_of_value() -> None:
    months = pd.period_range("2025-01", periods=14, freq="M").astype(str)
    orders = log(*((f"{month}-{n}", f"{month}-05", 10.0 * (1 + n)) for month in months for n in range(2)))
    picture = clv.cohort_value(clv.cohort_table(orders, end="2026-02-28")).plot()
    lines = picture.figure.axes[0].lines[:-1]  # the last is dotted
    assert len(lines) == 7
    assert [line.get_ydata()[0] for line in lines] == [15.0] * 7
    assert picture.alt.startswith("Lines of cumulative value per customer by age for 14 cohorts, 2025-01 to 2026-02.")


def test_duckdb_keeps_no_table_of_ours() -> None:
    connection = duckdb.connect()
    relation = connection.from_df(SMALL)
    clv.cohort_table(relation, end=END)
    clv.cohort_table(relation, end=END, mode="rolling", kind="cumulative")
    assert connection.sql("SELECT table_name FROM duckdb_tables()").fetchall() == []
