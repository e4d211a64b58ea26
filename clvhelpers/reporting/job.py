"""One report to make, and how it ended: plain values that can be sent to another process or machine."""

import errno
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from clvhelpers import errors
from clvhelpers.errors import ClvError, OutputError
from clvhelpers.reporting.config import ClientConfig, load_config

Status = Literal["rendered", "unchanged", "failed_in_notebook", "failed_before", "crashed", "timed_out"]
NO_ROOM = tuple(f"[Errno {number}]" for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
NO_MEMORY = ("MemoryError", "_ArrayMemoryError", "OutOfMemoryException")
GOOD = ("rendered", "unchanged")
Pdf = Literal["typst", "chromium", "none"]


class _Sendable:
    """A dataclass that can go to another process as JSON."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload]

    def as_json(self) -> str:
        return json.dumps(self.as_dict())

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Job(_Sendable):
    """A report to make: the settings of the client, where it goes, and what it may take.

    `output` and `template` are absolute; `memory` is in bytes and None for no limit; `timeout` is in seconds.
    """

    file: str
    settings: dict[str, Any]
    output: str
    template: str
    pdf: Pdf = "typst"
    force: bool = False
    timeout: float = 3600
    memory: int | None = None

    @cached_property
    def config(self) -> ClientConfig:
        return load_config(self.settings)

    @property
    def home(self) -> Path:
        """The folder of all reports of the client."""
        return Path(self.output) / self.settings["client"]


@dataclass(frozen=True)
class Outcome(_Sendable):
    """How a report ended: `status`, where it lies, and what a person should know.

    `kind` is the name of the error in `message`. Seconds and megabytes are those of the process that made it.
    """

    client: str
    file: str
    status: Status
    folder: str | None = None
    as_of: str | None = None
    message: str = ""
    kind: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    megabytes: float = 0.0

    @property
    def good(self) -> bool:
        return self.status in GOOD

    def raise_if_failed(self) -> None:
        """Raise the error that ended the report, with its notes."""
        if self.good:
            return
        error = as_error(self.kind, self.message)
        for note in self.notes:
            error.add_note(note)
        raise error


def failed_manifest(job: Job, status: Status, message: str) -> dict[str, Any]:
    """What `failed/manifest.json` says of a run that made no report."""
    client = job.settings["client"]
    return {"schema": "1", "client": client, "status": status, "failed_at": now(), "error": message}


def now() -> str:
    """The time in UTC, as manifests and `run.json` have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def as_error(kind: str, message: str) -> Exception:
    """An error of ours by its name; any other is a fault of ours."""
    ours = getattr(errors, kind, None)
    if isinstance(ours, type) and issubclass(ours, ClvError):
        return ours(message)
    if kind in NO_MEMORY:
        return OutputError("The report needs more memory than it may take; allow more with --memory, or fewer --jobs.")
    if message.startswith(NO_ROOM):
        return OutputError(f"The report can't be written: {message}")
    return RuntimeError(message if kind == "RuntimeError" else f"The report notebook failed with {kind}: {message}")
