"""What DuckDB puts on disk for a large log is gone afterwards, however the process ends."""

import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from clvhelpers.sources import engine, read_transactions
from tests.sources.write import COLUMNS


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of more rows than the memory of these tests holds."""
    path = tmp_path_factory.mktemp("large") / "orders.parquet"
    rows = "SELECT 'C' || range AS id, DATE '2026-01-01' AS day, 1.5 AS total FROM range(600000)"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({rows}) TO '{path}'")
    return path


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for passing files, and little memory, so that it is used."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(engine, "LEAST_MEMORY", 50_000_000)
    monkeypatch.setattr(engine, "BYTES_A_ROW", 1)
    return tmp_path


def spilled(temporary: Path, large: Path) -> Any:
    """The relation of the log, once part of it lies on disk."""
    relation = read_transactions(large, columns=COLUMNS)
    copy = relation.query("log", "SELECT *, hash(customer_id)::VARCHAR AS more FROM log ORDER BY more")
    copy.aggregate("max(more)").fetchall()
    assert list(temporary.glob("clvhelpers-*"))
    return relation


def test_the_folder_goes_with_the_relation(temporary: Path, large: Path) -> None:
    relation = spilled(temporary, large)
    del relation
    gc.collect()
    assert not list(temporary.glob("clvhelpers-*"))


FORKED = """
import multiprocessing, sys
from clvhelpers.sources import engine, read_transactions

def keep_for_ever(path):
    global log
    engine.LEAST_MEMORY, engine.BYTES_A_ROW = 50_000_000, 1
    log = read_transactions(path, columns={"customer": "id", "date": "day", "amount": "total"})
    copy = log.query("log", "SELECT *, hash(customer_id)::VARCHAR AS more FROM log ORDER BY more")
    copy.aggregate("max(more)").fetchall()
    print([path.name for path in Path(tempfile.gettempdir()).iterdir()], flush=True)

import tempfile
from pathlib import Path
process = multiprocessing.get_context("fork").Process(target=keep_for_ever, args=(sys.argv[1],))
process.start()
process.join()
sys.exit(process.exitcode)
"""


def test_the_folder_goes_with_a_forked_process_that_still_has_the_relation(tmp_path: Path, large: Path) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("this system forks no process")
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", FORKED, str(large)], env=environment, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "clvhelpers-" in run.stdout
    assert not list(tmp_path.glob("clvhelpers-*"))
