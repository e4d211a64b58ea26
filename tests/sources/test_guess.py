"""Columns are guessed from names in several languages, and not against their values."""

from pathlib import Path

import pytest

from clvhelpers.sources import guess_columns, peek
from tests.sources.write import write


def guessed(header: list[str], rows: list[list[str | None]] | None = None) -> dict[str, str]:
    return {ours: guess.column for ours, guess in guess_columns(header, rows or []).items()}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            ["Invoice", "StockCode", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"],
            {
                "customer": "Customer ID",
                "date": "InvoiceDate",
                "order": "Invoice",
                "quantity": "Quantity",
                "unit_price": "Price",
            },
        ),
        (
            ["user_id", "created_at", "order_id", "total", "currency", "utm_source"],
            {
                "customer": "user_id",
                "date": "created_at",
                "order": "order_id",
                "amount": "total",
                "channel": "utm_source",
                "currency": "currency",
            },
        ),
        (
            ["Kunden-Nr", "Bestelldatum", "Bestellnummer", "Betrag", "Währung"],
            {
                "customer": "Kunden-Nr",
                "date": "Bestelldatum",
                "order": "Bestellnummer",
                "amount": "Betrag",
                "currency": "Währung",
            },
        ),
        (
            ["numéro client", "date commande", "montant"],
            {"customer": "numéro client", "date": "date commande", "amount": "montant"},
        ),
        (["alpha", "beta"], {}),
    ],
)
def test_common_names(header: list[str], expected: dict[str, str]) -> None:
    assert guessed(header) == expected


def test_the_only_column_with_dates_is_the_date_whatever_its_name() -> None:
    rows: list[list[str | None]] = [["M01", "2026-01-31"], ["M02", "2026-02-01"]]
    assert guessed(["member", "visit"], rows) == {"customer": "member", "date": "visit"}
    assert guess_columns(["member", "visit"], rows)["date"].reason == "it is the only column that holds dates"
    assert guessed(["from", "till"], [["2026-01-31", "2026-02-01"]]) == {}


def test_values_that_do_not_fit_are_not_guessed() -> None:
    header = ["customer", "date", "total", "amount"]
    rows: list[list[str | None]] = [["a", "2026-01-01", "paid", "12.50"], ["b", "2026-01-02", "open", "$8"]]
    assert guessed(header, rows)["amount"] == "amount"
    assert "date" not in guessed(header, [["a", "web", "paid", "12.50"]])


def test_a_price_without_a_quantity_is_the_amount() -> None:
    assert guessed(["customer", "date", "price"])["amount"] == "price"


def test_peek_shows_the_names_and_first_rows(tmp_path: Path) -> None:
    header, rows = peek(write(tmp_path / "orders.csv", "id;day\n007;2026-01-01\n"))
    assert (header, rows) == (["id", "day"], [["007", "2026-01-01"]])
