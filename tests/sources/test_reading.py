"""Files in all their shapes: nothing is lost, and what can't be read is said with its place."""

import gzip
import hashlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from openpyxl import Workbook

from clvhelpers.datasets import DATA
from clvhelpers.errors import DataContractError
from clvhelpers.sources import SourceOptions, open_transactions, read_transactions
from tests.sources.write import COLUMNS, column, log_of, write


def read(path: Any, columns: dict[str, str] = COLUMNS, **options: Any) -> list[tuple[Any, ...]]:
    relation = read_transactions(path, columns=columns, **options)
    return relation.order("source_file, source_row").select("customer_id, date, amount, source_row").fetchall()


FIRST = datetime(2026, 1, 1)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["orders.csv", "orders.csv.gz"])
def test_separators_are_recognised_and_gzip_is_unpacked(tmp_path: Path, separator: str, name: str) -> None:
    content = separator.join(["id", "day", "total"]) + "\n" + separator.join(["007", "2026-01-01", "1.5"]) + "\n"
    path = tmp_path / name
    path.write_bytes(gzip.compress(content.encode()) if name.endswith("gz") else content.encode())
    assert read(path) == [("007", FIRST, 1.5, 2)]


def test_ids_stay_text(tmp_path: Path) -> None:
    ids = ["007", "123456789012345678901234567890", "12.0", "José"]
    assert column(log_of(tmp_path, *(f"{one};2026-01-01;1" for one in ids)), "customer_id") == ids


def test_ids_cut_by_a_spreadsheet_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match=r"cut to their first digits.*orders.csv row 3: '1.23457E\+11'"):
        log_of(tmp_path, "7;2026-01-01;1", "1.23457E+11;2026-01-01;1")


@pytest.mark.parametrize("second", ["17850.0", "17850"])
def test_ids_that_are_numbers_lose_their_point_zero_with_a_note(tmp_path: Path, second: str) -> None:
    source = log_of(tmp_path, "17850.0;2026-01-01;1", ";2026-01-01;1", f"{second};2026-01-01;1")
    assert column(source, "customer_id") == ["17850", None, "17850"]
    assert "Customer ids end in .0" in source.notes[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "orders.csv", "id;day;total\nJosé;2026-01-01;1,5 €\n", encoding)
    stated = "utf-8" if encoding == "utf-8-sig" else encoding
    assert read(path, encoding=stated) == [("José", FIRST, 1.5, 2)]


def test_a_wrong_encoding_names_the_line_and_the_likely_one(tmp_path: Path) -> None:
    path = write(tmp_path / "orders.csv", "id;day;total\nA;2026-01-01;1\nJosé;2026-01-01;1\n", "cp1252")
    with pytest.raises(DataContractError, match=r"orders.csv line 3 is not utf-8 text; .* `encoding: cp1252`"):
        read(path)


def test_the_wrong_encodings_of_all_files_come_together(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        write(tmp_path / name, f"id;day;total\nJosé {name};2026-01-01;1\n", "cp1252")
    with pytest.raises(DataContractError) as error:
        read(tmp_path / "*.csv")
    assert [problem.split(" is ")[0] for problem in error.value.problems] == ["a.csv line 2", "b.csv line 2"]


def test_lines_with_too_few_or_too_many_columns_are_kept_and_named(tmp_path: Path) -> None:
    source = log_of(tmp_path, "a;2026-01-01;1", "b;2026-01-01", "c;2026-01-01;3;4", "d;2026-01-01;4")
    assert column(source, "customer_id") == ["a", None, None, "d"]
    assert column(source, "source_row") == [2, 3, 4, 5]
    assert column(source, "unreadable")[1:3] == [
        "expected 3 columns, found 2: b|2026-01-01",
        "expected 3 columns, found 4: c|2026-01-01|3|4",
    ]


def test_rows_keep_the_line_that_an_editor_shows(tmp_path: Path) -> None:
    source = log_of(tmp_path, "", '"a\nb";2026-01-01;1', "", "", "c;2026-01-01;1", "")
    assert column(source, "customer_id") == ["a\nb", "c"]
    assert column(source, "source_row") == [3, 7]


def test_a_long_file_read_in_parallel_keeps_its_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("id,day,total\n" + "".join(f"{n},2026-01-01,1\n" for n in range(2, 300_002)))
    relation = read_transactions(path, columns=COLUMNS)
    assert relation.aggregate("count(*), bool_and(customer_id = source_row::VARCHAR)").fetchall() == [(300_000, True)]


def test_a_quote_that_never_closes_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match=r"orders.csv line 3: .* a quote opens there"):
        log_of(tmp_path, "a;2026-01-01;1", '"b;2026-01-01;1', "c;2026-01-01;1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "orders.csv is empty"),
        ("id,day,total\n", "column names and no rows"),
        ("id,day,total,total\na,2026-01-01,1,1\n", "orders.csv has 2 columns named total: rename all but one"),
        ("id,dya,total\na,2026-01-01,1\n", r"no column day for date. Did you mean dya\? It has id, dya, total"),
    ],
)
def test_files_that_can_not_be_used_say_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataContractError, match=message):
        read(write(tmp_path / "orders.csv", text))


