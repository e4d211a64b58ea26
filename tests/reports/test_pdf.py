"""The report on paper: what it says, that it is tagged, always the same, and that text stays text."""

import os
import re
import stat
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pypdf
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

import clvhelpers as clv
from clvhelpers.errors import OutputError, ToolMissingError
from clvhelpers.reporting import pdf
from clvhelpers.reporting.config import load_config
from tests.reports.cells import brand, client, page_cell, picture, shows, table, write_notebook
from tests.reports.small import HOSTILE
from tests.tools import needs

CDNOW = Path(__file__).parents[2] / "reports" / "clients" / "cdnow.yml"
DAY = date(2026, 6, 30)
TYPST = '#read("/etc/passwd") *x* _y_ $sum$ `z` #panic("x") @ref <label> \\ // c /* d */ ~ -- ... "q" [#x]'


class Paper:
    """A PDF as a reader of the screen hears it."""

    def __init__(self, path: Path):
        self.reader = pypdf.PdfReader(path)
        self.root: Any = self.reader.trailer["/Root"]
        self.text = "\n".join(page.extract_text() for page in self.reader.pages)
        self.tags: list[str] = []
        self.alternatives: list[str] = []
        self._walk(self.root["/StructTreeRoot"]["/K"])

    def _walk(self, node: Any) -> None:
        node = node.get_object()
        if isinstance(node, list):
            for child in node:
                self._walk(child)
        elif isinstance(node, dict) and "/S" in node:
            self.tags.append(node["/S"])
            self.alternatives += [str(node["/Alt"])] if "/Alt" in node else []
            self._walk(node.get("/K", pypdf.generic.ArrayObject()))

    @property
    def without_spaces(self) -> str:
        return "".join(self.text.split())


def paper_of(folder: Path, *cells: Any, name: str = "Acme", **changes: Any) -> Paper:
    target = folder / "report.pdf"
    pdf.write(write_notebook(folder, *cells), target, client(name, **changes), DAY)
    return Paper(target)


@pytest.fixture(scope="module")
def cdnow(cdnow_report: Path, tmp_path_factory: pytest.TempPathFactory) -> Paper:
    target = tmp_path_factory.mktemp("paper") / "report.pdf"
    config = load_config(CDNOW)
    pdf.write(cdnow_report / "report.ipynb", target, config, date(1998, 6, 30))
    return Paper(target)


def test_it_says_what_the_page_says(cdnow: Paper, cdnow_report: Path) -> None:
    page = (cdnow_report / "report.html").read_text(encoding="utf-8")
    parts = re.findall(r'<a href="#part-\d+">(.*?)</a>', page)
    assert [entry["/Title"] for entry in cdnow.reader.outline if not isinstance(entry, list)] == parts
    assert len(cdnow.alternatives) == page.count("<figure>") >= 8
    assert all(len(alternative) > 30 for alternative in cdnow.alternatives)
    assert cdnow.tags.count("/Table") == page.count("<table") >= 10
    assert cdnow.tags.count("/Caption") == page.count("<caption>")
    cells = re.findall(r'<td class="number">(.*?)</td>', page)
    assert len(cells) > 100
    assert [cell for cell in cells if cell not in cdnow.text] == []
    assert f"1 / {len(cdnow.reader.pages)}" in cdnow.text


def test_it_is_tagged_and_says_so(cdnow: Paper) -> None:
    assert cdnow.root["/MarkInfo"]["/Marked"]
    assert cdnow.root["/Lang"] == "en"
    assert "<pdfuaid:part>1</pdfuaid:part>" in cdnow.root["/Metadata"].get_data().decode()
    assert {"/H1", "/P", "/L", "/TH", "/TD", "/THead", "/Figure"} <= set(cdnow.tags)
    metadata = cdnow.reader.metadata
    assert metadata is not None
    assert (metadata.title, metadata.author) == ("CDNOW: Customer lifetime value, 30 June 1998", "CDNOW")
    assert metadata.creation_date_raw == metadata.modification_date_raw == "D:19980630000000Z"


