"""Imported by the fork server of `supervise.py`: importing it is what makes that server warm."""

import atexit
import os

from clvhelpers.reporting.warm import FOR_REPORTS, keep, preload
from clvhelpers.reporting.worker import leave_out


def _rehearse() -> None:
    """Do once what takes long the first time and leaves nothing behind but what is ready then."""
    import narwhals
    import nbformat.v4
    import pandas
    import pyarrow

    from clvhelpers.reporting import fingerprint, html, run

    nbformat.validate(nbformat.v4.new_notebook())
    html.template()
    run.versions()
    fingerprint.package_sha256()
    for table in (pandas.DataFrame(), pyarrow.table({})):
        narwhals.from_native(table)


def _end_quietly() -> None:
    """DuckDB's binding ends a process with a list of what it did not free, which nobody can act on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


leave_out()
preload(FOR_REPORTS)
_rehearse()
keep()
atexit.register(_end_quietly)
