"""`open_company`: the course's companies and a client's file give a log of one shape."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import clvhelpers as clv
from clvhelpers.errors import ConfigError

CLIENT_FILE = """client: acme
name: Acme [x](y)
currency: EUR
as_of: 2026-02-28
transactions:
  source: orders.csv
  columns: {customer: who, date: day, amount: money, order: number}
economics: {gross_margin: 0.25}
"""
ROWS = "who,day,money,number\nb,2026-02-01,7,2\na,2026-01-01,5,1\n,2026-02-01,9,3\na,2026-02-03,-2,4\n"


@pytest.fixture
def client_file(tmp_path: Path) -> Path:
    (tmp_path / "orders.csv").write_text(ROWS)
    path = tmp_path / "acme.yml"
    path.write_text(CLIENT_FILE)
    return path


def test_cdnow_is_its_sample_with_the_free_orders_and_duplicates() -> None:
    shop = clv.open_company("cdnow")
    assert len(shop.transactions) == 6919
    assert (shop.kind, shop.currency, shop.end, shop.has_truth) == ("non-contractual", "USD", date(1998, 6, 30), False)
    assert len(clv.customer_summary(shop.transactions, end=shop.end)) == 2357


@pytest.mark.parametrize("company", ["harbor_and_pine", "lumen"])
def test_invented_companies_know_what_customers_cost(company: str) -> None:
    shop = clv.open_company(company)
    assert shop.contacts is not None
    assert shop.acquisition_cost is not None
    customers = set(shop.transactions["customer_id"])
    assert set(shop.contacts["customer_id"]) <= customers
    assert set(shop.acquisition_cost.index) == customers
    assert shop.transactions["channel"].notna().all()
    assert 0 < (shop.gross_margin or 0) < 1
    assert shop.missing("channel", "amount") is None


def test_client_file_wins_over_a_company_and_tells_what_was_set_aside(client_file: Path) -> None:
    shop = clv.open_company("lumen", client=client_file)
    assert (shop.name, shop.currency, shop.end, shop.gross_margin) == ("Acme [x](y)", "EUR", date(2026, 2, 28), 0.25)
    assert not shop.has_truth
    expected = pd.DataFrame(
        {
            "customer_id": ["b", "a", "a"],
            "date": pd.to_datetime(["2026-02-01", "2026-01-01", "2026-02-03"]),
            "amount": [7.0, 5.0, -2.0],
            "order_id": ["2", "1", "4"],
            "kind": ["purchase", "purchase", "refund"],
        }
    )
    pd.testing.assert_frame_equal(shop.transactions, expected, check_dtype=False)
    assert "1 for no customer" in shop.sentence()


def test_missing_columns_are_named_and_never_markup(client_file: Path) -> None:
    shop = clv.open_company(client=client_file)
    assert shop.missing("amount", "order_id") is None
    words = shop.missing("cost", "amount", "channel")
    assert words is not None
    assert (
        words.plain == "The orders of Acme [x](y) have no cost and no channel, which this step needs: it is left out."
    )
    assert "[x](y)" not in words.markdown


@pytest.mark.parametrize("company", ["harbor_and_pine", "lumen", "cdnow"])
def test_each_row_has_a_kind_that_the_counts_know(company: str) -> None:
    log = clv.open_company(company).transactions
    assert set(log["kind"]) <= {"purchase", "netted", "refund"}
    assert (log["amount"] < 0).eq(log["kind"] == "refund").all()


def test_unknown_company_is_answered_with_those_that_exist() -> None:
    with pytest.raises(ConfigError, match="company is 'acme': expected one of 'harbor_and_pine', 'lumen', 'cdnow'"):
        clv.open_company("acme")


def test_missing_client_file_is_told() -> None:
    with pytest.raises(ConfigError, match=r"no file nowhere/acme\.yml"):
        clv.open_company(client="nowhere/acme.yml")
