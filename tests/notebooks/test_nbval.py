"""The settings of nbval do what they are there for: another output fails, an equal one passes."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.notebooks.course import NOTEBOOKS


def test_another_output_fails_and_runs_are_left_alone(tmp_path: Path) -> None:
    shutil.copy(NOTEBOOKS / "conftest.py", tmp_path)
    for name, shown in (("equal.ipynb", "3"), ("other.ipynb", "4"), ("runs/other.ipynb", "4")):
        output = new_output("execute_result", data={"text/plain": shown}, execution_count=1)
        cell = new_code_cell("1 + 2", execution_count=1, outputs=[output])
        (tmp_path / name).parent.mkdir(exist_ok=True)
        nbformat.write(new_notebook(cells=[cell]), tmp_path / name)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "--color=no", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "FAILED other.ipynb::Cell 0" in ran.stdout
    assert "1 failed, 1 passed" in ran.stdout
