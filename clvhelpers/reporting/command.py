"""`clv report`: what it reads from its options, says on the way, and ends with."""

import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from clvhelpers.errors import ConfigError, ToolMissingError
from clvhelpers.reporting import batch, progress
from clvhelpers.reporting.job import Outcome, Pdf, as_error

SECONDS_TO_CONNECT = 10
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def report(clients: Sequence[Path], settings: batch.Settings, dask: str | None) -> int:
    """Make the reports and tell how they ended; the exit code: 0 all good, 2 something to mend, 1 a fault of ours."""
    jobs, refused = batch.plan(clients, settings)
    if len(jobs) + len(refused) > 1:
        for outcome in refused:
            print(f"{outcome.file} can't be begun: {outcome.message}", file=sys.stderr)
    with executor(dask) as elsewhere, progress.telling(len(jobs) + len(refused)) as tell:
        outcomes = batch.run(jobs, refused, settings, elsewhere, tell)
    if len(outcomes) == 1:
        tell_one(outcomes[0])
    else:
        tell_many(outcomes, settings.output)
    return max(map(exit_code, outcomes))


def exit_code(outcome: Outcome) -> int:
    """0 for a good report; else 2 where the user can mend it, and 1 where it is a fault of ours."""
    if outcome.good:
        return 0
    return 1 if isinstance(as_error(outcome.kind, ""), RuntimeError) else 2


def tell_one(outcome: Outcome) -> None:
    """Where a single report lies and what it notes; an error is raised as if it had come up here."""
    outcome.raise_if_failed()
    folder = Path(str(outcome.folder))
    state = "is ready" if outcome.status == "rendered" else "was there already, made from the same data and settings"
    print(f"The report {state}: {shortest(folder / 'report.html')}")
    print(f"Beside it: {', '.join(sorted(file.name for file in folder.iterdir() if file.name != 'report.html'))}")
    for note in (*outcome.notes, *outcome.warnings):
        print(f"Note: {note}")


def tell_many(outcomes: Sequence[Outcome], output: Path) -> None:
    """A table of all reports, the reasons of those that failed, and where to look."""
    print(progress.result_table(outcomes, shortest(output)))
    for outcome in outcomes:
        for words in () if outcome.good else (outcome.message, *outcome.notes):
            print(f"{outcome.client}: {words}")
    good = sum(outcome.good for outcome in outcomes)
    print(f"{good} of {len(outcomes)} reports are good. Start here: {shortest(output / 'index.html')}")


@contextmanager
def executor(dask: str | None) -> Iterator[Executor | None]:
    """The executor of a Dask cluster at an address, or none."""
    if dask is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise ToolMissingError('--dask needs the package distributed: pip install "clvhelpers[dask]"') from None
    try:
        client = Client(dask, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError, TimeoutError) as error:
        raise ConfigError(f"--dask {dask}: no Dask scheduler answers there ({error})") from None
    with client:
        yield client.get_executor(pure=False)


def pdf_way(text: str) -> Pdf:
    """The value of --pdf, checked."""
    for way in get_args(Pdf):
        if text == way:
            return way
    raise ConfigError(f"--pdf {text}: give one of {', '.join(get_args(Pdf))}")


def bytes_of(text: str | None) -> int | None:
    """A size of memory as people write it, in bytes.

    >>> bytes_of("4GB"), bytes_of("600 M"), bytes_of(None)
    (4294967296, 629145600, None)
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)I?B?", text.strip().upper())
    size = int(float(found[1]) * UNITS[found[2]]) if found else 0
    if size < 2**28:
        raise ConfigError(f"--memory {text}: give a size from 256MB, such as 600MB or 4GB")
    return size


def shortest(path: Path) -> Path:
    """A path as seen from the current folder, where that is shorter."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
