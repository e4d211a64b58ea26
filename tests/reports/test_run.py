"""One report: the whole folder or nothing, an older report never lost, and errors that say what to do."""

import json
import os
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest

from clvhelpers import errors
from clvhelpers.reporting import batch
from tests.reports.small import HOSTILE, SAVE, write_client, write_template

FILES = ["manifest.json", "metrics.json", "report.html", "report.ipynb"]


def render(client: Path, output: Path, template: Path) -> Path:
    """As the real one, without the PDF, which has tests of its own."""
    return batch.render(client, output, template=template, pdf="none")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def reports(home: Path) -> list[str]:
    """What a client's folder holds besides its lock and key."""
    return [name for name in names(home) if name not in (".lock", "pseudonyms.key")]


def test_a_report_is_a_folder_named_by_its_day(tmp_path: Path) -> None:
    client = write_client(tmp_path)
    template = write_template(tmp_path, "assert client['name'] == 'Acme Stores'; print('words')")
    folder = render(client, tmp_path / "out", template=template)
    assert folder == tmp_path / "out" / "acme" / "2026-06-30"
    assert names(folder) == FILES
    assert reports(folder.parent) == ["2026-06-30"]
    assert "words" in (folder / "report.html").read_text(encoding="utf-8")

    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["status"], manifest["as_of"]) == ("succeeded", "2026-06-30")
    assert {found["file"]: found["sha256"] for found in manifest["inputs"]} == {
        "orders.csv": sha256((tmp_path / "orders.csv").read_bytes()).hexdigest()
    }
    assert manifest["files"].keys() == set(FILES) - {"manifest.json"}
    assert manifest["versions"]["clvhelpers"]


def test_a_new_report_replaces_the_older_one_as_a_whole(tmp_path: Path) -> None:
    client = write_client(tmp_path)
    first = render(client, tmp_path / "out", template=write_template(tmp_path, "print('first')"))
    (first / "left over.txt").touch()
    second = render(client, tmp_path / "out", template=write_template(tmp_path, "print('second')"))
    assert first == second
    assert "left over.txt" not in names(second)
    assert "second" in (second / "report.html").read_text(encoding="utf-8")
    assert reports(second.parent) == ["2026-06-30"]


@pytest.mark.parametrize(
    ("cell", "kind", "said"),
    [
        (
            "from clvhelpers.errors import *; raise NotEnoughDataError('no purchase is left')",
            "NotEnoughDataError",
            "left",
        ),
        ("1 / 0", "RuntimeError", "failed with ZeroDivisionError: division by zero"),
        ("raise OSError(28, 'No space left on device')", "OutputError", "No space left"),
        ("import os; os._exit(1)", "OutputError", "exit code 1 and without a word"),
        ("import os; os.kill(os.getpid(), 9)", "OutputError", "SIGKILL, as the system does when the memory is full"),
        ("import os; os.abort()", "OutputError", "ended by SIGABRT"),
        ("raise MemoryError", "OutputError", "allow more with --memory"),
        ("print()", "RuntimeError", "ZeroDivisionError"),
    ],
)
def test_a_failure_leaves_the_older_report_and_its_own_log(tmp_path: Path, cell: str, kind: str, said: str) -> None:
    client = write_client(tmp_path)
    good = render(client, tmp_path / "out", template=write_template(tmp_path))
    before = (good / "report.html").read_bytes()
    expected = getattr(errors, kind, RuntimeError)
    save = SAVE if cell != "print()" else SAVE + "\n1 / 0"
    with pytest.raises(expected, match=said) as caught:
        render(client, tmp_path / "out", template=write_template(tmp_path, cell, save=save))
    assert (good / "report.html").read_bytes() == before
    assert reports(good.parent) == ["2026-06-30", "failed"]
    assert {"error.log", "manifest.json", "report.ipynb"} <= set(names(good.parent / "failed"))
    assert "report.html" not in names(good.parent / "failed")
    assert said in (good.parent / "failed" / "error.log").read_text(encoding="utf-8")
    assert str(good.parent / "failed") in caught.value.__notes__[0]


