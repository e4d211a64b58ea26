"""Small files that unpack to something huge, or claim more rows than anybody has."""

import gzip
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.sources import SourceOptions, bombs, open_transactions, peek
from clvhelpers.sources.reading import Source
from tests.sources.write import COLUMNS

NO_ORDERS = "which no file of orders does"


def read(path: Path, **options: Any) -> Source:
    return open_transactions(path, SourceOptions(COLUMNS), **options)


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is huge begins at 1 MB, so that a test makes none of 100 MB."""
    monkeypatch.setattr(bombs, "LARGEST_UNPACKED", 1_000_000)


@pytest.mark.usefixtures("small_limits")
def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv.gz"
    with gzip.open(path, "wb") as stream:
        stream.write(b"id,day,total\n" + b"7,2026-01-01,1\n" * 1_000_000)
    for call in (read, peek):
        with pytest.raises(DataContractError, match=rf"orders.csv.gz .*, {NO_ORDERS}") as error:
            call(path)
        unpacked = int(str(error.value).split("unpacks to ")[1].split()[0].replace(",", ""))
        assert unpacked < 10_000_000


def excel(path: Path, rows: int, **parts: str) -> Path:
    pd.DataFrame({"id": ["7"] * rows, "day": ["2026-01-01"] * rows, "total": [1] * rows}).to_excel(path, index=False)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as book:
        for name, text in parts.items():
            book.writestr(name, text)
    return path


@pytest.mark.usefixtures("small_limits")
def test_an_excel_bomb_is_refused_before_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = excel(tmp_path / "orders.xlsx", 2, **{"xl/media/zeros.bin": "0" * 5_000_000})
    monkeypatch.setattr(openpyxl, "load_workbook", lambda *_, **__: pytest.fail("it was opened"))
    for call in (read, peek):
        with pytest.raises(DataContractError, match=rf"orders.xlsx .*, {NO_ORDERS}"):
            call(path)


@pytest.mark.usefixtures("small_limits")
def test_parts_that_share_their_bytes_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = excel(tmp_path / "orders.xlsx", 2)
    part = zipfile.ZipInfo("xl/worksheets/sheet1.xml")
    part.file_size, part.compress_size = 900_000, 5_000
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda self: [part] * 2000)
    with pytest.raises(DataContractError, match=NO_ORDERS):
        read(path)


def with_sheet(path: Path, head: str, rows: str) -> Path:
    """An Excel file whose sheet is written by hand."""
    excel(path, 1)
    sheet = f'<?xml version="1.0"?>{head}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    parts["xl/worksheets/sheet1.xml"] = f"{sheet}<sheetData>{rows}</sheetData></worksheet>".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, content)
    return path


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


HEADER = f'<row r="1">{cell("A1", "id")}{cell("B1", "day")}{cell("C1", "total")}</row>'


def test_entities_in_an_excel_file_are_never_expanded(tmp_path: Path) -> None:
    laughs = '<!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    row = f'<row r="2">{cell("A2", "&b;")}{cell("B2", "2026-01-01")}{cell("C2", "1")}</row>'
    assert read(with_sheet(tmp_path / "good.xlsx", "", HEADER + row.replace("&b;", "7"))).relation.shape[0] == 1
    with pytest.raises(DataContractError, match=r"orders.xlsx .*invalid XML"):
        read(with_sheet(tmp_path / "orders.xlsx", laughs, HEADER + row))


def test_without_the_guard_against_entities_no_excel_file_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openpyxl, "DEFUSEDXML", False)
    with pytest.raises(ConfigError, match="pip install defusedxml"):
        read(excel(tmp_path / "orders.xlsx", 2))


def test_a_row_far_below_all_others_is_refused(tmp_path: Path) -> None:
    row = f'<row r="2000000000">{cell("A2000000000", "7")}</row>'
    with pytest.raises(DataContractError, match="more rows than Excel knows"):
        read(with_sheet(tmp_path / "orders.xlsx", "", HEADER + row))


@pytest.mark.usefixtures("small_limits")
def test_a_parquet_bomb_is_refused_by_what_it_says_of_itself(tmp_path: Path) -> None:
    texts = pa.array(["7" * 1000] * 20_000)
    pq.write_table(pa.table({"id": texts}), tmp_path / "orders.parquet", compression="zstd", use_dictionary=False)
    with pytest.raises(DataContractError, match=rf"orders.parquet .*, {NO_ORDERS}"):
        read(tmp_path / "orders.parquet")


@pytest.mark.parametrize("name", ["orders.csv", "orders.parquet", "orders.xlsx", "late.csv"])
def test_more_rows_than_the_limit_are_refused_and_not_cut(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    frame = pd.DataFrame({"id": ["7", "8\n9", "9"], "day": ["2026-01-01"] * 3, "total": [1, 2, 3]})
    if name.endswith(".csv"):
        frame.to_csv(path, index=False, sep=";", lineterminator="\r\n" if name == "late.csv" else "\n")
    elif name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_excel(path, index=False)
    assert read(path, row_limit=3).relation.shape[0] == 3
    with pytest.raises(DataContractError, match=r"3 rows or more and `row_limit` is 2; nothing is cut off"):
        read(path, row_limit=2)


def test_the_limit_counts_the_rows_of_all_files(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(f"id,day,total\n{name},2026-01-01,1\n")
    with pytest.raises(DataContractError, match="2 rows or more and `row_limit` is 1"):
        read(tmp_path, row_limit=1)
