"""The guards themselves: a lesson that is broken in one way makes one guard speak."""

import copy
from collections.abc import Callable

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from notebooks import make_lessons
from tests.notebooks import lint
from tests.notebooks.course import SOLUTIONS, exercises_of

SOURCE = SOLUTIONS[0]
NUMBER = "00"


@pytest.fixture
def notebook() -> NotebookNode:
    return make_lessons.read(SOURCE)


def replace_in_text(old: str, new: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        assert old in lint.markdown(notebook)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = cell.source.replace(old, new)

    return change


def tagged(notebook: NotebookNode, tag: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if tag in lint.tags(cell))


def picture(notebook: NotebookNode) -> NotebookNode:
    outputs = (output for cell in lint.code_cells(notebook) for output in cell.outputs)
    return next(output for output in outputs if "image/png" in output.get("data", {}))


def place_of_picture(notebook: NotebookNode) -> int:
    cells = lint.code_cells(notebook)
    return next(place for place, cell in enumerate(cells) if "image/png" in str(cell.outputs))


def strip(notebook: NotebookNode) -> None:
    for cell in lint.code_cells(notebook):
        cell.outputs, cell.execution_count = [], None


def take_alt_text(notebook: NotebookNode) -> None:
    picture(notebook).metadata = {}


def take_text_of_picture(notebook: NotebookNode) -> None:
    del picture(notebook).data["text/plain"]


def add_output(output: NotebookNode) -> Callable[[NotebookNode], None]:
    return lambda notebook: lint.code_cells(notebook)[0].outputs.append(output)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (strip, "execution counts"),
        (take_alt_text, "without alternative text"),
        (take_text_of_picture, "nbval could compare"),
        (add_output(new_output("error", ename="ValueError", evalue="", traceback=[])), "an error, ValueError"),
        (add_output(new_output("stream", name="stderr", text="careful")), "stderr"),
        (add_output(new_output("stream", name="stdout", text=f"{lint.ROOT}/data")), "trace of the machine"),
        (add_output(new_output("stream", name="stdout", text="<object at 0x7f2e322bca50>")), "trace of the machine"),
        (add_output(new_output("stream", name="stdout", text="np.float64(2.5)")), "trace of the machine"),
        (replace_in_text("25 minutes", "/home/someone"), "trace of the machine in the text"),
    ],
)
def test_damaged_outputs_are_noticed(
    notebook: NotebookNode, damage: Callable[[NotebookNode], None], problem: str
) -> None:
    assert lint.output_problems(notebook) == []
    damage(notebook)
    assert any(problem in found for found in lint.output_problems(notebook))


def untype_parameters(notebook: NotebookNode) -> None:
    tagged(notebook, "parameters").source = "customers = 1000  # customers"


def derive_parameters(notebook: NotebookNode) -> None:
    tagged(notebook, "parameters").source = "monthly: float = 0.1 / 12  # per month"


def untag_parameters(notebook: NotebookNode) -> None:
    tagged(notebook, "parameters").metadata.tags = []


def untag_check(notebook: NotebookNode) -> None:
    tagged(notebook, "check").metadata.tags = []


def check_another(notebook: NotebookNode) -> None:
    tagged(notebook, "check").source = 'clv.check("00.9", answer_1)'


def lengthen_cell(notebook: NotebookNode) -> None:
    lint.code_cells(notebook)[-1].source = "\n".join(f"x{number} = 1" for number in range(lint.MAX_LINES + 1))


