"""What could not be had, and why: a step that does not apply becomes a note and never a wrong number."""

import warnings
from collections.abc import Callable, Iterable
from typing import TypeVar

from clvhelpers.errors import ClvWarning, ConvergenceError, NotEnoughDataError

Result = TypeVar("Result")


class Notes:
    """Runs the steps of an analysis and keeps the reasons of those that could not be done.

    >>> notes = Notes()
    >>> notes.attempt("The mean", lambda: 4 / 2)
    2.0
    >>> def too_little():
    ...     raise NotEnoughDataError("there is one order; two are needed")
    >>> notes.attempt("The mean", too_little), notes.texts
    (None, ['The mean: there is one order; two are needed'])
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts = list(texts)

    def add(self, text: str) -> None:
        if text not in self.texts:
            self.texts.append(text)

    def attempt(self, what: str, step: Callable[[], Result]) -> Result | None:
        """The result of `step`, or None with a note; named warnings become notes, others stay warnings."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ClvWarning)
            try:
                result = step()
            except (NotEnoughDataError, ConvergenceError) as error:
                result = None
                self.add(f"{what}: {'; '.join(error.problems)}")
        for warning in caught:
            if issubclass(warning.category, ClvWarning):
                self.add(f"{what}: {warning.message}")
            else:
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        return result
