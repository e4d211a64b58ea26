"""Public data sets: small made files of their shape are read, and every wrong file is told."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import clvhelpers as clv
from clvhelpers import public_data
from clvhelpers.errors import DataContractError
from clvhelpers.public_data import SETS, PublicData

RETAIL = [
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"],
    ["536365", "85123A", "HOLDER, WHITE", 6, "12/13/2010 8:26", 2.55, "17850.0", "United Kingdom"],
    ["536366", "22633", "HAND WARMER", 2, "12/13/2010 8:28", 1.85, "", "United Kingdom"],
    ["C536367", "85123A", "HOLDER, WHITE", -6, "1/14/2011 9:02", 2.55, "17850.0", "United Kingdom"],
    ["536368", "D", "Café", 1, "1/14/2011 9:05", 0.0, "13047.0", "EIRE"],
]
COOKIES = (
    "userid,version,sum_gamerounds,retention_1,retention_7\n116,gate_30,3,False,FALSE\n337,gate_40,38,TRUE,False\n"
)
TELCO_ROWS = [
    {"customerID": "7590-VHVEG", "tenure": "1", "Contract": "Month-to-month", "MonthlyCharges": "29.85"}
    | {"TotalCharges": "29.85", "Churn": "No"},
    {"customerID": "4472-LVYGI", "tenure": "0", "Contract": "Two year", "MonthlyCharges": "52.55"}
    | {"TotalCharges": " ", "Churn": "No"},
    {"customerID": "3668-QPYBK", "tenure": "2", "Contract": "Month-to-month", "MonthlyCharges": "53.85"}
    | {"TotalCharges": "108.15", "Churn": "Yes"},
]
EMAILS = (
    "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend\n"
    "10,2) $100 - $200,142.44,1,0,Surburban,0,Phone,Womens E-Mail,0,0,0\n"
    '6,"7) $1,000 +",1329.08,1,1,Rural,1,Web,No E-Mail,1,1,29.99\n'
)


def csv_lines(rows: list[list[object]]) -> str:
    return "".join(",".join(f'"{cell}"' if "," in str(cell) else str(cell) for cell in row) + "\n" for row in rows)


def telco() -> str:
    rows = [dict.fromkeys(SETS["telco_churn"].columns, "No") | row for row in TELCO_ROWS]
    return pd.DataFrame(rows).to_csv(index=False)


def written(folder: Path, text: str, name: str = "data.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_online_retail_becomes_a_raw_log(tmp_path: Path, encoding: str) -> None:
    found = clv.load_online_retail(written(tmp_path, csv_lines(RETAIL), encoding=encoding), encoding)
    frame = found.frame
    assert list(frame.columns) == [
        *("customer_id", "date", "order_id", "quantity", "unit_price", "amount", "product", "country")
    ]
    assert frame["customer_id"].isna().tolist() == [False, True, False, False]
    assert frame["customer_id"].dropna().tolist() == ["17850", "17850", "13047"]
    assert frame["amount"].tolist() == pytest.approx([15.30, 3.70, -15.30, 0.0])
    assert frame["date"].iloc[2] == pd.Timestamp("2011-01-14 09:02")
    assert "has 4 rows and Online Retail 541,909" in found.sentence()
    assert "No checksum of this file is known" in found.sentence()


def test_online_retail_is_cleaned_by_the_rules_of_any_log(tmp_path: Path) -> None:
    frame = clv.load_online_retail(written(tmp_path, csv_lines(RETAIL))).frame
    log = clv.clean_transactions(frame, currency="GBP")
    assert log.rows_read == len(frame) == 4
    assert log.rows_set_aside == {"no_customer": 1, "zero_amount": 1}
    assert log.transactions["kind"].tolist() == ["purchase", "refund"]


def test_both_sheets_of_online_retail_2_are_read_and_their_overlap_is_counted(tmp_path: Path) -> None:
    head = list(SETS["online_retail_2"].columns)
    rows = [
        ["489434", "85048", "LIGHTS", 12, pd.Timestamp("2009-12-01 07:45"), 6.95, 13085, "United Kingdom"],
        ["536365", "85123A", "HOLDER", 6, pd.Timestamp("2010-12-01 08:26"), 2.55, 17850, "United Kingdom"],
        ["581587", "22138", "BAKING SET", 3, pd.Timestamp("2011-12-09 12:50"), 4.95, None, "France"],
    ]
    book = openpyxl.Workbook()
    for sheet, part in (("Year 2009-2010", rows[:2]), ("Year 2010-2011", rows[1:])):
        page = book.create_sheet(sheet)
        for row in [head, *part]:
            page.append(row)
    book.remove(book.worksheets[0])
    book.save(tmp_path / "online_retail_II.xlsx")
    found = clv.load_online_retail_2(tmp_path / "online_retail_II.xlsx")
    assert found.frame["order_id"].tolist() == ["489434", "536365", "536365", "581587"]
    assert "overlap from 2010-12-01 to 2010-12-01: 1 rows of the second are there twice" in found.sentence()
    log = clv.clean_transactions(found.frame, clv.Rules(exact_duplicates="set_aside"))
    assert log.rows_set_aside == {"exact_duplicates": 1, "no_customer": 1}


def test_cookie_cats_has_a_unit_an_arm_and_outcomes(tmp_path: Path) -> None:
    found = clv.load_cookie_cats(written(tmp_path, COOKIES))
    assert found.frame.to_dict("records") == [
        {"unit": "116", "arm": "gate_30", "rounds": 3, "retention_1": False, "retention_7": False},
        {"unit": "337", "arm": "gate_40", "rounds": 38, "retention_1": True, "retention_7": False},
    ]
    assert "not the one that our reference numbers were worked out on (sha256 75790e24d93c" in found.sentence()


def test_known_file_is_known_by_its_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = SETS["cookie_cats"]._replace(sha256=hashlib.sha256(COOKIES.encode()).hexdigest(), rows=2)
    monkeypatch.setitem(public_data.SETS, "cookie_cats", known)
    notes = clv.load_cookie_cats(written(tmp_path, COOKIES)).notes
    assert notes[0] == "The file is the one that our reference numbers were worked out on (sha256)."
    assert len(notes) == 2


def test_telco_churn_has_how_long_and_whether_they_left(tmp_path: Path) -> None:
    found = clv.load_telco_churn(written(tmp_path, telco()))
    frame = found.frame
    assert frame["months"].tolist() == [1, 0, 2]
    assert frame["left"].tolist() == [False, False, True]
    assert frame["total_charges"].isna().tolist() == [False, True, False]
    assert "Rows with a blank total, kept as missing: 1." in found.notes
    assert set(SETS["telco_churn"].columns) - set(frame.columns) == {
        *("customerID", "tenure", "Churn", "Contract", "MonthlyCharges", "TotalCharges")
    }


def test_hillstrom_has_three_arms_and_what_was_known_before(tmp_path: Path) -> None:
    frame = clv.load_hillstrom(written(tmp_path, EMAILS)).frame
    assert frame["unit"].tolist() == ["1", "2"]
    assert frame["arm"].tolist() == ["women's e-mail", "no e-mail"]
    assert frame[["visit", "conversion", "newbie"]].to_numpy().tolist() == [[False] * 3, [True] * 3]
    assert frame["spend"].tolist() == [0, 29.99]
    assert frame["history_segment"].iloc[1] == "7) $1,000 +"


Loader = Callable[[Path], PublicData]
LOADERS: dict[str, Loader] = {
    "online_retail": clv.load_online_retail,
    "online_retail_2": clv.load_online_retail_2,
    "cookie_cats": clv.load_cookie_cats,
    "telco_churn": clv.load_telco_churn,
    "hillstrom": clv.load_hillstrom,
}
OTHER_FILES = {
    "page": ("\n<!DOCTYPE html>\n<html><head><title>x", "is a web page and not the data"),
    "pointer": ("version https://git-lfs.github.com/spec/v1\n", "only points to the data"),
    "zip": ("PK\x03\x04 and more", "is packed"),
    "nothing": ("", "is empty"),
    "other columns": ("id,name\n1,x\n", "has no column"),
}


@pytest.mark.parametrize("kind", OTHER_FILES)
@pytest.mark.parametrize("name", LOADERS)
def test_other_files_are_refused_with_the_right_place(name: str, kind: str, tmp_path: Path) -> None:
    text, words = OTHER_FILES[kind]
    with pytest.raises(DataContractError, match=words) as refused:
        LOADERS[name](written(tmp_path, text))
    assert kind == "zip" or SETS[name].where in str(refused.value)


@pytest.mark.parametrize("name", LOADERS)
def test_missing_file_says_where_to_get_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match=r"there is no file .*nowhere\.csv: get ") as refused:
        LOADERS[name](tmp_path / "nowhere.csv")
    assert SETS[name].where in str(refused.value)


def test_every_wrong_value_is_told_at_once_with_its_row(tmp_path: Path) -> None:
    rows = COOKIES + "337,gate_50,many,perhaps,FALSE\n"
    with pytest.raises(DataContractError) as refused:
        clv.load_cookie_cats(written(tmp_path, rows))
    told = refused.value.problems
    assert told[0] == "data.csv, column userid: 1 rows hold an id that was there before (row 4: '337')"
    assert told[1] == "data.csv, column version: 1 rows hold none of gate_30, gate_40 (row 4: 'gate_50')"
    assert told[2] == "data.csv, column sum_gamerounds: 1 rows hold no number (row 4: 'many')"
    assert told[3] == "data.csv, column retention_1: 1 rows hold neither true nor false (row 4: 'perhaps')"


def test_renamed_column_is_answered_with_the_nearest(tmp_path: Path) -> None:
    renamed = COOKIES.replace("version", "test_version")
    with pytest.raises(DataContractError, match=r"no column version\. Did you mean test_version\?"):
        clv.load_cookie_cats(written(tmp_path, renamed))


@pytest.mark.parametrize(("loader", "text"), [(clv.load_cookie_cats, COOKIES), (clv.load_hillstrom, EMAILS)])
def test_header_without_rows_is_refused(loader: Loader, text: str, tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match="has column names and no rows"):
        loader(written(tmp_path, text.splitlines()[0] + "\n"))


def test_retail_rows_without_a_date_are_refused(tmp_path: Path) -> None:
    rows = [*RETAIL, ["536369", "1", "x", 1, "some day", 1.0, "1", "EIRE"]]
    with pytest.raises(DataContractError, match="date"):
        clv.load_online_retail(written(tmp_path, csv_lines(rows)))
