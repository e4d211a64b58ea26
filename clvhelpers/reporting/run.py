"""Make one report in this process: all of its files, or none.

Everything is made in a hidden folder beside the target and moved into place by one rename, so a reader
never sees half a report, and a failed run never takes away a good one. The notebook runs in this very
process, which should end afterwards: `batch.py` starts one for each report.
"""

import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from clvhelpers.errors import OutputError, ToolMissingError
from clvhelpers.reporting import fetch, fingerprint, folder
from clvhelpers.reporting.config import ClientConfig
from clvhelpers.reporting.history import read_history
from clvhelpers.reporting.job import Job, Outcome, Status, as_error, failed_manifest, now
from clvhelpers.reporting.privacy import KEY_VARIABLE, client_key
from clvhelpers.sources.export import checksum

LIBRARIES = ("clvhelpers", "duckdb", "matplotlib", "narwhals", "numpy", "pandas", "papermill", "pyarrow", "scipy")


@cache
def versions() -> dict[str, str]:
    """The versions of Python and of the libraries on which the numbers of a report rest."""
    return {"python": sys.version.split()[0], **{name: version(name) for name in LIBRARIES}}


@dataclass(frozen=True)
class Inputs:
    """What a report is made from, besides its template: the data as local files, and the earlier reports.

    `sha256` has one checksum a file. `notes` tells of earlier reports that can't be read.
    """

    files: tuple[Path, ...]
    sha256: tuple[str, ...]
    fetched: bool
    history: list[dict[str, Any]]
    fingerprint: str
    notes: tuple[str, ...]

    def history_sha256(self, day: str) -> str:
        """The SHA-256 of the earlier reports that one of this day compares itself with."""
        return fingerprint.sha256_of_value([past for past in self.history if past["as_of"] < day])

    def report_in(self, home: Path) -> Path | None:
        """The report that was made from the very same, if there is one."""
        return fingerprint.unchanged_report(home, self.fingerprint, self.history_sha256)


def make_report(job: Job) -> Outcome:
    """Make the report of a job, unless it is there already; how it ended is returned and never raised."""
    start = time.monotonic()
    config = job.config
    try:
        with folder.locked(job.home):
            folder.repair(job.home)
            return _made_in(job, config, start)
    except Exception as error:
        return _failure(job, "failed_before", error, start)


def _made_in(job: Job, config: ClientConfig, start: float) -> Outcome:
    """The report, made while nobody else works in the client's folder."""
    with folder.scratch(job.home) as scratch:
        inputs = gather(job, config, scratch)
        there = None if job.force else inputs.report_in(job.home)
        if there is not None:
            return success(job, "unchanged", there, start, inputs.notes)
        key = client_key(job.home).hex()
        os.environ[KEY_VARIABLE] = key
        secrets = [*fetch.secrets_of(config), key]
        staging = folder.new_staging(job.home)
        try:
            as_of = _fill(staging, job, config, inputs, secrets, start)
            target = folder.publish(staging, job.home / as_of)
        except Exception as error:
            note = _keep_failure(staging, job, error, secrets)
            return _failure(job, "failed_in_notebook", error, start, note, secrets=secrets)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return success(job, "rendered", target, start, inputs.notes)


def gather(job: Job, config: ClientConfig, scratch: Path) -> Inputs:
    """Find or fetch the data, and tell all that decides whether a report must be made anew."""
    files = fetch.fetch(config, scratch)
    each = tuple(map(checksum, files))
    content = fingerprint.content_sha256(files, each)
    wanted = fingerprint.fingerprint(config, content, Path(job.template), job.pdf)
    notes: list[str] = []
    history = read_history(job.home, notes)
    return Inputs(tuple(files), each, fetch.needs_fetching(config), history, wanted, tuple(notes))


def _fill(staging: Path, job: Job, config: ClientConfig, inputs: Inputs, secrets: Sequence[str], start: float) -> str:
    """Write every file of the report into `staging`, none of which holds a secret, and give the day it is as of."""
    manifest: dict[str, Any] = {
        "schema": "1",
        "client": config.client,
        "status": "succeeded",
        "started_at": now(),
        "fingerprint": inputs.fingerprint,
        "settings_sha256": fingerprint.settings_sha256(config.as_dict()),
        "inputs": [_described(*one) for one in zip(inputs.files, inputs.sha256, strict=True)],
        "template": {"file": Path(job.template).name, "sha256": fingerprint.sha256_of(Path(job.template))},
        "versions": versions(),
    }
    read = [*inputs.files, *fetch.experiment_files(config)]
    before = [_stamp(file) for file in read]
    _execute(staging, job, inputs)
    if before != [_stamp(file) for file in read]:
        raise OutputError("The data changed while the report was made from them; run it again.")
    metrics = json.loads((staging / "metrics.json").read_text(encoding="utf-8"))
    with folder.writing(staging):
        manifest["skipped"] = _export(staging, job, config, metrics)
        _refuse_secrets(staging, secrets)
        manifest |= {
            "as_of": metrics["as_of"],
            "history_sha256": inputs.history_sha256(metrics["as_of"]),
            "files": fingerprint.files_sha256(staging),
            "duration_seconds": round(time.monotonic() - start, 1),
        }
        folder.write_json(staging / "manifest.json", manifest)
    return str(metrics["as_of"])


