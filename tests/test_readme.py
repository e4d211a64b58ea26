"""The README shows what is there: lessons, commands and files. Its Python examples run as doctests."""

import re
from pathlib import Path

from clvhelpers.course import LESSONS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_table_of_lessons_is_that_of_the_course() -> None:
    rows = re.findall(r"^\| \[(\d\d) (.+?)\]\((.+?)\) \| (.+?) \| (\d+) \|$", README, flags=re.MULTILINE)
    ready = [(lesson.number, lesson.title, lesson.question, str(lesson.minutes)) for lesson in LESSONS if lesson.ready]
    assert [(number, title, question, minutes) for number, title, _, question, minutes in rows] == ready


def test_every_file_that_the_readme_points_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    named = set(re.findall(r"^make (\w+)", README, flags=re.MULTILINE))
    assert {"report", "test", "lab"} <= named <= set(targets)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text().splitlines()
    assert re.search(r"^make test\b", README, flags=re.MULTILINE)


def test_make_lab_opens_the_first_lesson() -> None:
    (opened,) = re.findall(r"default_url=/lab/tree/(\S+)", (ROOT / "Makefile").read_text())
    assert opened == "notebooks/00_start_here.ipynb"
    assert (ROOT / opened).is_file()
