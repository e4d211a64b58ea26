"""Notebooks made by hand, whose outputs a test chooses, and a client with a look of its own."""

import base64
import shutil
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nbformat
import pandas as pd
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image, ImageDraw

import clvhelpers as clv
from clvhelpers.plots.look import Picture, canvas
from clvhelpers.reporting.config import ClientConfig, load_config
from clvhelpers.reporting.markdown import own_page
from clvhelpers.reporting.shown import TABLE

FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"


def shows(**data: Any) -> Any:
    """A cell with one output: `shows(text_html="…")`."""
    mime = {name.replace("_", "/"): value for name, value in data.items()}
    return new_code_cell("code_of_ours()", outputs=[new_output("display_data", data=mime)])


def picture(alt: str) -> Any:
    with canvas() as (figure, axes):
        axes.plot([1, 2])
    data, metadata = Picture(figure, alt)._repr_mimebundle_()
    data["image/png"] = base64.b64encode(data["image/png"]).decode()
    return new_code_cell("", outputs=[new_output("display_data", data=data, metadata=metadata)])


def table(frame: pd.DataFrame, caption: str) -> Any:
    shown = clv.table(frame, caption)
    return shows(text_html=shown._repr_html_(), **{TABLE: shown.as_data()})


def page_cell(folder: Path, text: str) -> Any:
    """A client's own page, as the report shows it."""
    path = folder / "own.md"
    path.write_text(text, encoding="utf-8")
    return shows(text_markdown=own_page(path)._repr_markdown_())


def write_notebook(folder: Path, *cells: Any) -> Path:
    path = folder / "report.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def client(name: str = "Acme", **changes: Any) -> ClientConfig:
    columns = {"customer": "id", "date": "day"}
    values = {"client": "acme", "name": name, "currency": "GBP"}
    return load_config(values | {"transactions": {"source": "orders.csv", "columns": columns}} | changes)


def brand(folder: Path) -> dict[str, str]:
    """A dark red look with a logo, a font and a footer, whose files lie in `folder`."""
    drawn = Image.new("RGBA", (900, 300), (0, 0, 0, 0))
    ImageDraw.Draw(drawn).ellipse((30, 30, 270, 270), fill="#8b1a1a")
    drawn.save(folder / "logo.png")
    shutil.copy(FONTS / "DejaVuSerif.ttf", folder / "font.ttf")
    return {
        "logo": str(folder / "logo.png"),
        "primary": "#8b1a1a",
        "accent": "#d9a441",
        "font": str(folder / "font.ttf"),
        "footer": "Marlow & Co, confidential",
    }
