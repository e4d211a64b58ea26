"""The page of all clients: what it says, where it leads, and that nothing in the folder can spoil it."""

import json
import os
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.index import write_index
from tests.reports.months import ENDS, write
from tests.reports.small import HOSTILE
from tests.visit import Visit

FAILURE = "2 problems:\n- orders.csv row 17: no date\n- orders.csv row 99: <b>no</b> amount"
LAST = ENDS[-1]


def add(output: Path, client: str, months: tuple[Path, list[Analysis]], **changes: Any) -> Path:
    """A client whose only report is the latest of the steady shop, with some keys of its numbers replaced."""
    folder = output / client / LAST
    shutil.copytree(months[0] / "acme" / LAST, folder)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    write(folder / "metrics.json", metrics | {"client": client, "name": client.title()} | changes)
    (folder / "report.html").write_text("a report", encoding="utf-8")
    return folder


@pytest.fixture
def output(tmp_path: Path, months: tuple[Path, list[Analysis]]) -> Path:
    """Clients with three reports, with alerts, with a failure, without any report, and with a hostile name."""
    root = tmp_path / "output"
    shutil.copytree(months[0], root)
    for end in ENDS:
        (root / "acme" / end / "report.html").write_text("a report", encoding="utf-8")
    (root / "acme" / LAST / "report.pdf").write_bytes(b"%PDF")
    alerts = [
        {"metric": "average_order_value", "period": "p", "value": 45.2, "expected": 50.1, "severity": "warning"},
        {"metric": "model_trusted", "period": "p", "value": 0.0, "expected": 1.0, "severity": "warning"},
        {"metric": "month_3", "period": "p", "value": 0.1, "expected": 0.15, "severity": "critical"},
    ]
    add(root, "bolt", months, alerts=alerts)
    add(root, "crumb", months, comparison=None, alerts=[])
    add(root, "evil", months, name=HOSTILE)
    failed = {"schema": "1", "status": "failed_in_notebook", "failed_at": "2025-07-01T09:00:00+00:00"}
    write(root / "crumb" / "failed" / "manifest.json", failed | {"error": FAILURE})
    reports = [
        {"client": "acme", "status": "unchanged"},
        {"client": "dent", "file": "dent.yml", "status": "failed_before", "message": "no key `currncy`" + HOSTILE},
        {"client": "bolt", "status": "timed_out", "message": "It took longer than 60 minutes."},
        {"client": "evil", "status": "rendered"},
    ]
    times = {"started_at": "2025-07-01T08:59:00+00:00", "finished_at": "2025-07-01T09:04:10+00:00"}
    write(root / "run.json", {"schema": "1", **times, "reports": reports})
    return root


def page(output: Path) -> str:
    return write_index(output).read_text(encoding="utf-8")


