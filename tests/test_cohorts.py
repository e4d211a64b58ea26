"""Cohort triangles: what is a zero, what was not seen yet, and what retention means."""

import datetime as dt
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clvhelpers as clv
from clvhelpers.cohorts import KINDS, CohortTable, wilson_interval
from clvhelpers.errors import ConfigError, LeftTruncationWarning, NotEnoughDataError
from clvhelpers.plots.cohorts import cohort_heatmap, retention_curve
from tests.figures import title_of

NAN = float("nan")


def log(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"], format="ISO8601"))


# January: a, b, c; February: nobody; March: d. The log ends on 9 April.
SMALL = log(
    ("a", "2026-01-31", 10),
    ("a", "2026-02-01", 20),
    ("a", "2026-02-02", 5),
    ("a", "2026-04-02", 50),
    ("b", "2026-01-05", 10),
    ("b", "2026-03-31", 30),
    ("c", "2026-01-15", 10),
    ("c", "2026-01-20", -10),
    ("d", "2026-03-10", 40),
    ("d", "2026-04-09", 7),
)


def cells(table: CohortTable, value: str = "retention") -> list[list[float]]:
    return [[pytest.approx(x, nan_ok=True) for x in row] for row in table.triangle(value).to_numpy()]


def test_unobserved_is_missing_and_observed_nothing_is_zero_and_empty_cohorts_are_there() -> None:
    table = clv.cohort_table(SMALL)
    assert [str(cohort) for cohort in table.triangle().index] == ["2026-01", "2026-02", "2026-03"]
    assert cells(table, "n_active") == [[3, 1, 1], [0, 0, NAN], [1, NAN, NAN]]
    assert cells(table) == [[1, 1 / 3, 1 / 3], [NAN, NAN, NAN], [1, NAN, NAN]]
    assert cells(table, "orders") == [[3, 2, 1], [0, 0, NAN], [1, NAN, NAN]]
    assert cells(table, "revenue") == [[20, 25, 30], [0, 0, NAN], [40, NAN, NAN]]
    assert cells(table, "cumulative_revenue_per_customer") == [[20 / 3, 15, 25], [NAN, NAN, NAN], [40, NAN, NAN]]
    assert str(table.incomplete) == "2026-04"
    assert table.end == dt.date(2026, 3, 31)


def test_an_incomplete_period_that_is_kept_is_flagged_and_never_averaged() -> None:
    kept = clv.cohort_table(SMALL, keep_incomplete=True)
    assert cells(kept, "n_active") == [[3, 1, 1, 1], [0, 0, 0, NAN], [1, 1, NAN, NAN]]
    flagged = kept.frame[~kept.frame["mature"] & kept.frame["n_active"].notna()]
    assert [(str(row.cohort), row.age) for row in flagged.itertuples()] == [
        ("2026-01", 3),
        ("2026-02", 2),
        ("2026-03", 1),
    ]
    pd.testing.assert_frame_equal(kept.average(), clv.cohort_table(SMALL).average())


def test_a_period_that_ends_with_the_log_is_complete() -> None:
    table = clv.cohort_table(SMALL, end="2026-03-31")
    assert table.incomplete is None
    pd.testing.assert_frame_equal(table.frame, clv.cohort_table(SMALL).frame)


@pytest.mark.parametrize(
    ("kind", "january"), [("on", [3, 1, 1]), ("on_or_after", [3, 2, 1]), ("cumulative", [3, 1, 2])]
)
def test_each_kind_of_retention_counts_what_it_says(kind: str, january: list[int]) -> None:
    table = clv.cohort_table(SMALL, kind=kind)
    assert table.triangle("n_active").iloc[0].to_list() == january


def test_rolling_windows_start_with_each_customer_and_need_every_customer_seen() -> None:
    table = clv.cohort_table(SMALL, mode="rolling")
    # a buys again on day 1: still window 0. 31 January + 60 days - 1 = 31 March is the end of window 1.
    assert cells(table, "n_active")[0] == [3, 0]
    assert cells(clv.cohort_table(SMALL, end="2026-03-31", mode="rolling"), "n_active")[0] == [3, 0]
    assert cells(clv.cohort_table(SMALL, end="2026-03-30", mode="rolling"), "n_active")[0] == [3]
    late = clv.cohort_table(SMALL, mode="rolling", keep_incomplete=True)
    assert late.frame["revenue"].sum() == SMALL["amount"].sum()


@pytest.mark.parametrize(
    ("period", "first", "ages"), [("D", "2026-01-05", 95), ("W", "2025-12-29/2026-01-04", 13), ("Q", "2025Q4", 1)]
)
def test_periods_follow_the_calendar(period: str, first: str, ages: int) -> None:
    orders = SMALL if period == "D" else pd.concat([SMALL, log(("z", "2025-12-31", 1))])
    table = clv.cohort_table(orders, period=period)
    assert str(table.frame["cohort"].iloc[0]) == first
    assert table.frame["age"].max() + 1 == (ages if period == "D" else ages + 1)


def test_a_month_is_a_month_and_not_30_days() -> None:
    orders = log(("a", "2026-01-31", 1), ("a", "2026-03-01", 1))
    assert clv.cohort_table(orders, end="2026-03-31").triangle("n_active").iloc[0].to_list() == [1, 0, 1]


def test_money_that_belongs_to_no_cell_is_told() -> None:
    orders = pd.concat([SMALL, log(("e", "2026-02-01", -4), ("d", "2026-02-02", -3), ("e", "2026-04-05", -100))])
    table = clv.cohort_table(orders)
    assert table.unassigned_revenue == -7
    to_the_cut = orders.loc[orders["date"] <= "2026-03-31", "amount"].sum()
    assert table.frame["revenue"].sum() + table.unassigned_revenue == to_the_cut


def test_a_log_without_money_has_no_revenue() -> None:
    table = clv.cohort_table(SMALL, amount=None)
    assert "revenue" not in table.frame
    assert table.unassigned_revenue is None
    with pytest.raises(ConfigError, match="value is 'revenue': expected one of 'retention', 'n_active', 'orders'"):
        table.triangle("revenue")


def test_pooled_and_simple_averages() -> None:
    orders = log(*((f"j{i}", "2026-01-05", 1) for i in range(8)), ("f1", "2026-02-05", 1), ("f2", "2026-02-05", 1))
    back = log(("j1", "2026-02-09", 1), ("j2", "2026-02-09", 1), ("f1", "2026-03-09", 1))
    table = clv.cohort_table(pd.concat([orders, back]), end="2026-03-31")
    pooled, simple = (table.average(how).set_index("age").loc[1] for how in ("pooled", "simple"))
    assert pooled["retention"] == pytest.approx(3 / 10)
    assert simple["retention"] == pytest.approx((2 / 8 + 1 / 2) / 2)
    assert (pooled["customers"], pooled["cohorts"]) == (10, 2)
    assert (pooled["low"], pooled["high"]) == pytest.approx(wilson_interval(0.3, 10))
    # four over (1/8 + 1/2) = 6.4 customers would give the simple mean its variance
    assert (simple["low"], simple["high"]) == pytest.approx(wilson_interval(0.375, 6.4))


def test_wilson_interval_of_newcombe() -> None:
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (successes, n), interval in published.items():
        assert wilson_interval(successes / n, n) == pytest.approx(interval, abs=5e-5)


def test_retention_at_is_none_where_no_cohort_is_old_enough() -> None:
    found = clv.retention_at(clv.cohort_table(SMALL), [1, 2, 3, 12])
    assert found == {1: pytest.approx(1 / 3), 2: pytest.approx(1 / 3), 3: None, 12: None}


def left_truncated() -> pd.DataFrame:
    """A log that begins long after the shop: its first month is full of regulars."""
    random = np.random.default_rng(5)
    rows = []
    for month in range(8):
        for customer in range(300 if month == 0 else 150):
            staying = 0.6 if month == 0 and customer < 200 else 0.2
            for age in range(8 - month):
                if age == 0 or random.random() < staying:
                    rows.append((f"{month}-{customer}", f"2026-{month + age + 1:02}-10", 10.0))
    return log(*rows)


def test_a_first_cohort_of_old_customers_is_noticed_and_can_be_left_out() -> None:
    orders = left_truncated()
    with pytest.warns(LeftTruncationWarning, match="first cohort, 2026-01, stays far more often"):
        table = clv.cohort_table(orders, end="2026-08-31")
    assert "customers from before the log began" in table.sentence()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dropped = clv.cohort_table(orders, end="2026-08-31", drop_left_truncated=True)
    assert str(dropped.frame["cohort"].min()) == "2026-02"
    assert dropped.frame["age"].max() == 6
    assert clv.retention_at(dropped, [1])[1] == pytest.approx(0.2, abs=0.04)
    assert clv.retention_at(table, [1])[1] > 0.25
    assert "2026-01, is left out" in dropped.sentence()


def test_an_ordinary_first_cohort_raises_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = clv.cohort_table(clv.load_cdnow(sample=False), end="1998-06-30")
    assert table.left_truncated is None


def test_cdnow_against_plain_pandas() -> None:
    orders = clv.load_cdnow(sample=False)
    month = orders["date"].dt.to_period("M")
    first = month.groupby(orders["customer_id"]).transform("min")
    age = (month.dt.year - first.dt.year) * 12 + month.dt.month - first.dt.month
    expected = orders["customer_id"].groupby([first.rename("cohort"), age.rename("age")]).nunique()
    table = clv.cohort_table(orders, end="1998-06-30")
    found = table.frame.set_index(["cohort", "age"])
    assert found["n_active"].dropna().to_dict() == expected.to_dict()
    assert found["revenue"].sum() == pytest.approx(2_500_315.63)  # the whole file, as in the duplicate-free trap


def test_the_sentence_always_gives_the_definition() -> None:
    table = clv.cohort_table(SMALL)
    assert table.sentence() == (
        "Retention here is the share of a cohort that bought in that calendar month (months counted from the month of "
        "the first purchase). It was 33.3% at month 1 (6.1% to 79.2%; 3 customers in 1 cohort). The averages pool all "
        "customers of complete cells; in brackets 95% intervals. The month 2026-04 is not over and counts in no "
        "average."
    )
    for mode, kind, words in [
        ("calendar", "on_or_after", "bought in that calendar month or later, as far as seen by 2026-03-31"),
        ("rolling", "cumulative", "came back after the first 30-day window"),
    ]:
        assert words in clv.cohort_table(SMALL, mode=mode, kind=kind).sentence()
    young = clv.cohort_table(SMALL, end="2026-01-31")
    assert "No cohort is old enough for month 1 yet." in young.sentence()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"period": "Y"}, "period is 'Y'"),
        ({"mode": "30 days"}, "mode is '30 days'"),
        ({"kind": "n-day"}, "kind is 'n-day'"),
    ],
)
def test_an_option_that_can_not_be(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        clv.cohort_table(SMALL, **options)  # type: ignore[arg-type]


def test_too_little_for_a_cohort() -> None:
    with pytest.raises(NotEnoughDataError, match="2026-01-05 to 2026-01-20, which is no complete month"):
        clv.cohort_table(SMALL, end="2026-01-20")
    with pytest.raises(NotEnoughDataError, match="no purchase up to 2026-02-28"):
        clv.cohort_table(log(("a", "2026-02-01", -1)), end="2026-02-28")
    with pytest.raises(NotEnoughDataError, match="2026-01 is the only cohort"):
        clv.cohort_table(SMALL, end="2026-01-31", drop_left_truncated=True)
    with pytest.raises(NotEnoughDataError, match="no cohort is old enough for month 1"):
        retention_curve(clv.cohort_table(SMALL, end="2026-01-31"))


EVENTS = st.tuples(st.sampled_from("abcdef"), st.integers(0, 200), st.sampled_from([-5.0, 0.0, 5.0, 20.0]))


@settings(max_examples=10)
@given(st.lists(EVENTS, min_size=3, max_size=30), st.sampled_from(["calendar", "rolling"]))
def test_what_must_hold_for_any_log(rows: list[tuple[str, int, float]], mode: str) -> None:
    start = dt.date(2026, 1, 1)
    orders = log(("z", "2026-01-01", 1.0), *((who, str(start + dt.timedelta(days=day)), x) for who, day, x in rows))
    tables = {
        kind: clv.cohort_table(orders, end="2026-07-20", mode=mode, kind=kind, keep_incomplete=True) for kind in KINDS
    }
    on = tables["on"].frame
    assert on["revenue"].sum() + (tables["on"].unassigned_revenue or 0) == pytest.approx(orders["amount"].sum())
    assert (on.loc[on["age"] == 0, "n_active"] == on.loc[on["age"] == 0, "n0"]).all()
    for table in tables.values():
        seen = table.frame[table.frame["n_active"].notna()]
        assert (seen["n_active"] <= seen["n0"]).all()
    assert (tables["on_or_after"].triangle("n_active").diff(axis=1).fillna(0) <= 0).all(axis=None)
    assert (tables["cumulative"].triangle("n_active").loc[:, 1:].diff(axis=1).fillna(0) >= 0).all(axis=None)
    relabelled = orders.assign(customer_id=orders["customer_id"].map(lambda who: f"x{ord('z') - ord(who):02}"))
    again = clv.cohort_table(relabelled.iloc[::-1], end="2026-07-20", mode=mode, keep_incomplete=True)
    pd.testing.assert_frame_equal(again.frame, on)


def test_two_halves_of_the_customers_add_up() -> None:
    orders = clv.load_cdnow()
    even = orders["customer_id"].str[-1].isin(list("02468"))
    whole, one, other = (
        clv.cohort_table(part, end="1998-06-30").frame[["n0", "n_active", "orders", "revenue"]]
        for part in (orders, orders[even], orders[~even])
    )
    pd.testing.assert_frame_equal(one + other, whole)


def test_figures_say_what_they_show() -> None:
    table = clv.cohort_table(clv.load_cdnow(), end="1998-06-15", keep_incomplete=True)
    heatmap, curve = cohort_heatmap(table), retention_curve(table)
    assert title_of(heatmap) == "16% of cohort 1997-01 and 12% of cohort 1997-03 buy in month 1"
    assert title_of(curve) == "Of 100 customers 15 buy in month 1 and 8 buy in month 12"
    for picture in (heatmap, curve):
        assert table.definition in picture.alt
        assert picture.png().startswith(b"\x89PNG")
    assert heatmap.alt.startswith(
        f"Heatmap of retention for 3 cohorts, 1997-01 to 1997-03, at month 0 to 17. {title_of(curve)}."
    )
    hatched = [patch for patch in heatmap.figure.axes[0].patches if patch.get_hatch()]
    assert len(hatched) == 3
    assert table.plot().alt == heatmap.alt


def test_a_large_triangle_and_one_without_any_later_age_can_be_drawn() -> None:
    weekly = cohort_heatmap(clv.cohort_table(clv.load_cdnow(), period="W"))
    assert not weekly.figure.axes[0].texts
    assert weekly.figure.get_size_inches()[1] <= 8
    young = cohort_heatmap(clv.cohort_table(SMALL, end="2026-01-31"))
    assert young.alt.endswith("No cohort is old enough for month 1 yet.")
    assert young.png().startswith(b"\x89PNG")
