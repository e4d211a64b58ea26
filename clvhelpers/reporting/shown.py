"""What a report shows, as outputs of a notebook from which the page, the PDF and other readers are made.

A table carries its texts as data besides its HTML, so that no reader has to scrape markup.
"""

from collections.abc import Iterable
from typing import Any

from clvhelpers.plots.look import Picture
from clvhelpers.text import Table, Text

Shown = Text | Table | Picture
TABLE = "application/vnd.clv.table+json"


def show(items: Iterable[Shown]) -> None:
    """Display each item in the notebook that runs."""
    from IPython.display import publish_display_data

    for item in items:
        data, metadata = _bundle(item)
        publish_display_data(data, metadata)


def _bundle(item: Shown) -> tuple[dict[str, Any], dict[str, Any]]:
    if isinstance(item, Picture):
        return item._repr_mimebundle_()
    plain = {"text/plain": repr(item)}
    if isinstance(item, Table):
        return plain | {"text/html": item._repr_html_(), TABLE: item.as_data()}, {}
    return plain | {"text/markdown": item._repr_markdown_()}, {}
