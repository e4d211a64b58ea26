"""The lessons as the tests need them: their paths, their exercises, and other parameters to run them with."""

from pathlib import Path
from typing import Any

import yaml

from clvhelpers.exercises import Exercise
from clvhelpers.exercises.base import lesson_module

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted(NOTEBOOKS.glob("solutions/[0-9][0-9]_*.ipynb"))
OTHER_PARAMETERS: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("other_parameters.yml").read_text(encoding="utf-8")
)


def number_of(notebook: Path) -> str:
    return notebook.name[:2]


def exercises_of(notebook: Path) -> list[Exercise]:
    return list(lesson_module(number_of(notebook)).EXERCISES)


def name_of(notebook: Path) -> str:
    """A short name for a test: `solutions/02_the_formulas`."""
    return str(notebook.relative_to(NOTEBOOKS).with_suffix(""))
