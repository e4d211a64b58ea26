"""The logo and the font of a client file: decoded, checked and written anew, so that nothing else travels with them.

What is written is made from the pixels and the font's own tables alone. A script after the end of the
picture, the place where a photograph was taken or a comment of the designer stays behind.
"""

import io
import warnings
from pathlib import Path

from clvhelpers.errors import ConfigError

LARGEST_FILE = 1_000_000  # bytes
MOST_PIXELS = 16_000_000
LOGO_PIXELS = (720, 288)  # three for each that a page shows, for sharp screens and paper
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,%-"
NO_EMBEDDING = 0x0002  # "restricted license embedding" in the field fsType of a font's table OS/2
KEPT_TABLES = {
    *("CFF ", "CFF2", "GDEF", "GPOS", "GSUB", "HVAR", "MVAR", "OS/2", "STAT", "VORG", "avar", "cmap", "cvt ", "fpgm"),
    *("fvar", "gasp", "glyf", "gvar", "head", "hhea", "hmtx", "kern", "loca", "maxp", "name", "post", "prep", "vhea"),
    "vmtx",
}


def logo_png(path: str | Path) -> bytes:
    """A logo as a PNG of a page's size, from a PNG or JPEG of at most 1 MB and 16 million pixels.

    Raises `ConfigError` with the reason if it is anything else.
    """
    from PIL import Image, ImageOps

    content = _content(Path(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            drawn = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ConfigError(f"it has more than {MOST_PIXELS:,} pixels.") from None
    except (OSError, SyntaxError, ValueError):
        raise ConfigError("it can't be read as a PNG or JPEG.") from None
    if drawn.width * drawn.height > MOST_PIXELS:
        raise ConfigError(f"it has {drawn.width:,} × {drawn.height:,} pixels, more than {MOST_PIXELS:,} in all.")
    try:
        turned = ImageOps.exif_transpose(drawn)
    except (OSError, SyntaxError, ValueError):
        raise ConfigError("it is damaged: not all of the picture is there.") from None
    clean = turned.convert("RGBA")
    clean.thumbnail(LOGO_PIXELS)
    clean.info = {}
    written = io.BytesIO()
    clean.save(written, format="png", optimize=True)
    return written.getvalue()


def font_file(path: str | Path) -> bytes:
    """A font as its own tables alone, from a TTF or OTF of at most 1 MB that may be embedded.

    Raises `ConfigError` with the reason if it is anything else, or lacks letters that every report has.
    """
    from fontTools.ttLib import TTFont

    content = _content(Path(path))
    try:
        with TTFont(io.BytesIO(content), lazy=False, recalcTimestamp=False, recalcBBoxes=False) as font:
            letters, licence = font.getBestCmap() or {}, font["OS/2"].fsType
            written = io.BytesIO()
            for tag in set(font.keys()) - KEPT_TABLES - {"GlyphOrder"}:
                del font[tag]
            font.save(written, reorderTables=True)
    except Exception:  # a damaged font breaks its reader in many ways
        raise ConfigError("it can't be read as a font.") from None
    if licence & NO_EMBEDDING:
        raise ConfigError("the font says that its licence forbids to embed it.")
    missing = [letter for letter in LETTERS if ord(letter) not in letters]
    if missing:
        raise ConfigError(f"the font has no {' '.join(missing[:5])}, and a report needs all letters and digits.")
    return written.getvalue()


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"it can't be read: {error.strerror}.") from error
    if len(content) > LARGEST_FILE:
        raise ConfigError(f"it has {len(content):,} bytes and may have {LARGEST_FILE:,}.")
    return content
