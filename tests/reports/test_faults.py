"""Whatever ends a run in the middle: finished reports are whole, unfinished ones absent or the previous one.

A template's cells run in the process that makes the report, so a test breaks that process from inside.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clvhelpers.reporting import batch, folder
from clvhelpers.reporting.fingerprint import read_manifest, sha256_of
from clvhelpers.reporting.job import Outcome
from tests.reports.small import write_client, write_template

KILL = "import os\ndef kill(*_, **__): os.kill(os.getpid(), 9)\n"
KILLED_AT = {
    "in the notebook": "import tempfile; open(tempfile.mkdtemp() + '/spilled', 'w').write('7'); kill()",
    "before the page": "from clvhelpers.reporting import html; html.export = kill",
    "before the PDF": "from clvhelpers.reporting import pdf; pdf.write = kill",
    "before the manifest": "from clvhelpers.reporting import folder; folder.write_json = kill",
    "before the move": "from clvhelpers.reporting import folder; folder.publish = kill",
    "in the middle of the move": """\
import pathlib
rename = pathlib.Path.rename
def first_only(path, target):
    kill() if path.name.startswith('.staging') else rename(path, target)
pathlib.Path.rename = first_only""",
    "before the old one is cleared away": """\
import shutil
from clvhelpers.reporting import folder
publish = folder.publish
def never_clear(*paths):
    shutil.rmtree = kill
    publish(*paths)
