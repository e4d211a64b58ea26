"""One process for one report, forked from a warm server: one that is killed or hangs costs only itself.

`supervise` starts the process, waits for its last word and ends it when its time is up. Any
`concurrent.futures.Executor` can run it, here or on another machine that sees the same files.
"""

import multiprocessing
import multiprocessing.forkserver
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from clvhelpers.reporting import folder
from clvhelpers.reporting.job import Job, Outcome, Status, failed_manifest
from clvhelpers.reporting.worker import ENVIRONMENT, work

SECONDS_TO_END = 10
LOG_BYTES = 20_000

_starting = threading.Lock()
_running: set[BaseProcess] = set()


def supervise(job: Job) -> Outcome:
    """Make one report in a process of its own; the outcome says how it, or its process, ended."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="clv-") as logs:
        log = Path(logs) / "output.log"
        log.touch()
        may_fork = not multiprocessing.current_process().daemon
        ended = _in_warm_process(job, log) if may_fork else _in_cold_process(job, log)
        if isinstance(ended, Outcome):
            return ended
        status, message = ended
        note = _keep_log(job, status, message, log.read_bytes()[-LOG_BYTES:].decode(errors="replace"))
    seconds = time.monotonic() - start
    client = job.settings["client"]
    return Outcome(client, job.file, status, message=message, kind="OutputError", notes=(note,), seconds=seconds)


def end_all() -> None:
    """End every report that is being made by this process."""
    for process in list(_running):
        _end(process)


def _in_warm_process(job: Job, log: Path) -> Outcome | tuple[Status, str]:
    context = _context()
    answer, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(job, dict(os.environ), theirs, str(log)))  # type: ignore[attr-defined]
    with _starting, _environment(ENVIRONMENT):
        process.start()
    theirs.close()
    _running.add(process)
    try:
        if not answer.poll(job.timeout):
            return "timed_out", _timed_out(job)
        outcome: Outcome = answer.recv()
        process.join(SECONDS_TO_END)
        return outcome
    except (EOFError, ConnectionError):  # it ended without a word
        process.join(SECONDS_TO_END)
        return "crashed", _crashed(process.exitcode)
    finally:
        _end(process)
        answer.close()
        _running.discard(process)


def _context() -> BaseContext:
    """A server from which warm processes are forked, where forking is safe; else each process starts cold."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["clvhelpers.reporting.warm_reports"])
    return context


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """What the server finds when it starts: libraries read these when they are imported."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end(process: BaseProcess) -> None:
    """End a process and all that it started."""
    if process.pid is not None:
        _kill_group(process.pid)
    process.kill()
    process.join(SECONDS_TO_END)


def _kill_group(leader: int) -> None:
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):  # it had ended, or not begun to lead a group
            os.killpg(leader, signal.SIGKILL)


def _in_cold_process(job: Job, log: Path) -> Outcome | tuple[Status, str]:
    """The same where forking is not allowed, as in a worker of Dask, which is a daemon."""
    command = [sys.executable, "-m", "clvhelpers.reporting.worker"]
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True, text=True
        )
        try:
            answer, _ = process.communicate(job.as_json(), timeout=job.timeout)
        except subprocess.TimeoutExpired:
            return "timed_out", _timed_out(job)
        finally:
            _kill_group(process.pid)
            process.kill()
            process.wait()
    return Outcome.from_json(answer) if answer else ("crashed", _crashed(process.returncode))


def _timed_out(job: Job) -> str:
    return f"It took longer than {job.timeout:g} s and was ended; give it more time with --timeout."


def _crashed(code: int | None) -> str:
    if code is None or code >= 0:
        return f"Its process ended with exit code {code} and without a word."
    name = signal.Signals(-code).name
    reason = ", as the system does when the memory is full" if name == "SIGKILL" else ""
    return f"Its process was ended by {name}{reason}."


def _keep_log(job: Job, status: Status, message: str, log: str) -> str:
    """Repair the client's folder after a process that could not do it, and keep what it left in `failed`."""
    try:
        with folder.locked(job.home):
            left = folder.abandoned(job.home)
            failed = folder.keep_failure(left, f"{message}\n{log}", failed_manifest(job, status, message))
            folder.repair(job.home)
    except OSError as problem:
        return f"No log of the failure could be kept: {problem.strerror or problem}."
    return f"The log, and the notebook as far as it came: {failed}"
