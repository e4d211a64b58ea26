"""The process that makes one report: its limits, its own standing in the system, and its last word.

`python -m clvhelpers.reporting.worker` does the same for a job that comes as JSON on standard input, where no
process can be forked: it answers with the outcome as JSON on standard output.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing import parent_process
from multiprocessing.connection import Connection

from clvhelpers.reporting.job import Job, Outcome

# Read by libraries when they are imported: one report has one core, and nobody debugs it.
ENVIRONMENT = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONSAFEPATH": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def work(job: Job, environment: Mapping[str, str], answer: Connection, log: str) -> None:
    """Make a report and send its outcome; what it prints goes to the file `log`."""
    _stand_alone(log)
    os.environ.clear()
    os.environ.update(environment)
    answer.send(measured(job))


def measured(job: Job) -> Outcome:
    """The outcome of a job in this process, under its limits, with what it took."""
    from clvhelpers.reporting.run import make_report

    limit_memory(job.memory)
    outcome = make_report(job)
    cpu_seconds, megabytes = usage()
    return replace(outcome, cpu_seconds=cpu_seconds, megabytes=megabytes)


def limit_memory(limit: int | None) -> None:
    """Let this process hold at most so many bytes of data, where the system can do that.

    A browser that prints needs other limits than Python does, so the limit is one that the process may lift.
    """
    if limit is None or sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def usage() -> tuple[float, float]:
    """Processor seconds and largest memory of this process and its children, where the system tells them."""
    if sys.platform == "win32":
        return 0.0, 0.0
    import resource

    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(used.ru_utime + used.ru_stime for used in both)
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return round(seconds, 2), round(max(used.ru_maxrss for used in both) / unit)


def leave_out() -> None:
    """Load neither the debugger of kernels nor the grammars of addresses of jsonschema, which take two seconds.

    Both are optional to those who load them, and no report has a use for them.
    """
    sys.modules.update(dict.fromkeys(("debugpy", "rfc3987_syntax")))  # type: ignore[arg-type]


def _stand_alone(log: str) -> None:
    """Lead a process group of its own, which can be ended as a whole and ends with whoever asked for the report."""
    if sys.platform != "win32":
        os.setsid()
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(target, stream)
    os.close(target)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is None:
        return
    parent.join()
    if sys.platform == "win32":
        os._exit(1)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Take a job from standard input and answer on standard output; everything else goes to standard error."""
    answer = os.dup(1)
    os.dup2(2, 1)
    os.environ.update(ENVIRONMENT)
    leave_out()
    outcome = measured(Job.from_json(sys.stdin.read()))
    with os.fdopen(answer, "w") as stream:
        stream.write(outcome.as_json())


if __name__ == "__main__":
    main()