def test_the_same_notebook_gives_the_same_bytes(tmp_path: Path) -> None:
    cells = [picture("A line."), table(pd.DataFrame({"a": [1]}), "Numbers"), new_markdown_cell("# T\n\n## Part")]
    look, found = brand(tmp_path), []
    for _ in range(2):
        paper_of(tmp_path, *cells, brand=look)
        found.append((tmp_path / "report.pdf").read_bytes())
    assert found[0] == found[1]


def test_text_is_never_a_part_of_a_program(tmp_path: Path) -> None:
    hostile = f"{HOSTILE} {TYPST}"
    cells = [
        shows(text_markdown=clv.md("## {x}\n\n**{x}** and {x}\n\n- {x}", x=hostile).markdown),
        table(pd.DataFrame({hostile: [hostile]}), hostile),
        picture(hostile),
        new_code_cell("", outputs=[new_output("stream", name="stdout", text=hostile)]),
    ]
    paper = paper_of(tmp_path, *cells, name=TYPST, brand={"footer": TYPST})
    assert paper.without_spaces.count("".join(hostile.split())) == 8
    assert paper.without_spaces.count("".join(TYPST.split())) == 8 + 1 + len(paper.reader.pages)
    assert paper.alternatives == [hostile]
    assert "/Link" not in paper.tags


def test_a_client_s_look_and_own_pages(tmp_path: Path) -> None:
    own = page_cell(
        tmp_path,
        "# About us\n\nFrom $5 to $10, *so* **on** <b>x</b> [site](https://a.test/?b=1&c=2) [no](file:///etc/passwd)\n\n"
        "| n | m |\n|---|--:|\n| a | 12 |\n\n> quoted\n\n3. three\n   - below\n\n```\na  = 1\n```\n\n---\n",
    )
    paper = paper_of(tmp_path, own, brand=brand(tmp_path))
    assert "From $5 to $10, so on <b>x</b> site no" in paper.text
    assert paper.text.count("Marlow & Co, confidential") == len(paper.reader.pages)
    assert paper.alternatives == ["Acme"]
    links = [note.get_object()["/A"]["/URI"] for page in paper.reader.pages for note in page.get("/Annots", [])]
    assert links == ["https://a.test/?b=1&c=2"]
    assert {"/Table", "/BlockQuote", "/L", "/Code", "/Strong", "/Em"} <= set(paper.tags)
    assert "3. three" in paper.text
    fonts = {font for page in paper.reader.pages for font in map(str, _fonts(page))}
    assert any("DejaVuSerif" in font for font in fonts)


def _fonts(page: Any) -> list[str]:
    return [font.get_object()["/BaseFont"] for font in page["/Resources"]["/Font"].values()]


