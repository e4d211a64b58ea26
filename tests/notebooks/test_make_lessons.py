"""Lessons made from solutions: what an exercise cell keeps, and files that come out the same every time."""

from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from clvhelpers.reporting.kernel import warm_kernel_name
from notebooks import make_lessons
from notebooks.make_lessons import reset_exercise


@pytest.mark.parametrize(
    ("solution", "exercise"),
    [
        ("answer_1 = 5 * 3", "answer_1 = ..."),
        ("answer_1: float = 5 * 3  # dollars", "answer_1: float = ...  # dollars"),
        ("# a note\nimport math\n\nhalf = 1 / 2\nanswer_1 = half", "# a note\nimport math\nanswer_1 = ..."),
        ("answer_1 = sum(\n    [1,  # one\n     2]\n)  # é, in €", "answer_1 = ...  # é, in €"),
        ("answer_a = 1\nanswer_b = {'x': 2}", "answer_a = ...\nanswer_b = ..."),
        ("def half(x):\n    # inside\n    return x / 2\n\nanswer_1 = half(3)", "answer_1 = ..."),
    ],
)
def test_exercise_cell_loses_its_solution_only(solution: str, exercise: str) -> None:
    assert reset_exercise(solution) == exercise


@pytest.mark.parametrize("source", ["x = 1", "print(answer_1)", "a, answer_1 = 1, 2"])
def test_exercise_cell_without_an_answer_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="assigns no answer_"):
        reset_exercise(source)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A solutions notebook as an editor may leave it: random ids, timings, widths, old outputs."""
    monkeypatch.setattr(make_lessons, "KERNEL", warm_kernel_name())
    cells = [
        new_markdown_cell("# 90 · A lesson  "),
        new_code_cell(
            "margin: float = 0.4  # share", metadata={"tags": ["parameters"], "execution": {"shell": "12:00"}}
        ),
        new_code_cell("doubled = 2 * margin\nanswer_1 = doubled", metadata={"tags": ["exercise"]}, execution_count=7),
        new_code_cell("answer_1 is ..."),
        new_code_cell("answer_1 is ..."),
    ]
    path = tmp_path / "solutions" / "90_a_lesson.ipynb"
    path.parent.mkdir()
    nbformat.write(new_notebook(cells=cells, metadata={"language_info": {"name": "python", "version": "3.11.7"}}), path)
    return path


def test_lesson_and_solutions_are_made_alike_every_time(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lesson = make_lessons.lesson_path(source)
    assert make_lessons.drift(source) == [
        "90_a_lesson.ipynb in solutions/ is not in its normal form",
        "there is no lesson 90_a_lesson.ipynb",
    ]
    make_lessons.make(source)
    assert make_lessons.drift(source) == []
    first = [path.read_bytes() for path in (source, lesson)]
    assert b"3.11" not in first[0]
    assert b"12:00" not in first[0]
    make_lessons.make(source)
    assert [path.read_bytes() for path in (source, lesson)] == first
    answers = [
        [cell.outputs[0].data["text/plain"] for cell in make_lessons.read(path).cells[3:]] for path in (source, lesson)
    ]
    assert answers == [["False", "False"], ["True", "True"]]
    assert [cell.id for cell in make_lessons.read(lesson).cells] == [
        cell.id for cell in make_lessons.read(source).cells
    ]


def test_drift_is_noticed(source: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    make_lessons.write(make_lessons.normalised(make_lessons.read(source)), source)
    lesson = make_lessons.lesson_of(make_lessons.read(source))
    lesson.cells[0].source = "# 90 · Another lesson"
    make_lessons.write(lesson, make_lessons.lesson_path(source))
    monkeypatch.setattr(make_lessons, "SOLUTIONS", source.parent)
    assert make_lessons.main(["--check", "90"]) == 1
    assert "90_a_lesson.ipynb is not what its solutions notebook makes" in capsys.readouterr().out


def test_unknown_lesson_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        make_lessons.main(["--check", "99"])
    assert ended.value.code == 2
    assert "no solutions notebook for 99" in capsys.readouterr().err


def test_failing_cell_writes_nothing(source: Path) -> None:
    notebook = make_lessons.read(source)
    notebook.cells[3].source = "1 / 0"
    nbformat.write(notebook, source)
    before = source.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        make_lessons.make(source)
    assert source.read_bytes() == before
    assert not make_lessons.lesson_path(source).exists()
