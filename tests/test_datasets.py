"""CDNOW is complete, and the script that made it gives the same file again."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from clvhelpers import datasets
from clvhelpers.errors import DataContractError

CDNOW = datasets.DATA / "cdnow"


def make_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_cdnow", CDNOW / "make.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_cdnow_has_every_row_and_customer_of_the_source() -> None:
    everyone, sample = datasets.load_cdnow(sample=False), datasets.load_cdnow()
    assert (len(everyone), everyone["customer_id"].nunique()) == (69_659, 23_570)
    assert (len(sample), sample["customer_id"].nunique()) == (6_919, 2_357)
    assert everyone["amount"].sum() == pytest.approx(2_500_315.63)
    assert (everyone["date"].min(), everyone["date"].max()) == (pd.Timestamp("1997-01-01"), pd.Timestamp("1998-06-30"))


def test_cdnow_keeps_its_duplicates_and_free_orders() -> None:
    everyone, sample = datasets.load_cdnow(sample=False), datasets.load_cdnow()
    assert (everyone.duplicated().sum(), sample.duplicated().sum()) == (255, 21)
    assert ((everyone["amount"] == 0).sum(), (sample["amount"] == 0).sum()) == (80, 8)


def test_the_data_dictionary_names_every_column() -> None:
    text = (datasets.DATA / "README.md").read_text()
    named = re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
    assert named == list(datasets.load_cdnow().columns)


def test_the_script_reads_both_layouts_and_marks_the_sample() -> None:
    files = {
        "CDNOW_master.txt": b" customer_id date n value\n 00001 19970101  1   11.77\n 00004 19970118  2   29.73\n",
        "CDNOW_sample.txt": b" 00004 0001 19970118  2   29.73\n",
    }
    frame = make_script().transactions(files)
    assert frame["in_sample"].tolist() == [False, True]
    assert frame["customer_id"].tolist() == ["00001", "00004"]
    assert frame["date"].tolist() == [pd.Timestamp("1997-01-01"), pd.Timestamp("1997-01-18")]


def test_missing_data_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "DATA", tmp_path)
    with pytest.raises(DataContractError, match=r"python data/cdnow/make\.py"):
        datasets.load_cdnow()
