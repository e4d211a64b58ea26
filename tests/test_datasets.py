"""CDNOW is complete, and the script that made it gives the same file again."""

import re
from pathlib import Path

import pandas as pd
import pytest

from clvhelpers import datasets
from clvhelpers.errors import ConfigError, DataContractError
from tests.data import make_script

CDNOW = datasets.DATA / "cdnow"


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
    text = (datasets.DATA / "README.md").read_text().partition("## `cdnow/`")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
    assert named == list(datasets.load_cdnow().columns)


def test_the_script_reads_both_layouts_and_marks_the_sample() -> None:
    files = {
        "CDNOW_master.txt": b" customer_id date n value\n 00001 19970101  1   11.77\n 00004 19970118  2   29.73\n",
        "CDNOW_sample.txt": b" 00004 0001 19970118  2   29.73\n",
    }
    frame = make_script(CDNOW).transactions(files)
    assert frame["in_sample"].tolist() == [False, True]
    assert frame["customer_id"].tolist() == ["00001", "00004"]
    assert frame["date"].tolist() == [pd.Timestamp("1997-01-01"), pd.Timestamp("1997-01-18")]


def test_missing_data_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "DATA", tmp_path)
    with pytest.raises(DataContractError, match=r"python data/cdnow/make\.py"):
        datasets.load_cdnow()


@pytest.mark.parametrize("table", datasets.TABLES["lumen"])
def test_tables_of_lumen_have_text_for_ids_and_end_with_2025(table: str) -> None:
    frame = datasets.load_lumen(table)
    ids = [name for name in frame if name in ("customer_id", "referred_by")]
    assert all(pd.api.types.is_string_dtype(frame[name]) for name in ids)
    dates = [name for name in frame if pd.api.types.is_datetime64_dtype(frame[name])]
    assert frame[dates].max().max() <= pd.Timestamp("2025-12-31 23:59:59")


@pytest.mark.parametrize("table", datasets.TABLES["harbor_and_pine"])
def test_tables_of_harbor_and_pine_know_their_customers(table: str) -> None:
    frame = datasets.load_harbor_and_pine(table)
    assert len(frame)
    if "customer_id" in frame:
        assert frame["customer_id"].isin(datasets.load_harbor_and_pine("customers")["customer_id"]).all()


def test_worlds_have_orders_and_nothing_else() -> None:
    fits, mixed = (datasets.load_harbor_and_pine(world=world) for world in datasets.WORLDS)
    assert list(fits.columns) == list(mixed.columns) == ["customer_id", "date", "amount"]
    assert not set(fits["customer_id"]) & set(mixed["customer_id"])
    with pytest.raises(ConfigError) as refused:
        datasets.load_harbor_and_pine("custmers", world="fit")
    assert len(refused.value.problems) == 2


def test_unknown_table_is_answered_with_the_nearest_and_all() -> None:
    with pytest.raises(ConfigError, match=r"lumen has no table 'payment': did you mean 'payments'\? It has"):
        datasets.load_lumen("payment")
    with pytest.raises(ConfigError, match="harbor_and_pine has no table 'zzz': It has 'customers', 'orders'"):
        datasets.load_harbor_and_pine("zzz")


def test_missing_table_says_how_to_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "DATA", tmp_path)
    with pytest.raises(DataContractError, match=r"no file spells\.parquet in data/lumen: .*make\.py"):
        datasets.load_lumen("spells")