def _described(file: Path, sha256: str) -> dict[str, Any]:
    return {"file": file.name, "bytes": file.stat().st_size, "sha256": sha256}


def _stamp(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def _execute(staging: Path, job: Job, inputs: Inputs) -> None:
    """Run the notebook; an error that it raised for the user to mend comes back as that error."""
    import papermill

    from clvhelpers.reporting import engine

    engine.register()
    target = str(staging / "report.ipynb")
    try:
        with folder.writing(staging):
            papermill.execute_notebook(
                job.template,
                target.replace("{", "{{").replace("}", "}}"),  # papermill puts parameters into braces
                parameters={
                    "client": job.settings,
                    "history": inputs.history,
                    "data": [str(file) for file in inputs.files] if inputs.fetched else [],
                },
                cwd=staging,
                engine_name=engine.NAME,
                kernel_name="python3",
                progress_bar=False,
            )
    except papermill.PapermillExecutionError as error:
        raise as_error(error.ename, error.evalue) from error


def _export(staging: Path, job: Job, config: ClientConfig, metrics: dict[str, Any]) -> dict[str, str]:
    """Make the page, the PDF and the message; what was left out for want of a tool, and how to get it."""
    from clvhelpers.reporting import html, mail, pdf

    notebook, page, paper = (staging / f"report.{suffix}" for suffix in ("ipynb", "html", "pdf"))
    as_of = date.fromisoformat(metrics["as_of"])
    html.export(notebook, page, config, as_of)
    writers: dict[str, Callable[[], None]] = {
        "typst": partial(pdf.write, notebook, paper, config, as_of),
        "chromium": partial(pdf.print_page, page, paper),
    }
    skipped = {}
    if find_spec("xlsxwriter") is None:
        skipped["appendix.xlsx"] = "XlsxWriter is not installed: pip install XlsxWriter"
    if job.pdf != "none":
        try:
            writers[job.pdf]()
        except ToolMissingError as missing:
            skipped["report.pdf"] = str(missing)
    if config.email is not None:
        attachments = [path for path in (paper if paper.exists() else page, staging / "appendix.xlsx") if path.exists()]
        mail.write(staging / "report.eml", config, metrics, attachments)
    return skipped


def _refuse_secrets(staging: Path, secrets: Sequence[str]) -> None:
    """Publish nothing that holds a password or a key, by whatever way it came there."""
    removed = _remove_with_secrets(staging, secrets)
    if removed:
        raise OutputError(f"{', '.join(removed)} would hold a password or key, so no report was made.")


def _remove_with_secrets(staging: Path, secrets: Sequence[str]) -> list[str]:
    """Delete each file that holds a secret; their names."""
    wanted = [secret.encode() for secret in secrets]
    found = [path for path in sorted(staging.iterdir()) if any(map(path.read_bytes().__contains__, wanted))]
    for path in found:
        path.unlink()
    return [path.name for path in found]


def _keep_failure(staging: Path, job: Job, error: Exception, secrets: Sequence[str]) -> str:
    """Leave the log and the partial notebook in `failed`, unless there is no room even for those."""
    log = _veiled("".join(traceback.format_exception(error)), secrets)
    manifest = failed_manifest(job, "failed_in_notebook", _veiled(str(error), secrets))
    try:
        _remove_with_secrets(staging, secrets)
        failed = folder.keep_failure(staging, log, manifest)
    except OSError as problem:
        return f"No log of the failure could be kept: {problem.strerror}."
    return f"The log, and the notebook as far as it came: {failed}"


def _veiled(text: str, secrets: Sequence[str]) -> str:
    """A text in which no secret can be read."""
    for secret in secrets:
        text = text.replace(secret, "…")
    return text


def _failure(
    job: Job, status: Status, error: Exception, start: float, *notes: str, secrets: Sequence[str] = ()
) -> Outcome:
    return Outcome(
        job.settings["client"],
        job.file,
        status,
        message=_veiled(str(error), secrets),
        kind=type(error).__name__,
        notes=notes,
        seconds=time.monotonic() - start,
    )


def success(job: Job, status: Status, target: Path, start: float, notes: Sequence[str] = ()) -> Outcome:
    """The outcome of a report that lies in `target`."""
    metrics = json.loads((target / "metrics.json").read_text(encoding="utf-8"))
    skipped = fingerprint.read_manifest(target)["skipped"]
    return Outcome(
        job.settings["client"],
        job.file,
        status,
        folder=str(target),
        as_of=target.name,
        notes=(*notes, *(f"{name} was left out: {reason}" for name, reason in skipped.items())),
        warnings=tuple(metrics.get("data", {}).get("warnings", ())),
        seconds=time.monotonic() - start,
    )
