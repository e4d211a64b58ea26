"""The page made of a notebook: what it shows, what it never shows, and that values stay text."""

import base64
import html
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import clvhelpers as clv
from clvhelpers.plots.look import Picture, canvas
from clvhelpers.reporting.config import load_config
from clvhelpers.reporting.html import export
from tests.reports.small import HOSTILE


def page_of(folder: Path, *cells: Any, name: str = "Acme") -> str:
    notebook, page = folder / "report.ipynb", folder / "report.html"
    nbformat.write(new_notebook(cells=list(cells)), notebook)
    columns = {"customer": "id", "date": "day"}
    source = {"source": "orders.csv", "columns": columns}
    config = load_config({"client": "acme", "name": name, "currency": "GBP", "transactions": source})
    export(notebook, page, config, as_of=date(2026, 6, 30))
    return page.read_text(encoding="utf-8")


class Markup(HTMLParser):
    """Every tag of a page with its attributes, as a browser would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


def body_of(page: str) -> str:
    return page[page.index("<main") :]


def shows(**data: str) -> Any:
    mime = {name.replace("_", "/"): value for name, value in data.items()}
    return new_code_cell("code_of_ours()", outputs=[new_output("display_data", data=mime)])


def picture(alt: str) -> Any:
    with canvas() as (figure, axes):
        axes.plot([1, 2])
    data, metadata = Picture(figure, alt)._repr_mimebundle_()
    data["image/png"] = base64.b64encode(data["image/png"]).decode()
    return new_code_cell("", outputs=[new_output("display_data", data=data, metadata=metadata)])


def test_the_head_has_the_client_the_title_and_the_day(tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell("# Customer lifetime value"), new_markdown_cell("## Summary\n\nWords"))
    assert "<title>Acme: Customer lifetime value, 30 June 2026</title>" in page
    assert page.count("<h1>") == 1
    assert '<html lang="en">' in page


def test_the_contents_link_to_the_headings_of_cells_and_outputs(tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell("## One & two\n\n### Below"), shows(text_markdown="## Three"))
    assert re.findall(r'<a href="#(part-\d)">(.*?)</a>', page) == [("part-1", "One &amp; two"), ("part-2", "Three")]
    assert re.findall(r'<h2 id="(part-\d)">', page) == ["part-1", "part-2"]


def test_code_and_warnings_are_not_shown_and_printed_words_are(tmp_path: Path) -> None:
    cell = new_code_cell(
        "secret_code()",
        outputs=[
            new_output("stream", name="stderr", text="a warning"),
            new_output("stream", name="stdout", text="<b>printed</b>"),
            new_output("display_data", data={"application/javascript": "alert(1)"}),
        ],
    )
    body = body_of(page_of(tmp_path, cell))
    assert "secret_code" not in body
    assert "a warning" not in body
    assert "alert(1)" not in body
    assert "&lt;b&gt;printed&lt;/b&gt;" in body


def test_a_value_stays_text_wherever_it_is_shown(tmp_path: Path) -> None:
    words = clv.md("**{x}** and {x}", x=HOSTILE)
    shown = clv.table(pd.DataFrame({"a": [HOSTILE]}), HOSTILE)
    cells = [shows(text_markdown=words.markdown), shows(text_html=shown._repr_html_()), picture(HOSTILE)]
    page = page_of(tmp_path, new_markdown_cell("## Part"), *cells, name=HOSTILE)
    found = Markup(page)
    assert {"script", "iframe", "object"}.isdisjoint(tag for tag, _ in found.tags)
    assert [attributes["src"][:5] for tag, attributes in found.tags if tag == "img"] == ["data:"]
    assert [attributes["href"] for tag, attributes in found.tags if tag == "a"] == ["#content", "#part-1"]
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    texts = html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)))
    assert texts.count(HOSTILE) == 6  # title, head, twice in the words, caption, cell
    assert html.unescape(re.findall(r'alt="([^"]*)"', page)[0]) == HOSTILE


def test_html_and_harmful_links_in_markdown_do_nothing(tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell("<script>x</script>\n\n<b>a</b> [b](javascript:c) `<i>`"))
    assert "<script" not in page
    assert "<b>" not in page
    assert "javascript:" not in page


def test_the_page_needs_no_network_and_forbids_scripts(tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell("# Title\n\n## Part"), picture("A line that rises."))
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    assert not re.search(r"https?://|url\(|@import|<link|<script|<iframe", page)
    assert 'alt="A line that rises."' in page


@pytest.mark.parametrize("alt", ["", "  "])
def test_a_figure_without_alternative_text_is_refused(tmp_path: Path, alt: str) -> None:
    with pytest.raises(ValueError, match="no alternative text"):
        page_of(tmp_path, picture(alt))


def test_a_notebook_that_ended_in_an_error_makes_no_page(tmp_path: Path) -> None:
    cell = new_code_cell("1/0", outputs=[new_output("error", ename="ZeroDivisionError", evalue="", traceback=[])])
    with pytest.raises(ValueError, match="ZeroDivisionError"):
        page_of(tmp_path, cell)
    assert not (tmp_path / "report.html").exists()
