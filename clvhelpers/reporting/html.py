"""Turn an executed notebook into one self-contained page without code, prompts or scripts."""

import html
from datetime import date
from pathlib import Path
from typing import Any

import nbformat
from markupsafe import Markup
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from clvhelpers.reporting.config import ClientConfig
from clvhelpers.text import NO_MATHS, day, language

HERE = Path(__file__).parent
SHOWN_FIRST = ("text/html", "text/markdown", "image/png", "text/plain")
OPENED, CLOSED = f'<div class="{NO_MATHS}">\n\n', "\n\n</div>"  # what keeps MathJax out in JupyterLab


class _Renderer(IPythonRenderer):
    """Markdown to HTML with no HTML and no harmful link let through; notes the headings for the contents."""

    def __init__(self) -> None:
        super().__init__(escape=True, allow_harmful_protocols=False)
        self.title = ""
        self.contents: list[tuple[str, str]] = []

    def text(self, text: str) -> str:
        """Words as they are: `clvhelpers.md` writes the characters of a value as numbers, which stay text."""
        return html.escape(html.unescape(text), quote=False)

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """The first heading of level 1 goes to the page's head; those of level 2 make the contents."""
        if level == 1 and not self.title:
            self.title = text
            return ""
        if level != 2:
            return f"<h{level}>{text}</h{level}>\n"
        name = f"part-{len(self.contents) + 1}"
        self.contents.append((name, text))
        return f'<h2 id="{name}">{text}</h2>\n'


class _ReportExporter(TemplateExporter):
    """nbconvert with the template of this folder, and without its pass through BeautifulSoup."""

    template_name = "template"
    file_extension = ".html"
    output_mimetype = "text/html"
    extra_template_basedirs = [str(HERE)]  # noqa: RUF012  (a trait of nbconvert)


def export(notebook: Path, page: Path, config: ClientConfig, as_of: date) -> None:
    """Write an executed notebook as a page that needs no network, no script and no other file.

    The client's name, look and day stand in the page's head. Raises `ValueError` if the notebook ended in an
    error, or has a figure without a text for those who can't see it.
    """
    nb = nbformat.read(notebook, as_version=4)
    renderer = _Renderer()
    markdown = MarkdownWithMath(renderer=renderer)
    exporter = _ReportExporter(
        filters={
            "shown": _shown,
            "alternative": _alternative,
            "markdown_text": lambda text: Markup(markdown(text)),
        }
    )
    with language(config.language):
        head = {"report": renderer, "name": config.name, "as_of": day(as_of, long=True)}
    exporter.environment.globals |= head
    text, _ = exporter.from_notebook_node(nb)
    page.write_text(text, encoding="utf-8")


def _shown(output: NotebookNode) -> tuple[str, str]:
    """The kind and the text of an output as the page shows it; kind "" shows nothing.

    >>> _shown(NotebookNode(output_type="stream", name="stderr", text="a warning"))
    ('', '')
    """
    if output.output_type == "error":
        raise ValueError(f"The notebook ended in an error ({output.ename}), so there is no page to make of it.")
    if output.output_type == "stream":
        return ("text/plain", output.text) if output.name == "stdout" else ("", "")
    kind = next((kind for kind in SHOWN_FIRST if kind in output.data), "")
    content = str(output.data.get(kind, ""))
    return kind, content.removeprefix(OPENED).removesuffix(CLOSED) if kind == "text/markdown" else content


def _alternative(output: NotebookNode) -> str:
    alt = str(output.metadata.get("image/png", {}).get("alt", "")).strip()
    if not alt:
        raise ValueError("A figure has no alternative text; show it as a clvhelpers.plots.look.Picture.")
    return alt
