"""Imported by the fork server of `supervise.py`: importing it is what makes that server warm."""

import atexit
import os

from clvhelpers.reporting.warm import FOR_REPORTS, preload
from clvhelpers.reporting.worker import leave_out


def _end_quietly() -> None:
    """DuckDB's binding ends a process with a list of what it did not free, which nobody can act on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


leave_out()
preload(FOR_REPORTS)
atexit.register(_end_quietly)
