"""Every exercise of every lesson, with the teaching case and with other parameters."""

import math
import re
from numbers import Real
from typing import Any

import pandas as pd
import pytest

import clvhelpers as clv
from clvhelpers.errors import FormulaError, NotEnoughDataError
from clvhelpers.exercises import Exercise
from clvhelpers.exercises.base import ANY_TEXT, lesson_module, lesson_numbers
from clvhelpers.exercises.compare import fault
from tests.notebooks.course import OTHER_PARAMETERS


def cases() -> list[Any]:
    """Each exercise with the parameters of the teaching case, and with those that other tests use."""
    found = []
    for number in lesson_numbers():
        module = lesson_module(number)
        others = {name: OTHER_PARAMETERS[number].get(name, value) for name, value in module.PARAMETERS.items()}
        for parameters, name in ((module.PARAMETERS, "teaching"), (others, "other")):
            found += [pytest.param(one, parameters, id=f"{one.id}-{name}") for one in module.EXERCISES]
    return found


each_case = pytest.mark.parametrize(("exercise", "parameters"), cases())
each_teaching_case = pytest.mark.parametrize(
    ("exercise", "parameters"), [case for case in cases() if case.id.endswith("-teaching")]
)


@pytest.fixture(autouse=True)
def started(exercise: Exercise, parameters: dict[str, Any]) -> None:
    clv.start_lesson(exercise.id[:2], **parameters)


def wrong_answers(exercise: Exercise, parameters: dict[str, Any]) -> list[tuple[Any, str]]:
    """What each known mistake leads to, with its words, where these parameters let it."""
    found = []
    for mistake in exercise.mistakes:
        try:
            found.append((mistake.answer(parameters), mistake.says))
        except (FormulaError, ArithmeticError):
            continue
    return found


def numbers_in(text: str) -> list[float]:
    return [float(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


@each_case
def test_right_answer_is_accepted_with_a_reason(exercise: Exercise, parameters: dict[str, Any]) -> None:
    verdict = clv.check(exercise.id, exercise.answer(parameters))
    assert verdict.outcome == "right"
    assert exercise.why.strip()


@pytest.mark.parametrize("end", [0, 1], ids=["lowest", "highest"])
@each_teaching_case
def test_right_answers_exist_at_the_limits_of_each_parameter(
    exercise: Exercise, parameters: dict[str, Any], end: int
) -> None:
    lesson = lesson_module(exercise.id[:2])
    for name, limits in lesson.LIMITS.items():
        if end == 1 and (name in ("customers", "weeks_watched") or limits == ANY_TEXT):
            continue  # the largest shops take long to invent, and the last of all texts is no path
        changed = {**parameters, name: limits[end]}
        clv.start_lesson(exercise.id[:2], **changed)
        try:
            right = exercise.answer(changed)
        except NotEnoughDataError:
            assert clv.check(exercise.id, "anything").outcome == "left out"
        else:
            assert clv.check(exercise.id, right).outcome == "right"


@each_case
def test_open_answer_is_no_mistake(exercise: Exercise, parameters: dict[str, Any]) -> None:
    assert clv.check(exercise.id, ...).outcome == "not answered"


@each_case
def test_known_mistakes_are_named_each_in_its_own_words(exercise: Exercise, parameters: dict[str, Any]) -> None:
    right, said = exercise.answer(parameters), set()
    for wrong, words in wrong_answers(exercise, parameters):
        if fault(right, wrong, exercise.rules) is None:
            continue  # with these parameters the mistake leads to the right answer
        verdict = clv.check(exercise.id, wrong)
        assert verdict.outcome == "not yet"
        assert repr(verdict).startswith("**Not yet.** ")
        first = next(says for other, says in wrong_answers(exercise, parameters) if same(other, wrong, exercise))
        assert repr(verdict) == "**Not yet.** " + clv.md(first, **parameters).plain
        said.add(words)
    assert len(said) >= 2, "at least two mistakes that lead to a wrong answer are wanted"


def same(left: Any, right: Any, exercise: Exercise) -> bool:
    return fault(left, right, exercise.rules) is None


@each_case
def test_wrong_answers_differ_from_the_right_one_in_the_teaching_case(
    exercise: Exercise, parameters: dict[str, Any]
) -> None:
    if parameters is lesson_module(exercise.id[:2]).PARAMETERS:
        answers = [exercise.answer(parameters), *(wrong for wrong, _ in wrong_answers(exercise, parameters))]
        for place, answer in enumerate(answers):
            assert not any(same(answer, other, exercise) for other in answers[:place])
        assert len(answers) == len(exercise.mistakes) + 1


@each_case
def test_help_before_the_solution_does_not_give_the_number_away(exercise: Exercise, parameters: dict[str, Any]) -> None:
    right = exercise.answer(parameters)
    words = [repr(clv.hint(exercise.id)).partition(".** ")[2] for _ in exercise.hints]
    words += [clv.md(mistake.says, **parameters).plain for mistake in exercise.mistakes]
    assert len(words) == len(exercise.hints) + len(exercise.mistakes) >= 3
    assert all(text.strip() for text in words)
    if isinstance(right, Real) and not isinstance(right, bool):
        shown = [number for text in words for number in numbers_in(text)]
        given = [value for value in parameters.values() if isinstance(value, Real)]
        close = [number for number in shown if math.isclose(number, right, rel_tol=0.001)]
        assert [number for number in close if number not in given] == []


@each_teaching_case
def test_wrong_kinds_of_answers_end_in_words(exercise: Exercise, parameters: dict[str, Any]) -> None:
    for answer in (None, float("nan"), "no such choice", [], {}, pd.Series(dtype=float), object()):
        verdict = clv.check(exercise.id, answer)
        assert verdict.outcome == "not yet"
        assert len(repr(verdict)) > len("**Not yet.** ")


@each_case
def test_solution_has_words_and_code(exercise: Exercise, parameters: dict[str, Any]) -> None:
    assert "answer" in clv.solution(exercise.id).markdown
    assert exercise.solution.strip()