def row(output: Path, client: str) -> str:
    """The words of a client's row, as a reader sees them."""
    rows = re.findall(r"<tr role=\"row\">\n<th role=\"rowheader\".*?</tr>", page(output), re.DOTALL)
    words = [" ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split()) for text in rows]
    return next(text for text in words if text.lower().startswith(client))


def test_clients_stand_in_the_order_of_their_names(output: Path) -> None:
    labels = re.findall(r"scope=\"row\">(.*?)<(?:small|/th)", page(output))
    assert [unescape(label) for label in labels] == ["Acme <b>Stores</b>", "Bolt", "Crumb", "dent", HOSTILE]


def test_the_head_counts_what_needs_a_look(output: Path) -> None:
    head = " ".join(page(output).partition("<main>")[0].rpartition("<p>")[2].split())
    assert head.startswith("5 clients; the last run of 3 failed; 1 with a change for the worse</p>")


def test_a_row_tells_the_latest_report(output: Path, months: tuple[Path, list[Analysis]]) -> None:
    metrics = months[1][-1].metrics
    words = row(output, "acme")
    assert metrics.base.revenue is not None
    assert metrics.clv.total is not None
    assert f" {LAST} Report PDF 2 older {ENDS[1]} {ENDS[0]} {metrics.base.customers:,} " in words
    assert metrics.clv.interval_90 is not None
    low, high = metrics.clv.interval_90.total
    assert f"EUR {metrics.base.revenue:,.0f} EUR {metrics.clv.total:,.0f} {low:,.0f} to {high:,.0f} " in words
    assert f"+{metrics.base.customers - months[1][-2].metrics.base.customers} customers" in words
    assert f"since {ENDS[1]}" in words
    assert words.endswith("unchanged made 2025-06-18 08:00 UTC")


def test_the_latest_is_the_latest_day_though_it_was_made_first(output: Path) -> None:
    made = [json.loads((output / "acme" / end / "manifest.json").read_text())["started_at"] for end in ENDS]
    assert made == sorted(made, reverse=True)
    assert LAST in row(output, "acme").partition("Report")[0]


@pytest.mark.parametrize(("day", "is_latest"), [("2025-07-02", True), ("2025-07-03", False), ("2031-01-01", False)])
def test_a_report_of_a_day_after_the_run_does_not_hide_the_latest(output: Path, day: str, is_latest: bool) -> None:
    wrong = output / "acme" / day
    shutil.copytree(output / "acme" / LAST, wrong)
    metrics = json.loads((wrong / "metrics.json").read_text(encoding="utf-8"))
    write(wrong / "metrics.json", metrics | {"as_of": day})
    assert row(output, "acme").startswith(f"Acme <b>Stores</b> acme {day if is_latest else LAST}")
    assert day in row(output, "acme")


def test_alerts_say_what_and_how_bad(output: Path) -> None:
    words = row(output, "bolt")
    assert "Worse: Average order EUR 50.10 → EUR 45.20" in words
    assert "Worse: the model no longer passes its check" in words
    assert "Much worse: Retention at month 3 15.0% → 10.0%" in words
    assert "took too long Why It took longer than 60 minutes." in words


def test_a_failure_is_told_with_its_message_and_the_last_good_report(output: Path) -> None:
    words = row(output, "crumb")
    assert f"Crumb crumb {LAST} Report" in words
    assert words.endswith("failed 2025-07-01 09:00 UTC Why " + " ".join(FAILURE.split()))
    assert "first report" in words


def test_a_client_file_that_can_not_be_used_has_a_row(output: Path) -> None:
    assert "dent none yet" in row(output, "dent")
    assert "failed before it began Why no key `currncy`" in row(output, "dent")


def test_a_good_run_after_a_failure_counts(output: Path) -> None:
    run = json.loads((output / "run.json").read_text())
    run |= {"started_at": "2025-08-01T00:00:00+00:00", "reports": [{"client": "crumb", "status": "unchanged"}]}
    write(output / "run.json", run)
    assert "unchanged" in row(output, "crumb")
    assert "failed" not in row(output, "crumb")


def test_links_are_relative_and_lead_to_files(output: Path) -> None:
    links = re.findall(r'href="([^"]*)"', page(output))
    assert len(links) == 7
    assert all((output / link).is_file() for link in links)


def test_the_page_is_the_same_each_time_and_nothing_else_is_left(output: Path) -> None:
    first = write_index(output).read_bytes()
    assert write_index(output).read_bytes() == first
    assert [path.name for path in output.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("time", ["2025-08-01T08:59:00+00:00", HOSTILE])
def test_a_page_that_tells_the_same_of_a_later_run_is_as_if_made_anew(output: Path, time: str) -> None:
    before = page(output)
    run = json.loads((output / "run.json").read_text(encoding="utf-8"))
    write(output / "run.json", run | {"finished_at": time})
    again = page(output)
    assert again != before
    (output / "index.html").unlink()
    assert page(output) == again


def test_a_page_that_was_cut_off_is_made_anew(output: Path) -> None:
    whole = page(output)
    (output / "index.html").write_text(whole[:-200], encoding="utf-8")
    assert page(output) == whole


def test_a_page_that_can_not_be_written_leaves_the_old_one(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_index(output).read_bytes()
    shutil.rmtree(output / "bolt")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_index(output)
    assert (output / "index.html").read_bytes() == first
    assert [path.name for path in output.iterdir() if path.name.startswith(".")] == []


SPOILED = {
    "half a file": '{"schema": "1"',
    "a list": "[]",
    "nonsense": '{"schema": "1", "base": 3, "client": []}',
    "NaN": '{"schema": "1", "base": NaN}',
    "nothing": "",
    "bytes": "\x00\x01",
}


@pytest.mark.parametrize("content", SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("name", ["metrics.json", "manifest.json"])
def test_a_report_that_can_not_be_read_is_named_and_the_one_before_shown(output: Path, name: str, content: str) -> None:
    (output / "acme" / LAST / name).write_text(content, encoding="utf-8")
    words = row(output, "acme")
    if (name, content) == ("manifest.json", SPOILED["nonsense"]):  # an object: the times in it are just not there
        assert LAST in words
    else:
        assert f"{ENDS[1]} Report can't be read: {LAST} 1 older {ENDS[0]}" in words


def test_an_alert_of_a_later_version_spoils_only_its_row(output: Path, months: tuple[Path, list[Analysis]]) -> None:
    odd = {"metric": "mood", "period": "p", "value": 1.0, "expected": 2.0, "severity": "info"}
    add(output, "fizz", months, alerts=[odd])
    assert f"none that can be read can't be read: {LAST}" in row(output, "fizz")
    assert f"{months[1][-1].metrics.base.customers:,}" in row(output, "bolt")


def test_what_is_not_ours_is_left_out(output: Path) -> None:
    before = page(output)
    for name in (".hidden", "Not A Client", "-rf", "javascript:alert(1)", "empty", "notes"):
        (output / name).mkdir()
    (output / "notes" / "todo.txt").write_text("call Ann", encoding="utf-8")
    (output / "acme2.txt").write_text("x", encoding="utf-8")
    (output / "acme" / ".staging-1a2b").mkdir()
    assert page(output) == before


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"reports": 3}',
        '{"reports": [1, {"client": 2}, {"client": "acme"}]}',
        '{"finished_at": "soon"}',
        '{"finished_at": "9999-12-31T00:00:00+00:00"}',
    ],
)
def test_a_spoiled_record_of_the_run_does_no_harm(output: Path, content: str) -> None:
    (output / "run.json").write_text(content, encoding="utf-8")
    assert "Reports of all clients" in page(output)


def test_a_failure_without_a_manifest_is_still_one(output: Path) -> None:
    (output / "crumb" / "failed" / "manifest.json").unlink()
    assert "failed Why The manifest in failed can't be read." in row(output, "crumb")


def test_an_empty_folder_says_how_to_begin(tmp_path: Path) -> None:
    assert "clv report CLIENT.yml" in page(tmp_path)


@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_hostile_names_do_nothing_and_nothing_is_cut_off(browser: Any, output: Path, width: int) -> None:
    visit = Visit(browser, write_index(output), width)
    view = visit.page
    view.wait_for_timeout(100)
    view.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert visit.said == []
    assert len(visit.requests) == 1
    assert view.title() == "Reports of all clients"
    assert view.locator("script, img, iframe, [onerror], a[href^=javascript]").count() == 0
    assert view.locator("th[scope=row]").nth(4).text_content().startswith(HOSTILE)
    assert view.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert view.evaluate("(box => box.scrollWidth <= box.clientWidth)(document.querySelector('.scroll'))")
    assert view.evaluate("[...document.querySelectorAll('th, td')].every(c => c.getBoundingClientRect().left >= 0)")
    assert view.locator("caption").count() == 1
    assert view.get_by_role("rowheader").count() == 5
    assert view.get_by_role("columnheader").count() == 8
    view.close()


def test_a_script_that_slipped_through_would_not_run(browser: Any, output: Path) -> None:
    path = write_index(output)
    path.write_text(path.read_text(encoding="utf-8").replace("</main>", HOSTILE + "</main>"), encoding="utf-8")
    visit = Visit(browser, path, 1280)
    assert visit.page.title() == "Reports of all clients"
    assert not [url for url in visit.requests if url.startswith("http")]
    visit.page.close()
