"""Markdown as tokens in which nothing can act: no HTML, no picture, no address but those of the web and of mail.

The page, the PDF and a client's own pages are all written from these tokens. Mathematics is not read, so two
prices in a sentence stay two prices.
"""

import html
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import mistune
from mistune.core import BlockState
from mistune.renderers.html import HTMLRenderer
from mistune.renderers.markdown import MarkdownRenderer

from clvhelpers.reporting.own_files import page_text
from clvhelpers.text import Text, escape_markdown

Token = dict[str, Any]
LINK = re.compile(r"(?:https?://|mailto:)[^\s<>\"\\`{|}^]+")
DEEPEST_HEADING = 6


def parse(source: str) -> list[Token]:
    """The tokens of mistune, made harmless: HTML is text, a picture is its words, and so is any other address.

    >>> parse("[a](javascript:b) <i>")[0]["children"]
    [{'type': 'text', 'raw': 'a'}, {'type': 'text', 'raw': ' '}, {'type': 'text', 'raw': '<i>'}]
    """
    return list(_harmless(cast(list[Token], _parser()(source))))


@cache
def _parser() -> mistune.Markdown:
    return mistune.create_markdown(renderer=None, plugins=["strikethrough", "table"])


def _harmless(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        kind = token["type"]
        if kind == "text":
            yield {"type": kind, "raw": html.unescape(token["raw"])}
        elif kind == "inline_html":
            yield {"type": "text", "raw": token["raw"]}
        elif kind == "block_html":
            yield {"type": "paragraph", "children": [{"type": "text", "raw": token["raw"].strip()}]}
        elif kind == "image" or (kind == "link" and not LINK.fullmatch(token["attrs"]["url"])):
            yield from _harmless(token["children"])
        elif kind == "link":
            yield {"type": kind, "attrs": {"url": token["attrs"]["url"]}, "children": [*_harmless(token["children"])]}
        elif kind == "block_code":
            yield {"type": kind, "raw": token["raw"]}
        elif "children" in token:
            yield token | {"children": [*_harmless(token["children"])]}
        else:
            yield token


def headings(tokens: Iterable[Token]) -> Iterator[Token]:
    """Every heading, in the order of the text."""
    for token in tokens:
        if token["type"] == "heading":
            yield token
        else:
            yield from headings(token.get("children", ()))


def words(token: Token) -> str:
    """What a token says, without its markup.

    >>> words(parse("A **bold** `word`")[0])
    'A bold word'
    """
    if token["type"] in ("softbreak", "linebreak"):
        return " "
    return str(token["raw"]) if "raw" in token else "".join(map(words, token.get("children", ())))


class _Html(HTMLRenderer):
    """HTML with tables that scroll in their own box, and heads that say what they head."""

    def table(self, text: str) -> str:
        attributes = {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": SCROLLS}
        return "<div" + self.render_attrs(attributes) + "><table>" + text + "</table></div>\n"

    def table_head(self, text: str) -> str:
        return "<thead><tr>" + text + "</tr></thead>\n"

    def table_body(self, text: str) -> str:
        return "<tbody>\n" + text + "</tbody>\n"

    def table_row(self, text: str) -> str:
        return "<tr>" + text + "</tr>\n"

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        attributes = {"scope": "col" if head else None, "class": "number" if align == "right" else None}
        tag = "th" if head else "td"
        return "<" + tag + self.render_attrs(attributes) + ">" + text + "</" + tag + ">"

    def strikethrough(self, text: str) -> str:
        return "<del>" + text + "</del>"


SCROLLS = "Table; it scrolls sideways on a narrow screen"


def to_html(tokens: Iterable[Token]) -> str:
    """HTML of tokens that `parse` made.

    >>> to_html(parse("*a* <b>"))
    '<p><em>a</em> &lt;b&gt;</p>\\n'
    """
    return str(_Html(escape=True)(tokens, BlockState()))


class _Markdown(MarkdownRenderer):
    """Markdown in which every character of the words stays a character, whoever reads it."""

    def text(self, token: Token, state: BlockState) -> str:
        return re.sub(r"\S+", lambda word: escape_markdown(word.group()), token["raw"])

    def link(self, token: Token, state: BlockState) -> str:
        address = token["attrs"]["url"].replace("&", "&amp;")
        return "[" + self.render_children(token, state) + "](<" + address + ">)"


def own_page(path: str | Path) -> Text:
    """A client's own page as words to show: harmless, and with headings that stand below the report's title.

    Raises `ConfigError` if the file can't be read as UTF-8.
    """
    source = page_text(path)
    tokens = parse(source)
    levels = [heading["attrs"] for heading in headings(tokens)]
    if any(attributes["level"] == 1 for attributes in levels):
        for attributes in levels:
            attributes["level"] = min(attributes["level"] + 1, DEEPEST_HEADING)
    return Text(str(_Markdown()(tokens, BlockState())), source)