folder.publish = never_clear""",
}
FULL = """\
def full(*_, **__): raise OSError(28, "No space left on device")
"""
FULL_AT = {
    "the notebook": "import papermill.iorw as it; it.LocalHandler.write = full",
    "the page": "from clvhelpers.reporting import html; html.export = full",
    "the PDF": "from clvhelpers.reporting import pdf; pdf.write = full",
    "the manifest": "from clvhelpers.reporting import folder; folder.write_json = full",
    "the move": "import pathlib; pathlib.Path.rename = full",
}


class Shop:
    """A client with a good report, and a way to make the next one under a template."""

    def __init__(self, place: Path):
        self.place, self.output = place, place / "out"
        self.client = write_client(place)
        self.home = self.output / "acme"
        assert self.run("print('first')").status == "rendered"

    def run(self, *cells: str, **settings: object) -> Outcome:
        settings = {"pdf": "none", **settings}
        (outcome,) = batch.render_all(
            [self.client], self.output, template=write_template(self.place, *cells), **settings
        )
        return outcome

    def words(self) -> str:
        """What the report of the day says, once it is known to be whole."""
        (day,) = folder.report_days(self.home)
        manifest = read_manifest(day)
        assert {name: sha256_of(day / name) for name in manifest["files"]} == manifest["files"]
        assert {path.name for path in day.iterdir()} == {*manifest["files"], "manifest.json"}
        return (day / "report.html").read_text(encoding="utf-8")

    def hidden(self) -> list[str]:
        return sorted(
            path.name for path in self.home.iterdir() if path.name.startswith((".staging", ".replaced", ".fetched"))
        )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.mark.parametrize("stage", KILLED_AT)
def test_killed_at_any_stage_the_report_is_the_previous_one_or_the_new_one_and_whole(shop: Shop, stage: str) -> None:
    outcome = shop.run(KILL, KILLED_AT[stage], "print('second')", pdf="typst")
    assert outcome.status == "crashed"
    assert "SIGKILL" in outcome.message
    late = stage == "before the old one is cleared away"
    assert ("second" if late else "first") in shop.words()
    assert shop.hidden() == []
    failed = json.loads((shop.home / "failed" / "manifest.json").read_text(encoding="utf-8"))
    assert (failed["status"], failed["client"]) == ("crashed", "acme")
    assert shop.run("print('third')").status == "rendered"
    assert "third" in shop.words()
    assert not (shop.home / "failed").exists()


@pytest.mark.parametrize("file", FULL_AT)
def test_a_full_disk_at_any_file_leaves_the_previous_report(shop: Shop, file: str) -> None:
    outcome = shop.run(FULL, FULL_AT[file], "print('second')", pdf="typst")
    assert outcome.status == "failed_in_notebook"
    assert "No space left on device" in outcome.message
    assert "first" in shop.words()
    assert shop.hidden() == []
    assert shop.run("print('third')").status == "rendered"


def test_a_report_that_needs_too_much_memory_costs_only_itself(shop: Shop) -> None:
    outcome = shop.run("import numpy as np; np.ones(200_000_000)", memory=2**30)
    assert outcome.status == "failed_in_notebook"
    assert "--memory" in outcome.message
    assert "first" in shop.words()


def test_a_report_that_hangs_is_ended_with_all_that_it_started(shop: Shop) -> None:
    cell = "import subprocess, time\nchild = subprocess.Popen(['sleep', '600'])\nprint(child.pid, flush=True)\n"
    note = f"open({str(shop.place / 'pid')!r}, 'w').write(str(child.pid))\ntime.sleep(600)"
    outcome = shop.run(cell + note, timeout=4)
    assert outcome.status == "timed_out"
    assert "longer than 4 s and was ended" in outcome.message
    assert "first" in shop.words()
    assert not is_running(int((shop.place / "pid").read_text()))


def test_when_the_batch_is_killed_its_reports_end_and_the_next_run_repairs(shop: Shop) -> None:
    """What is left lies in the middle of the move, and nobody is there to put it back."""
    pid = shop.place / "pid"
    cell = f"{KILLED_AT['in the middle of the move']}\nimport time\n"
    cell = cell.replace("kill()", f"(open({str(pid)!r}, 'w').write(str(os.getpid())), time.sleep(600))")
    template = write_template(shop.place, KILL + cell, "print('second')")
    code = (
        "import sys; from pathlib import Path; from clvhelpers.reporting import batch\n"
        "if __name__ == '__main__':\n"
        "    batch.render_all([sys.argv[1]], sys.argv[2], template=Path(sys.argv[3]), pdf='none')"
    )
    command = [sys.executable, "-c", code, str(shop.client), str(shop.output), str(template)]
    running = subprocess.Popen(command)
    wait_until(lambda: pid.exists() and bool(pid.read_text()))
    running.send_signal(signal.SIGKILL)
    running.wait()
    wait_until(lambda: not is_running(int(pid.read_text())))
    assert folder.report_days(shop.home) == []
    assert len(shop.hidden()) >= 2
    with folder.locked(shop.home):
        folder.repair(shop.home)
    assert "first" in shop.words()
    assert shop.run("print('third')").status == "rendered"
    assert shop.hidden() == []


def test_a_clock_that_goes_backwards_changes_nothing(shop: Shop) -> None:
    (day,) = folder.report_days(shop.home)
    for path in day.iterdir():
        os.utime(path, (4e9, 4e9))
    os.utime(shop.client, (4e9, 4e9))
    assert shop.run("print('first')").status == "unchanged"
    back = "import time\ntime.time = lambda: 0.0\n"
    assert shop.run(back, "print('second')").status == "rendered"
    assert "second" in shop.words()


def test_an_output_folder_that_vanishes_fails_that_report_and_the_next_run_makes_it(shop: Shop) -> None:
    outcome = shop.run(f"import shutil; shutil.rmtree({str(shop.output)!r})", "print('second')")
    assert outcome.status == "failed_in_notebook"
    assert folder.report_days(shop.home) == []
    assert shop.run("print('third')").status == "rendered"
    assert "third" in shop.words()


def test_two_batches_at_once_make_each_report_once(shop: Shop) -> None:
    slow = write_template(shop.place, "import time; time.sleep(2); print('second')")

    def batch_of_its_own(_: int) -> str:
        (outcome,) = batch.render_all([shop.client], shop.output, template=slow, pdf="none")
        return outcome.status

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(batch_of_its_own, range(2))) == ["rendered", "unchanged"]
    assert "second" in shop.words()
    assert shop.hidden() == []


def test_a_broken_report_is_made_anew(shop: Shop) -> None:
    (day,) = folder.report_days(shop.home)
    (day / "report.html").write_text("half a rep", encoding="utf-8")
    assert shop.run("print('first')").status == "rendered"
    assert "first" in shop.words()
    shutil.rmtree(day)
    day.mkdir()
    assert shop.run("print('first')").status == "rendered"


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet cleared away does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def wait_until(come_true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not come_true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
