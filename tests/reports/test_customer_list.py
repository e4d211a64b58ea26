"""The list of customers: everybody with real ids and honest intervals, only for who asks, and safe to open."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from clvhelpers.reporting import excel
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.config.client import Appendix
from clvhelpers.reporting.customer_list import CustomerList, customer_list
from clvhelpers.reporting.forecast import Forecast
from clvhelpers.reporting.report import Report
from clvhelpers.reporting.small_groups import hide_groups
from clvhelpers.text import table
from tests.reports.shop import SIGNS

AHEAD = ["probability_alive", "clv", "clv_low", "clv_high", "tier"]


@pytest.fixture(scope="module")
def made(shop: Analysis) -> CustomerList:
    return customer_list(shop)


def saved(analysis: Analysis, folder: Path, *, asked: bool) -> list[str]:
    report = Report.__new__(Report)
    report.config = analysis.config.model_copy(update={"appendix": Appendix(customer_rows=asked)})
    report.analysis, report.tables = replace(analysis, config=report.config), []
    report.save(folder)
    return sorted(file.name for file in folder.iterdir())


def lines(path: Path) -> io.StringIO:
    return io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")


def test_everybody_is_on_it_with_what_the_report_is_made_of(made: CustomerList, shop: Analysis) -> None:
    frame = made.table.frame
    assert made.missing is None
    assert frame["customer_id"].tolist() == shop.summary["customer_id"].tolist()
    assert frame["revenue"].sum() == pytest.approx(shop.summary["total"].sum())
    assert frame["orders"].sum() == shop.metrics.base.orders
    assert frame["clv"].sum() == pytest.approx(shop.metrics.clv.total, abs=0.01 * len(frame))
    assert frame["segment"].value_counts().to_dict() == {
        group.name: group.customers for group in shop.metrics.segments or [] if group.customers
    }
    assert frame["tier"].value_counts().to_dict() == {tier.name: tier.customers for tier in shop.metrics.tiers or []}
    assert frame["rfm_score"].between(111, 555).all()
    assert frame["probability_alive"].between(0, 1).all()
    assert not frame.isna().any(axis=None)


def test_an_interval_is_one_of_its_customer(made: CustomerList) -> None:
    frame = made.table.frame
    assert (frame["clv_low"] <= frame["clv_high"]).all()
    assert frame["clv_high"].nunique() > 100
    regulars = frame.nlargest(20, "clv")
    assert regulars["clv"].between(regulars["clv_low"], regulars["clv_high"]).all()


def test_without_a_prediction_that_may_be_used_nothing_looks_ahead(shop: Analysis) -> None:
    untrusted = replace(shop, forecast=Forecast(shop.forecast.model, shop.forecast.check), tiers=None)
    made = customer_list(untrusted)
    assert not set(AHEAD) & set(made.table.frame)
    assert "may not be used" in (made.missing or "")
    assert {"segment", "action"} < set(made.table.frame)


def test_orders_without_money_are_still_forecast(shop: Analysis) -> None:
    orders_only = replace(shop, forecast=replace(shop.forecast, value=None), tiers=None)
    made = customer_list(orders_only)
    assert [name for name in AHEAD if name in made.table.frame] == ["probability_alive"]
    assert "no predicted value in money" in (made.missing or "")


def test_hidden_groups_are_no_secret_of_a_list_that_was_asked_for(shop: Analysis) -> None:
    assert shop.groups is not None
    made = customer_list(replace(shop, groups=hide_groups(shop.groups, 90)))
    assert not made.table.frame[["segment", "action"]].isna().any(axis=None)


def test_a_csv_that_a_spreadsheet_can_open(made: CustomerList, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    made.write_csv(path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfcustomer_id,")
    rows = list(csv.DictReader(lines(path)))
    ids = [row["customer_id"] for row in rows]
    assert not any(text.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for text in row.values())
    assert [text.removeprefix("'") for text in ids] == made.table.frame["customer_id"].tolist()
    assert "007-6" in ids
    assert rows[0]["first_order"] == str(made.table.frame["first_order"].iloc[0].date())


def test_numbers_below_zero_are_left_alone(tmp_path: Path) -> None:
    frame = pd.DataFrame({"customer_id": ["-1", "\rx", "a,b"], "revenue": [-5.5, 0.0, 1.0]})
    CustomerList(table(frame, "Customers"), None).write_csv(tmp_path / "customers.csv")
    rows = list(csv.reader(lines(tmp_path / "customers.csv")))
    assert rows[1:] == [["'-1", "-5.5"], ["'\rx", "0.0"], ["a,b", "1.0"]]


def test_the_sheet_has_the_same_rows_as_the_csv(shop: Analysis, tmp_path: Path) -> None:
    assert saved(shop, tmp_path, asked=True) == ["appendix.xlsx", "customers.csv", "metrics.json", "set_aside.parquet"]
    sheet = openpyxl.load_workbook(tmp_path / "appendix.xlsx")["Customers"]
    rows = list(sheet.iter_rows(min_row=excel.HEAD_ROWS, values_only=True))
    found = pd.DataFrame(rows[1:], columns=rows[0])
    written = pd.read_csv(
        tmp_path / "customers.csv", dtype={"customer_id": str}, parse_dates=["first_order", "last_order"]
    )
    written["customer_id"] = written["customer_id"].str.removeprefix("'")
    pd.testing.assert_frame_equal(found, written, check_dtype=False)
    assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


def test_nobody_is_listed_who_was_not_asked_for(shop: Analysis, tmp_path: Path) -> None:
    assert saved(shop, tmp_path, asked=False) == ["appendix.xlsx", "metrics.json", "set_aside.parquet"]
    book = openpyxl.load_workbook(tmp_path / "appendix.xlsx")
    texts = {str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "Customers" not in book.sheetnames
    assert not any("acme.test" in text or text.startswith(SIGNS[:4]) for text in texts)


def test_more_customers_than_a_sheet_holds_are_in_the_csv_alone(
    shop: Analysis, made: CustomerList, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel, "MOST_ROWS", 402)
    excel.write(tmp_path / "a.xlsx", shop, [], made)
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["Customers"]
    assert sheet["A4"].value == "A sheet has no room for 400 customers: all are in customers.csv beside this file."
    monkeypatch.setattr(excel, "MOST_ROWS", 403)
    excel.write(tmp_path / "b.xlsx", shop, [], made)
    assert openpyxl.load_workbook(tmp_path / "b.xlsx")["Customers"].max_row == 403
