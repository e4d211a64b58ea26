"""Pseudonyms: the same customer the same name, the key of a client safe, and nobody named who did not ask to be."""

import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from clvhelpers.errors import OutputError
from clvhelpers.reporting import analyse, privacy
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.config.client import Appendix
from clvhelpers.reporting.report import Report
from clvhelpers.reporting.shown import Shown
from tests.reports.made import client
from tests.reports.shop import SIGNS, words


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(privacy.client_key, [tmp_path] * 32))
    assert len(keys) == 1
    assert len(keys.pop()) == privacy.KEY_BYTES
    (file,) = tmp_path.iterdir()
    assert file.name == "pseudonyms.key"
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "abc", "z" * 64, "é" * 64, "00" * 31])
def test_a_broken_key_is_refused_and_not_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "pseudonyms.key").write_text(text, encoding="utf-8")
    with pytest.raises(OutputError, match="holds no key of 32 bytes: expected 64 digits"):
        privacy.client_key(tmp_path)
    assert (tmp_path / "pseudonyms.key").read_text(encoding="utf-8") == text


def test_the_runner_hands_the_key_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(privacy.KEY_VARIABLE, "0b" * 32)
    assert privacy.run_key() == b"\x0b" * 32
    monkeypatch.delenv(privacy.KEY_VARIABLE)
    own = privacy.run_key()
    assert own == privacy.run_key() != b"\x0b" * 32


def test_pseudonyms_tell_customers_apart_and_clients_too() -> None:
    ids = [f"{number}" for number in range(2000)]
    one, other = ([privacy.pseudonym(who, bytes(31) + end) for who in ids] for end in (b"1", b"2"))
    assert len({*one, *other}) == 4000
    assert privacy.pseudonym("\udcff", bytes(32)).startswith("c-")


def ids_in(text: str) -> set[str]:
    """The ids of the hostile shop that stand in a text, wherever they came from."""
    return set(re.findall(r"[a-z]+\d+@acme\.test", text)) | {sign for sign in SIGNS[:4] if f"{sign}-" in text}


def test_no_id_is_shown_wherever_it_stood_in_the_data(shop: Analysis, shown: list[Shown]) -> None:
    assert {"unreadable_row", "no_customer", "no_date", "no_amount", "exact_duplicates"} <= set(
        shop.log.problems["rule"]
    )
    assert ids_in(str(shop.log.problems["examples"].tolist()))
    text = words(shown)
    assert "row 1185" in text
    assert ids_in(text) == set()
    assert ids_in(shop.metrics.as_json()) == set()


def test_a_note_on_ids_shows_none(tmp_path: Path) -> None:
    rows = [(f"{1000 + number % 70}.0", f"2025-0{1 + number % 6}-{1 + number % 28:02}", 5) for number in range(200)]
    warnings = " ".join(analyse(client(tmp_path, rows)).warnings)
    assert "Customer ids end in .0, as numbers do when exported (orders.csv row 2; orders.csv row 3;" in warnings
    assert "1000" not in warnings


def set_aside(analysis: Analysis, folder: Path, key: bytes | None) -> pd.DataFrame:
    change = None if key is None else partial(privacy.without_ids, key=key)
    analysis.log.write_set_aside(folder / "set_aside.parquet", change)
    return pd.read_parquet(folder / "set_aside.parquet").sort_values("source_row", ignore_index=True)


def test_rows_set_aside_name_nobody_and_can_be_found_again(shop: Analysis, tmp_path: Path) -> None:
    key = bytes(range(32))
    plain, veiled = set_aside(shop, tmp_path, None), set_aside(shop, tmp_path, key)
    assert ids_in(plain.to_csv())
    assert ids_in(veiled.to_csv()) == set()
    assert b"acme.test" not in (tmp_path / "set_aside.parquet").read_bytes()
    known = plain["customer_id"].notna()
    assert veiled["customer_id"].notna().equals(known)
    assert veiled["customer_id"][known].tolist() == [privacy.pseudonym(who, key) for who in plain["customer_id"][known]]
    same = [name for name in plain if name not in ("customer_id", *privacy.UNREAD_TEXTS)]
    assert {"source_file", "source_row", "reason", "amount", "date"} <= set(same)
    pd.testing.assert_frame_equal(plain[same], veiled[same])


@pytest.mark.parametrize("asked", [False, True])
def test_a_report_veils_what_it_sets_aside_unless_asked_for_rows(
    shop: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    monkeypatch.setenv(privacy.KEY_VARIABLE, "0b" * 32)
    report = Report.__new__(Report)
    report.config = shop.config.model_copy(update={"appendix": Appendix(customer_rows=asked)})
    report.analysis, report.tables = shop, []
    report.save(tmp_path)
    found = set(pd.read_parquet(tmp_path / "set_aside.parquet")["customer_id"].dropna())
    names = {"secret1@acme.test", "secret3@acme.test"}
    assert found >= (names if asked else {privacy.pseudonym(who, b"\x0b" * 32) for who in names})
