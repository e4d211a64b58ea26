"""The appendix as a person or a program opens it: numbers that are numbers, and texts that are nothing but texts."""

import datetime as dt
import re
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from openpyxl.workbook import Workbook

from clvhelpers.reporting import excel, report
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.appendix import tables_behind
from clvhelpers.reporting.report import Report
from clvhelpers.reporting.shown import Shown
from clvhelpers.text import Cell, Format, Range, Table, language, money, number, percent, table
from tests.reports.shop import SIGNS

HEADER = excel.HEAD_ROWS


@pytest.fixture(scope="module")
def path(shop: Analysis, shown: list[Shown], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The appendix of the shop, with a table of hostile texts."""
    target = tmp_path_factory.mktemp("excel") / "appendix.xlsx"
    hostile = table(pd.DataFrame({"=1+1": list(SIGNS)}), "=HYPERLINK(1), a table")
    tables = [item for item in shown if isinstance(item, Table)]
    excel.write(target, shop, [*tables, *tables_behind(shop), hostile])
    return target


@pytest.fixture(scope="module")
def book(path: Path) -> Workbook:
    return openpyxl.load_workbook(path)


def column(book: Workbook, sheet: str, name: str) -> list[Any]:
    rows = list(book[sheet].iter_rows(min_row=HEADER))
    place = [cell.value for cell in rows[0]].index(name)
    return [row[place] for row in rows[1:]]


def test_every_table_is_there_and_every_figure_has_its_numbers(book: Workbook, shown: list[Shown]) -> None:
    captions = {sheet["A1"].value for sheet in book}
    assert {item.caption for item in shown if isinstance(item, Table)} < captions
    behind = ["All months", "Retention by cohort", "Concentration curve", "Check on held-out"]
    behind += ["Repeat purchases week by week", "Retention by months", "The groups", "Tiers by"]
    assert all(any(caption.startswith(name) for caption in captions) for name in behind)


def test_nothing_in_it_is_a_formula_or_leads_out_of_it(book: Workbook) -> None:
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s", "n", "d"}
    links = [cell.hyperlink for cell in cells if cell.hyperlink is not None]
    assert links
    assert all(link.target is None and link.location for link in links)
    assert [cell.value for cell in column(book, "=HYPERLINK(1)", "=1+1")] == list(SIGNS)


def test_no_text_looks_like_a_number(book: Workbook) -> None:
    looks = re.compile(r"[^\w]*\d[\d.,’ ]*[^\w]*$|\d{4}-\d\d(-\d\d)?$")
    texts = {
        cell.value
        for sheet in book.worksheets[1:]
        for row in sheet.iter_rows(min_row=HEADER + 1)
        for cell in row
        if isinstance(cell.value, str) and cell.value not in SIGNS
    }
    assert {text for text in texts if looks.match(text)} == set()


def test_numbers_are_those_of_the_report_with_their_formats(book: Workbook, shop: Analysis) -> None:
    groups = shop.groups.frame  # type: ignore[union-attr]
    found = {name: column(book, "The groups", name) for name in ("Customers", "Share", "Revenue")}
    assert [cell.value for cell in found["Customers"]] == groups["customers"].tolist()
    assert [cell.value for cell in found["Share"]] == pytest.approx(groups["share_of_customers"].tolist())
    assert [cell.value for cell in found["Revenue"]] == pytest.approx(groups["revenue"].tolist())
    formats = [cells[0].number_format for cells in found.values()]
    assert formats == ["#,##0", "0.0%", '"€"#,##0.00']
    figures = {
        cell.value: value
        for cell, value in zip(*(column(book, _first(book, "Key"), n) for n in ("Figure", "Value")), strict=True)
    }
    assert figures["Customers"].value == 400
    assert figures["Repeat rate"].number_format == "0.0%"
    assert figures["Revenue"].value == pytest.approx(shop.metrics.base.revenue)
    weeks = column(book, "Repeat purchases week by week", "Week up to")
    assert weeks[-1].value == dt.datetime.combine(shop.log.as_of, dt.time())
    assert weeks[-1].number_format == "yyyy-mm-dd"


def _first(book: Workbook, start: str) -> str:
    return next(name for name in book.sheetnames if name.startswith(start))


def test_a_range_is_two_numbers_and_what_is_missing_is_empty(shop: Analysis, tmp_path: Path) -> None:
    cash = partial(money, currency="EUR")
    frame = pd.DataFrame(
        {"What": ["mean", "none"], "Value": [Cell(1.5, cash), Cell(None, cash)], "Range": [Range(1, 2, cash), None]}
    )
    excel.write(tmp_path / "a.xlsx", shop, [table(frame, "T")])
    rows = list(openpyxl.load_workbook(tmp_path / "a.xlsx")["T"].iter_rows(min_row=HEADER, values_only=True))
    assert rows == [("What", "Value", "Range", "Range: to"), ("mean", 1.5, 1, 2), ("none", None, None, None)]


def test_what_is_more_than_a_number_on_the_page_is_one_in_the_sheet(shop: Analysis, tmp_path: Path) -> None:
    shown = table(pd.DataFrame({"Change": [Cell(0.013, lambda value: f"+{100 * value:.1f} points", percent)]}), "T")
    assert shown.texts()["Change"].tolist() == ["+1.3 points"]
    excel.write(tmp_path / "a.xlsx", shop, [shown])
    cell = openpyxl.load_workbook(tmp_path / "a.xlsx")["T"]["A4"]
    assert (cell.value, cell.number_format) == (0.013, "0.0%")


def test_sheets_are_made_to_be_read(book: Workbook, shop: Analysis) -> None:
    for sheet in book.worksheets[1:]:
        head = sheet.cell(HEADER, 1)
        assert sheet.freeze_panes == f"B{HEADER + 1}"
        assert sheet.auto_filter.ref.startswith(f"A{HEADER}:")
        assert head.fill.fgColor.rgb == "FF" + shop.config.brand.primary[1:].upper()
        assert head.font.color.rgb == "FFFFFFFF"
        assert sheet["A2"].hyperlink.location == "'Cover'!A1"
        assert all(10 <= width.width <= 62 for width in sheet.column_dimensions.values())


def test_the_cover_says_what_it_is_and_leads_to_every_sheet(book: Workbook, shop: Analysis) -> None:
    cover = book["Cover"]
    texts = [cell.value for row in cover.iter_rows() for cell in row if cell.value is not None]
    links = [row[0] for row in cover.iter_rows() if row[0].hyperlink]
    assert [cell.value for cell in links] == book.sheetnames[1:]
    assert [cell.hyperlink.location for cell in links] == [f"'{name}'!A1" for name in book.sheetnames[1:]]
    assert {"Acme <b>Stores</b>", "EUR", *shop.warnings, shop.source.files[0].sha256} < set(texts)
    assert dt.datetime.combine(shop.log.as_of, dt.time()) in texts
    assert any("fewer than 5 customers" in str(text) for text in texts)


def test_the_same_report_gives_the_same_bytes(shop: Analysis, shown: list[Shown], tmp_path: Path) -> None:
    tables = [item for item in shown if isinstance(item, Table)]
    for name in ("one.xlsx", "two.xlsx"):
        excel.write(tmp_path / name, shop, tables)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
    core = zipfile.ZipFile(tmp_path / "one.xlsx").read("docProps/core.xml").decode()
    assert shop.metrics.created_at.strftime("%Y-%m-%dT%H:%M:%SZ") in core


@pytest.mark.parametrize(
    ("tag", "show", "expected"),
    [
        ("en-US", partial(percent, decimals=0), "0%"),
        ("en-US", partial(money, currency="SEK"), '"SEK "#,##0.00'),
        ("en-US", partial(money, currency="JPY"), '"¥"#,##0'),
        ("en-US", partial(partial(money, decimals=0), currency="CHF"), '"CHF "#,##0'),
        ("en-US", str, "General"),
        ("de-DE", partial(money, currency="EUR"), '#,##0.00"\xa0€"'),
        ("de-DE", partial(number, decimals=3), "#,##0.000"),
    ],
)
def test_number_formats_follow_the_report(tag: str, show: Format, expected: str) -> None:
    with language(tag):
        assert excel.excel_format(show) == expected


def test_names_of_sheets_are_such_as_excel_takes() -> None:
    captions = [
        "x" * 40,
        "x" * 50,
        "X" * 31,
        "Cover",
        "customers",
        "'quoted'",
        "a[b]:c*d?e/f\\g",
        "",
        ";",
        "Money of the",
    ]
    names = excel.sheet_names(captions)
    assert len({name.lower() for name in names}) == len(captions)
    assert not {name.lower() for name in names} & {"cover", "customers", "history"}
    assert all(0 < len(name) <= 31 and not re.search(r"[\[\]:*?/\\]|^'|'$", name) for name in names)
    assert excel.sheet_names(["Predicted gross profit of the next 12 months"]) == ["Predicted gross profit"]


def test_without_xlsxwriter_the_rest_is_made(shop: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Report.__new__(Report)
    made.analysis, made.config, made.tables = shop, shop.config, []
    monkeypatch.setattr(report, "find_spec", lambda name: None)
    made.save(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["metrics.json", "set_aside.parquet"]
