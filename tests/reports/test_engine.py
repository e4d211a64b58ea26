"""The fast way to run a notebook shows, cell by cell, what a kernel shows."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from clvhelpers.reporting import html, supervise
from clvhelpers.reporting.batch import TEMPLATE
from clvhelpers.reporting.config import load_config
from clvhelpers.reporting.kernel import warm_kernel_name
from clvhelpers.reporting.worker import ENVIRONMENT

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
CELLS = [
    "import sys, pandas as pd; print('one'); print('two'); print('aside', file=sys.stderr)",
    "frame = pd.DataFrame({'n': [1, 2]}, index=['a', 'b']); frame",
    "from IPython.display import display, Markdown; display(Markdown('*words*'), frame); 7",
    "_ + 1, __name__, sys.argv[:0]",
    "from clvhelpers.plots.look import canvas, Picture\nwith canvas() as (figure, axes):\n    axes.plot([1, 3, 2])\n"
    "Picture(figure, 'A line.')",
    "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()",
]
SLOW = "[name for name in ('debugpy', 'lark', 'nbformat', 'rfc3987_syntax') if sys.modules.get(name)]"


def outputs(notebook: nbformat.NotebookNode) -> list[Any]:
    return [(cell.execution_count, cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]


def run_in_a_process(source: Path, target: Path, **options: Any) -> None:
    """What `run.py` does in the process of a report."""
    from clvhelpers.reporting import engine

    engine.register()
    papermill.execute_notebook(
        source, target, engine_name=engine.NAME, kernel_name="python3", progress_bar=False, **options
    )


def in_a_process(source: Path, target: Path, **options: Any) -> nbformat.NotebookNode:
    """The process of a report, as `supervise.py` starts it."""
    context = supervise._context()
    process = context.Process(target=run_in_a_process, args=(source, target), kwargs=options)
    with supervise._environment(ENVIRONMENT):
        process.start()
    process.join(120)
    return nbformat.read(target, 4)


def written(folder: Path, cells: list[str]) -> Path:
    path = folder / "cells.ipynb"
    code = [new_code_cell(cell) for cell in cells]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Title"), *code], metadata={"kernelspec": KERNEL}), path)
    return path


def test_every_kind_of_output_is_that_of_a_kernel(tmp_path: Path) -> None:
    source = written(tmp_path, CELLS)
    fast = in_a_process(source, tmp_path / "fast.ipynb")
    kernel = papermill.execute_notebook(
        source, tmp_path / "kernel.ipynb", kernel_name=warm_kernel_name(), progress_bar=False, execution_timeout=120
    )
    assert outputs(fast) == outputs(kernel)
    kinds = {output.output_type for _, shown in outputs(fast) for output in shown}
    assert kinds == {"stream", "display_data", "execute_result"}


def test_what_a_killed_process_had_shown_is_kept(tmp_path: Path) -> None:
    cells = ["print('one')", "import time; time.sleep(1.1)", "import os; os.kill(os.getpid(), 9)", "print('never')"]
    left = in_a_process(written(tmp_path, cells), tmp_path / "left.ipynb")
    found = [(len(cell.outputs), cell.metadata.papermill.status) for cell in left.cells[1:]]
    assert found == [(1, "completed"), (0, "completed"), (0, "running"), (0, "pending")]


def test_a_report_loads_no_debugger_and_no_grammars(tmp_path: Path) -> None:
    notebook = in_a_process(written(tmp_path, ["import sys", SLOW]), tmp_path / "loaded.ipynb")
    assert notebook.cells[2].outputs[0].data["text/plain"] == "['nbformat']"


def test_the_report_is_that_of_a_kernel(cdnow_report: Path, tmp_path: Path) -> None:
    fast = nbformat.read(cdnow_report / "report.ipynb", 4)
    parameters = next(cell for cell in fast.cells if "injected-parameters" in cell.metadata.get("tags", []))
    values: dict[str, Any] = {}
    exec(parameters.source, values)
    kernel = papermill.execute_notebook(
        TEMPLATE,
        tmp_path / "kernel.ipynb",
        parameters={name: values[name] for name in ("client", "history", "data")},
        cwd=tmp_path,
        kernel_name=warm_kernel_name(),
        progress_bar=False,
        execution_timeout=300,
    )
    assert len(outputs(fast)) > 10
    for one, other in zip(outputs(fast), outputs(kernel), strict=True):
        assert one == other
    assert numbers(tmp_path) == numbers(cdnow_report)
    config = load_config(values["client"])
    html.export(tmp_path / "kernel.ipynb", tmp_path / "report.html", config, date(1998, 6, 30))
    assert (tmp_path / "report.html").read_bytes() == (cdnow_report / "report.html").read_bytes()


def numbers(folder: Path) -> dict[str, Any]:
    """What a report says, but for when it was made."""
    metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return metrics | {"created_at": None}


def test_an_error_ends_the_notebook_and_is_raised_by_papermill(tmp_path: Path) -> None:
    source = written(tmp_path, ["print('before')", "1 / 0", "print('after')"])
    fast = in_a_process(source, tmp_path / "fast.ipynb")
    with pytest.raises(papermill.PapermillExecutionError) as caught:
        papermill.execute_notebook(
            source, tmp_path / "kernel.ipynb", kernel_name=warm_kernel_name(), progress_bar=False, execution_timeout=120
        )
    assert caught.value.ename == "ZeroDivisionError"
    assert outputs(fast) == outputs(nbformat.read(tmp_path / "kernel.ipynb", 4))
