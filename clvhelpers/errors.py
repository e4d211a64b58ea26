"""Every named error and warning of the package, so that callers can catch them by name.

A `ClvError` is always the user's to mend (bad input, too little data, a wrong key); the
command line prints it without a traceback and ends with exit code 2. Anything else is ours.
"""

from collections.abc import Sequence


class ClvError(Exception):
    """Something in the input must be mended; `problems` lists every one that was found.

    Checks collect all problems first and raise once, so that a user mends them in one go.

    >>> str(ClvError(["row 3: no date", "row 9: no amount"]))
    '2 problems:\\n- row 3: no date\\n- row 9: no amount'
    >>> str(ClvError("row 3: no date"))
    'row 3: no date'
    """

    def __init__(self, problems: str | Sequence[str]):
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__(self._message())

    def _message(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        return f"{len(self.problems)} problems:\n" + "\n".join(f"- {problem}" for problem in self.problems)


class DataContractError(ClvError):
    """The transaction log can't be read, or breaks a rule that no default can settle."""


class ConfigError(ClvError):
    """A client file, or a parameter of a notebook, has a key or value that can't be used."""


class OutputError(ClvError):
    """What was made can't be kept: no room, no permission, or no time left."""


class ToolMissingError(ClvError):
    """An optional program or package is not there; the message says which, and how to get it."""


class FormulaError(ClvError, ValueError):
    """A formula was given an input for which it has no meaning, such as a churn rate of 0."""


class NotEnoughDataError(ClvError):
    """The method does not apply to so little data; the message says what would be needed."""


class LeakageError(ClvError):
    """A prediction was given something that was not known yet on the day for which it is made."""


class ExperimentError(ClvError):
    """An experiment whose data can't be, such as a unit without an arm or one that was in two."""


class PostTreatmentCovariateError(ExperimentError):
    """Something that the treatment may have changed was to be used as if it had been known before."""


class ConvergenceError(ClvError):
    """A model could not be fitted, so there is no number to give."""


class ExerciseError(ClvError):
    """An exercise that does not exist was named, or its lesson was not started."""


class ClvWarning(UserWarning):
    """A result that holds, with something the reader must know about it."""


class LeftTruncationWarning(ClvWarning):
    """The first cohort looks like customers who had bought before the log began."""


class SeasonWarning(ClvWarning):
    """A season or a promotion shows in the data, and the method knows of age only."""


class FollowUpWarning(ClvWarning):
    """One arm of an experiment was watched for longer than another."""


class SampleRatioWarning(ClvWarning):
    """The arms are not of the sizes that were planned, so something but chance decided who is in which."""


class BoundaryWarning(ClvWarning):
    """A fitted parameter lies at the edge of what the data can tell; read it with care."""
