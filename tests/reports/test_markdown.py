"""Markdown that can't act: a client's own pages, and the tokens that the page and the PDF are made from."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import mistune
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvhelpers.reporting.markdown import Token, headings, own_page, parse, to_html, words

AS_JUPYTER_READS_IT = mistune.create_markdown(renderer=None, plugins=["strikethrough", "table", "url"])
PIECES = ["<b>", "</b>", "<!--", "<img src=x onerror=y>", "![", "](x.png)", "[a](javascript:b)", "`", "``", "```\n"]
PIECES += [
    "&lt;i&gt;",
    "&#60;i&#62;",
    "\\",
    "\n",
    "\n\n",
    "  ",
    "    ",
    "> ",
    "- ",
    "1. ",
    "# ",
    "*",
    "_",
    "~~",
    "|",
    "a",
]
PIECES += ["|", "a", "\n|a|\n|-|\n|<b>|\n", "[r]: http://x.test/<i>\n", "[r]", "<http://x.test/?a=1&copy=2>"]


def page(folder: Path, text: str) -> str:
    (folder / "own.md").write_text(text, encoding="utf-8")
    return own_page(folder / "own.md").markdown


def kinds(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        yield token["type"]
        yield from kinds(token.get("children", ()))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("# A\n## B\n###### C", [2, 3, 6]),
        ("## A\n### B", [2, 3]),
        ("A\n=\n\nB\n-", [2, 3]),
        ("> # A", [2]),
    ],
)
def test_its_headings_stand_below_the_title(tmp_path: Path, written: str, shown: list[int]) -> None:
    assert [heading["attrs"]["level"] for heading in headings(parse(page(tmp_path, written)))] == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("$5 and $10", "<p>$5 and $10</p>"),
        ("a <b>b</b> <script>c</script>", "<p>a &lt;b&gt;b&lt;/b&gt; &lt;script&gt;c&lt;/script&gt;</p>"),
        ("<div>\n*a*\n</div>", "<p>&lt;div&gt; *a* &lt;/div&gt;</p>"),
        ("![our *shop*](http://evil.test/a.png)", "<p>our <em>shop</em></p>"),
        ("[a](javascript:b) [c](file:///etc/passwd) [d](data:text/html,e) [f](//g)", "<p>a c d f</p>"),
        ("[a](https://a.test/?b=1&c=2)", '<p><a href="https://a.test/?b=1&amp;c=2">a</a></p>'),
        ("<mailto:ann@a.test>", '<p><a href="mailto:ann@a.test">mailto:ann@a.test</a></p>'),
        ("**a** ~~b~~ `c<d`", "<p><strong>a</strong> <del>b</del> <code>c&lt;d</code></p>"),
        ("```mermaid\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>"),
        ("&lt;b&gt; 1\\. \\*a*", "<p>&lt;b&gt; 1. *a*</p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
    ],
)
def test_what_is_written_is_shown_and_does_nothing(tmp_path: Path, written: str, shown: str) -> None:
    assert to_html(parse(written)).strip().replace("\n*a*\n", " *a* ") == shown
    assert to_html(parse(page(tmp_path, written))).strip().replace("\n*a*\n", " *a* ") == shown


def test_a_table_has_heads_and_its_numbers_to_the_right(tmp_path: Path) -> None:
    shown = to_html(parse(page(tmp_path, "| a | b |\n|---|--:|\n| <i> | 1 |")))
    assert '<th scope="col">a</th><th scope="col" class="number">b</th>' in shown
    assert '<td>&lt;i&gt;</td><td class="number">1</td>' in shown


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_nothing_acts_in_the_notebook_either(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    shown = page(tmp_path_factory.getbasetemp(), text)
    assert not {"inline_html", "block_html", "image"} & set(kinds(AS_JUPYTER_READS_IT(shown)))  # type: ignore[arg-type]


@given(st.text(st.sampled_from("ab1 .-#*_~<>[]()!|`$&\\/:'\"=+\n"), max_size=40))
def test_words_come_through_unchanged(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    shown = parse(page(tmp_path_factory.getbasetemp(), text))
    assert "".join("".join(map(words, shown)).split()) == "".join("".join(map(words, parse(text))).split())
