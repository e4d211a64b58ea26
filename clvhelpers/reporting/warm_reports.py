"""Imported by the fork server of `batch.py`: importing it is what makes that server warm."""

from clvhelpers.reporting.warm import FOR_NOTEBOOKS, FOR_REPORTS, preload

preload(FOR_NOTEBOOKS + FOR_REPORTS)
