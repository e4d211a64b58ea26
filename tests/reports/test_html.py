"""The page made of a notebook: what it shows, what it never shows, and that values stay text."""

import html
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fontTools.ttLib import TTFont
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

import clvhelpers as clv
from clvhelpers.reporting.html import export
from tests.reports.cells import brand, client, page_cell, picture, shows, write_notebook
from tests.reports.small import HOSTILE


def page_of(folder: Path, *cells: Any, name: str = "Acme", **changes: Any) -> str:
    page = folder / "report.html"
    export(write_notebook(folder, *cells), page, client(name, **changes), as_of=date(2026, 6, 30))
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


def test_the_head_has_the_client_the_title_and_the_day(tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell("# Customer lifetime value"), new_markdown_cell("## Summary\n\nWords"))
    assert "<title>Acme: Customer lifetime value, 30 June 2026</title>" in page
    assert page.count("<h1>") == 1
    assert '<html lang="en">' in page


def test_the_contents_link_to_the_headings_of_cells_and_outputs(tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell("## One & two\n\n### Below"), shows(text_markdown="## Three"))
    assert re.findall(r'<a href="#(part-\d)">(.*?)</a>', page) == [("part-1", "One &amp; two"), ("part-2", "Three")]
    assert re.findall(r'<h2 id="(part-\d)">', page) == ["part-1", "part-2"]


def test_without_a_heading_there_are_no_contents(tmp_path: Path) -> None:
    assert "<nav" in page_of(tmp_path, new_markdown_cell("## One"))
    page = page_of(tmp_path, new_markdown_cell("Words"))
    assert "<nav" not in page
    assert "Contents" not in page


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


def test_a_client_s_look_is_in_the_page_and_needs_nothing_from_outside(tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell("## Part"), brand=brand(tmp_path))
    logo = next(attributes for tag, attributes in Markup(page).tags if attributes.get("class") == "logo")
    assert logo["alt"] == "Acme"
    assert logo["src"].startswith("data:image/png;base64,")
    assert ":root { --primary: #8b1a1a; --accent: #d9a441; }" in page
    assert "font-src data:;" in page
    assert 'src: url("data:font/ttf;base64,' in page
    assert "<p>Marlow &amp; Co, confidential</p>" in page
    assert "Marlow\\000020\\000026\\000020Co" in page
    assert not re.search(r"https?://|url\((?!\"data:)|@import|<link|<script|<iframe", page)


def test_without_a_look_of_its_own_nothing_of_one_is_there(tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell("## Part"))
    assert ":root { --primary: #0b4f8a; --accent: #56b4e9; }" in page
    assert not re.search(r"font-src|@font-face|<footer|<img|@bottom-left", page)


def test_neither_a_footer_nor_the_name_in_a_font_is_read_as_style_or_markup(tmp_path: Path) -> None:
    look = brand(tmp_path)
    with TTFont(look["font"]) as font:
        for record in font["name"].names:
            record.string = '"}</style><script>alert(1)</script>'
        font.save(look["font"])
    page = page_of(tmp_path, brand=look | {"footer": '"; } body { color: red } </style>' + HOSTILE})
    assert {"script", "iframe"}.isdisjoint(tag for tag, _ in Markup(page).tags)
    assert [tag for tag, _ in Markup(page).tags].count("img") == 1
    assert "color: red" not in page[: page.index("</style>")]
    assert html.unescape(page[page.index("<footer>") :]).count(HOSTILE) == 1


def test_own_pages_join_the_contents_and_leave_one_title(tmp_path: Path) -> None:
    before, after = page_cell(tmp_path, "# About us\n\n$5 <b>"), page_cell(tmp_path, "# What next")
    page = page_of(tmp_path, new_markdown_cell("# Title"), before, shows(text_markdown="## Summary"), after)
    assert re.findall(r'<a href="#part-\d">(.*?)</a>', page) == ["About us", "Summary", "What next"]
    assert re.findall(r"<h1>(.*?)</h1>", page) == ["Title"]
    assert "<p>$5 &lt;b&gt;</p>" in page


def test_levels_of_headings_are_never_left_out(tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell("# Title\n\n#### A\n\n##### B\n\n# C\n\n###### D"))
    assert re.findall(r"<h(\d)", body_of(page)) == ["2", "3", "2", "3"]


def test_the_same_notebook_gives_the_same_page(tmp_path: Path) -> None:
    look = brand(tmp_path)
    cells = [picture("A line."), new_markdown_cell("## Part")]
    assert page_of(tmp_path, *cells, brand=look) == page_of(tmp_path, *cells, brand=look)
