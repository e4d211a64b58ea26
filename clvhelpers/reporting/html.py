"""Turn an executed notebook into one self-contained page without code, prompts or scripts."""

import base64
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from clvhelpers.reporting.config import ClientConfig
from clvhelpers.reporting.content import Content, Figure, Grid, Item, Printed, Words, read_content
from clvhelpers.reporting.markdown import SCROLLS, to_html
from clvhelpers.reporting.own_files import font_file, logo_png
from clvhelpers.text import day, language

HERE = Path(__file__).parent / "template"


def export(notebook: Path, page: Path, config: ClientConfig, as_of: date) -> None:
    """Write an executed notebook as a page that needs no network, no script and no other file.

    The client's name, look and day stand in the page's head. Raises `ValueError` if the notebook ended in an
    error, or has a figure without a text for those who can't see it, and `ConfigError` for a logo or font that
    can't be used.
    """
    content = read_content(notebook)
    page.write_text(template().render(_values(content, config, as_of)), encoding="utf-8")


@cache
def template() -> Template:
    """The page's template, made ready once in a process."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"css_string": css_string}
    return environment.get_template("index.html.j2")


def _values(content: Content, config: ClientConfig, as_of: date) -> dict[str, Any]:
    brand = config.brand
    with language(config.language):
        shown_day = day(as_of, long=True)
    return {
        "title": content.title,
        "name": config.name,
        "as_of": shown_day,
        "brand": brand,
        "logo": brand.logo and _base64(logo_png(brand.logo)),
        "font": brand.font and _base64(font_file(brand.font)),
        "parts": content.parts,
        "items": [_block(item) for item in content.items],
        "scrolls": SCROLLS,
    }


def _block(item: Item) -> dict[str, Any]:
    """An item as the template takes it: HTML is marked as such, everything else is text."""
    match item:
        case Words(tokens):
            return {"kind": "words", "html": Markup(to_html(tokens))}
        case Grid(html=text):
            return {"kind": "table", "html": Markup(text)}
        case Figure(png, alt, width):
            return {"kind": "figure", "png": png, "alt": alt, "width": width}
        case Printed(text):
            return {"kind": "printed", "text": text}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def css_string(text: str) -> Markup:
    """A text as a string of CSS in which nothing but letters and digits stands as itself.

    >>> print(css_string('a"}'))
    "a\\000022\\00007d"
    """
    one_line = " ".join(text.split())
    escaped = "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):06x}" for c in one_line)
    return Markup('"' + escaped + '"')
