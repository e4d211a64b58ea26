"""Reading earlier reports: in the order of their days, and whatever is not one is left out by name."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from clvhelpers.errors import ConfigError
from clvhelpers.reporting.history import MOST_REPORTS, earlier, key_figures, read_history
from clvhelpers.reporting.metrics import Metrics
from tests.reports.months import write
from tests.reports.test_summary import FULL

LATER_KEYS = ("uncertainty", "comparison")


def put(home: Path, day: str, **changes: Any) -> Path:
    """A report of a day, with some keys of its numbers replaced."""
    metrics = json.loads(Metrics.model_validate(FULL).as_json())
    write(home / day / "metrics.json", metrics | {"client": home.name, "as_of": day} | changes)
    write(home / day / "manifest.json", {"schema": "1"})
    return home / day


def days(home: Path, notes: list[str] | None = None) -> list[str]:
    return [past["as_of"] for past in read_history(home, notes)]


def test_the_order_is_that_of_the_days_though_the_clock_went_backwards(tmp_path: Path) -> None:
    home = tmp_path / "acme"
    put(home, "2026-06-30", created_at="2026-01-01T00:00:00Z")
    put(home, "2026-04-30", created_at="2026-12-31T00:00:00Z")
    put(home, "2026-05-31", created_at="2026-07-31T00:00:00Z")
    assert days(home) == ["2026-04-30", "2026-05-31", "2026-06-30"]


def test_when_a_report_was_made_is_no_part_of_it(tmp_path: Path) -> None:
    home = tmp_path / "acme"
    put(home, "2026-06-30", created_at="2026-07-01T00:00:00Z")
    first = read_history(home)
    put(home, "2026-06-30", created_at="2026-07-02T00:00:00Z")
    assert read_history(home) == first


def test_key_figures_are_few_plain_values() -> None:
    figures = key_figures(json.loads(Metrics.model_validate(FULL).as_json()))
    assert json.loads(json.dumps(figures)) == figures
    assert len(json.dumps(figures)) < 2000
    assert figures["customers"] == FULL["base"]["customers"]
    assert figures["clv_total_interval"] == FULL["clv"]["interval_90"]["total"]
    assert figures["trusted"] is True


def test_a_file_from_before_the_later_keys_is_still_read() -> None:
    metrics = json.loads(Metrics.model_validate(FULL).as_json())
    old = {key: value for key, value in metrics.items() if key not in LATER_KEYS}
    old["clv"] = {key: value for key, value in old["clv"].items() if key != "discount_rate"}
    assert key_figures(old)["discount_rate"] is None
    assert Metrics.model_validate(old).comparison is None


def test_a_report_without_money_or_model_is_read(tmp_path: Path) -> None:
    base = FULL["base"] | {"revenue": None, "gross_margin": None, "average_order_value": None}
    put(tmp_path / "acme", "2026-06-30", base=base, model=None, retention=None, concentration=None)
    (figures,) = read_history(tmp_path / "acme")
    assert (figures["revenue"], figures["trusted"], figures["parameters"]) == (None, None, {})


def _text(content: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "metrics.json").write_text(content, encoding="utf-8")


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "half a file": (_text('{"schema": "1", "base"'), "can't be used"),
    "no object": (_text("[1, 2]"), "holds no JSON object"),
    "another shape": (_text('{"schema": "1", "base": 3}'), "another shape"),
    "not a number": (_text('{"schema": "1", "x": NaN}'), "NaN stands where a number should be"),
    "deep": (_text("[" * 100_000), "can't be used"),
    "no text": (lambda folder: (folder / "metrics.json").write_bytes(b"\xff\xfe\x00"), "can't be used"),
    "no numbers": (lambda folder: (folder / "metrics.json").unlink(), "can't be read"),
    "not whole": (lambda folder: (folder / "manifest.json").unlink(), "no manifest.json"),
    "another client's": (lambda folder: put(folder.parent, folder.name, client="other"), "of the client 'other'"),
    "another day's": (lambda folder: put(folder.parent, folder.name, as_of="2026-05-30"), "as of 2026-05-30"),
    "a later version": (lambda folder: put(folder.parent, folder.name, schema="2"), "of version '2'"),
    "a huge number": (
        lambda folder: put(folder.parent, folder.name, base=FULL["base"] | {"orders": 10**400}),
        "can't be used",
    ),
    "words for a number": (
        lambda folder: put(folder.parent, folder.name, base=FULL["base"] | {"orders": "many"}),
        "'many' stands where a number should be",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_report_is_left_out_and_named(tmp_path: Path, case: str) -> None:
    home = tmp_path / "acme"
    put(home, "2026-04-30")
    spoil, reason = BROKEN[case]
    spoil(put(home, "2026-05-31"))
    notes: list[str] = []
    assert days(home, notes) == ["2026-04-30"]
    assert len(notes) == 1
    assert notes[0].startswith("The report in acme/2026-05-31 is left out of the history: ")
    assert reason in notes[0]


def test_hidden_and_failed_folders_are_no_reports(tmp_path: Path) -> None:
    home = tmp_path / "acme"
    put(home, "2026-04-30")
    for name in ("failed", ".staging-1a2b", ".replaced-2026-03-31-1a2b", "2026-04-30 copy"):
        write(home / name / "metrics.json", {"schema": "1"})
    notes: list[str] = []
    assert days(home, notes) == ["2026-04-30"]
    assert notes == []


def test_the_latest_36_are_enough(tmp_path: Path) -> None:
    home = tmp_path / "acme"
    for place in range(MOST_REPORTS + 4):
        put(home, f"{2020 + place // 12}-{1 + place % 12:02}-28")
    assert len(days(home)) == MOST_REPORTS
    assert days(home)[0] == "2020-05-28"


def test_only_earlier_days_count(tmp_path: Path) -> None:
    home = tmp_path / "acme"
    for day in ("2026-06-30", "2026-04-30", "2026-05-31"):
        put(home, day)
    assert [past["as_of"] for past in earlier(read_history(home)[::-1], date(2026, 5, 31))] == ["2026-04-30"]


@pytest.mark.parametrize("entry", [{}, "2026-06-30", {"as_of": "2026-06-30"}])
def test_a_history_that_is_none_is_refused(entry: Any) -> None:
    with pytest.raises(ConfigError, match="entry 1 of `history` is no earlier report"):
        earlier([entry], date(2026, 6, 30))


def test_reading_and_indexing_import_nothing_heavy() -> None:
    code = (
        "import sys, clvhelpers.reporting.index\n"
        "print(sorted({'pandas', 'numpy', 'matplotlib', 'scipy', 'duckdb', 'pydantic', 'narwhals'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
