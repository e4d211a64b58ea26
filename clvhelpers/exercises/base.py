"""What an exercise is, and the four calls that a learner makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from clvhelpers.errors import ExerciseError, FormulaError, NotEnoughDataError
from clvhelpers.exercises.compare import Rules, fault
from clvhelpers.text import Text, md

Parameters = Mapping[str, Any]
Outcome = Literal["right", "not yet", "not answered", "left out"]
ANY_TEXT = ("", chr(0x10FFFF))  # the limits of a parameter that may be any text, such as the path of a client file


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people give: how it comes about, and a sentence that names the mistake.

    `says` is shown to the learner after "Not yet." and must not give the right answer away.
    """

    answer: Callable[[Parameters], Any]
    says: str


@dataclass(frozen=True)
class Exercise:
    """One question with its right answer, made from the parameters that the learner works with.

    The kind of answer follows from what `answer` returns: a number (matched within `tolerance`,
    a fraction of it), True or False, a word, a set of words (any order), a list (in order), or
    numbers by name (dict or Series). `choices` lists the words to choose from.

    `why`, `says`, `hints` and `solution` are Markdown in which `{margin}` stands for the parameter
    of that name (`{margin:.0%}` formats it); a brace that is meant as such is doubled. `unit` says
    what the number is in. `code` is the cell tagged `exercise` in the solutions notebook; a test
    compares the two.
    """

    id: str
    answer: Callable[[Parameters], Any]
    why: str
    mistakes: tuple[Mistake, ...] | list[Mistake]
    hints: tuple[str, ...] | list[str]
    solution: str
    code: str
    unit: str = ""
    tolerance: float = 0.005
    choices: tuple[str, ...] = ()

    @property
    def rules(self) -> Rules:
        return Rules(self.tolerance, tuple(self.choices))

    def checked(self, right: object) -> str:
        """What a right answer was compared with, as a sentence."""
        if self.choices:
            return f"Checked against the right one among {len(self.choices)} choices."
        unit = f", in {self.unit}" if self.unit else ""
        if isinstance(right, bool):
            return "Checked: true or false."
        return f"Checked to within {self.tolerance:.1%} of what this notebook's parameters give{unit}."

    def mistake_in(self, given: object, parameters: Parameters) -> Mistake | None:
        """The known mistake that leads to this answer, if there is one."""
        for mistake in self.mistakes:
            try:
                wrong = mistake.answer(parameters)
            except (FormulaError, ArithmeticError):
                continue  # with these parameters the mistake leads to no number at all
            if fault(wrong, given, self.rules) is None:
                return mistake
        return None


@dataclass(frozen=True)
class Verdict:
    """What `check` says: `outcome` for a program, words for a learner."""

    outcome: Outcome
    text: Text

    def _repr_markdown_(self) -> str:
        return self.text._repr_markdown_()

    def __repr__(self) -> str:
        return self.text.plain


@dataclass
class _Lesson:
    exercises: dict[str, Exercise]
    parameters: Parameters
    hints_given: dict[str, int] = field(default_factory=dict)


_started: dict[str, _Lesson] = {}


def lesson_numbers() -> list[str]:
    """The lessons that have exercises, such as `["00", "01", "02"]`."""
    return sorted(path.stem.removeprefix("lesson_") for path in Path(__file__).parent.glob("lesson_*.py"))


def lesson_module(number: str) -> ModuleType:
    """The module with the exercises of a lesson; ExerciseError names those that exist."""
    if number not in lesson_numbers():
        raise ExerciseError(
            f"there is no lesson {number!r} with exercises; those that exist are {_listed(lesson_numbers())}"
        )
    return import_module(f"clvhelpers.exercises.lesson_{number}")


def start_lesson(number: str, **parameters: object) -> Text:
    """Start a lesson: from now on its answers are checked against these parameters.

    Every parameter of the lesson must be given; hints start again from the first. Raises
    ExerciseError for an unknown lesson, for an unknown or missing parameter, and for one outside
    its limits.

    >>> start_lesson("00", customers=1000, weeks_watched=78, top_share=0.1, gross_margin=0.4, seed=1)
    Lesson 00 is ready: 3 exercises are checked with your parameters.
    """
    module = lesson_module(number)
    wanted, problems = module.PARAMETERS, []
    for name in parameters.keys() - wanted.keys():
        problems.append(f"lesson {number} has no parameter {name!r}; it has {_listed(wanted)}")
    for name in wanted.keys() - parameters.keys():
        problems.append(f"lesson {number} needs {name}: write `clv.start_lesson({number!r}, {name}={name}, ...)`")
    for name in parameters.keys() & wanted.keys():
        problems += _limit_problems(name, parameters[name], *module.LIMITS[name])
    if problems:
        raise ExerciseError(sorted(problems))
    exercises = {exercise.id: exercise for exercise in module.EXERCISES}
    _started[number] = _Lesson(exercises, dict(parameters))
    return md(
        "Lesson {number} is ready: {count} exercises are checked with your parameters.",
        number=number,
        count=len(exercises),
    )


