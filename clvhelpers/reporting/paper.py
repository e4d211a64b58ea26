"""A report as plain data, which the fixed template `report.typ` lays out: text is never a part of a program."""

import base64
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from clvhelpers.reporting.config import ClientConfig
from clvhelpers.reporting.content import Content, Figure, Grid, Item, Printed, Words
from clvhelpers.reporting.markdown import Token
from clvhelpers.text import day, language

Block = dict[str, Any]
Run = dict[str, Any]
MARKS = {"strong": "strong", "emphasis": "emphasis", "strikethrough": "struck"}


def document(content: Content, config: ClientConfig, as_of: date, folder: Path) -> dict[str, Any]:
    """All that `report.typ` reads; the figures are written into `folder` beside it."""
    with language(config.language):
        shown_day = day(as_of, long=True)
    blocks = [block for item in content.items for block in _blocks(item)]
    for number, block in enumerate(block for block in blocks if block["kind"] == "figure"):
        block["file"] = f"figure-{number}.png"
        (folder / block["file"]).write_bytes(base64.b64decode(block.pop("png")))
    return {
        "title": content.title,
        "name": config.name,
        "as_of": shown_day,
        "date": [as_of.year, as_of.month, as_of.day],
        "primary": config.brand.primary,
        "accent": config.brand.accent,
        "footer": " ".join((config.brand.footer or "").split()),
        "blocks": blocks,
    }


def _blocks(item: Item) -> Iterator[Block]:
    match item:
        case Words(tokens):
            yield from _of_tokens(tokens)
        case Figure(png, alt, width):
            yield {"kind": "figure", "png": png, "alt": alt, "width": width}
        case Grid(data=dict() as data):
            yield _grid(data)
        case Grid(plain=text) | Printed(text):
            yield {"kind": "code", "text": text.rstrip("\n")}


def _grid(data: dict[str, Any]) -> Block:
    return {
        "kind": "table",
        "caption": data["caption"],
        "numbers": [column["number"] for column in data["columns"]],
        "head": [[_run(column["name"])] for column in data["columns"]],
        "rows": [[[_run(text)] for text in row] for row in data["rows"]],
    }


def _of_tokens(tokens: Iterable[Token]) -> Iterator[Block]:
    """Blocks of Markdown, as `markdown.parse` gives it."""
    for token in tokens:
        kind = token["type"]
        if kind == "heading":
            yield {"kind": "heading", "level": token["attrs"]["level"] - 1, "runs": [*_runs(token)]}
        elif kind in ("paragraph", "block_text"):
            yield {"kind": "paragraph", "runs": [*_runs(token)]}
        elif kind == "list":
            yield _list(token)
        elif kind == "block_quote":
            yield {"kind": "quote", "blocks": [*_of_tokens(token["children"])]}
        elif kind == "block_code":
            yield {"kind": "code", "text": token["raw"].rstrip("\n")}
        elif kind == "thematic_break":
            yield {"kind": "rule"}
        elif kind == "table":
            yield _table(token)


def _list(token: Token) -> Block:
    return {
        "kind": "list",
        "start": token["attrs"].get("start", 1) if token["attrs"]["ordered"] else None,
        "items": [[*_of_tokens(item["children"])] for item in token["children"]],
    }


def _table(token: Token) -> Block:
    """A table that somebody wrote in Markdown; it has no caption."""
    parts = {part["type"]: part["children"] for part in token["children"]}
    return {
        "kind": "table",
        "caption": "",
        "numbers": [cell["attrs"]["align"] == "right" for cell in parts["table_head"]],
        "head": [[*_runs(cell)] for cell in parts["table_head"]],
        "rows": [[[*_runs(cell)] for cell in row["children"]] for row in parts.get("table_body", [])],
    }


def _runs(token: Token, **marks: Any) -> Iterator[Run]:
    """The words of a token as pieces that each look one way."""
    for child in token["children"]:
        kind = child["type"]
        if kind == "link":
            yield from _runs(child, **marks, link=child["attrs"]["url"])
        elif kind in MARKS:
            yield from _runs(child, **marks | {MARKS[kind]: True})
        elif kind in ("softbreak", "linebreak"):
            yield _run(" " if kind == "softbreak" else "\n", **marks)
        else:
            yield _run(child["raw"], **marks | ({"code": True} if kind == "codespan" else {}))


def _run(text: str, **marks: Any) -> Run:
    return {"text": text, **marks}