def add_cells(notebook: NotebookNode) -> None:
    notebook.cells += [new_code_cell("1 + 1") for _ in lint.CODE_CELLS]


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        *((replace_in_text(f"## {name}\n", "## Other\n"), f"no section {name!r}") for name in lint.SECTIONS),
        (replace_in_text("# 00 · ", "# "), "the title"),
        (replace_in_text("25 minutes", "some minutes"), "how many minutes"),
        (replace_in_text("<details>", ""), "three questions"),
        (replace_in_text("### Guess first", "### Think"), "Guess first"),
        (replace_in_text("- [ ] run", "- [ ] walk"), "same words"),
        (replace_in_text("### Exercise 00.2", "### Exercise 00.7"), "headings"),
        (replace_in_text('clv.hint("00.3")', "a hint"), "exercise 00.3 does not tell"),
        (replace_in_text(" ", " more "), "words of text"),
        (untype_parameters, "without type"),
        (derive_parameters, "literal value"),
        (untag_parameters, "tagged 'parameters'"),
        (untag_check, "tagged 'check' right after"),
        (check_another, 'no clv.check("00.1"'),
        (lengthen_cell, f"{lint.MAX_LINES + 1} lines"),
        (add_cells, "code cells;"),
    ],
)
def test_departures_from_the_pattern_are_noticed(
    notebook: NotebookNode, damage: Callable[[NotebookNode], None], problem: str
) -> None:
    exercises = exercises_of(SOURCE)
    assert lint.structure_problems(notebook, NUMBER, exercises) == []
    damage(notebook)
    assert any(problem in found for found in lint.structure_problems(notebook, NUMBER, exercises))


def test_too_few_exercises_are_noticed(notebook: NotebookNode) -> None:
    problems = lint.structure_problems(notebook, NUMBER, exercises_of(SOURCE)[:2])
    assert any("2 exercises" in problem for problem in problems)


def test_another_solution_than_the_one_shown_is_noticed(notebook: NotebookNode) -> None:
    assert lint.solution_problems(notebook, exercises_of(SOURCE)) == []
    tagged(notebook, "exercise").source = "answer_1 = 5"
    assert len(lint.solution_problems(notebook, exercises_of(SOURCE))) == 1


def rerun(notebook: NotebookNode) -> NotebookNode:
    """The notebook as if other parameters had changed each tagged output."""
    after = copy.deepcopy(notebook)
    for cell in lint.code_cells(after):
        if "depends-on-parameters" in lint.tags(cell) and "check" not in lint.tags(cell) and cell.outputs:
            cell.outputs = [new_output("stream", text="something else")]
    return after


def test_numbers_that_move_with_the_parameters_are_accepted(notebook: NotebookNode) -> None:
    assert lint.sensitivity_problems(notebook, rerun(notebook)) == []


def test_hard_coded_output_is_noticed(notebook: NotebookNode) -> None:
    after = rerun(notebook)
    cells = lint.code_cells(notebook)
    place = place_of_picture(notebook)
    lint.code_cells(after)[place].outputs = cells[place].outputs
    assert [f"code cell {place + 1} shows the same"] == [
        problem[: len(f"code cell {place + 1} shows the same")]
        for problem in lint.sensitivity_problems(notebook, after)
    ]


def test_missing_tag_is_noticed(notebook: NotebookNode) -> None:
    after = rerun(notebook)
    lint.code_cells(after)[-1].outputs = [new_output("stream", text="something else")]
    assert lint.sensitivity_problems(notebook, after) == [
        f"code cell {len(lint.code_cells(notebook))} depends on the parameters and is not tagged"
    ]


def test_figure_in_the_text_that_should_move_is_noticed(notebook: NotebookNode) -> None:
    cell = lint.code_cells(notebook)[place_of_picture(notebook)]
    cell.outputs = [new_output("stream", text="worth $1,234.50")]
    replace_in_text("25 minutes", "25 minutes, and $1,234.50")(notebook)
    assert lint.sensitivity_problems(notebook, rerun(notebook)) == [
        "the text states $1,234.50, which depends on the parameters"
    ]


def test_solution_that_fails_elsewhere_is_noticed(notebook: NotebookNode) -> None:
    after = rerun(notebook)
    tagged(after, "check").outputs = [new_output("stream", text="Not yet. It is too low.")]
    assert any("is not accepted" in problem for problem in lint.sensitivity_problems(notebook, after))