def _limit_problems(name: str, value: Any, low: Any, high: Any) -> list[str]:
    try:
        inside = bool(low <= value <= high)
    except (TypeError, ValueError):
        inside = False
    share = "; a share is given as a fraction, such as 0.2 for 20%" if high == 1 else ""
    return [] if inside else [f"{name} is {value!r}: here it must lie between {low!r} and {high!r}{share}"]


def check(exercise_id: str, answer: object) -> Verdict:
    """Compare an answer with the right one for this lesson's parameters.

    Four outcomes: right, with the reason; not yet, with the mistake if it is a known one and else
    a direction; not answered, if the answer is still `...`; left out, if the data of the company that
    the lesson runs on don't allow the exercise (its `answer` raises NotEnoughDataError). Raises
    ExerciseError for an unknown exercise, and if its lesson was not started.

    >>> _ = start_lesson("00", customers=1000, weeks_watched=78, top_share=0.1, gross_margin=0.4, seed=1)
    >>> check("00.1", ...)
    **Not answered yet.** Put your answer in place of `...` and run both cells.
    >>> check("00.1", "100")
    **Not yet.** It is text. A number is wanted: leave out the quotation marks.
    >>> check("00.1", 100).outcome
    'right'
    """
    exercise, lesson = _find(exercise_id)
    if answer is ...:
        return Verdict(
            "not answered", md("**Not answered yet.** Put your answer in place of `...` and run both cells.")
        )
    try:
        right = exercise.answer(lesson.parameters)
    except NotEnoughDataError as lacking:
        return Verdict("left out", md("**Not with these data:** {why}.", why=str(lacking)))
    problem = fault(right, answer, exercise.rules)
    if problem is None:
        return Verdict(
            "right", _joined(md("**Right.** " + exercise.why, **lesson.parameters), md(exercise.checked(right)))
        )
    mistake = exercise.mistake_in(answer, lesson.parameters)
    words = md(mistake.says, **lesson.parameters) if mistake else problem
    return Verdict("not yet", _joined(md("**Not yet.**"), words))


def hint(exercise_id: str) -> Text:
    """The next hint, from a gentle one to a plain one; the last is repeated. Raises ExerciseError as `check` does.

    >>> _ = start_lesson("00", customers=1000, weeks_watched=78, top_share=0.1, gross_margin=0.4, seed=1)
    >>> hint("00.1").plain.partition(".")[0], hint("00.1").plain.partition(".")[0]
    ('**Hint 1 of 2', '**Hint 2 of 2')
    """
    exercise, lesson = _find(exercise_id)
    last = len(exercise.hints)
    number = min(lesson.hints_given.get(exercise_id, 0) + 1, last)
    lesson.hints_given[exercise_id] = number
    head = md("**Hint {number} of {last}.**", number=number, last=last)
    return _joined(head, md(exercise.hints[number - 1], **lesson.parameters))


def solution(exercise_id: str) -> Text:
    """The way to the answer in words, then the code. Raises ExerciseError as `check` does.

    >>> _ = start_lesson("00", customers=1000, weeks_watched=78, top_share=0.1, gross_margin=0.4, seed=1)
    >>> print(solution("00.1").plain.splitlines()[-1])
    answer_1 = round(customers * top_share)
    """
    exercise, lesson = _find(exercise_id)
    words = _joined(md("**Solution of {id}.**", id=exercise_id), md(exercise.solution, **lesson.parameters))
    code = exercise.code.strip()
    return Text(f"{words.markdown}\n\n```python\n{code}\n```", f"{words.plain}\n\n{code}")


def _find(exercise_id: str) -> tuple[Exercise, _Lesson]:
    if not isinstance(exercise_id, str):
        raise ExerciseError(f'name the exercise as text, such as "02.3"; got {exercise_id!r}')
    number = exercise_id.partition(".")[0]
    if number in _started and exercise_id in _started[number].exercises:
        return _started[number].exercises[exercise_id], _started[number]
    known = [exercise.id for lesson in lesson_numbers() for exercise in lesson_module(lesson).EXERCISES]
    if exercise_id in known:
        raise ExerciseError(
            f"lesson {number} was not started: run the cell with `clv.start_lesson({number!r}, ...)` near its top"
        )
    near = get_close_matches(exercise_id, known, n=3, cutoff=0.4) or known
    raise ExerciseError(f"there is no exercise {exercise_id!r}; did you mean {_listed(near)}?")


def _joined(*texts: Text) -> Text:
    return Text(" ".join(text.markdown for text in texts), " ".join(text.plain for text in texts))


def _listed(names: Any) -> str:
    return ", ".join(str(name) for name in names)
