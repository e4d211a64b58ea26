"""Pseudonyms: the same customer the same name, the key of a client safe, and nobody named who did not ask to be."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clvhelpers.errors import OutputError
from clvhelpers.reporting import privacy


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
