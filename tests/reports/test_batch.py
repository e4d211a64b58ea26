"""Many clients in one run: all mistakes at once, every end by its name, nothing twice and nothing stale."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from clvhelpers import cli
from clvhelpers.errors import ConfigError
from clvhelpers.reporting import batch, command, supervise
from clvhelpers.reporting.job import Outcome
from tests.reports.small import CLIENT, ORDERS, write_client, write_template

BY_CLIENT = {  # what the template does for each client
    "hang": "import time; time.sleep(600)",
    "crash": "import os; os.abort()",
    "broken": "1 / 0",
}
CELL = f"exec({BY_CLIENT!r}.get(client['client'], 'pass'))\nprint('a report of', client['client'])"


def write_clients(folder: Path, *names: str, text: str = CLIENT) -> Path:
    """A folder of client files, each with orders of its own."""
    for name in names:
        written = write_client(folder / "data" / name, text.replace("client: acme", f"client: {name}"))
        body = written.read_text(encoding="utf-8").replace("orders.csv", f"data/{name}/orders.csv")
        (folder / f"{name}.yml").write_text(body, encoding="utf-8")
    return folder


def run(folder: Path, **settings: Any) -> dict[str, Outcome]:
    template = folder / "template.ipynb"
    if not template.exists():
        write_template(folder, CELL)
    settings = {"pdf": "none", "template": template, "jobs": 2, **settings}
    outcomes = batch.render_all([folder], folder / "out", **settings)
    return {outcome.client: outcome for outcome in outcomes}


def statuses(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {client: outcome.status for client, outcome in outcomes.items()}


@pytest.fixture
def clients(tmp_path: Path) -> Path:
    return write_clients(tmp_path, "ann", "bob")


def test_each_report_ends_by_its_own_name_and_run_json_tells_all(tmp_path: Path) -> None:
    write_clients(tmp_path, "ann", "bob", "broken", "crash", "hang")
    (tmp_path / "typo.yml").write_text(CLIENT.replace("currency", "curency"), encoding="utf-8")
    others_at_work: dict[str, bool] = {}

    def tell(outcome: Outcome) -> None:
        others_at_work[outcome.client] = bool(supervise._running)

    outcomes = run(tmp_path, timeout=8, tell=tell)
    assert statuses(outcomes) == {
        "ann": "rendered",
        "bob": "rendered",
        "broken": "failed_in_notebook",
        "crash": "crashed",
        "hang": "timed_out",
        "typo": "failed_before",
    }
    assert others_at_work.keys() == outcomes.keys()
    assert others_at_work["ann"], "each outcome is told as it comes, and not at the end"
    assert "did you mean currency" in outcomes["typo"].message
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert {one["client"]: one["status"] for one in record["reports"]} == statuses(outcomes)
    assert outcomes["ann"].megabytes > 50
    assert outcomes["ann"].cpu_seconds > 0


def test_every_mistake_of_every_client_is_listed_before_anything_runs(tmp_path: Path) -> None:
    write_clients(tmp_path, "ann", "bob")
    (tmp_path / "data" / "bob" / "orders.csv").unlink()
    (tmp_path / "twin.yml").write_text((tmp_path / "ann.yml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "carl.yml").write_text("client: ../carl\nname: Carl\nkurrency: EUR\n", encoding="utf-8")
    settings = batch.Settings(tmp_path / "out", template=write_template(tmp_path))
    jobs, refused = batch.plan([tmp_path], settings)
    assert jobs == []
    said = {Path(one.file).stem: one.message for one in refused}
    assert sorted(said) == ["ann", "bob", "carl", "twin"]
    assert "no file" in said["bob"]
    assert all(part in said["carl"] for part in ("`client` is", "did you mean currency?", "`transactions` is missing"))
    assert "would take each other's place" in said["ann"]
    assert not (tmp_path / "out").exists()


def test_folders_and_files_are_found_and_each_is_made_once(clients: Path) -> None:
    found = batch.client_files([clients, clients / "ann.yml", clients / "." / "bob.yml"])
    assert [path.name for path in found] == ["ann.yml", "bob.yml"]
    with pytest.raises(ConfigError, match="holds no client file"):
        batch.client_files([clients / "data"])


def test_what_has_not_changed_is_left_alone_and_whatever_has_is_made_anew(clients: Path) -> None:
    assert set(statuses(run(clients)).values()) == {"rendered"}
    assert set(statuses(run(clients)).values()) == {"unchanged"}
    shutil.copy(clients / "data" / "ann" / "orders.csv", clients / "copy.csv")
    (clients / "copy.csv").replace(clients / "data" / "ann" / "orders.csv")  # another file with the same content
    assert set(statuses(run(clients)).values()) == {"unchanged"}
    assert set(statuses(run(clients, force=True)).values()) == {"rendered"}
    (clients / "data" / "ann" / "orders.csv").write_text(ORDERS + "2,2026-03-01,A9,5\n", encoding="utf-8")
    assert statuses(run(clients)) == {"ann": "rendered", "bob": "unchanged"}
    bob = clients / "bob.yml"
    bob.write_text(bob.read_text(encoding="utf-8").replace("0.4", "0.5"), encoding="utf-8")
    assert statuses(run(clients)) == {"ann": "unchanged", "bob": "rendered"}
    write_template(clients, CELL, "print('a new section')")
    assert set(statuses(run(clients)).values()) == {"rendered"}


@pytest.mark.parametrize("changed", ["package_sha256", "versions_sha256"])
def test_another_version_of_the_package_or_of_a_library_makes_reports_stale(clients: Path, changed: str) -> None:
    run(clients)
    code = (
        "import sys; from pathlib import Path; from clvhelpers.reporting import batch, fingerprint\n"
        f"fingerprint.{changed} = lambda: 'other'\n"
        "settings = batch.Settings(Path(sys.argv[2]), template=Path(sys.argv[3]), pdf='none')\n"
        "jobs, _ = batch.plan([sys.argv[1]], settings)\n"
        "print([batch._already(job) for job in jobs])"
    )
    words = [sys.executable, "-c", code, str(clients), str(clients / "out"), str(clients / "template.ipynb")]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "[None, None]\n"


def test_the_page_is_the_same_byte_for_byte_when_made_again(clients: Path) -> None:
    def pages() -> list[bytes]:
        return [path.read_bytes() for path in sorted(clients.glob("out/*/*/report.html"))]

    run(clients)
    first = pages()
    run(clients, force=True)
    assert pages() == first
    assert len(first) == 2


def test_an_unchanged_batch_and_a_check_of_files_load_nothing_heavy(clients: Path) -> None:
    for _ in range(2):
        run(clients)
    code = (
        "import sys; from clvhelpers.reporting import batch; from pathlib import Path\n"
        "done = batch.render_all([sys.argv[1]], sys.argv[2], template=Path(sys.argv[3]), pdf='none')\n"
        "heavy = {'pandas', 'numpy', 'duckdb', 'matplotlib', 'scipy', 'papermill', 'narwhals', 'pyarrow'}\n"
        "heavy |= {'nbformat', 'jinja2'}\n"
        "print([one.status for one in done], sorted(heavy & set(sys.modules)))"
    )
    words = [sys.executable, "-c", code, str(clients), str(clients / "out"), str(clients / "template.ipynb")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "['unchanged', 'unchanged'] []\n"


def test_any_executor_can_make_the_reports(clients: Path) -> None:
    with ThreadPoolExecutor(2) as executor:
        assert set(statuses(run(clients, executor=executor)).values()) == {"rendered"}


class BrokenExecutor(Executor):
    """One whose every worker dies."""

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(RuntimeError("the worker is gone"))
        return future


def test_an_executor_that_breaks_is_told_for_each_report(clients: Path) -> None:
    outcomes = run(clients, executor=BrokenExecutor())
    assert set(statuses(outcomes).values()) == {"crashed"}
    assert "the worker is gone" in outcomes["ann"].message


def test_a_dask_cluster_of_two_workers_makes_the_reports(tmp_path: Path) -> None:
    from distributed import LocalCluster

    write_clients(tmp_path, "ann", "broken")
    options = {"processes": True, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    with LocalCluster(n_workers=2, **options) as cluster, command.executor(cluster.scheduler_address) as executor:
        outcomes = run(tmp_path, executor=executor)
    assert statuses(outcomes) == {"ann": "rendered", "broken": "failed_in_notebook"}
    assert "ZeroDivisionError" in outcomes["broken"].message


def test_an_address_without_a_cluster_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SECONDS_TO_CONNECT", 0.5)
    with pytest.raises(ConfigError, match="no Dask scheduler answers there"), command.executor("tcp://127.0.0.1:1"):
        pass


@pytest.mark.parametrize(
    ("text", "today", "day"),
    [
        ("last-month-end", date(2026, 1, 15), date(2025, 12, 31)),
        ("last-month-end", date(2024, 3, 31), date(2024, 2, 29)),
        ("2026-06-30", date(2026, 7, 4), date(2026, 6, 30)),
    ],
)
def test_the_day_of_a_run(text: str, today: date, day: date) -> None:
    assert batch.as_of_day(text, today) == day


def test_the_day_of_a_run_goes_before_that_of_the_client_file(clients: Path) -> None:
    jobs, _ = batch.plan([clients], batch.Settings(clients / "out", as_of="2026-01-31"))
    assert [job.settings["as_of"] for job in jobs] == ["2026-01-31"] * 2
    jobs, _ = batch.plan([clients], batch.Settings(clients / "out", as_of="last-month-end"))
    (day,) = {date.fromisoformat(job.settings["as_of"]) for job in jobs}
    assert (day + timedelta(days=1)).day == 1
    assert day < date.today()


def test_a_day_that_is_none_is_refused_for_each_client(clients: Path) -> None:
    _, refused = batch.plan([clients], batch.Settings(clients / "out", as_of="yesterday"))
    assert [one.message for one in refused] == [
        "--as-of yesterday: give a date such as 2026-06-30, or last-month-end"
    ] * 2


def clv(*words: object) -> int:
    with pytest.raises(SystemExit) as end:
        cli.main([str(word) for word in words])
    return int(end.value.code or 0)


def test_the_command_ends_with_a_table_and_zero_only_if_all_are_good(
    clients: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    template = write_template(clients, CELL)
    monkeypatch.setattr(batch.Settings.__init__, "__kwdefaults__", None)
    defaults = tuple(template if value == batch.TEMPLATE else value for value in batch.Settings.__init__.__defaults__)
    monkeypatch.setattr(batch.Settings.__init__, "__defaults__", defaults)
    assert clv("report", clients, "--output", clients / "out", "--pdf", "none") == 0
    said = capsys.readouterr()
    assert "[2/2]" in said.err
    assert "2 of 2 reports are good" in said.out
    (clients / "typo.yml").write_text("client: Typo\n", encoding="utf-8")
    assert clv("report", clients, "--output", clients / "out", "--pdf", "none") == 2
    said = capsys.readouterr()
    assert "typo.yml can't be begun: 4 problems" in said.err
    assert "2 of 3 reports are good" in said.out
    assert "unchanged" in said.out


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--pdf", "latex", "give one of typst, chromium, none"),
        ("--memory", "lots", "such as 600MB or 4GB"),
        ("--memory", "1MB", "from 256MB"),
    ],
)
def test_a_wrong_option_is_one_message(
    clients: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, said: str
) -> None:
    assert clv("report", clients, option, value) == 2
    assert said in capsys.readouterr().err
