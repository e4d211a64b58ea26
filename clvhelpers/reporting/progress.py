"""What a batch says while it runs: a bar on a terminal, plain lines elsewhere, and a table at the end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

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


@contextmanager
def telling(console: Console, number: int) -> Iterator[Tell]:
    """Something to call with each outcome of so many."""
    if not console.is_terminal:
        yield _lines(console, number)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Making the reports", total=number)

        def tell(outcome: Outcome) -> None:
            if not outcome.good:
                progress.console.print(Text(line(outcome)), soft_wrap=True)
            progress.advance(task)

        yield tell


def _lines(console: Console, number: int) -> Tell:
    done = 0

    def tell(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        console.print(Text(f"[{done}/{number}] {line(outcome)}"), soft_wrap=True)

    return tell


def line(outcome: Outcome) -> str:
    """One outcome in a line.

    >>> line(Outcome("acme", "acme.yml", "rendered", as_of="2026-06-30", seconds=4.21))
    'acme: rendered as of 2026-06-30 (4.2 s)'
    """
    when = f" as of {outcome.as_of}" if outcome.as_of else ""
    took = f" ({outcome.seconds:.1f} s)" if outcome.seconds else ""
    return f"{outcome.client}: {WORDS[outcome.status]}{when}{took}"


def result_table(outcomes: Sequence[Outcome], where: Path) -> Table:
    """A row for each report: how it ended and what it took; what to know about it is told below."""
    table = Table("Client", "How it ended", "As of", "Notes", "Seconds", "MB", title=f"Reports in {where}")
    for outcome in outcomes:
        notes = "see below" if not outcome.good else _noted(outcome)
        figures = (f"{outcome.seconds:.1f}", f"{outcome.megabytes:.0f}" if outcome.megabytes else "")
        row = (outcome.client, WORDS[outcome.status], outcome.as_of or "", notes, *figures)
        table.add_row(*map(Text, row))
    return table


def _noted(outcome: Outcome) -> str:
    number = len(outcome.notes) + len(outcome.warnings)
    return "" if not number else f"{number} note{'' if number == 1 else 's'}"
