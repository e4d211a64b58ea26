"""The report in a real browser: at desk and phone width, printed, and with hostile texts in the data."""

import io
import json
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pypdf
import pytest

from clvhelpers.reporting import render
from clvhelpers.reporting.html import export
from tests.reports.cells import brand, client, page_cell
from tests.reports.small import HOSTILE
from tests.visit import Visit

WIDTHS = {"desk": 1280, "phone": 390}
OWN = """\
# About us

From $5 to $10, [our site](https://a.test) and `code`. <script>document.title = "pwned"</script>

| Person | Task | Days |
|:-------|:-----|-----:|
| Ann | Data, models and whatever else is needed to understand the two of them | 3 |

> A remark with a [link](https://a.test).

![A picture](https://evil.test/a.png)
"""

CONTRAST = """() => {
  const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const rgba = text => text.match(/[\\d.]+/g).map(Number);
  const behind = e => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const words = [...document.querySelectorAll('body *')].filter(e =>
    [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()));
  return words.map(e => { const a = light(rgba(getComputedStyle(e).color)), b = light(behind(e));
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.textContent.trim().slice(0, 40)]; });
}"""


@pytest.fixture(scope="module", params=["plain", "branded"])
def page_file(request: pytest.FixtureRequest, cdnow_report: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of `make report`, and the same in a client's own look between pages of its own."""
    if request.param == "plain":
        return cdnow_report / "report.html"
    folder = tmp_path_factory.mktemp("branded")
    notebook = nbformat.read(cdnow_report / "report.ipynb", as_version=4)
    notebook.cells = [page_cell(folder, OWN), *notebook.cells, page_cell(folder, "# What next\n\nCall *us*.")]
    nbformat.write(notebook, folder / "report.ipynb")
    page = folder / "report.html"
    export(folder / "report.ipynb", page, client("Marlow", brand=brand(folder)), date(1998, 6, 30))
    return page


@pytest.fixture(scope="module", params=WIDTHS)
def visit(request: pytest.FixtureRequest, browser: Any, page_file: Path) -> Iterator[Visit]:
    visit = Visit(browser, page_file, WIDTHS[request.param])
    yield visit
    visit.page.close()


def test_the_page_never_scrolls_sideways(visit: Visit) -> None:
    wide, window = visit.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= window


def test_tables_scroll_in_their_own_box_and_can_be_reached_by_keyboard(visit: Visit) -> None:
    boxes = visit.page.evaluate(
        "[...document.querySelectorAll('table')].map(t => [t.closest('.scroll')?.tabIndex, "
        "getComputedStyle(t.closest('.scroll')).overflowX])"
    )
    assert boxes
    assert all(box == [0, "auto"] for box in boxes)


def test_every_table_says_what_it_holds(visit: Visit) -> None:
    tables = visit.page.evaluate(
        "[...document.querySelectorAll('table.clv')].map(t => [t.caption?.textContent ?? '', "
        "...[...t.querySelectorAll('th')].map(h => h.scope && h.textContent)])"
    )
    assert all(all(words) for words in tables)


def test_the_page_is_silent_and_asks_for_nothing(visit: Visit) -> None:
    assert visit.said == []
    assert len(visit.requests) == 1


def test_every_image_is_there_and_says_what_it_shows(visit: Visit) -> None:
    images = visit.page.evaluate(
        "[...document.images].map(i => [i.naturalWidth > 0, i.alt, i.getBoundingClientRect().right <= innerWidth])"
    )
    assert len(images) >= 5
    for loaded, alt, inside in images:
        assert loaded
        assert inside
        assert len(alt) > 30 or alt == "Marlow"  # which is what the logo says
    assert len({alt for _, alt, _ in images}) == len(images)


def test_headings_are_in_order_and_the_contents_lead_to_them(visit: Visit) -> None:
    levels = visit.page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))")
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    links = visit.page.evaluate(
        "[...document.querySelectorAll('nav a')].map(a => [a.textContent, document.querySelector(a.hash)?.textContent])"
    )
    assert len(links) >= 8
    assert all(link == heading for link, heading in links)


