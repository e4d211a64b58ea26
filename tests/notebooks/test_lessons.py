"""Every lesson follows the pattern, is as its solutions make it, and holds with other parameters too."""

import ast
from pathlib import Path

import papermill
import pytest

from clvhelpers.exercises.base import lesson_module, lesson_numbers
from clvhelpers.reporting.kernel import warm_kernel_name
from notebooks import make_lessons
from tests.notebooks import lint
from tests.notebooks.course import LESSONS, OTHER_PARAMETERS, SOLUTIONS, exercises_of, name_of, number_of

each_notebook = pytest.mark.parametrize("path", [*LESSONS, *SOLUTIONS], ids=name_of)
each_solution = pytest.mark.parametrize("path", SOLUTIONS, ids=name_of)


def test_every_lesson_has_solutions_exercises_and_other_parameters() -> None:
    numbers = [number_of(path) for path in LESSONS]
    assert numbers
    assert [path.name for path in SOLUTIONS] == [path.name for path in LESSONS]
    assert lesson_numbers() == numbers
    assert sorted(OTHER_PARAMETERS) == numbers


@each_notebook
def test_outputs_are_complete_and_free_of_errors_and_traces(path: Path) -> None:
    assert lint.output_problems(make_lessons.read(path)) == []


@each_notebook
def test_pattern_of_a_lesson_is_followed(path: Path) -> None:
    assert lint.structure_problems(make_lessons.read(path), number_of(path), exercises_of(path)) == []
    assert path.stat().st_size < lint.MAX_BYTES


@each_solution
def test_lesson_is_what_its_solutions_make(path: Path) -> None:
    assert make_lessons.drift(path) == []


@each_solution
def test_solution_shown_is_that_of_the_solutions_notebook(path: Path) -> None:
    assert lint.solution_problems(make_lessons.read(path), exercises_of(path)) == []


@each_solution
def test_exercises_start_with_the_parameters_of_the_notebook(path: Path) -> None:
    (cell,) = (cell for cell in make_lessons.read(path).cells if "parameters" in lint.tags(cell))
    stated = {node.target.id: ast.literal_eval(node.value) for node in ast.parse(cell.source).body}  # type: ignore[attr-defined]
    lesson = lesson_module(number_of(path))
    assert stated == lesson.PARAMETERS
    assert stated.keys() == lesson.LIMITS.keys()
    others = OTHER_PARAMETERS[number_of(path)]
    assert stated.keys() - others.keys() <= {"company", "client"}  # test_companies.py changes those
    assert all(stated[name] != value for name, value in others.items())


@each_solution
def test_numbers_follow_the_parameters_and_checks_still_pass(path: Path, tmp_path: Path) -> None:
    after = papermill.execute_notebook(
        path,
        str(tmp_path / path.name),
        parameters=OTHER_PARAMETERS[number_of(path)],
        cwd=path.parent,
        kernel_name=warm_kernel_name(),
        execution_timeout=60,
        progress_bar=False,
        request_save_on_cell_execute=False,  # writing the file after each cell takes a third of the time
    )
    assert lint.sensitivity_problems(make_lessons.read(path), after) == []