def test_a_table_that_is_longer_than_a_page_repeats_its_head(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Customer number": range(150), "Words": ["x" * 200, *["y"] * 149]})
    paper = paper_of(tmp_path, table(frame, "Long"))
    assert len(paper.reader.pages) > 3
    assert all("Customer number" in page.extract_text() for page in paper.reader.pages)
    assert "x" * 200 in paper.without_spaces
    assert "x" * 150 not in paper.text  # it is broken over lines


def test_a_long_footer_leaves_room_for_the_number_of_the_page(tmp_path: Path) -> None:
    paper = paper_of(tmp_path, new_markdown_cell("# Title\n\nWords"), brand={"footer": "x" * 300})
    assert paper.without_spaces.count("x" * 300) == 1
    assert "x" * 200 not in paper.text  # it is broken over lines


def test_levels_of_headings_are_never_left_out(tmp_path: Path) -> None:
    paper = paper_of(tmp_path, new_markdown_cell("# Title\n\n##### A\n\n# B\n\n###### C"))
    assert [tag for tag in paper.tags if re.fullmatch("/H[0-9]", tag)] == ["/H1", "/H1", "/H2"]


@pytest.mark.parametrize("sign", ["\u0378", "\ufdd0", "\x07"])
def test_a_sign_that_no_font_has_becomes_a_box(tmp_path: Path, sign: str) -> None:
    paper = paper_of(tmp_path, table(pd.DataFrame({"Product": [f"Ω ü {sign} ж"]}), "Names"))
    assert "Ω ü □ ж" in paper.text


def test_what_makes_no_page_makes_no_pdf(tmp_path: Path) -> None:
    failed = new_code_cell("1/0", outputs=[new_output("error", ename="ZeroDivisionError", evalue="", traceback=[])])
    with pytest.raises(ValueError, match="ZeroDivisionError"):
        paper_of(tmp_path, failed)
    with pytest.raises(ValueError, match="no alternative text"):
        paper_of(tmp_path, picture(" "))
    assert not (tmp_path / "report.pdf").exists()


def test_without_typst_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(ToolMissingError, match="pip install typst"):
        paper_of(tmp_path, new_markdown_cell("## Part"))


PAGE = '<!DOCTYPE html><html lang="en"><meta charset="utf-8">{policy}<title>Acme</title><h1>Head</h1>{body}</html>'
POLICY = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:">'


def printed(folder: Path, policy: str, body: str) -> Paper:
    page, target = folder / "page.html", folder / "page.pdf"
    page.write_text(PAGE.format(policy=policy, body=body), encoding="utf-8")
    pdf.print_page(page, target)
    return Paper(target)


def test_a_browser_prints_the_page_and_its_policy_keeps_files_out(tmp_path: Path) -> None:
    needs("chromium")
    (tmp_path / "secret.txt").write_text("key-of-the-house", encoding="utf-8")
    frame = f'<iframe src="{(tmp_path / "secret.txt").as_uri()}"></iframe>'
    assert "key-of-the-house" in printed(tmp_path, "", frame).text  # what the policy is against
    paper = printed(tmp_path, POLICY, frame)
    assert "Head" in paper.text
    assert "key-of-the-house" not in paper.text
    assert paper.root["/MarkInfo"]["/Marked"]
    assert [entry["/Title"] for entry in paper.reader.outline] == ["Head"]
    assert str(tmp_path).encode() not in (tmp_path / "page.pdf").read_bytes()


def program(folder: Path, text: str) -> str:
    path = folder / "browser"
    path.write_text(f"#!{sys.executable}\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_browser_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = "import os, subprocess, sys, time; child = subprocess.Popen(['sleep', '600'])"
    wait = f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid)); time.sleep(600)"
    monkeypatch.setenv("CHROME", program(tmp_path, f"{child}; {wait}"))
    monkeypatch.setattr(pdf, "PRINT_SECONDS", 3)
    with pytest.raises(OutputError, match="browser did not print within 3 seconds"):
        pdf.print_page(tmp_path / "page.html", tmp_path / "page.pdf")
    left = int((tmp_path / "child").read_text())
    assert any(ended(left) for _ in range(100))


def ended(process: int) -> bool:
    """Whether a process is gone, or dead and only not yet fetched; asked again, it may be so a moment later."""
    try:
        os.kill(process, 0)
        return ") Z " in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True
    finally:
        time.sleep(0.05)


def test_a_browser_that_prints_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROME", program(tmp_path, "pass"))
    with pytest.raises(OutputError, match="browser printed nothing"):
        pdf.print_page(tmp_path / "page.html", tmp_path / "page.pdf")


@pytest.mark.parametrize(("named", "said"), [("", "no browser was found"), ("/no/browser", "no browser /no/browser")])
def test_without_a_browser_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, said: str
) -> None:
    monkeypatch.setenv("CHROME", named)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match=said):
        pdf.print_page(tmp_path / "page.html", tmp_path / "page.pdf")


def test_a_limit_of_memory_is_for_the_report_and_not_for_the_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_DATA)
    found = f"open({str(tmp_path / 'limit')!r}, 'w').write(str(resource.getrlimit(resource.RLIMIT_DATA)))"
    monkeypatch.setenv("CHROME", program(tmp_path, f"import resource; {found}"))
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (1 << 40, before[1]))
        with pytest.raises(OutputError):
            pdf.print_page(tmp_path / "page.html", tmp_path / "page.pdf")
        assert resource.getrlimit(resource.RLIMIT_DATA) == (1 << 40, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
    assert (tmp_path / "limit").read_text() == str((before[1], before[1]))