def test_words_stand_out_from_what_is_behind_them(visit: Visit) -> None:
    found = visit.page.evaluate(CONTRAST)
    assert len(found) > 100
    assert [pair for pair in found if pair[0] < 4.5] == []


def test_the_first_key_leads_past_the_contents(browser: Any, page_file: Path) -> None:
    page = Visit(browser, page_file, 1280).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"
    page.close()


def test_it_prints_on_numbered_pages_with_nothing_cut_off(browser: Any, page_file: Path) -> None:
    page = Visit(browser, page_file, 1280).page
    paper = pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    texts = [sheet.extract_text() for sheet in paper.pages]
    assert all(f"{number} / {len(texts)}" in text for number, text in enumerate(texts, 1))
    if page_file.parent.name.startswith("branded"):
        assert all("Marlow & Co" in text for text in texts)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 672, "height": 900})  # A4 less its margins
    cut = page.evaluate(
        "[...document.querySelectorAll('table, img, p')].filter(e => e.getBoundingClientRect().right > 673).length"
    )
    assert cut == 0
    page.close()


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report whose client, customers, categories and channels have names that try to be code."""
    folder = tmp_path_factory.mktemp("hostile")
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    rows = [f"{n % 40}{quoted[1:-1]}" for n in range(120)]
    lines = [f'"{row}",2026-0{1 + n % 6}-{10 + n % 19},{5 + n % 7}.50,{quoted},{quoted}' for n, row in enumerate(rows)]
    text = f"id,day,paid,{quoted},kind\n" + "\n".join([*lines, f",2026-01-05,1,{quoted},x"]) + "\n"
    (folder / "orders.csv").write_text(text, encoding="utf-8")
    columns = {"customer": "id", "date": "day", "amount": "paid", "category": HOSTILE, "channel": "kind"}
    client = {
        "client": "acme",
        "name": HOSTILE,
        "currency": "GBP",
        "transactions": {"source": "orders.csv", "columns": columns},
        "economics": {"gross_margin": 0.4},
    }
    (folder / "client.yml").write_text(json.dumps(client), encoding="utf-8")
    return render(folder / "client.yml", folder / "out")


def test_hostile_names_are_shown_as_they_are_and_do_nothing(browser: Any, hostile_report: Path) -> None:
    visit = Visit(browser, hostile_report / "report.html", 1280)
    visit.page.wait_for_timeout(200)
    assert visit.said == []
    assert len(visit.requests) == 1
    assert visit.page.title().startswith(HOSTILE)
    assert visit.page.locator("header .client").text_content() == HOSTILE
    assert visit.page.locator("script, iframe, object, [onerror], a[href^=javascript]").count() == 0
    assert HOSTILE in visit.page.locator("main").text_content()
    wide, window = visit.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= window
    visit.page.close()


def test_a_script_that_slipped_through_would_not_run(browser: Any, hostile_report: Path, tmp_path: Path) -> None:
    page = (hostile_report / "report.html").read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text(page.replace("</main>", HOSTILE + "</main>"), encoding="utf-8")
    visit = Visit(browser, broken, 1280)
    assert not visit.page.title().startswith("pwned")
    assert not [url for url in visit.requests if url.startswith("http")]
    assert any("Content Security Policy" in words for words in visit.said)
    visit.page.close()


def test_a_client_s_look_is_seen(browser: Any, page_file: Path) -> None:
    visit = Visit(browser, page_file, 1280)
    branded = page_file.parent.name.startswith("branded")
    style = "getComputedStyle(document.querySelector('{}')).{}"
    red, blue = "rgb(139, 26, 26)", "rgb(11, 79, 138)"
    assert visit.page.evaluate(style.format("header", "backgroundColor")) == (red if branded else blue)
    assert visit.page.evaluate(style.format("main h2", "color")) == (red if branded else blue)
    fonts = visit.page.evaluate("[...document.fonts].map(font => [font.family, font.status])")
    assert fonts == ([["brand", "loaded"]] if branded else [])
    assert visit.page.locator("img.logo[alt=Marlow]").count() == visit.page.locator("footer").count() == int(branded)
    visit.page.close()
