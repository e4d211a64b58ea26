"""Dates are read in the one way that fits all rows, or asked about."""

from datetime import datetime
from pathlib import Path

import pytest

from clvhelpers.errors import DataContractError
from tests.sources.write import column, log_of


def dates(folder: Path, *texts: str, **options: str) -> list[datetime | None]:
    return column(log_of(folder, *(f"a;{text};1" for text in texts), **options), "date")


YEAR_FIRST = (
    *("2026-03-04 10:11:12", "2026/3/4 10:11:12", "2026.03.04 10:11:12", "20260304 10:11:12", "2026-03-04T10:11:12"),
    *("2026-03-04T10:11:12.5", "2026-03-04 10:11:12.123456789", "2026-03-04 10:11:12 AM"),
)
NAMED = ("4 Mar 2026 10:11:12", "04-Mar-2026 10:11:12", "4 March 2026 10:11:12", "March 4, 2026 10:11:12 AM")


@pytest.mark.parametrize("texts", [YEAR_FIRST, NAMED])
def test_unambiguous_forms_are_read_without_asking(tmp_path: Path, texts: tuple[str, ...]) -> None:
    seconds = [read.replace(microsecond=0) for read in dates(tmp_path, *texts) if read]
    assert seconds == [datetime(2026, 3, 4, 10, 11, 12)] * len(texts)


def test_a_date_that_can_be_two_days_is_asked_about(tmp_path: Path) -> None:
    with pytest.raises(DataContractError) as error:
        dates(tmp_path, "03/04/2026", "05/06/2026")
    assert "'03/04/2026' is 2026-04-03 if day first and 2026-03-04 if month first" in str(error.value)
    assert "date_format '%d/%m/%Y' or '%m/%d/%Y'" in str(error.value)


def test_a_stated_format_answers_the_question(tmp_path: Path) -> None:
    assert dates(tmp_path, "03/04/2026", date_format="%m/%d/%Y") == [datetime(2026, 3, 4)]
    assert dates(tmp_path, "03/04/2026", date_format="%d/%m/%Y") == [datetime(2026, 4, 3)]


def test_one_row_that_fits_one_order_only_decides_for_all_and_is_said(tmp_path: Path) -> None:
    source = log_of(tmp_path, "a;03/04/2026;1", "b;03/14/2026;1")
    assert column(source, "date") == [datetime(2026, 3, 4), datetime(2026, 3, 14)]
    assert source.notes == ("Dates were read as month first: no other order reads as many of them.",)


def test_rows_that_fit_different_orders_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataContractError) as error:
        dates(tmp_path, "14/03/2026", "03/14/2026", "01/02/2026")
    assert "only be day first (orders.csv row 2: '14/03/2026')" in str(error.value)
    assert "month first (orders.csv row 3: '03/14/2026')" in str(error.value)


def test_two_digit_years_are_asked_about_too(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match="can be read in two ways"):
        dates(tmp_path, "03/04/05")


def test_dates_written_in_two_ways_are_refused_with_rows_of_each(tmp_path: Path) -> None:
    with pytest.raises(DataContractError) as error:
        dates(tmp_path, "2026-01-01", "25/12/2025")
    assert "more than one way" in str(error.value)
    assert "row 2: '2026-01-01'" in str(error.value)
    assert "row 3: '25/12/2025'" in str(error.value)


def test_with_a_stated_format_the_other_rows_stay_with_their_text(tmp_path: Path) -> None:
    source = log_of(tmp_path, "a;2026-01-01;1", "b;25/12/2025;1", date_format="%Y-%m-%d")
    assert column(source, "date") == [datetime(2026, 1, 1), None]
    assert column(source, "date_text") == [None, "25/12/2025"]


def test_what_is_no_date_is_missing_and_keeps_its_text(tmp_path: Path) -> None:
    texts = ["2026-02-30", "2026-01-01 25:00", "0026-01-01", "unknown", "46023"]
    source = log_of(tmp_path, "a;2026-01-01;1", *(f"b;{text};1" for text in texts))
    assert column(source, "date") == [datetime(2026, 1, 1), *[None] * len(texts)]
    assert column(source, "date_text") == [None, *texts]


def test_a_column_without_any_date_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match=r"no date is recognised, such as orders.csv row 2: 'soon'"):
        dates(tmp_path, "soon", "later")
    with pytest.raises(DataContractError, match="is a date of the calendar"):
        dates(tmp_path, "2026-02-30")


@pytest.mark.parametrize(("text", "message"), [("%Y", "reads none of the dates"), ("%Q", "not one of strptime codes")])
def test_a_stated_format_that_does_not_work_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataContractError, match=message):
        dates(tmp_path, "2026-01-01", date_format=text)


def test_stamps_with_an_offset_become_the_clients_time(tmp_path: Path) -> None:
    texts = ("2026-07-01T23:30:00Z", "2026-07-01T23:30:00+02:00", "2026-01-01 00:10:00-0500", "2026-07-01 23:30 UTC")
    assert dates(tmp_path, *texts, timezone="Europe/London") == [
        datetime(2026, 7, 2, 0, 30),
        datetime(2026, 7, 1, 22, 30),
        datetime(2026, 1, 1, 5, 10),
        datetime(2026, 7, 2, 0, 30),
    ]


def test_the_source_zone_moves_stamps_over_midnight(tmp_path: Path) -> None:
    read = dates(tmp_path, "2026-01-01 23:30:00", timezone="Asia/Tokyo", source_timezone="UTC")
    assert read == [datetime(2026, 1, 2, 8, 30)]


@pytest.mark.parametrize("text", ["2026-01-01", "2026-01-01 00:00:00"])
def test_days_are_not_moments_and_no_zone_moves_them(tmp_path: Path, text: str) -> None:
    read = dates(tmp_path, text, timezone="America/New_York", source_timezone="UTC")
    assert read == [datetime(2026, 1, 1)]


def test_a_stated_format_with_an_offset_is_converted(tmp_path: Path) -> None:
    for text, date_format in (
        ("07/01/2026 23:30 +0000", "%m/%d/%Y %H:%M %z"),
        ("07/01/2026 23:30Z", "%m/%d/%Y %H:%MZ"),
    ):
        read = dates(tmp_path, text, date_format=date_format, timezone="Europe/London")
        assert read == [datetime(2026, 7, 2, 0, 30)]


def test_stamps_with_and_without_an_offset_need_a_source_zone(tmp_path: Path) -> None:
    texts = ("2026-01-01 10:00:00", "2026-01-01T10:00:00Z")
    with pytest.raises(DataContractError) as error:
        dates(tmp_path, *texts, timezone="America/New_York")
    assert "row 3: '2026-01-01T10:00:00Z'" in str(error.value)
    assert "row 2: '2026-01-01 10:00:00'" in str(error.value)
    assert "state source_timezone" in str(error.value)
    read = dates(tmp_path, *texts, timezone="America/New_York", source_timezone="UTC")
    assert read == [datetime(2026, 1, 1, 5)] * 2


def test_an_offset_without_the_clients_zone_is_asked_about(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match="state timezone, whose midnight ends a day"):
        dates(tmp_path, "2026-01-01T10:00:00Z")


def test_unknown_zones_are_all_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataContractError) as error:
        dates(tmp_path, "2026-01-01", timezone="Europe/Lodon", source_timezone="UTX")
    assert len(error.value.problems) == 2
    assert "Did you mean Europe/London" in str(error.value)
