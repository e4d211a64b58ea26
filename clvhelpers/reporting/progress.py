"""What a batch says while it runs: a bar on a terminal, plain lines elsewhere, and a table at the end.

The bar is drawn by rich, which is imported only where there is a terminal: a batch in which nothing has changed
should take less time than that.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from clvhelpers.reporting.batch import Tell
from clvhelpers.reporting.job import Outcome

WORDS = {
    "rendered": "rendered",
    "unchanged": "unchanged",
    "failed_in_notebook": "failed in the notebook",
    "failed_before": "failed before it",
    "crashed": "crashed",
    "timed_out": "timed out",
}
HEAD = ("Client", "How it ended", "As of", "Notes", "Seconds", "MB")


def telling(number: int) -> AbstractContextManager[Tell]:
    """Something to call with each outcome of so many; it writes to the standard error stream."""
    return _bar(number) if sys.stderr.isatty() else nullcontext(_lines(number))


@contextmanager
def _bar(number: int) -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True, highlight=False)) as progress:
        task = progress.add_task("Making the reports", total=number)

        def tell(outcome: Outcome) -> None:
            if not outcome.good:
                progress.console.print(Text(line(outcome)), soft_wrap=True)
            progress.advance(task)

        yield tell


def _lines(number: int) -> Tell:
    done = 0

    def tell(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        print(f"[{done}/{number}] {line(outcome)}", file=sys.stderr)

    return tell


def line(outcome: Outcome) -> str:
    """One outcome in a line.

    >>> line(Outcome("acme", "acme.yml", "rendered", as_of="2026-06-30", seconds=4.21))
    'acme: rendered as of 2026-06-30 (4.2 s)'
    """
    when = f" as of {outcome.as_of}" if outcome.as_of else ""
    took = f" ({outcome.seconds:.1f} s)" if outcome.seconds else ""
    return f"{outcome.client}: {WORDS[outcome.status]}{when}{took}"


def result_table(outcomes: Sequence[Outcome], where: Path) -> str:
    """A line for each report: how it ended and what it took; what to know about it is told below.

    >>> print(result_table([Outcome("acme", "acme.yml", "rendered", as_of="2026-06-30", seconds=4.21)], Path("out")))
    Reports in out
    Client  How it ended  As of       Notes  Seconds  MB
    acme    rendered      2026-06-30         4.2
    """
    rows = [HEAD, *map(_row, outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join([f"Reports in {where}", *lines])


def _row(outcome: Outcome) -> tuple[str, ...]:
    notes = "see below" if not outcome.good else _noted(outcome)
    figures = (f"{outcome.seconds:.1f}", f"{outcome.megabytes:.0f}" if outcome.megabytes else "")
    return (outcome.client, WORDS[outcome.status], outcome.as_of or "", notes, *figures)


def _noted(outcome: Outcome) -> str:
    number = len(outcome.notes) + len(outcome.warnings)
    return "" if not number else f"{number} note{'' if number == 1 else 's'}"
