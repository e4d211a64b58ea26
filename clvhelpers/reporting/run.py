"""Render one report into one folder, all or nothing.

Everything is made in a hidden folder beside the target and moved into place by one rename, so a
reader never sees half a report, and a failed run never takes away a good one.
"""

import errno
import hashlib
import json
import secrets
import shutil
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from clvhelpers import errors
from clvhelpers.errors import ClvError, OutputError
from clvhelpers.reporting.config import ClientConfig, load_config

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATE = PROJECT / "reports" / "clv_report.ipynb"
CELL_SECONDS = 1800
LIBRARIES = ("clvhelpers", "duckdb", "matplotlib", "narwhals", "numpy", "pandas", "papermill", "pyarrow", "scipy")


def default_output() -> Path:
    """`reports/output` of this project when called from inside it, else of the current folder."""
    here = Path.cwd()
    return (PROJECT if here.is_relative_to(PROJECT) else here) / "reports" / "output"


def render(
    client_file: str | Path, output: str | Path | None = None, *, template: Path | None = None, progress: bool = False
) -> Path:
    """Make the report of a client file and return its folder, `<output>/<client>/<as of>`.

    The folder holds `report.html` (one file that needs nothing else), `report.ipynb`,
    `metrics.json`, `manifest.json` and `set_aside.parquet`. After a failure an older report stays
    as it was, and `<output>/<client>/failed` holds the log and the notebook as far as it came.

    Raises `ConfigError` for the client file, `OutputError` where nothing can be written, the
    error of the analysis where the data can't be used, and `RuntimeError` for a fault of ours.
    """
    path = Path(client_file)
    config = load_config(path)
    template = template or TEMPLATE
    if not template.is_file():
        raise ClvError(f"There is no report template {template}; run this from a clone of the project.")
    inputs = [path, *_data_files(config)]
    with _writing(root := Path(output) if output else default_output()):
        home = root.resolve() / config.client
        home.mkdir(parents=True, exist_ok=True)
        staging = home / f".staging-{secrets.token_hex(4)}"
        staging.mkdir()
    try:
        as_of = _fill(staging, inputs, config, template, progress)
        shutil.rmtree(home / "failed", ignore_errors=True)  # what an earlier run left is mended now
        return _replace(staging, home / as_of)
    except Exception as error:
        _keep_failure(staging, home / "failed", error)
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fill(staging: Path, inputs: list[Path], config: ClientConfig, template: Path, progress: bool) -> str:
    """Write every file of the report into `staging`, and give the day it is as of."""
    from clvhelpers.reporting.html import export

    clock = time.monotonic()
    manifest: dict[str, Any] = {
        "schema": "1",
        "client": config.client,
        "status": "succeeded",
        "started_at": _now(),
        "inputs": [{"file": file.name, "bytes": file.stat().st_size, "sha256": _sha256(file)} for file in inputs],
        "template": {"file": template.name, "sha256": _sha256(template)},
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in LIBRARIES}},
    }
    _execute(template, staging, config, progress)
    metrics = json.loads((staging / "metrics.json").read_text(encoding="utf-8"))
    as_of = date.fromisoformat(metrics["as_of"])
    with _writing(staging):
        export(staging / "report.ipynb", staging / "report.html", config, as_of)
        manifest |= {"as_of": as_of.isoformat(), "duration_seconds": round(time.monotonic() - clock, 1)}
        _write_json(staging / "manifest.json", manifest)
    return as_of.isoformat()


def _execute(template: Path, staging: Path, config: ClientConfig, progress: bool) -> None:
    """Run the notebook; an error that it raised for the user to mend comes back as that error."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    from clvhelpers.reporting.kernel import warm_kernel_name

    target = str(staging / "report.ipynb")
    try:
        with _writing(staging):
            papermill.execute_notebook(
                template,
                target.replace("{", "{{").replace("}", "}}"),  # papermill puts parameters into braces
                parameters={"client": config.as_dict()},
                cwd=staging,
                kernel_name=warm_kernel_name(),
                execution_timeout=CELL_SECONDS,
                progress_bar={"desc": "Making the report", "unit": "step"} if progress else False,
            )
    except papermill.PapermillExecutionError as error:
        raise _as_raised(error.ename, error.evalue) from error
    except CellTimeoutError as error:
        raise OutputError(
            f"A step of the report took longer than {CELL_SECONDS // 60} minutes, so it was ended."
        ) from error
    except DeadKernelError as error:
        raise OutputError("The process that makes the report was ended from outside; was the memory full?") from error


def _as_raised(name: str, message: str) -> Exception:
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, ClvError):
        return kind(message)
    if message.startswith((f"[Errno {errno.ENOSPC}]", f"[Errno {errno.EDQUOT}]", f"[Errno {errno.EFBIG}]")):
        return OutputError(f"The report can't be written: {message}")
    return RuntimeError(f"The report notebook failed with {name}: {message}")


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Say in one sentence why nothing can be written to a folder."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"The report can't be written to {folder}: {error.strerror or error}.") from error


def _replace(staging: Path, target: Path) -> Path:
    """Move the finished folder into place; an older report goes only when the new one stands."""
    with _writing(target):
        older = target.with_name(f".replaced-{secrets.token_hex(4)}")
        if target.exists():
            target.rename(older)
        try:
            staging.rename(target)
        except OSError:
            if older.exists():
                older.rename(target)
            raise
        shutil.rmtree(older, ignore_errors=True)
    return target


def _keep_failure(staging: Path, failed: Path, error: Exception) -> None:
    """Leave the log and the partial notebook in `failed`, unless there is no room even for those."""
    try:
        (staging / "report.html").unlink(missing_ok=True)
        (staging / "error.log").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        _write_json(
            staging / "manifest.json", {"schema": "1", "status": "failed", "failed_at": _now(), "error": str(error)}
        )
        shutil.rmtree(failed, ignore_errors=True)
        staging.rename(failed)
        error.add_note(f"The log, and the notebook as far as it came: {failed}")
    except OSError as problem:
        error.add_note(f"No log of the failure could be kept: {problem.strerror}.")


def _data_files(config: ClientConfig) -> list[Path]:
    """The files that the sources of a client stand for; a missing one ends the run before it starts."""
    from clvhelpers.sources.files import expand
    from clvhelpers.sources.findings import Findings

    findings = Findings()
    files = expand(config.transactions.source or [], findings)
    findings.stop_if_any()
    return files


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _sha256(file: Path) -> str:
    """The SHA-256 of a file, read in pieces."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
