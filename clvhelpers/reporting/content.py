"""What an executed report notebook shows, in order: what the page and the PDF are both made from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from clvhelpers.reporting.markdown import Token, headings, parse, words
from clvhelpers.reporting.shown import TABLE
from clvhelpers.text import NO_MATHS

TITLE = "Customer lifetime value"
OPENED, CLOSED = f'<div class="{NO_MATHS}">\n\n', "\n\n</div>"  # what keeps MathJax out in JupyterLab


@dataclass(frozen=True)
class Words:
    """Markdown, read by `markdown.parse`; `heading` attributes have a level from 2 on and, on level 2, an id."""

    tokens: list[Token]

    @property
    def says_something(self) -> bool:
        return any(token["type"] != "blank_line" for token in self.tokens)


@dataclass(frozen=True)
class Figure:
    """A PNG in base64, with its words and the width in CSS pixels at which it is shown."""

    png: str
    alt: str
    width: int


@dataclass(frozen=True)
class Grid:
    """A table as HTML, and as the texts that `clvhelpers.text.Table.as_data` gives, if it has them."""

    html: str
    data: dict[str, Any] | None
    plain: str


@dataclass(frozen=True)
class Printed:
    """What a cell printed, as it is."""

    text: str


Item = Words | Figure | Grid | Printed


@dataclass(frozen=True)
class Content:
    """A report's title, what it shows, and its parts as pairs of an id and a heading."""

    title: str
    items: list[Item]
    parts: list[tuple[str, str]] = field(default_factory=list)


def read_content(notebook: Path) -> Content:
    """Read an executed notebook. Raises `ValueError` if it ended in an error, or has a figure without words."""
    nb = nbformat.read(notebook, as_version=4)
    items = [item for cell in nb.cells for item in _items(cell)]
    title = _take_title(items)
    content = Content(title, [item for item in items if not isinstance(item, Words) or item.says_something])
    level = 1
    for heading in headings(token for item in content.items if isinstance(item, Words) for token in item.tokens):
        level = heading["attrs"]["level"] = max(2, min(heading["attrs"]["level"], level + 1))
        if level == 2:
            heading["attrs"]["id"] = f"part-{len(content.parts) + 1}"
            content.parts.append((heading["attrs"]["id"], words(heading)))
    return content


def _take_title(items: list[Item]) -> str:
    """The first heading of level 1, which goes to the head of the report and out of its words."""
    for item in items:
        tokens = item.tokens if isinstance(item, Words) else []
        for token in tokens:
            if token["type"] == "heading" and token["attrs"]["level"] == 1:
                tokens.remove(token)
                return words(token)
    return TITLE


def _items(cell: NotebookNode) -> Iterator[Item]:
    if cell.cell_type == "markdown":
        yield Words(parse(cell.source))
    elif cell.cell_type == "code":
        for output in cell.outputs:
            yield from _shown(output)


def _shown(output: NotebookNode) -> Iterator[Item]:
    """What is shown of an output; warnings, scripts and what no reader knows are not.

    >>> list(_shown(NotebookNode(output_type="stream", name="stderr", text="a warning")))
    []
    """
    if output.output_type == "error":
        raise ValueError(f"The notebook ended in an error ({output.ename}), so there is no page to make of it.")
    if output.output_type == "stream":
        if output.name == "stdout":
            yield Printed(output.text)
        return
    data = output.data
    if "text/html" in data:
        yield Grid(str(data["text/html"]), data.get(TABLE), str(data.get("text/plain", "")))
    elif "text/markdown" in data:
        yield Words(parse(str(data["text/markdown"]).removeprefix(OPENED).removesuffix(CLOSED)))
    elif "image/png" in data:
        yield _figure(data["image/png"], output.metadata.get("image/png", {}))
    elif "text/plain" in data:
        yield Printed(str(data["text/plain"]))


def _figure(png: str, shown: dict[str, Any]) -> Figure:
    alt = str(shown.get("alt", "")).strip()
    if not alt:
        raise ValueError("A figure has no alternative text; show it as a clvhelpers.plots.look.Picture.")
    return Figure(png.replace("\n", ""), alt, int(shown.get("width", 0)))
