"""One row a customer: what counts as a purchase, where a period ends, and what is refused."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clvhelpers as clv
from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError


def log(*rows: tuple[Any, ...], columns: str = "customer_id date amount") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=columns.split())
    return frame.assign(date=pd.to_datetime(frame["date"], format="ISO8601"))


def one(summary: pd.DataFrame) -> pd.Series:
    assert len(summary) == 1
    return summary.iloc[0]


TWO_BUYS = log(("a", "2026-01-01", 10), ("a", "2026-01-15", 30))


def test_columns_of_a_log_with_money() -> None:
    names = "customer_id frequency recency T monetary_value first_date last_date orders total"
    assert list(clv.customer_summary(TWO_BUYS)) == names.split()
    split = clv.split_holdout(TWO_BUYS, "2026-01-07")
    assert list(split) == [*names.split(), "holdout_frequency", "holdout_total", "holdout_T"]


def test_a_log_without_money_has_no_money_columns() -> None:
    dates = TWO_BUYS.drop(columns="amount")
    names = "customer_id frequency recency T first_date last_date orders"
    assert list(clv.customer_summary(dates)) == names.split()
    assert list(clv.split_holdout(dates, "2026-01-07")) == [*names.split(), "holdout_frequency", "holdout_T"]


@pytest.mark.parametrize(("unit", "days"), [("D", 1), ("W", 7), ("M", 30.4375), ("Y", 365.25)])
def test_times_are_exact_in_each_unit(unit: str, days: float) -> None:
    row = one(clv.customer_summary(TWO_BUYS, end="2026-02-10", unit=unit))
    assert DAYS_PER_UNIT[unit] == days
    assert row["recency"] == pytest.approx(14 / days)
    assert row["T"] == pytest.approx(40 / days)


def test_orders_of_one_day_are_one_purchase_and_the_first_is_not_a_repeat() -> None:
    row = one(
        clv.customer_summary(
            log(
                ("a", "2026-01-01 09:00", 10),
                ("a", "2026-01-01 18:00", 5),
                ("a", "2026-01-08", 20),
                ("a", "2026-01-08", 4),
            )
        )
    )
    assert (row["orders"], row["frequency"], row["monetary_value"], row["total"]) == (2, 1, 24, 39)


def test_one_purchase_has_a_missing_monetary_value_and_not_0() -> None:
    summary = clv.customer_summary(log(("a", "2026-01-01", 10)), end="2026-03-01")
    assert np.isnan(one(summary)["monetary_value"])
    polars = clv.customer_summary(pl.from_pandas(log(("a", "2026-01-01", 10))))
    assert polars["monetary_value"].to_list() == [None]


@pytest.mark.parametrize(
    ("amounts", "orders"),
    [((0.0,), 1), ((-5.0,), 0), ((20.0, -20.0), 0), ((35.1, 12.2, -47.3), 0), ((20.0, -5.0), 1), ((5.0, -20.0), 0)],
)
def test_a_purchase_day_has_money_left_or_a_free_order(amounts: tuple[float, ...], orders: int) -> None:
    rows = [("a", "2026-01-02", amount) for amount in amounts]
    row = one(clv.customer_summary(log(("a", "2026-01-01", 1.0), *rows)))
    assert row["orders"] == 1 + orders
    assert row["total"] == pytest.approx(1 + sum(amounts))


def test_a_kept_refund_counts_in_the_total_only() -> None:
    rows = log(
        ("a", "2026-01-01", 10, "purchase"),
        ("a", "2026-01-09", 30, "purchase"),
        ("a", "2026-01-09", -4, "refund"),
        ("a", "2026-01-20", -5, "refund"),
        columns="customer_id date amount kind",
    )
    row = one(clv.customer_summary(rows))
    assert (row["orders"], row["monetary_value"], row["total"]) == (2, 30, 31)
    assert row["last_date"] == pd.Timestamp("2026-01-09")
    dates = one(clv.customer_summary(rows, amount=None))
    assert dates["orders"] == 2


def test_a_customer_with_refunds_only_has_no_row() -> None:
    assert clv.customer_summary(log(("a", "2026-01-01", 10), ("b", "2026-01-02", -3)))["customer_id"].to_list() == ["a"]
    assert clv.customer_summary(log(("b", "2026-01-02", -3))).empty


@pytest.mark.parametrize("end", ["2026-01-15", dt.date(2026, 1, 15), pd.Timestamp("2026-01-15 00:00")])
def test_the_end_day_counts_whole_and_later_rows_do_not(end: Any) -> None:
    late = pd.concat([TWO_BUYS, log(("a", "2026-01-15 23:59:59", 5), ("a", "2026-01-16 00:00", 99))])
    row = one(clv.customer_summary(late, end=end))
    assert (row["frequency"], row["total"], row["T"]) == (1, 45, 2)


def test_without_an_end_it_is_the_last_date_of_the_log() -> None:
    assert clv.customer_summary(log(("a", "2026-01-01", 1), ("b", "2026-01-22 13:00", 1)))["T"].to_list() == [3, 0]


def test_the_callers_frame_is_not_changed() -> None:
    frame = TWO_BUYS.sort_values("date", ascending=False)
    before = frame.copy(deep=True)
    clv.customer_summary(frame)
    clv.split_holdout(frame, "2026-01-07")
    pd.testing.assert_frame_equal(frame, before)


def test_own_column_names_and_whole_number_ids() -> None:
    frame = TWO_BUYS.rename(columns={"customer_id": "who", "date": "at", "amount": "paid"}).assign(who=7)
    row = one(clv.customer_summary(frame, customer_id="who", date="at", amount="paid"))
    assert (row["customer_id"], row["monetary_value"]) == (7, 30)


# What other libraries do in each of these rows is in the comment beside it (measured with lifetimes
# 0.11.3 and pymc-marketing 0.19.2 and 1.3.0).


def test_an_afternoon_order_on_the_last_calibration_day_is_calibration() -> None:  # others: holdout
    orders = log(("a", "2026-01-01", 10), ("a", "2026-01-31 15:30", 20), ("a", "2026-02-28 10:00", 30))
    row = one(clv.split_holdout(orders, "2026-01-31", "2026-02-28"))
    assert (row["frequency"], row["holdout_frequency"]) == (1, 1)


def test_a_morning_order_on_the_last_day_is_kept() -> None:  # others: lost
    orders = log(("a", "2026-01-01", 10), ("a", "2026-02-28 10:00", 30))
    row = one(clv.split_holdout(orders, "2026-01-31", "2026-02-28"))
    assert (row["holdout_frequency"], row["holdout_total"]) == (1, 30)


def test_holdout_money_is_all_of_it() -> None:  # lifetimes: 30, the mean of the lines
    orders = log(("a", "2026-01-01", 10), ("a", "2026-02-10 09:00", 15), ("a", "2026-02-10 19:00", 30))
    row = one(clv.split_holdout(orders, "2026-01-31"))
    assert (row["holdout_total"], row["holdout_frequency"]) == (45, 1)


def test_unsorted_rows_give_the_same() -> None:  # pymc-marketing with sort_transactions=False: 15 for 25
    orders = log(("a", "2026-01-01", 5), ("a", "2026-01-10", 20), ("a", "2026-01-20", 30))
    row = one(clv.customer_summary(orders.iloc[[2, 0, 1]]))
    assert (row["first_date"], row["monetary_value"]) == (pd.Timestamp("2026-01-01"), 25)


def test_nobody_buys_in_the_holdout() -> None:  # others: ValueError
    row = one(clv.split_holdout(TWO_BUYS, "2026-01-31", "2026-03-02"))
    assert (row["holdout_frequency"], row["holdout_total"]) == (0, 0)
    assert row["holdout_T"] == pytest.approx(30 / 7)


def test_who_first_buys_in_the_holdout_has_no_row() -> None:
    split = clv.split_holdout(pd.concat([TWO_BUYS, log(("new", "2026-01-20", 9))]), "2026-01-16")
    assert split["customer_id"].to_list() == ["a"]


@pytest.mark.parametrize(
    ("calibration_end", "end", "message"),
    [
        ("2026-01-15", None, "the holdout between them has no day"),
        ("2026-02-01", "2026-01-20", "the holdout between them has no day"),
        ("2025-12-31", None, "before the first transaction on 2026-01-01"),
        ("31/12/2025", None, "calibration_end is '31/12/2025': write the day as year-month-day"),
    ],
)
def test_a_calibration_that_can_not_be(calibration_end: str, end: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        clv.split_holdout(TWO_BUYS, calibration_end, end)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "weeks"}, "unit is 'weeks': expected one of 'D', 'W', 'M', 'Y'"),
        ({"end": "03/04/2026"}, "write the day as year-month-day"),
        ({"end": 20260131}, "end is 20260131: give a date"),
        ({"end": pd.NaT}, "end is NaT: give a date"),
        ({"end": pd.Timestamp("2026-01-31", tz="UTC")}, "end has a time zone"),
    ],
)
def test_an_argument_that_can_not_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        clv.customer_summary(TWO_BUYS, **options)


def test_a_log_with_nothing_in_it() -> None:
    with pytest.raises(NotEnoughDataError, match="no rows"):
        clv.customer_summary(TWO_BUYS.iloc[:0])
    with pytest.raises(NotEnoughDataError, match=r"end is 2025-06-30, before the first transaction .* 2026-01-01"):
        clv.customer_summary(TWO_BUYS, end="2025-06-30")


def test_rows_that_can_not_be_used_are_all_named_at_once() -> None:
    dirty = log(("a", "2026-01-01", 10), (None, "2026-01-02", 11), ("b", None, 12), ("c", "2026-01-04", np.nan))
    dirty.loc[4] = ["d", pd.Timestamp("2026-01-05"), np.inf]
    with pytest.raises(DataContractError) as caught:
        clv.customer_summary(dirty)
    customer, date, amount = caught.value.problems
    assert customer.startswith("1 row has no customer (row 1, customer_id ")
    assert "day 2026-01-02 00:00:00, amount 11.0): clean_transactions() sets such rows aside" in customer
    assert date.startswith("1 row has no date (row 2, customer_id b, ")
    assert amount.startswith("2 rows have no amount (row 3, customer_id c, ")


def test_missing_amounts_in_polars_are_seen_too() -> None:
    frame = pl.DataFrame(
        {"customer_id": ["a", "b", "c"], "date": [dt.date(2026, 1, 1)] * 3, "amount": [1.0, None, np.nan]}
    )
    with pytest.raises(DataContractError, match=r"2 rows have no amount \(row 1, customer_id b"):
        clv.customer_summary(frame)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"date": ["2026-01-01", "2026-01-15"]}, "'date' holds String, not dates: parse it with its format stated"),
        ({"date": pd.to_datetime(TWO_BUYS["date"]).dt.tz_localize("UTC")}, "UTC: whose midnight ends a day"),
        ({"amount": ["10", "30"]}, "'amount' holds String, not amounts"),
        ({"customer_id": [1.0, np.nan]}, "'customer_id' holds Float64, not customer ids"),
        ({"kind": ["purchase", "gift"]}, r"1 row has an unknown kind .*'kind' may only hold purchase, netted, refund"),
    ],
)
def test_a_column_of_the_wrong_type_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataContractError, match=message):
        clv.customer_summary(TWO_BUYS.assign(**change))


def test_an_unknown_column_is_named_with_the_nearest() -> None:
    frame = TWO_BUYS.rename(columns={"customer_id": "CustomerID", "amount": "Amount"})
    with pytest.raises(DataContractError) as caught:
        clv.customer_summary(frame, date="dates")
    text = str(caught.value)
    assert "no column 'customer_id' for the customer_id: did you mean customer_id='CustomerID'?" in text
    assert "did you mean date='date'?" in text
    assert "did you mean amount='Amount'? The log has 'CustomerID', 'date', 'Amount'. A log without money" in text


def test_something_that_is_no_frame_is_refused() -> None:
    with pytest.raises(DataContractError, match="the transaction log is a list: expected a frame"):
        clv.customer_summary([1, 2])  # type: ignore[type-var]


AMOUNTS = st.sampled_from([-20.0, -5.0, 0.0, 5.0, 20.0])


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60), AMOUNTS), min_size=1))
def test_summary_equals_a_plain_loop_over_any_log(rows: list[tuple[str, int, float]]) -> None:
    start = dt.date(2026, 1, 1)
    orders = log(*((who, start + dt.timedelta(days=day), amount) for who, day, amount in rows))
    expected = {}
    for who in {row[0] for row in rows}:
        days: dict[int, list[float]] = {}
        for _, day, amount in sorted(row for row in rows if row[0] == who):
            days.setdefault(day, []).append(amount)
        bought = {day: sum(money) for day, money in days.items() if sum(money) > 0 or min(money) >= 0}
        if bought:
            repeats = [money for day, money in bought.items() if day > min(bought)]
            mean = sum(repeats) / len(repeats) if repeats else np.nan
            total = sum(sum(money) for money in days.values())
            expected[who] = (len(repeats), (max(bought) - min(bought)) / 7, mean, total)
    summary = clv.customer_summary(orders).set_index("customer_id")[["frequency", "recency", "monetary_value", "total"]]
    assert set(summary.index) == set(expected)
    for who, row in summary.iterrows():
        assert row.to_list() == pytest.approx(expected[str(who)], nan_ok=True)


def test_orders_over_time_has_every_period_and_knows_what_is_not_over() -> None:
    orders = log(
        ("a", "2026-01-05", 10),
        ("b", "2026-01-09", 5),
        ("a", "2026-03-02", 7),
        ("a", "2026-03-02", 3),
        ("b", "2026-03-05", -5),
    )
    table = clv.orders_over_time(orders, end="2026-03-30")
    assert [str(period) for period in table["period"]] == ["2026-01", "2026-02", "2026-03"]
    assert table[["orders", "customers", "new_customers", "revenue"]].to_numpy().tolist() == [
        [2, 2, 2, 15],
        [0, 0, 0, 0],
        [1, 1, 0, 5],
    ]
    assert table["complete"].to_list() == [True, True, False]
    assert clv.orders_over_time(orders, end="2026-03-31")["complete"].all()
    assert "revenue" not in clv.orders_over_time(orders, amount=None)


def test_the_recovered_truth_of_simulated_customers() -> None:
    world = clv.simulate.non_contractual(customers=2000, seed=3)
    summary = clv.customer_summary(world.transactions, end=world.end).merge(world.truth, on="customer_id")
    # while a customer lives, purchases come at purchase_rate a week: the repeats of those still alive show it
    alive = summary[summary["alive"]]
    expected = (alive["purchase_rate"] * alive["T"]).sum()
    assert alive["frequency"].sum() == pytest.approx(expected, abs=4 * np.sqrt(expected) + 0.1 * expected)