def test_problems_of_all_files_come_together(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "id,when,total\n1,2026-01-01,1\n")
    write(tmp_path / "b.csv", "client,day,total\n1,2026-01-01,1\n")
    with pytest.raises(DataContractError) as error:
        read(tmp_path / "*.csv")
    assert len(error.value.problems) == 2


def test_several_files_and_a_pattern_are_one_log(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "id,day,total\n1,2026-01-01,1\n")
    write(tmp_path / "b.csv", "total;id;day\n2;1;2026-01-02\n")
    assert read(str(tmp_path / "*.csv")) == read([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert [row[2] for row in read(str(tmp_path / "*.csv"))] == [1.0, 2.0]


def test_a_name_with_signs_of_a_pattern_is_just_a_name(tmp_path: Path) -> None:
    assert len(read(write(tmp_path / "orders [1]*.csv", "id,day,total\n1,2026-01-01,1\n"))) == 1


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "orders.csv", "id,day,total\n1,2026-01-01,1\n")
    with pytest.raises(DataContractError, match=r"orders.csv is given twice"):
        read([path, str(path)])


def test_a_copy_under_another_name_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "orders.csv", "id,day,total\n1,2026-01-01,1\n")
    (tmp_path / "copy.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(DataContractError, match=r"copy.csv.gz holds exactly what orders.csv holds"):
        read([path, tmp_path / "copy.csv.gz"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("order.csv", "Did you mean orders.csv"),
        ("nowhere/orders.csv", "there is no folder"),
        ("*.xlsx", "no file matches"),
        ("https://example.org/orders.csv", "allow_network: true"),
        ("s3://bucket/orders.parquet", "allow_network: true"),
        ("orders.pkl", "expected a file that ends in"),
    ],
)
def test_sources_that_are_not_there_say_what_to_do(tmp_path: Path, source: str, message: str) -> None:
    write(tmp_path / "orders.csv", "id,day,total\n1,2026-01-01,1\n")
    write(tmp_path / "orders.pkl", "")
    with pytest.raises(DataContractError, match=message):
        read(source if "://" in source else str(tmp_path / source))


def test_wrong_options_are_all_named(tmp_path: Path) -> None:
    path = write(tmp_path / "orders.csv", "id,day,total\n1,2026-01-01,1\n")
    with pytest.raises(DataContractError) as error:
        read(path, {"custmer": "id", "amount": "total", "unit_price": "total"}, encoding="utf9")
    assert len(error.value.problems) == 5
    assert "Did you mean customer" in str(error.value)


def test_amounts_can_be_quantity_times_price_or_absent(tmp_path: Path) -> None:
    path = write(tmp_path / "orders.csv", "id,day,units,price\n1,2026-01-01,3,2.5\n")
    lines = {"customer": "id", "date": "day", "quantity": "units", "unit_price": "price"}
    assert read(path, lines) == [("1", FIRST, 7.5, 2)]
    dates_only = read_transactions(path, columns={"customer": "id", "date": "day"})
    assert "amount" not in dates_only.columns


def test_a_column_name_is_never_sql(tmp_path: Path) -> None:
    odd = 'id"; DROP TABLE staged; --'
    frame = pd.DataFrame({odd: ["a"], "day": [pd.Timestamp(FIRST)], "total": [1.0]})
    frame.to_csv(tmp_path / "orders.csv", index=False)
    frame.to_parquet(tmp_path / "orders.parquet")
    for path in (tmp_path / "orders.csv", tmp_path / "orders.parquet"):
        assert [row[:3] for row in read(path, {**COLUMNS, "customer": odd})] == [("a", FIRST, 1.0)]


def test_parquet_types_are_taken_as_they_are(tmp_path: Path) -> None:
    stamps = pd.to_datetime(["2026-01-01 23:30", "2026-01-02 10:00", None])
    frame = pd.DataFrame({"id": [12345.0, 9.0, None], "day": stamps, "total": [1.234, -2.0, None]})
    frame.to_parquet(tmp_path / "orders.parquet")
    read_rows = read(tmp_path / "orders.parquet", timezone="Asia/Tokyo", source_timezone="UTC", decimal=",")
    assert read_rows == [
        ("12345", datetime(2026, 1, 2, 8, 30), 1.234, 1),
        ("9", datetime(2026, 1, 2, 19), -2.0, 2),
        (None, None, None, 3),
    ]


def test_parquet_stamps_with_a_zone_are_converted(tmp_path: Path) -> None:
    stamp = datetime(2026, 7, 1, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    pd.DataFrame({"id": ["a"], "day": [stamp], "total": [1]}).to_parquet(tmp_path / "orders.parquet")
    assert read(tmp_path / "orders.parquet", timezone="Europe/London")[0][1] == datetime(2026, 7, 2, 5, 30)
    with pytest.raises(DataContractError, match="state timezone"):
        read(tmp_path / "orders.parquet")


def excel(path: Path, *rows: list[Any], sheet: str = "Orders") -> Path:
    book = Workbook()
    book.active.title = sheet  # type: ignore[union-attr]
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(path)
    return path


def test_excel_dates_numbers_and_ids_are_understood(tmp_path: Path) -> None:
    rows = [["id", "day", "total"], [12345, FIRST, 12.5], ["007", "2026-01-02", "8.5"], [], ["x", FIRST]]
    assert read(excel(tmp_path / "orders.xlsx", *rows)) == [
        ("12345", FIRST, 12.5, 2),
        ("007", datetime(2026, 1, 2), 8.5, 3),
        ("x", FIRST, None, 5),
    ]


def test_an_unknown_sheet_names_the_nearest(tmp_path: Path) -> None:
    path = excel(tmp_path / "orders.xlsx", ["id", "day", "total"], ["a", FIRST, 1])
    assert len(read(path, sheet="Orders")) == 1
    with pytest.raises(DataContractError, match=r"no sheet Order; it has Orders. Did you mean Orders\?"):
        read(path, sheet="Order")


@pytest.mark.parametrize("name", ["orders.xlsx", "orders.parquet", "orders.csv.gz"])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataContractError, match=name.replace(".", "[.]")):
        read(write(tmp_path / name, "id,day,total\n1,2026-01-01,1\n"))


def test_the_relation_can_open_no_other_file(tmp_path: Path) -> None:
    source = log_of(tmp_path, "a;2026-01-01;1")
    with pytest.raises(duckdb.Error, match="disabled by configuration"):
        source.relation.query("log", f"SELECT * FROM read_csv('{tmp_path / 'orders.csv'}')").fetchall()


def test_each_file_comes_with_its_checksum(tmp_path: Path) -> None:
    source = log_of(tmp_path, "a;2026-01-01;1")
    assert source.files[0].sha256 == hashlib.sha256((tmp_path / "orders.csv").read_bytes()).hexdigest()


def test_nothing_is_written_beside_the_data(tmp_path: Path) -> None:
    log_of(tmp_path, "a;2026-01-01;1")
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def test_cdnow_is_whole() -> None:
    columns = {"customer": "customer_id", "date": "date", "amount": "amount"}
    source = open_transactions(DATA / "cdnow" / "transactions.parquet", SourceOptions(columns))
    whole = source.relation.aggregate("count(*), count(DISTINCT customer_id), round(sum(amount), 2)").fetchall()
    assert whole == [(69_659, 23_570, 2_500_315.63)]
