"""A client's own files: the logo and the font, written anew so that nothing else travels with them, and the pages.

A logo is made from its pixels and a font from its own tables alone. A script behind the end of a picture,
the place where a photograph was taken or a comment of the designer stays behind.
"""

import io
import warnings
from pathlib import Path

from clvhelpers.errors import ConfigError

LARGEST_FILE = 1_000_000  # bytes
LARGEST_PAGE = 20_000  # some pages of words; a long table takes a minute and a gigabyte to lay out
MOST_PIXELS = 16_000_000
LOGO_PIXELS = (720, 288)  # three for each that a page shows, for sharp screens and paper
FONT_STARTS = (b"\x00\x01\x00\x00", b"OTTO", b"true")  # one TrueType or OpenType font, neither packed nor a collection
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,%-"
NO_EMBEDDING = 0x0002  # "restricted license embedding" in the field fsType of a font's table OS/2
KEPT_TABLES = {
    *("CFF ", "CFF2", "GDEF", "GPOS", "GSUB", "HVAR", "MVAR", "OS/2", "STAT", "VORG", "avar", "cmap", "cvt ", "fpgm"),
    *("fvar", "gasp", "glyf", "gvar", "head", "hhea", "hmtx", "kern", "loca", "maxp", "name", "post", "prep", "vhea"),
    "vmtx",
}


def logo_png(path: str | Path) -> bytes:
    """A logo as a PNG of a page's size, from a PNG or JPEG of at most 1 MB and 16 million pixels.

    Raises `ConfigError` if it is anything else.
    """
    from PIL import Image, ImageOps

    content, name = _content(path), Path(path).name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            drawn = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ConfigError(f"{name} has more than {MOST_PIXELS:,} pixels.") from None
    except (OSError, SyntaxError, ValueError):
        raise ConfigError(f"{name} can't be read as a PNG or JPEG.") from None
    if drawn.width * drawn.height > MOST_PIXELS:
        raise ConfigError(f"{name} has {drawn.width:,} × {drawn.height:,} pixels, more than {MOST_PIXELS:,} in all.")
    try:
        turned = ImageOps.exif_transpose(drawn)
        clean = turned.convert("RGBA")
    except (OSError, SyntaxError, ValueError):
        raise ConfigError(f"{name} is damaged: not all of the picture is there.") from None
    clean.thumbnail(LOGO_PIXELS)
    clean.info = {}
    written = io.BytesIO()
    clean.save(written, format="png", optimize=True)
    return written.getvalue()


def font_file(path: str | Path) -> bytes:
    """A font as its own tables alone, from a TTF or OTF of at most 1 MB that may be embedded.

    Raises `ConfigError` if it is anything else, or lacks letters that every report has.
    """
    from fontTools.ttLib import TTFont

    content, name = _content(path), Path(path).name
    if not content.startswith(FONT_STARTS):
        raise ConfigError(f"{name} is not a TTF or OTF font.")
    try:
        with TTFont(io.BytesIO(content), lazy=False, recalcTimestamp=False, recalcBBoxes=False) as font:
            letters, licence = font.getBestCmap() or {}, font["OS/2"].fsType
            written = io.BytesIO()
            for tag in set(font.keys()) - KEPT_TABLES - {"GlyphOrder"}:
                del font[tag]
            font.save(written, reorderTables=True)
    except Exception:  # a damaged font breaks its reader in many ways
        raise ConfigError(f"{name} can't be read as a font.") from None
    if licence & NO_EMBEDDING:
        raise ConfigError(f"{name} says that its licence forbids to embed it.")
    missing = [letter for letter in LETTERS if ord(letter) not in letters]
    if missing:
        raise ConfigError(f"{name} has no {' '.join(missing[:5])}, and a report needs all letters and digits.")
    return written.getvalue()


def page_text(path: str | Path) -> str:
    """The words of a client's own page. Raises `ConfigError` if they are not UTF-8 of at most 20,000 bytes."""
    content, name = _content(path, LARGEST_PAGE), Path(path).name
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} is not UTF-8 (byte {error.start:,}); save it as UTF-8.") from error


def _content(path: str | Path, most: int = LARGEST_FILE) -> bytes:
    name = Path(path).name
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise ConfigError(f"{name} can't be read: {error.strerror}.") from error
    if len(content) > most:
        raise ConfigError(f"{name} has more than {most:,} bytes.")
    return content
