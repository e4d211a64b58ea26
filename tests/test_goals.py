"""Segment metrics: each against a hand-made company, on each engine, with what is missing said."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import clvhelpers as clv
from clvhelpers.company import Company
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.segments.activity import Span, running_on
from clvhelpers.segments.goals import ALL, Goals, GoalTables, segment_goals

LOG = pd.DataFrame(
    [
        ("anna", "2024-01-01", 50.0, 30.0, "purchase"),
        ("anna", "2025-03-10 23:30", 40.0, 10.0, "purchase"),
        ("anna", "2025-04-01", -10.0, -4.0, "refund"),
        ("bob", "2024-06-01", 20.0, 5.0, "purchase"),
        ("carl", "2025-12-31 22:00", 60.0, 20.0, "purchase"),
        ("dora", "2024-09-01", 10.0, 4.0, "purchase"),
        ("dora", "2026-01-01", 99.0, 9.0, "purchase"),  # after the time
        ("emil", "2026-02-01", 99.0, 9.0, "purchase"),  # not a customer yet
        ("fay", "2025-02-02", 8.0, 2.0, "purchase"),  # in no segment
    ],
    columns=["customer_id", "date", "amount", "cost", "kind"],
).assign(date=lambda log: pd.to_datetime(log["date"], format="ISO8601"))
SEGMENTS = pd.Series({"anna": "web", "bob": "web", "carl": "web", "dora": "shop", "emil": "shop"})
TABLES = GoalTables(
    service=pd.DataFrame({"customer_id": ["anna", "dora", "anna"], "month": ["2025-01-01", "2025-12-01", "2024-12-01"]})
    .assign(cost=[5.0, 3.0, 7.0])
    .astype({"month": "datetime64[s]"}),
    satisfaction=pd.DataFrame(
        {
            "customer_id": ["anna", "anna", "bob", "dora"],
            "date": pd.to_datetime(["2025-01-05", "2025-06-05", "2025-01-09", "2024-12-31"]),
            "score": [2, 10, 6, 9],
        }
    ),
    outside_spend=pd.DataFrame(
        {"customer_id": ["anna", "anna", "bob"], "year": [2024, 2025, 2025], "category_spend": [900.0, 120.0, 30.0]}
    ),
)
ENGINES = {"pandas": lambda log: log, "polars": pl.from_pandas, "duckdb": duckdb.from_df}


def year(**changes: object) -> Goals:
    return segment_goals(SEGMENTS, LOG, "2025-01-01", "2025-12-31", **{"tables": TABLES, **changes})  # type: ignore[arg-type]


def cell(goals: Goals, segment: str, metric: str) -> pd.Series:
    rows = goals.frame[(goals.frame["segment"] == segment) & (goals.frame["metric"] == metric)]
    assert len(rows) == 1
    return rows.iloc[0]


def parts(goals: Goals, segment: str, metric: str) -> tuple[float, float]:
    row = cell(goals, segment, metric)
    return row["numerator"], row["denominator"]


class TestNumbers:
    def test_acquisition_is_new_over_those_before(self) -> None:
        goals = year()
        assert parts(goals, "web", "acquisition rate") == (1, 2)
        assert parts(goals, "shop", "acquisition rate") == (0, 1)
        assert parts(goals, "not known", "acquisition rate") == (1, 0)
        assert np.isnan(cell(goals, "not known", "acquisition rate")["value"])
        assert parts(goals, ALL, "acquisition rate") == (2, 3)

    def test_penetration_is_buyers_over_customers_won_by_the_end(self) -> None:
        assert parts(year(), "web", "share that bought") == (2, 3)
        assert parts(year(), "shop", "share that bought") == (0, 1)

    def test_market_penetration_needs_a_market(self) -> None:
        assert "number of people" in year().missing["penetration"]
        with_market = year(tables=GoalTables(market={"web": 20, "shop": 10}))
        assert parts(with_market, "web", "market penetration") == (2, 20)
        assert cell(with_market, "shop", "market penetration")["value"] == 0
        assert np.isnan(cell(with_market, ALL, "market penetration")["value"])  # of "not known" no market is known
        assert "penetration" not in with_market.missing
        with pytest.raises(ConfigError, match="market of segment 'web'"):
            year(tables=GoalTables(market={"web": 1}))

    def test_share_of_wallet_is_spend_here_over_spend_everywhere(self) -> None:
        assert parts(year(), "web", "share of wallet") == (30, 150)
        assert parts(year(), "shop", "share of wallet") == (0, 0)

    def test_satisfaction_takes_the_last_answer_of_each(self) -> None:
        assert parts(year(), "web", "mean score") == (16, 2)
        assert parts(year(), "web", "net promoter score") == (0, 2)

    def test_lapse_is_those_of_the_year_before_who_did_not_buy(self) -> None:
        goals = year()
        assert parts(goals, "web", "lapse") == (1, 2)
        assert parts(goals, "shop", "lapse") == (1, 1)
        assert "nobody gives notice" in goals.missing["churn"]

    def test_churn_is_those_there_before_and_not_at_the_end(self) -> None:
        rows = [
            ("anna", "2023-01-01", "2024-12-30"),  # gone before
            ("bob", "2023-01-01", "2025-05-01"),  # changes the plan and stays
            ("bob", "2025-05-02", None),
            ("carl", "2023-01-01", "2025-05-01"),  # leaves
            ("dora", "2024-12-31", "2025-12-31"),  # there on the last day
            ("emil", "2025-02-01", "2025-03-01"),  # came and went
        ]
        spells = pd.DataFrame(rows, columns=["customer_id", "start_date", "end_date"])
        goals = year(tables=GoalTables(spells=spells))
        assert parts(goals, "web", "churn") == (1, 2)
        assert parts(goals, "shop", "churn") == (0, 1)
        assert "churn" not in goals.missing
        assert sorted(running_on(spells, pd.Timestamp("2025-02-01"))) == ["bob", "carl", "dora", "emil"]

    def test_profit_is_margin_less_service(self) -> None:
        goals = year()
        assert parts(goals, "web", "profit per customer") == ((40 - 10 - 10 + 4) - 5 + (60 - 20), 3)
        assert parts(goals, "shop", "profit per customer") == (-3, 1)
        no_cost = segment_goals(SEGMENTS, LOG.drop(columns="cost"), "2025-01-01", "2025-12-31", gross_margin=0.5)
        assert parts(no_cost, "web", "profit per customer") == (45, 3)
        assert "before the cost to serve" in no_cost.missing["profit"]

    def test_segments_add_up_to_all_customers(self) -> None:
        frame = year().frame
        for column in ("numerator", "denominator"):
            sums = frame[frame["segment"] != ALL].groupby("metric")[column].sum()
            whole = frame[frame["segment"] == ALL].set_index("metric")[column]
            pd.testing.assert_series_equal(sums.sort_index(), whole.sort_index())

    @pytest.mark.parametrize("engine", ENGINES)
    def test_engines_agree(self, engine: str) -> None:
        goals = segment_goals(SEGMENTS, ENGINES[engine](LOG), "2025-01-01", "2025-12-31", tables=TABLES)
        pd.testing.assert_frame_equal(goals.frame, year().frame)

    def test_order_of_rows_changes_nothing(self) -> None:
        mixed = segment_goals(SEGMENTS.iloc[::-1], LOG.iloc[::-1], "2025-01-01", "2025-12-31", tables=TABLES)
        pd.testing.assert_frame_equal(mixed.frame, year().frame)


class TestIntervals:
    def test_wilson_and_garwood_are_the_published_ones(self) -> None:
        """Newcombe (1998): 15/148 is 0.0624 to 0.1605. Garwood (1936): a count of 10 is 4.795 to 18.391."""
        ids = [f"c{i}" for i in range(158)]
        log = pd.DataFrame({"customer_id": ids, "date": pd.Timestamp("2024-05-05"), "amount": 5.0})
        people = pd.Series("one", index=ids)
        log.loc[148:, "date"] = pd.Timestamp("2025-05-05")
        rate = cell(segment_goals(people, log, "2025-01-01", "2025-12-31"), "one", "acquisition rate")
        assert (148 * rate["low"], 148 * rate["high"]) == pytest.approx((4.795, 18.391), abs=0.001)
        old = log.iloc[:148]
        again = pd.concat([old, old.iloc[:15].assign(date=pd.Timestamp("2025-06-06"))])
        share = cell(segment_goals(people, again, "2025-01-01", "2025-12-31"), "one", "share that bought")
        assert (share["low"], share["high"]) == pytest.approx((0.0624, 0.1605), abs=0.0001)

    def test_intervals_of_means_and_ratios_hold_about_as_often_as_they_say(self) -> None:
        """Two hundred companies of 100 customers, as segments of one."""
        rng = np.random.default_rng(3)
        who = [f"c{i}" for i in range(20_000)]
        wallet, share = rng.gamma(2.0, 200.0, len(who)), rng.beta(2, 6, len(who))
        log = pd.DataFrame({"customer_id": who, "date": pd.Timestamp("2025-05-05"), "amount": wallet * share})
        asked = pd.DataFrame({"customer_id": who, "year": 2025, "category_spend": wallet})
        companies = pd.Series(np.repeat(np.arange(200), 100).astype(str), index=who)
        tables = GoalTables(outside_spend=asked)
        goals = segment_goals(companies, log, "2025-01-01", "2025-12-31", tables=tables, gross_margin=0.5)
        for metric, true in {"share of wallet": 0.25, "profit per customer": 0.5 * 400 * 0.25}.items():
            rows = goals.frame[(goals.frame["metric"] == metric) & (goals.frame["segment"] != ALL)]
            assert 0.91 < ((rows["low"] <= true) & (true <= rows["high"])).mean() < 0.98

    def test_one_customer_has_a_mean_and_no_interval(self) -> None:
        row = cell(year(), "shop", "profit per customer")
        assert row["value"] == -3
        assert np.isnan(row["low"])


class TestMissing:
    def test_each_goal_without_its_table_says_what_is_needed(self) -> None:
        goals = segment_goals(SEGMENTS, LOG[["customer_id", "date"]], "2025-01-01", "2025-12-31")
        assert set(goals.missing) == {"penetration", "share of wallet", "satisfaction", "churn", "profit"}
        assert goals.frame["metric"].unique().tolist() == ["acquisition rate", "share that bought", "lapse"]
        assert all(words in goals.sentence() for words in goals.missing.values())

    def test_a_log_that_begins_too_late_has_no_lapse(self) -> None:
        goals = segment_goals(SEGMENTS, LOG, "2024-06-01", "2025-12-31")
        assert "begins on 2024-01-01" in goals.missing["churn"]

    def test_a_time_without_answers_or_whole_years_says_so(self) -> None:
        goals = segment_goals(SEGMENTS, LOG, "2025-07-01", "2025-12-31", tables=TABLES)
        assert "whole year" in goals.missing["share of wallet"]
        assert "Nobody was asked" in goals.missing["satisfaction"]


class TestCompanies:
    @pytest.mark.parametrize("name", ["harbor_and_pine", "lumen"])
    def test_traits_and_tables_of_our_companies_fit_their_orders(self, name: str) -> None:
        company = clv.open_company(name)
        traits = clv.customer_traits(company)
        assert set(company.transactions["customer_id"]) <= set(traits.index)
        assert traits.notna().all().all()
        assert traits.nunique().between(3, 20).all()
        tables = clv.goal_tables(company)
        goals = segment_goals(
            traits["channel"], company.transactions, "2025-01-01", "2025-12-31", tables=tables, gross_margin=0.4
        )
        assert "not known" not in goals.frame["segment"].tolist()
        assert ("churn" if name == "lumen" else "share of wallet") in goals.wide()
        assert goals.frame["low"].le(goals.frame["value"]).all()
        assert goals.frame["value"].le(goals.frame["high"]).all()

    def test_a_channel_of_a_clients_orders_is_that_of_the_first(self) -> None:
        log = pd.DataFrame({"customer_id": ["b", "a", "a"], "channel": ["mail", "web", "shop"]})
        log["date"] = pd.to_datetime(["2025-01-01", "2025-02-02", "2025-01-01"])
        company = Company("Own", "EUR", "non-contractual", log, log["date"].max().date(), None, has_truth=False)
        assert clv.customer_traits(company)["channel"].to_dict() == {"a": "shop", "b": "mail"}


def test_time_before_is_as_long_in_months_or_days() -> None:
    assert Span(pd.Timestamp("2024-01-01"), pd.Timestamp("2024-12-31")).before == pd.Timestamp("2023-01-01")
    assert Span(pd.Timestamp("2024-01-05"), pd.Timestamp("2024-01-14")).before == pd.Timestamp("2023-12-26")
    assert Span(pd.Timestamp("2023-12-31"), pd.Timestamp("2025-12-30")).whole_years() == [2024]


def test_bad_input_is_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match="has no day"):
        segment_goals(SEGMENTS, LOG, "2025-12-31", "2025-01-01")
    with pytest.raises(NotEnoughDataError, match="before the first transaction"):
        segment_goals(SEGMENTS, LOG, "2020-01-01", "2020-12-31")
    wrong = GoalTables(service=pd.DataFrame({"customer_id": ["anna"]}))
    with pytest.raises(DataContractError, match="'anna' has more than one segment") as caught:
        segment_goals(pd.concat([SEGMENTS, SEGMENTS]), LOG, "2025-01-01", "2025-12-31", tables=wrong)
    assert len(caught.value.problems) == 2
    with pytest.raises(NotEnoughDataError, match="no customer with a segment"):
        segment_goals(SEGMENTS.iloc[:0], LOG, "2025-01-01", "2025-12-31")
    with pytest.raises(ConfigError, match="gross_margin is 40"):
        segment_goals(SEGMENTS, LOG, "2025-01-01", "2025-12-31", gross_margin=40)


def test_picture_of_segments_without_a_value_shows_a_dash() -> None:
    assert "acquisition rate: not known –, shop 0.0, web 0.5" in year().plot().alt


def test_picture_has_a_panel_a_metric_and_all_numbers_in_words() -> None:
    shop = clv.load_cdnow()
    tiers = clv.value_tiers(shop[shop["date"] < "1998-01-01"].groupby("customer_id")["amount"].sum()).labels
    goals = segment_goals(tiers, shop, "1998-01-01", "1998-06-30", gross_margin=0.3)
    picture = goals.plot()
    titles = [axes.get_title(loc="left") for axes in picture.figure.axes if axes.get_visible()]
    assert titles == goals.frame["metric"].unique().tolist()
    assert "clearly differ in: share that bought" in picture.alt
    assert "Platinum" in picture.alt
    assert "highest for Platinum and lowest for Bronze, and their intervals do not overlap" in goals.sentence()
