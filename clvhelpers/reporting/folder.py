"""The folder of one client's reports: a report is in it whole or not at all, whatever happens while it is made.

    <output>/<client>/2026-06-30/      a report, moved into place by one rename
    <output>/<client>/failed/          what the last run left, if it failed
    <output>/<client>/.staging-…       a report that is being made
    <output>/<client>/.scratch-…       what it needs on the way: fetched data, and what does not fit into memory
    <output>/<client>/.replaced-…      an older report that a new one takes the place of
    <output>/<client>/.lock            held by whoever works in this folder

A process that is killed leaves hidden folders and loses its lock; the next one that works here repairs what it left.
"""

import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clvhelpers.errors import OutputError

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
STAGING, SCRATCH, REPLACED, FAILED, LOCK = ".staging-", ".scratch-", ".replaced-", "failed", ".lock"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say in one sentence why nothing can be written to a folder."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"The report can't be written to {folder}: {error.strerror or error}.") from error


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Work alone in a client's folder, which is made if need be; waits for whoever is at work there."""
    from filelock import FileLock

    with writing(home):
        home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(home / LOCK)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def repair(home: Path) -> None:
    """Put back a report that was set aside and not yet replaced; clear away what dead processes left.

    Only under the lock: a hidden folder is then nobody's.
    """
    with writing(home):
        for older in home.glob(f"{REPLACED}*"):
            day = older.name.removeprefix(REPLACED)[:10]
            if DAY.fullmatch(day) and not (home / day).exists():
                older.rename(home / day)
            else:
                shutil.rmtree(older)
        for left in (*home.glob(f"{STAGING}*"), *home.glob(f"{SCRATCH}*")):
            shutil.rmtree(left)


def new_staging(home: Path) -> Path:
    """A hidden folder to make a report in."""
    with writing(home):
        staging = home / f"{STAGING}{secrets.token_hex(4)}"
        staging.mkdir()
    return staging


@contextmanager
def scratch(home: Path) -> Iterator[Path]:
    """A hidden folder for all that is needed on the way, temporary files too; gone when the report is made.

    A process that is killed leaves it, and with it data of the client; so it lies where the next one clears it away.
    """
    path = home / f"{SCRATCH}{secrets.token_hex(4)}"
    with writing(home):
        path.mkdir(mode=0o700)
    before = tempfile.tempdir
    tempfile.tempdir = str(path)
    try:
        yield path
    finally:
        tempfile.tempdir = before
        shutil.rmtree(path, ignore_errors=True)


def publish(staging: Path, target: Path) -> Path:
    """Move a finished report into place; an older one of that day goes only when the new one stands."""
    with writing(target):
        older = target.with_name(f"{REPLACED}{target.name}-{secrets.token_hex(4)}")
        if target.exists():
            target.rename(older)
        try:
            staging.rename(target)
        except OSError:
            if older.exists():
                older.rename(target)
            raise
        shutil.rmtree(target.parent / FAILED, ignore_errors=True)  # what an earlier run left is mended now
        shutil.rmtree(older, ignore_errors=True)
    return target


def keep_failure(staging: Path, log: str, manifest: dict[str, Any]) -> Path:
    """Leave the log and the partial notebook of a failed run in `failed`; raises OSError if there is no room."""
    failed = staging.parent / FAILED
    (staging / "report.html").unlink(missing_ok=True)
    (staging / "error.log").write_text(log, encoding="utf-8")
    write_json(staging / "manifest.json", manifest)
    shutil.rmtree(failed, ignore_errors=True)
    staging.rename(failed)
    return failed


def abandoned(home: Path) -> Path:
    """What a process that was killed left of its report, or else a new folder for the log of its end."""
    left = sorted(home.glob(f"{STAGING}*"), key=lambda path: path.stat().st_mtime_ns)
    return left[-1] if left else new_staging(home)


def report_days(home: Path) -> list[Path]:
    """The folders of a client's finished reports, oldest day first."""
    if not home.is_dir():
        return []
    return sorted(path for path in home.iterdir() if DAY.fullmatch(path.name) and (path / "manifest.json").is_file())


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file, whole."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file; whoever reads it at that moment sees the old one or the new one whole."""
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)  # noqa: PTH105  (the name that says what it is for)
    finally:
        unfinished.unlink(missing_ok=True)
