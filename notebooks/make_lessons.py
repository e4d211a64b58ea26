"""Make the lessons from their solutions: `python notebooks/make_lessons.py [--check] [02 ...]`.

The notebooks in `solutions/` are the source. A lesson is the same notebook with its exercise cells
reset: of a cell tagged `exercise`, comment lines and imports stay, `answer_x = <anything>` becomes
`answer_x = ...`, and the steps in between go. Both are executed in a clean kernel and written in a
form that does not change from machine to machine. `--check` only compares, and ends with 1 if a
lesson or a solutions notebook is not as this script would write it (nbval compares the outputs).
"""

import argparse
import ast
import copy
import hashlib
import sys
from collections import Counter
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

SOLUTIONS = Path(__file__).resolve().parent / "solutions"
SECONDS_PER_CELL = 120
KERNEL = "python3"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": KERNEL},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


def tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def reset_exercise(source: str) -> str:
    """An exercise cell without its solution.

    >>> print(reset_exercise("# in dollars\\nyearly = 12 * margin\\nanswer_1 = yearly * years  # dollars"))
    # in dollars
    answer_1 = ...  # dollars
    """
    lines = source.splitlines()
    replaced: dict[int, str | None] = {}
    answers = 0
    for node in ast.parse(source).body:
        span = range(node.lineno - 1, node.end_lineno or node.lineno)
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        replaced.update(dict.fromkeys(span))
        if (target := _answer_target(node)) is not None:
            remark = lines[span[-1]].encode()[node.end_col_offset :].decode().strip()
            replaced[span[0]] = f"{target} = ..." + (f"  {remark}" if remark.startswith("#") else "")
            answers += 1
    if not answers:
        raise ValueError(f"this exercise cell assigns no answer_...:\n{source}")
    kept = [replaced.get(index, line) for index, line in enumerate(lines)]
    return "\n".join(line for line in kept if line)


def _answer_target(node: ast.stmt) -> str | None:
    """`answer_1` or `answer_1: float` if the statement assigns an answer."""
    if isinstance(node, ast.AnnAssign):
        targets: list[ast.expr] = [node.target]
        annotation = f": {ast.unparse(node.annotation)}"
    elif isinstance(node, ast.Assign):
        targets, annotation = node.targets, ""
    else:
        return None
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    return names[0] + annotation if names and names[0].startswith("answer") else None


def lesson_of(solutions: NotebookNode) -> NotebookNode:
    """The lesson that belongs to a normalised solutions notebook; its exercises have no outputs yet."""
    lesson = copy.deepcopy(solutions)
    for cell in lesson.cells:
        if "exercise" in tags(cell):
            cell.source = reset_exercise(cell.source)
    return lesson


def normalised(notebook: NotebookNode) -> NotebookNode:
    """The same notebook without anything that depends on the machine, the day or the editor."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        cell.source = "\n".join(line.rstrip() for line in cell.source.strip().splitlines())
        cell.metadata = nbformat.from_dict({"tags": tags(cell)} if tags(cell) else {})
        cell.id = _cell_id(cell, seen)
        for output in cell.get("outputs", []):
            _keep_only_alt_texts(output)
    return notebook


def _cell_id(cell: NotebookNode, seen: Counter[str]) -> str:
    """An id made from the text, so that an edit of one cell leaves the ids of the others alone."""
    digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
    seen[digest] += 1
    return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def _keep_only_alt_texts(output: NotebookNode) -> None:
    if "metadata" in output:
        alts = {mime: {"alt": about["alt"]} for mime, about in output.metadata.items() if "alt" in about}
        output.metadata = nbformat.from_dict(alts)


def executed(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """The notebook run from top to bottom in a new kernel; a cell that fails or hangs is an error."""
    notebook = copy.deepcopy(notebook)
    client = NotebookClient(
        notebook,
        timeout=SECONDS_PER_CELL,
        kernel_name=KERNEL,
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return notebook


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook in its committed form."""
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def lesson_path(source: Path) -> Path:
    return source.parent.parent / source.name


def make(source: Path) -> None:
    """Execute and write a solutions notebook and its lesson."""
    solutions = normalised(read(source))
    for notebook, path in ((solutions, source), (lesson_of(solutions), lesson_path(source))):
        ids = [cell.id for cell in notebook.cells]
        finished = normalised(executed(notebook, path.parent))
        for cell, cell_id in zip(finished.cells, ids, strict=True):
            cell.id = cell_id
        write(finished, path)
        print(f"wrote {path}")


def without_outputs(notebook: NotebookNode) -> NotebookNode:
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def drift(source: Path) -> list[str]:
    """What differs between the committed notebooks and what this script would write."""
    solutions, lesson = read(source), lesson_path(source)
    problems = []
    if solutions != normalised(solutions):
        problems.append(f"{source.name} in solutions/ is not in its normal form")
    if not lesson.exists():
        return [*problems, f"there is no lesson {lesson.name}"]
    if without_outputs(read(lesson)) != without_outputs(lesson_of(normalised(solutions))):
        problems.append(f"{lesson.name} is not what its solutions notebook makes")
    return problems


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make the lessons from their solutions.")
    parser.add_argument("numbers", nargs="*", help="only these lessons, such as 02; default: all")
    parser.add_argument("--check", action="store_true", help="write nothing, say what is out of date")
    options = parser.parse_args(arguments)
    found = {number: sorted(SOLUTIONS.glob(f"{number}*.ipynb")) for number in options.numbers or [""]}
    if missing := [number or "any lesson" for number, sources in found.items() if not sources]:
        parser.error(f"no solutions notebook for {', '.join(missing)}")
    sources = sorted({source for some in found.values() for source in some})
    if not options.check:
        for source in sources:
            make(source)
        return 0
    problems = [problem for source in sources for problem in drift(source)]
    for problem in problems:
        print(f"{problem}; run `make lessons`")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
