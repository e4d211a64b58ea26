"""Checks, hints and solutions, on a lesson made up for the purpose."""

import sys
from decimal import Decimal
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import clvhelpers as clv
from clvhelpers.errors import ExerciseError, FormulaError, NotEnoughDataError
from clvhelpers.exercises import Exercise, Mistake, base


def refuse(_: object) -> float:
    raise FormulaError("no number for these parameters")


def lack(_: object) -> float:
    raise NotEnoughDataError("the orders of <b> have no cost")


EXERCISES = [
    Exercise(
        id="90.1",
        answer=lambda p: p["margin"] * p["sales"],
        why="{margin:.0%} of {sales:,.0f} is left.",
        mistakes=[
            Mistake(refuse, "This is never shown."),
            Mistake(lambda p: p["sales"], "This is revenue."),
            Mistake(lambda p: p["margin"] * p["sales"], "This would shadow the right answer."),
        ],
        hints=["What is left of {sales:,.0f}?", "Multiply."],
        solution="Multiply the two, as in {{a set}}.",
        code="answer_1 = margin * sales\n",
        unit="US dollars",
    ),
    Exercise("90.2", lambda p: "margin", "It is.", (), ["Look."], "It is.", "", choices=("margin", "price level")),
    Exercise("90.3", lambda p: {"one", "two"}, "They are.", (), ["Look."], "", "", choices=("one", "two", "three")),
    Exercise("90.4", lambda p: ["one", "two"], "They are.", (), ["Look."], "", ""),
    Exercise("90.5", lambda p: {"a": 1.0, "b": 200.0}, "They are.", (), ["Look."], "", ""),
    Exercise("90.6", lambda p: pd.Series({1: 0.5, 2: 0.25}), "They are.", (), ["Look."], "", ""),
    Exercise("90.7", lambda p: True, "It is.", (), ["Look."], "", ""),
    Exercise("90.8", lambda p: 0.0, "It is.", (), ["Look."], "", ""),
    Exercise("90.10", lack, "It is.", (), ["Look."], "", ""),
]


@pytest.fixture(autouse=True)
def lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("clvhelpers.exercises.lesson_90")
    module.PARAMETERS = {"margin": 0.5, "sales": 100.0}  # type: ignore[attr-defined]
    module.LIMITS = {"margin": (0.01, 1), "sales": (0, 1000)}  # type: ignore[attr-defined]
    module.EXERCISES = EXERCISES  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(base, "lesson_numbers", lambda: ["90"])
    monkeypatch.setattr(base, "_started", {})
    clv.start_lesson("90", margin=0.5, sales=100.0)


def verdict(exercise_id: str, answer: object) -> str:
    """The outcome, and the words after "Not yet."."""
    found = clv.check(exercise_id, answer)
    assert repr(found) == found.text.plain
    assert found._repr_markdown_() == found.text._repr_markdown_()
    return f"{found.outcome}: {repr(found).partition('.** ')[2]}"


@pytest.mark.parametrize(
    "answer", [50, 50.0, 50.2, np.float64(50), np.float32(50), np.int64(50), np.array(50.0), Decimal(50)]
)
def test_right_number_is_accepted_whatever_its_type(answer: object) -> None:
    assert verdict("90.1", answer) == (
        "right: 50% of 100 is left. Checked to within 0.5% of what this notebook's parameters give, in US dollars."
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (100, "This is revenue."),
        (49, "too low"),
        (70.0, "too high"),
        (5000, "100 times too large"),
        (0.5, "100 times too small"),
        (600, "12 times too large"),
        (50 / 12, "12 times too small"),
        (-50, "the sign is not"),
        ("50", "It is text. A number is wanted: leave out the quotation marks."),
        (True, "It is `True` or `False`."),
        (np.bool_(True), "It is `True` or `False`."),
        (None, "It is `None`."),
        (float("nan"), "nan, which is not a finite number"),
        (np.inf, "inf, which is not a finite number"),
        (pd.NA, "It is a NAType."),
        (pd.Series([50.0]), "It is a Series."),
        ([50], "It is a list."),
    ],
)
def test_wrong_number_gets_a_reason_or_a_direction(answer: object, words: str) -> None:
    found = verdict("90.1", answer)
    assert found.startswith("not yet: ")
    assert words in found
    assert "50" not in found


def test_answer_left_open_is_no_mistake() -> None:
    assert verdict("90.1", ...) == "not answered: Put your answer in place of `...` and run both cells."


@pytest.mark.parametrize(
    ("exercise_id", "answer"),
    [
        ("90.2", " Margin "),
        ("90.3", {"one", "two"}),
        ("90.3", ["Two", "one", "one"]),
        ("90.3", np.array(["one", "two"])),
        ("90.4", ("one", "two")),
        ("90.5", {"A": 1, "b": 200.5}),
        ("90.5", pd.Series({"b": 200, "a": 1})),
        ("90.6", {1: 0.5, 2: 0.25}),
        ("90.6", pd.Series({2: 0.25, 1: 0.5})),
        ("90.7", np.bool_(True)),
        ("90.8", 0),
    ],
)
def test_right_words_and_collections_are_accepted(exercise_id: str, answer: object) -> None:
    assert verdict(exercise_id, answer).startswith("right: ")


