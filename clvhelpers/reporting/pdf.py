"""The report on paper: laid out by typst from the notebook's outputs as data, or the page as a browser prints it.

The PDF that typst makes is tagged (PDF/UA-1), and the same notebook gives the same bytes. A browser makes a
tagged one too, and writes the time of printing into it.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvhelpers.errors import OutputError, ToolMissingError
from clvhelpers.reporting import paper
from clvhelpers.reporting.config import ClientConfig
from clvhelpers.reporting.config.brand import Brand
from clvhelpers.reporting.content import read_content
from clvhelpers.reporting.own_files import font_file, logo_png

if TYPE_CHECKING:
    from typst import Fonts

TEMPLATE = Path(__file__).parent / "template" / "report.typ"
FONT = "DejaVu Sans"  # comes with matplotlib, so the figures are written in it too
FONT_FILES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf", "DejaVuSans-BoldOblique.ttf")
UNKNOWN_SIGN = "□"
FONT_FOLDERS = ("own", "plain")
BOLD = 600
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "msedge")
PRINT_SECONDS = 120
PRINT_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
    "--export-tagged-pdf",
    "--generate-pdf-document-outline",
)


def write(notebook: Path, target: Path, config: ClientConfig, as_of: date) -> None:
    """Write an executed notebook as a PDF. It is compiled in a folder of its own, outside of which it reads nothing.

    Raises `ToolMissingError` without typst, `ConfigError` for a logo or font that can't be used, and `ValueError` if
    the notebook ended in an error or has a figure without words.
    """
    try:
        import typst  # noqa: F401
    except ImportError:
        raise ToolMissingError("typst is not installed: pip install typst") from None
    content = read_content(notebook)
    with tempfile.TemporaryDirectory(prefix="clv-pdf-") as made:
        folder = Path(made)
        values = paper.document(content, config, as_of, folder) | _look(config.brand, folder)
        shutil.copy(TEMPLATE, folder)
        target.write_bytes(_compiled(folder, values))


def _look(brand: Brand, folder: Path) -> dict[str, Any]:
    """Put the fonts and the logo into the folder, and tell the template of them."""
    import matplotlib
    import typst

    for name in FONT_FOLDERS:
        (folder / name).mkdir()
    shelf = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name in FONT_FILES:
        shutil.copy(shelf / name, folder / "plain")
    look: dict[str, Any] = {"fonts": [FONT], "thin": False}
    if brand.logo:
        (folder / "logo.png").write_bytes(logo_png(brand.logo))
        look["logo"] = True
    if brand.font:
        (folder / "own" / "font.ttf").write_bytes(font_file(brand.font))
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder / "own"])
        for own in fonts.fonts():
            look |= {"fonts": [own.family, FONT], "thin": own.weight < BOLD}
    return look


def _compiled(folder: Path, values: dict[str, Any]) -> bytes:
    """The PDF, in the fonts that come with the package as long as they have every sign.

    Otherwise the machine's own fonts help, and a sign that none of those has becomes a box: PDF/UA allows no
    other gap.
    """
    import typst

    def compiled(values: Any, fonts: "Fonts") -> bytes:
        (folder / "report.json").write_text(json.dumps(values), encoding="utf-8")
        return typst.compile(folder / TEMPLATE.name, root=folder, font_paths=fonts, pdf_standards=["ua-1"])

    folders = [folder / name for name in FONT_FOLDERS]
    with contextlib.suppress(typst.TypstError):
        return compiled(values, typst.Fonts(include_system_fonts=False, font_paths=folders))
    fonts = typst.Fonts(include_system_fonts=True, font_paths=folders)
    with contextlib.suppress(typst.TypstError):
        return compiled(values, fonts)
    return compiled(_with_boxes(values, _signs(fonts)), fonts)


def _signs(fonts: "Fonts") -> set[str]:
    """Every sign that one of the font files has, and the end of a line, which needs none."""
    from fontTools.ttLib import TTFont, TTLibError

    signs = {"\n"}
    for face in fonts.fonts():
        if face.path is None:
            continue
        with contextlib.suppress(TTLibError), TTFont(face.path, fontNumber=face.index, lazy=True) as font:
            signs.update(map(chr, font.getBestCmap() or {}))
    return signs


def _with_boxes(value: Any, signs: set[str]) -> Any:
    """A value of JSON with a box for each sign that can't be written.

    >>> _with_boxes({"text": ["a\u0378"], "level": 1}, {"a"})
    {'text': ['a□'], 'level': 1}
    """
    if isinstance(value, str):
        return "".join(sign if sign in signs else UNKNOWN_SIGN for sign in value)
    if isinstance(value, list):
        return [_with_boxes(one, signs) for one in value]
    return {key: _with_boxes(one, signs) for key, one in value.items()} if isinstance(value, dict) else value


def print_page(page: Path, target: Path) -> None:
    """Print a page by a Chromium that is on this machine, with no network and no profile of anybody.

    Raises `ToolMissingError` without a browser, and `OutputError` if it doesn't print within two minutes.
    """
    program = _browser()
    with tempfile.TemporaryDirectory(prefix="clv-print-", ignore_cleanup_errors=True) as made:
        printed = Path(made) / "report.pdf"
        command = [program, *PRINT_OPTIONS, f"--user-data-dir={made}", f"--print-to-pdf={printed}"]
        if sys.platform != "win32" and os.geteuid() == 0:
            command.append("--no-sandbox")  # root has none
        _run([*command, page.resolve().as_uri()], {**os.environ, "HOME": made})
        if not printed.is_file():
            raise OutputError(f"{Path(program).name} printed nothing; --pdf typst needs no browser.")
        shutil.copyfile(printed, target)


def _browser() -> str:
    named = os.environ.get("CHROME")
    found = next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)
    if found:
        return found
    if named:
        raise ToolMissingError(f"there is no browser {named}, which the variable CHROME names")
    raise ToolMissingError("no browser was found: install Chromium, or give its path in the variable CHROME")


def _run(command: list[str], environment: dict[str, str]) -> None:
    """Run a program and all that it starts, and end them all when its time is over."""
    silent = subprocess.DEVNULL
    with _no_limit_of_data():
        running = subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent, env=environment)
    with running:
        try:
            running.wait(PRINT_SECONDS)
        except subprocess.TimeoutExpired as error:
            _end(running)
            raise OutputError(f"{Path(command[0]).name} did not print within {PRINT_SECONDS} seconds.") from error
        except BaseException:
            _end(running)
            raise


def _end(running: "subprocess.Popen[bytes]") -> None:
    """End a program with all that it started; it is in the group of this process, and ends with it too."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        program = psutil.Process(running.pid)
        for one in (*program.children(recursive=True), program):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


@contextlib.contextmanager
def _no_limit_of_data() -> Iterator[None]:
    """Let a program that is started here take memory as it likes: a browser hangs under a limit made for Python."""
    if sys.platform == "win32":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
