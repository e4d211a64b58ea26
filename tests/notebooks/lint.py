"""What a lesson must have, and what nbval would let through: each function returns the problems it finds."""

import ast
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from nbformat import NotebookNode

from clvhelpers.exercises import Exercise

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES, MAX_BYTES = 8, 200_000
CODE_CELLS, WORDS, EXERCISES = range(20, 31), range(1200, 2001), range(3, 7)
SECTIONS = (
    "The question",
    "What you will be able to do",
    "What you need first",
    "Recall",
    "A trap",
    "Decide",
    "Recap",
    "Sources",
)
_MACHINE = re.compile(
    "|".join(re.escape(place) for place in (str(ROOT), str(Path.home()), tempfile.gettempdir() + "/"))
    + r"|/home/|/Users/|[A-Z]:\\|ipykernel_\d|\b0x[0-9a-f]{6,}|\bnp\.(float|int|str_|bool)"
)
_FIGURE = re.compile(r"(?<![\w.,])[$€£]?\d[\d,]*(?:\.\d+)?%?")


def tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def markdown(notebook: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def shown(cell: NotebookNode) -> str:
    """All text that a code cell shows; the words of a figure are part of it."""
    texts = [output.get("text", "") for output in cell.outputs]
    for output in cell.outputs:
        texts += [text for mime, text in sorted(output.get("data", {}).items()) if not mime.startswith("image/")]
    return "\n".join(texts)


def output_problems(notebook: NotebookNode) -> list[str]:
    """What nbval does not notice: missing runs, errors, warnings, traces of the machine, pictures without words."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    problems = []
    if counts != list(range(1, len(counts) + 1)):
        problems.append(f"the execution counts do not run from 1 to {len(counts)}")
    for number, cell in enumerate(code_cells(notebook), start=1):
        for output in cell.outputs:
            problems += [f"code cell {number}: {problem}" for problem in _output_problems(output)]
        if trace := _MACHINE.search(shown(cell) + cell.source):
            problems.append(f"code cell {number}: a trace of the machine, {trace.group()!r}")
    if trace := _MACHINE.search(markdown(notebook)):
        problems.append(f"a trace of the machine in the text, {trace.group()!r}")
    return problems


def _output_problems(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "error":
        yield f"an error, {output.ename}"
    if output.get("name") == "stderr":
        yield "a warning or other text on stderr"
    if any(mime.startswith("image/") for mime in output.get("data", {})):
        alt = output.metadata.get("image/png", {}).get("alt", "").strip()
        if not alt:
            yield "a picture without alternative text"
        elif output.data.get("text/plain") != f"Figure: {alt}":
            yield "a picture without text that nbval could compare"


def structure_problems(notebook: NotebookNode, number: str, exercises: Sequence[Exercise]) -> list[str]:
    """Where a lesson leaves the pattern that every lesson follows."""
    text = markdown(notebook)
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text + "\n", flags=re.MULTILINE | re.DOTALL))
    problems = [f"no section {name!r}" for name in SECTIONS if not sections.get(name, "").strip()]
    if not re.match(rf"# {number} · \S", text):
        problems.append(f"the title does not begin with '# {number} · '")
    if not re.search(r"\*\*\d+ minutes", sections.get("What you need first", "")):
        problems.append("the section 'What you need first' does not say how many minutes it takes")
    if sections.get("Recall", "").count("<details>") != 3:
        problems.append("the section 'Recall' does not have three questions with folded answers")
    if not re.search(r"^### Guess first", text, flags=re.MULTILINE):
        problems.append("no 'Guess first'")
    if _items(sections.get("What you will be able to do", "")) != _items(sections.get("Recap", "")):
        problems.append("the recap does not list the aims in the same words")
    return [
        *problems,
        *_parameter_problems(code_cells(notebook)),
        *_exercise_problems(notebook, exercises),
        *_size_problems(notebook),
    ]


def _items(section: str) -> list[str]:
    items = re.findall(r"^- (?:\[ \] )?(.+)$", section, flags=re.MULTILINE)
    return [item.strip().rstrip(".").casefold() for item in items]


def _parameter_problems(cells: list[NotebookNode]) -> Iterator[str]:
    places = [place for place, cell in enumerate(cells) if "parameters" in tags(cell)]
    if len(places) != 1 or places[0] > 1:
        yield "not exactly one cell tagged 'parameters', as the first or second code cell"
        return
    for line in cells[places[0]].source.splitlines():
        if not re.fullmatch(r"[a-z_]+: \S.* = .+?  # \S.*", line) or not _is_literal(line):
            yield f"a parameter without type, literal value or a comment with its meaning and unit: {line}"


def _is_literal(line: str) -> bool:
    (statement,) = ast.parse(line).body
    try:
        ast.literal_eval(statement.value)  # type: ignore[attr-defined]
    except ValueError:
        return False
    return True


def _exercise_problems(notebook: NotebookNode, exercises: Sequence[Exercise]) -> Iterator[str]:
    text, cells = markdown(notebook), code_cells(notebook)
    ids = [exercise.id for exercise in exercises]
    if re.findall(r"^### Exercise (\d\d\.\d+)", text, flags=re.MULTILINE) != ids:
        yield f"the headings '### Exercise …' are not those of {', '.join(ids)}, in this order"
    if len(ids) not in EXERCISES:
        yield f"{len(ids)} exercises; {_span(EXERCISES)} are wanted"
    places = [place for place, cell in enumerate(cells) if "exercise" in tags(cell)]
    checks = [cells[place + 1] for place in places if place + 1 < len(cells) and "check" in tags(cells[place + 1])]
    if len(places) != len(ids) or len(checks) != len(ids):
        yield "not one cell tagged 'exercise' for each exercise, with a cell tagged 'check' right after"
    for exercise_id, check in zip(ids, checks, strict=False):
        if f'clv.check("{exercise_id}", answer' not in check.source:
            yield f'no clv.check("{exercise_id}", answer…) after the exercise'
        if f'clv.hint("{exercise_id}")' not in text or f'clv.solution("{exercise_id}")' not in text:
            yield f"exercise {exercise_id} does not tell of its hint and its solution"


def _size_problems(notebook: NotebookNode) -> Iterator[str]:
    cells, words = code_cells(notebook), len(markdown(notebook).split())
    if len(cells) not in CODE_CELLS:
        yield f"{len(cells)} code cells; {_span(CODE_CELLS)} are wanted"
    if words not in WORDS:
        yield f"{words} words of text; {_span(WORDS)} are wanted"
    for number, cell in enumerate(cells, start=1):
        lines = [line for line in cell.source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if len(lines) > MAX_LINES and "parameters" not in tags(cell):
            yield f"code cell {number} has {len(lines)} lines; at most {MAX_LINES} are wanted"


def _span(wanted: range) -> str:
    return f"{wanted[0]} to {wanted[-1]}"


def solution_problems(solutions: NotebookNode, exercises: Sequence[Exercise]) -> list[str]:
    """Where the code that `clv.solution` shows is not the code of the solutions notebook."""
    cells = [cell for cell in solutions.cells if "exercise" in tags(cell)]
    return [
        f"the code of exercise {exercise.id} is not that of its cell in the solutions notebook"
        for exercise, cell in zip(exercises, cells, strict=True)
        if ast.dump(ast.parse(exercise.code)) != ast.dump(ast.parse(cell.source))
    ]


def sensitivity_problems(before: NotebookNode, after: NotebookNode) -> list[str]:
    """Numbers that stand still while the parameters change, given the same notebook run with two sets of them.

    Cells that show something, but for words on an exercise, change if and only if they are tagged; the text
    states no figure that a tagged cell showed only for the first set of parameters; every check still accepts.
    """
    problems, gone = [], set[str]()
    rerun = [cell for cell in code_cells(after) if "injected-parameters" not in tags(cell)]
    for number, (old, new) in enumerate(zip(code_cells(before), rerun, strict=True), start=1):
        tagged, moves = "depends-on-parameters" in tags(old), shown(old) != shown(new)
        if "check" in tags(old) and "Right." not in shown(new):
            problems.append(f"code cell {number}: with other parameters the solution is not accepted")
        if re.search(r"\bclv\.(check|hint|solution)\(", old.source):
            continue  # the same words may be right for any parameters
        if old.outputs and tagged and not moves:
            problems.append(f"code cell {number} shows the same with other parameters: {shown(old)[:80]!r}")
        elif moves and not tagged:
            problems.append(f"code cell {number} depends on the parameters and is not tagged")
        if tagged:
            gone |= figures([shown(old)]) - figures([shown(new)])
    fixed = figures(shown(cell) for cell in code_cells(before) if "depends-on-parameters" not in tags(cell))
    stale = figures([markdown(before)]) & gone - fixed
    return problems + [f"the text states {figure}, which depends on the parameters" for figure in sorted(stale)]


def figures(texts: Iterable[str]) -> set[str]:
    """The numbers in texts that can be told from a chance one: amounts, percentages, and three digits or more.

    >>> sorted(figures(["In 12 months 53% of 1,204 bring &#36;9.61 each, in 2024."]))
    ['$9.61', '1,204', '2024', '53%']
    """
    plain = "\n".join(texts).replace("&#36;", "$")
    found = {figure.rstrip(",") for figure in _FIGURE.findall(plain)}
    return {figure for figure in found if figure[-1] == "%" or figure[0] in "$€£" or len(re.findall(r"\d", figure)) > 2}
