"""The map of the course against the notebooks that are there."""

import json
from pathlib import Path

import clvhelpers as clv
from clvhelpers.course import LESSONS

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def test_ready_lessons_are_those_with_a_notebook() -> None:
    present = {path.name[:2] for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")}
    assert {lesson.number for lesson in LESSONS if lesson.ready} == present


def test_titles_are_those_of_the_notebooks() -> None:
    for lesson in LESSONS:
        if lesson.ready:
            (path,) = NOTEBOOKS.glob(f"{lesson.number}_*.ipynb")
            first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
            assert first.splitlines()[0] == f"# {lesson.number} · {lesson.title}"


def test_map_has_every_lesson_once_with_a_question_and_a_time() -> None:
    frame = clv.course_map()
    assert frame["lesson"].is_unique
    assert len(frame) == len(LESSONS)
    assert frame["question"].str.endswith("?").all()
    assert frame["minutes"].between(20, 90).all()
    assert set(frame["status"]) == {"ready", "planned"}