@pytest.mark.parametrize(
    ("exercise_id", "answer", "words"),
    [
        ("90.2", "price  level", "It is not 'price  level'."),
        ("90.2", "prise", "prise is not among the choices, which are: margin, price level."),
        ("90.2", 3, "3 is not among the choices"),
        ("90.3", "one", "Several are wanted: put them in braces, such as `{first, second}`."),
        ("90.3", 7, "Several are wanted"),
        ("90.3", {"one"}, "Right: 1. Wrong: 0. Still to find: 1."),
        ("90.3", {"one", "three"}, "Right: 1. Wrong: 1. Still to find: 1."),
        ("90.3", {"one", "four"}, "four is not among the choices"),
        ("90.4", ["two", "one"], "not in the right order"),
        ("90.4", {"one", "two"}, "a set, which has no order"),
        ("90.4", [["one"], "two"], "Right: 1."),
        ("90.5", {"a": 1}, "There is no value for b."),
        ("90.5", {"a": 1, "b": 200, "c": 3}, "These names are not asked for: c."),
        ("90.5", {"a": 1, "b": 300}, "Not right: 1 of 2. Look at b first. It is too high."),
        ("90.5", {"a": "1", "b": 300}, "Not right: 2 of 2. Look at a first. It is text."),
        ("90.5", 5, "Numbers by name are wanted"),
        ("90.6", pd.Series({1: 0.5, 2: np.nan}), "Look at 2 first. It is nan"),
        ("90.7", False, "the other way round"),
        ("90.7", 1, "Answer with `True` or `False`"),
        ("90.8", 0.001, "too high"),
    ],
)
def test_wrong_words_and_collections_get_a_reason(exercise_id: str, answer: object, words: str) -> None:
    found = verdict(exercise_id, answer)
    assert found.startswith("not yet: ")
    assert words in found


def test_text_of_a_learner_is_never_markup() -> None:
    shown = clv.check("90.2", "<script>alert(1)</script>")._repr_markdown_()
    assert "<script>" not in shown
    assert "&#60;script&#62;" in shown


def test_hints_come_one_by_one_and_start_again_with_the_lesson() -> None:
    assert [repr(clv.hint("90.1")) for _ in range(3)] == [
        "**Hint 1 of 2.** What is left of 100?",
        "**Hint 2 of 2.** Multiply.",
        "**Hint 2 of 2.** Multiply.",
    ]
    clv.start_lesson("90", margin=0.5, sales=250.0)
    assert repr(clv.hint("90.1")) == "**Hint 1 of 2.** What is left of 250?"


def test_solution_is_words_and_code() -> None:
    shown = clv.solution("90.1")
    assert shown.plain == "**Solution of 90.1.** Multiply the two, as in {a set}.\n\nanswer_1 = margin * sales"
    assert shown.markdown.endswith("\n\n```python\nanswer_1 = margin * sales\n```")


def test_answer_follows_the_parameters_of_the_lesson() -> None:
    clv.start_lesson("90", margin=0.2, sales=100.0)
    assert verdict("90.1", 20).startswith("right: ")
    assert verdict("90.1", 50) == "not yet: It is too high."


def start(**parameters: Any) -> None:
    clv.start_lesson("90", **parameters)


def test_parameters_are_neither_missing_nor_unknown() -> None:
    with pytest.raises(ExerciseError) as refused:
        start(margin=0.2, revenue=3.0)
    assert refused.value.problems == (
        "lesson 90 has no parameter 'revenue'; it has margin, sales",
        "lesson 90 needs sales: write `clv.start_lesson('90', sales=sales, ...)`",
    )


@pytest.mark.parametrize("margin", [0, 40, -0.1, float("nan"), "0.4", None])
def test_parameters_outside_their_limits_are_refused(margin: object) -> None:
    with pytest.raises(ExerciseError) as refused:
        start(margin=margin, sales=1001)
    assert refused.value.problems == (
        f"margin is {margin!r}: here it must lie between 0.01 and 1; "
        "a share is given as a fraction, such as 0.2 for 20%",
        "sales is 1001: here it must lie between 0 and 1000",
    )


@pytest.mark.parametrize(
    ("exercise_id", "words"),
    [
        ("90.9", "there is no exercise '90.9'; did you mean 90."),
        ("zz", "did you mean 90.1, 90.2, 90.3"),
        (90.1, 'name the exercise as text, such as "02.3"; got 90.1'),
    ],
)
@pytest.mark.parametrize("call", [lambda name: clv.check(name, 1), clv.hint, clv.solution])
def test_unknown_exercise_is_refused_with_the_nearest(call: Any, exercise_id: Any, words: str) -> None:
    with pytest.raises(ExerciseError, match=words):
        call(exercise_id)


def test_lesson_must_exist_and_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExerciseError, match="no lesson '91' with exercises; those that exist are 90"):
        clv.start_lesson("91")
    monkeypatch.setattr(base, "_started", {})
    with pytest.raises(ExerciseError, match=r"lesson 90 was not started: run the cell with `clv.start_lesson\('90'"):
        clv.check("90.1", 50)


def test_right_answer_of_an_unknown_kind_is_our_mistake() -> None:
    with pytest.raises(TypeError, match="can't have a complex as its right answer"):
        base.fault(1j, 1, EXERCISES[0].rules)


def test_exercise_that_the_data_do_not_allow_is_left_out_with_the_reason() -> None:
    found = clv.check("90.10", 12.0)
    assert found.outcome == "left out"
    assert repr(found) == "**Not with these data:** the orders of <b> have no cost."
    assert "<b>" not in found._repr_markdown_()
    assert clv.check("90.10", ...).outcome == "not answered"
