"""Amounts are read in the one way that fits all rows, or asked about."""

from pathlib import Path

import pytest

from clvhelpers.errors import DataContractError
from clvhelpers.sources import SourceOptions, open_transactions
from tests.sources.write import column, log_of, write


def amounts(folder: Path, *texts: str, **options: str) -> list[float | None]:
    return column(log_of(folder, *(f"a;2026-01-01;{text}" for text in texts), **options), "amount")


WITH_POINT = {
    "12.50": 12.5,
    "-12.50": -12.5,
    "12.50-": -12.5,
    "(12.50)": -12.5,
    "−12.50": -12.5,
    "+12.50": 12.5,
    "$12.50": 12.5,
    "-$12.50": -12.5,
    "($12.50)": -12.5,
    "12.50 €": 12.5,
    "USD 12.50": 12.5,
    "12.50 kr": 12.5,
    "A$ 12.50": 12.5,
    "\u00a0 12.50": 12.5,
    ".5": 0.5,
    "1.5e3": 1500.0,
    "1200": 1200.0,
    "1'234.50": 1234.5,
    "1 234.50": 1234.5,
    "1\u202f234.50": 1234.5,
    "1,234.50": 1234.5,
    "1,234,567": 1234567.0,
}
WITH_COMMA = {"12,50": 12.5, "1.234,50": 1234.5, "1.234.567": 1234567.0, "€ -5,5": -5.5, "1 234 567,89": 1234567.89}


@pytest.mark.parametrize("written", [WITH_POINT, WITH_COMMA])
def test_each_way_to_write_an_amount(tmp_path: Path, written: dict[str, float]) -> None:
    assert dict(zip(written, amounts(tmp_path, *written), strict=True)) == written


@pytest.mark.parametrize(("text", "value"), [("1.234,50", 1234.5), ("1,234,567", 1234567.0), ("1.234.567", 1234567.0)])
def test_an_amount_alone_can_be_clear(tmp_path: Path, text: str, value: float) -> None:
    assert amounts(tmp_path, text) == [value]


@pytest.mark.parametrize("text", ["1,234", "1.234", "€ 1.234"])
def test_an_amount_that_can_be_two_numbers_is_asked_about(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataContractError) as error:
        amounts(tmp_path, text, "20")
    assert f"numbers can be read in two ways (orders.csv row 2: '{text}')" in str(error.value)


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"decimal": ",", "thousands": "."}, 1234.0),
        ({"decimal": ".", "thousands": ","}, 1.234),
    ],
)
def test_stated_marks_answer_the_question(tmp_path: Path, options: dict[str, str], value: float) -> None:
    assert amounts(tmp_path, "1.234", **options) == [value]


def test_one_row_that_fits_one_reading_only_decides_for_all(tmp_path: Path) -> None:
    assert amounts(tmp_path, "1.234", "12.50") == [1.234, 12.5]
    assert amounts(tmp_path, "1,234", "12.50") == [1234.0, 12.5]
    assert amounts(tmp_path, "1.234", "12,50") == [1234.0, 12.5]


def test_a_decimal_comma_that_was_found_is_said(tmp_path: Path) -> None:
    source = log_of(tmp_path, "a;2026-01-01;12,50")
    assert source.notes == ("Amounts were read with decimal ',': no other reading fits as many rows.",)


def test_the_reading_is_decided_over_all_number_columns_together(tmp_path: Path) -> None:
    path = write(tmp_path / "lines.csv", "id;day;units;price\na;2026-01-01;2;1.234\na;2026-01-01;1,5;2\n")
    columns = {"customer": "id", "date": "day", "quantity": "units", "unit_price": "price"}
    assert column(open_transactions(path, SourceOptions(columns)), "amount") == [2468.0, 3.0]


def test_what_is_no_amount_is_missing_and_keeps_its_text(tmp_path: Path) -> None:
    texts = ["abc", "12abc", "1.2.3", "12,3456.7", "--5", "-5-", "(12.50", "5 apples", "$"]
    source = log_of(tmp_path, "a;2026-01-01;7.5", *(f"b;2026-01-01;{text}" for text in texts))
    assert column(source, "amount") == [7.5, *[None] * len(texts)]
    assert column(source, "amount_text") == [None, *texts]


def test_words_for_nothing_are_missing(tmp_path: Path) -> None:
    words = ["", "NULL", "nan", "N/A", "#N/A", "None"]
    source = log_of(tmp_path, "a;2026-01-01;7.5", *(f"b;2026-01-01;{word}" for word in words))
    assert column(source, "amount") == [7.5, *[None] * len(words)]
    assert column(source, "amount_text") == [None] * (len(words) + 1)
