"""Each refund goes to its order, else to its day, else stays a refund."""

from typing import Any

import pandas as pd
import pytest

from clvhelpers import customer_summary
from clvhelpers.transactions import Rules, clean_transactions

Row = tuple[str, str, float, str | None]


def frame(*rows: Row) -> pd.DataFrame:
    log = pd.DataFrame(rows, columns=["customer_id", "date", "amount", "order_id"])
    log["date"] = pd.to_datetime(log["date"], format="ISO8601")
    log["order_id"] = log["order_id"].astype("str")
    return log


def kinds(log: Any) -> list[tuple[float, str, str]]:
    used = log.transactions
    return list(zip(used["amount"], used["kind"], used["date"].dt.strftime("%m-%d"), strict=True))


def test_a_refund_is_netted_against_its_order_and_gets_the_orders_date() -> None:
    log = clean_transactions(frame(("a", "2026-01-01 09:00", 50, "o1"), ("a", "2026-03-05", -20, "o1")))
    assert kinds(log) == [(50, "purchase", "01-01"), (-20, "netted", "01-01")]
    assert log.transactions["refund_date"][1] == pd.Timestamp("2026-03-05")


def test_an_order_cancelled_to_zero_is_set_aside_with_its_refunds_and_their_own_dates() -> None:
    rows: tuple[Row, ...] = (
        ("a", "2026-01-01", 30, "o1"),
        ("a", "2026-01-01", 20, "o1"),
        ("a", "2026-02-01", -50, "o1"),
        ("a", "2026-01-01", 7, "o2"),
    )
    log = clean_transactions(frame(*rows))
    assert kinds(log) == [(7, "purchase", "01-01")]
    assert log.rows_set_aside == {"cancelled_pairs": 3}
    assert list(log.set_aside["date"].dt.month) == [1, 1, 2]
    kept = clean_transactions(frame(*rows), Rules(cancelled_pairs="keep"))
    assert [kind for _, kind, _ in kinds(kept)] == ["purchase", "purchase", "netted", "purchase"]
    assert kept.problems.loc[kept.problems["rule"] == "cancelled_pairs", "action"].tolist() == ["keep"]


def test_an_order_refunded_by_more_than_it_cost_is_no_purchase_day() -> None:
    rows: tuple[Row, ...] = (
        ("a", "2026-01-01", 50, "o1"),
        ("a", "2026-02-01", -60, "o1"),
        ("a", "2026-03-01", 9, "o2"),
    )
    summary = customer_summary(clean_transactions(frame(*rows)).transactions)
    assert summary[["frequency", "orders", "total"]].values.tolist() == [[0, 1, -1]]


def test_a_refund_without_an_order_is_netted_against_the_day_if_the_day_covers_it() -> None:
    log = clean_transactions(frame(("a", "2026-01-01 09:00", 50, "o1"), ("a", "2026-01-01 18:00", -20, "r1")))
    assert kinds(log) == [(50, "purchase", "01-01"), (-20, "netted", "01-01")]


def test_a_day_cancelled_to_zero_is_set_aside() -> None:
    log = clean_transactions(
        frame(("a", "2026-01-01", 50, None), ("a", "2026-01-01", -50, None), ("b", "2026-01-02", 1, None))
    )
    assert log.rows_set_aside == {"cancelled_pairs": 2}


def test_a_refund_larger_than_the_day_is_kept_and_leaves_the_purchase_standing() -> None:
    log = clean_transactions(frame(("a", "2026-01-01", 20, "o1"), ("a", "2026-01-01", -200, "r1")))
    assert kinds(log) == [(20, "purchase", "01-01"), (-200, "refund", "01-01")]


@pytest.mark.parametrize("order_id", [None, "o1"])
def test_another_customers_order_or_day_takes_no_refund(order_id: str | None) -> None:
    log = clean_transactions(frame(("a", "2026-01-01", 50, "o1"), ("b", "2026-01-01", -20, order_id)))
    assert kinds(log)[1] == (-20, "refund", "01-01")


def test_missing_order_ids_are_not_one_order() -> None:
    log = clean_transactions(frame(("a", "2026-01-01", 50, None), ("a", "2026-02-01", -20, None)))
    assert kinds(log)[1] == (-20, "refund", "02-01")


def test_a_refund_after_the_as_of_day_is_not_known_yet() -> None:
    rows: tuple[Row, ...] = (("a", "2026-01-01", 50, "o1"), ("a", "2026-02-01", -50, "o1"))
    before = clean_transactions(frame(*rows), as_of="2026-01-31")
    assert kinds(before) == [(50, "purchase", "01-01")]
    assert before.rows_set_aside == {"after_as_of": 1}


def test_rounding_does_not_hide_a_cancelled_pair() -> None:
    order: tuple[Row, ...] = (("a", "2026-01-01", 0.1, "o1"), ("a", "2026-01-01", 0.2, "o1"))
    log = clean_transactions(frame(*order, ("a", "2026-01-02", -0.3, "o1"), ("b", "2026-01-02", 1, "x")))
    assert log.rows_set_aside == {"cancelled_pairs": 3}


def test_a_shop_that_only_refunds_small_change_has_no_cancelled_pair() -> None:
    log = clean_transactions(frame(("a", "2026-01-01", -0.004, "o1"), ("b", "2026-01-02", 1, "x")))
    assert kinds(log)[0][1] == "refund"