def test_the_next_good_report_takes_the_log_of_the_failure_away(tmp_path: Path) -> None:
    client = write_client(tmp_path)
    with pytest.raises(RuntimeError):
        render(client, tmp_path / "out", template=write_template(tmp_path, "1 / 0"))
    assert reports(tmp_path / "out" / "acme") == ["failed"]
    render(client, tmp_path / "out", template=write_template(tmp_path))
    assert reports(tmp_path / "out" / "acme") == ["2026-06-30"]


FULL = """\
from clvhelpers.reporting import folder
def full(*_): raise OSError(28, "No space left on device")
folder.write_json = full"""


def test_a_disk_that_is_full_at_the_last_file_leaves_no_report(tmp_path: Path) -> None:
    with pytest.raises(errors.OutputError, match="No space left on device") as caught:
        render(write_client(tmp_path), tmp_path / "out", template=write_template(tmp_path, FULL))
    assert reports(tmp_path / "out" / "acme") == []
    assert "No log of the failure could be kept" in caught.value.__notes__[0]


def test_a_real_limit_on_file_size_ends_in_one_message(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))"
    template = write_template(tmp_path, limit, "print('x' * 100_000)")
    with pytest.raises(errors.OutputError, match=r"The report can't be written.*File too large"):
        render(write_client(tmp_path), tmp_path / "out", template=template)
    assert reports(tmp_path / "out" / "acme") == ["failed"]


def test_a_file_where_a_folder_must_be(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way", encoding="utf-8")
    with pytest.raises(errors.OutputError, match=r"can't be written to .*out"):
        render(write_client(tmp_path), tmp_path / "out", template=write_template(tmp_path))


def test_a_folder_without_write_permission() -> None:
    """Root may write anywhere, so root plays nobody; first the same run with permission, which imports all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        client, template = write_client(folder), write_template(folder)
        assert render(client, folder / "open", template=template).is_dir()
        (folder / "out").mkdir(mode=0o555)
        as_root = os.geteuid() == 0
        if as_root:
            os.seteuid(65534)
        try:
            with pytest.raises(errors.OutputError, match="Permission denied"):
                render(client, folder / "out", template=template)
        finally:
            if as_root:
                os.seteuid(0)
        assert names(folder / "out") == []


def test_missing_data_is_told_before_anything_is_made(tmp_path: Path) -> None:
    client = write_client(tmp_path, orders=None)
    with pytest.raises(errors.ConfigError, match=r"orders\.csv"):
        render(client, tmp_path / "out", template=write_template(tmp_path))
    assert names(tmp_path / "out") == ["index.html", "run.json"]


def test_braces_in_a_path_and_a_hostile_name_are_only_text(tmp_path: Path) -> None:
    text = f"client: acme\nname: {json.dumps(HOSTILE)}\ncurrency: GBP\n" + (
        "transactions: {source: orders.csv, columns: {customer: CustomerID, date: InvoiceDate}}\n"
    )
    client = write_client(tmp_path / "{client} {0}", text)
    folder = render(client, tmp_path / "{client.__class__}", template=write_template(tmp_path))
    assert folder == tmp_path / "{client.__class__}" / "acme" / "2026-06-30"
    assert "<script" not in (folder / "report.html").read_text(encoding="utf-8")


def test_reports_go_to_the_project_or_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert batch.default_output() == tmp_path / "reports" / "output"
    monkeypatch.chdir(batch.PROJECT / "tests")
    assert batch.default_output() == batch.PROJECT / "reports" / "output"


def test_without_an_optional_tool_the_rest_is_made_and_the_manifest_says_how_to_get_it(tmp_path: Path) -> None:
    cell = """\
from clvhelpers.errors import ToolMissingError
from clvhelpers.reporting import pdf, run
def missing(*_): raise ToolMissingError("typst is not installed: pip install typst")
pdf.write, run.find_spec = missing, lambda name: None"""
    template = write_template(tmp_path, cell)
    (outcome,) = batch.render_all([write_client(tmp_path)], tmp_path / "out", template=template)
    assert outcome.status == "rendered"
    skipped = json.loads((Path(str(outcome.folder)) / "manifest.json").read_text(encoding="utf-8"))["skipped"]
    assert skipped == {
        "appendix.xlsx": "XlsxWriter is not installed: pip install XlsxWriter",
        "report.pdf": "typst is not installed: pip install typst",
    }
    assert "report.pdf was left out: typst is not installed: pip install typst" in outcome.notes
    assert "report.html" in names(Path(str(outcome.folder)))
