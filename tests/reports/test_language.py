"""A report in another language has that language's numbers and dates everywhere, and English ones nowhere."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import nbformat
import pytest
from matplotlib.text import Text as Label

from clvhelpers.plots.look import Picture
from clvhelpers.reporting import analyse
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.history import key_figures
from clvhelpers.reporting.html import export
from clvhelpers.reporting.report import Report
from clvhelpers.reporting.run import LIBRARIES
from clvhelpers.reporting.shown import Shown
from clvhelpers.text import Table, Text, language, number
from tests.reports.made import SECTIONS, Row, client, orders

VERSIONS = re.compile(rf"\b(Python|{'|'.join(LIBRARIES)}) [0-9][\w.]*")
PARAMETERS = re.compile(r"\b(r|alpha|a|b|p|q|v) [0-9]+,[0-9]+")  # with three decimals they look like thousands
GERMAN_DAY = re.compile(r"\b[0-9]{2}\.[0-9]{2}\.[0-9]{4}\b")
ENGLISH = {
    "a thousands comma": re.compile(r"(?<![0-9.,])[1-9][0-9]{0,2}(,[0-9]{3})+(?![0-9])"),
    "a decimal point": re.compile(r"[0-9]\.[0-9]{1,2}(?![0-9])|[0-9]\.[0-9]{4}"),
    "a percent sign without its space": re.compile(r"[0-9]%"),
    "a currency sign in front": re.compile(r"[€$£] ?[0-9]"),
    "a year first": re.compile(r"[0-9]{4}-[0-9]{2}|[0-9]{4}Q[1-4]"),
    "a month in English": re.compile(r"\b(January|May|June|July|October|December|Oct|Dec) [0-9]"),
}


def english(text: str) -> list[str]:
    """What is written in the English way in a text, with the words around it."""
    cleared = GERMAN_DAY.sub("a day", VERSIONS.sub("a version", PARAMETERS.sub("a parameter", text)))
    return [
        f"{what}: …{cleared[max(0, found.start() - 30) : found.end() + 10]}…"
        for what, pattern in ENGLISH.items()
        for found in pattern.finditer(cleared)
    ]


def texts(item: Shown) -> Iterator[str]:
    """Every text of an item but those inside a figure."""
    if isinstance(item, Text):
        yield item.plain
    elif isinstance(item, Table):
        data: Any = item.as_data()
        yield from [data["caption"], *(column["name"] for column in data["columns"])]
        yield from (cell for row in data["rows"] for cell in row)
    else:
        yield item.alt


def labels(picture: Picture) -> Iterator[str]:
    """The texts inside a figure; those of an axis come into being when it is drawn."""
    picture.png()
    yield from (label.get_text() for label in picture.figure.findobj(Label) if isinstance(label, Label))


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """Enough orders for numbers above 1,000, refunds and rows to set aside."""
    rows: list[Row] = orders(500, 78)
    rows += [(f"late {i}", "2024-05-05", -20.25) for i in range(6)]
    rows += [("", "2024-05-05", 1234.5), rows[0]]
    config = client(tmp_path_factory.mktemp("german"), rows).model_copy(update={"language": "de-DE"})
    earlier = analyse(config.model_copy(update={"as_of": date(2025, 3, 31)})).metrics
    return analyse(config, history=[key_figures(earlier.model_dump(mode="json"))])


@pytest.fixture(scope="module")
def written(german: Analysis) -> list[str]:
    """All that a reader of the German report meets, the labels of its figures too."""
    with language("de-DE"):
        shown = [item for section in SECTIONS for item in section(german)]
        pictures = [item for item in shown if isinstance(item, Picture)]
        assert len(pictures) == 10
        return [text for item in shown for text in texts(item)] + [text for one in pictures for text in labels(one)]


def test_no_number_and_no_date_is_written_in_the_english_way(written: list[str]) -> None:
    assert [finding for text in written for finding in english(text)] == []


def test_the_same_pages_in_english_have_all_that_is_looked_for(german: Analysis) -> None:
    items = [item for section in SECTIONS for item in section(german)]
    found = [finding.partition(":")[0] for item in items for text in texts(item) for finding in english(text)]
    assert set(found) == set(ENGLISH)


def test_notes_made_by_the_analysis_are_in_the_language_too(german: Analysis) -> None:
    note = next(note for note in german.warnings if "refunds and no purchase" in note)
    assert "with -121,50\xa0€ in all" in note


def test_words_stay_english_and_months_do_not(written: list[str]) -> None:
    words = "\n".join(written)
    assert "rows were used, from 01.01.2024 to" in words
    assert {"Jan. 2024", "10\xa0%"} <= set(written)  # on the axes of figures
    assert re.search(
        r"Revenue (peaked|was highest) .*\b(Januar|Februar|März|Mai|Juni|Juli|August|\w+er) 202[45]", words
    )


def test_each_section_is_shown_in_the_client_s_language(german: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are drawn when they are shown, so that must happen in the language too."""
    written: list[str] = []
    monkeypatch.setattr("clvhelpers.reporting.report.show", lambda items: written.append(number(1234.5, 1)))
    report = Report.__new__(Report)
    report.analysis, report.config, report.tables = german, german.config, []
    report.concentration()
    assert written == ["1.234,5"]
    assert number(1234.5, 1) == "1,234.5"


def test_the_head_of_the_page_has_the_day_in_the_language(german: Analysis, tmp_path: Path) -> None:
    notebook, page = tmp_path / "report.ipynb", tmp_path / "report.html"
    nbformat.write(nbformat.v4.new_notebook(), notebook)
    export(notebook, page, german.config, date(2026, 6, 30))
    assert "30. Juni 2026" in page.read_text(encoding="utf-8")
