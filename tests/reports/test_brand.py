"""A client's own files: what of a logo, a font and a page is taken over, and what is refused with its line."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fontTools.ttLib import TTFont
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from clvhelpers.errors import ConfigError
from clvhelpers.reporting.config import load_config
from clvhelpers.reporting.own_files import KEPT_TABLES, LOGO_PIXELS, font_file, logo_png
from tests.reports.cells import FONTS
from tests.reports.small import CLIENT

SCRIPT = b"<script>alert(1)</script>"
DATA = b"\x00\x00\x00\x10IDAT"  # the start of the picture itself, and no more of it


def problem(folder: Path, block: str) -> str:
    """The one problem of a client file in `folder/clients` with a block added."""
    path = folder / "clients" / "client.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(CLIENT + block, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (found,) = caught.value.problems
    assert found.startswith(f"client.yml, line {len(CLIENT.splitlines()) + 2}: ")
    return found


def png(width: int, height: int, rest: bytes = b"") -> bytes:
    """The start of a PNG that says it has so many pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + rest


def gif() -> bytes:
    """A picture of a kind that Pillow would read too."""
    written = io.BytesIO()
    Image.new("RGB", (9, 9)).save(written, format="gif")
    return written.getvalue()


def test_a_png_is_drawn_anew_without_what_else_it_carries(tmp_path: Path) -> None:
    note = PngInfo()
    note.add_text("Comment", "drawn by Ann")
    path = tmp_path / "logo.png"
    Image.new("RGBA", (3000, 300), (139, 26, 26, 255)).save(path, pnginfo=note, icc_profile=b"profile")
    path.write_bytes(path.read_bytes() + SCRIPT)
    written = logo_png(path)
    drawn = Image.open(io.BytesIO(written))
    assert (drawn.format, drawn.size) == ("PNG", (LOGO_PIXELS[0], LOGO_PIXELS[0] // 10))
    assert drawn.getpixel((5, 5)) == (139, 26, 26, 255)
    assert drawn.info == {}
    assert SCRIPT not in written
    assert logo_png(path) == written


def test_a_photograph_stands_upright_and_forgets_where_it_was_taken(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "12 High Street"
    Image.new("RGB", (60, 20), "#8b1a1a").save(tmp_path / "logo.jpg", exif=exif)
    written = logo_png(tmp_path / "logo.jpg")
    assert Image.open(io.BytesIO(written)).size == (20, 60)
    assert b"High Street" not in written


NOT_LOGOS: dict[str, tuple[bytes, str]] = {
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "can't be read as a PNG or JPEG"),
    "page": (b"<!DOCTYPE html>" + SCRIPT, "can't be read as a PNG or JPEG"),
    "script behind the first bytes": (b"\x89PNG\r\n\x1a\n" + SCRIPT, "can't be read as a PNG or JPEG"),
    "gif": (gif(), "can't be read as a PNG or JPEG"),
    "bomb": (png(100_000, 100_000, DATA), "has more than 16,000,000 pixels"),
    "large": (png(9_000, 9_000, DATA), "9,000 × 9,000 pixels"),
    "cut": (png(10, 10, DATA), "is damaged"),
    "heavy": (png(10, 10, bytes(1_000_000)), "more than 1,000,000 bytes"),
}


@pytest.mark.parametrize("name", NOT_LOGOS)
def test_what_is_no_logo_is_refused_before_anything_is_computed(tmp_path: Path, name: str) -> None:
    content, reason = NOT_LOGOS[name]
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "logo.png").write_bytes(content)
    found = problem(tmp_path, "brand:\n  logo: logo.png\n")
    assert reason in found
    assert "It should be a PNG or JPEG of at most 1 MB, relative to this file." in found


@pytest.mark.parametrize("key", ["brand:\n  logo", "brand:\n  font", "pages:\n  before", "pages:\n  after"])
def test_files_outside_of_the_client_s_folder_are_refused(tmp_path: Path, key: str) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "logo.png")
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "link").symlink_to(tmp_path / "logo.png")
    for name in ("../logo.png", str(tmp_path / "logo.png"), "link", "../clients/../logo.png"):
        assert "lies outside of" in problem(tmp_path, f"{key}: {name}\n")
    assert "there is no such file" in problem(tmp_path, f"{key}: logo.png\n")


def changed(change: Callable[[Any], None]) -> bytes:
    with TTFont(FONTS / "DejaVuSans.ttf") as font:
        change(font)
        written = io.BytesIO()
        font.save(written)
    return written.getvalue()


def forbid(font: Any) -> None:
    font["OS/2"].fsType = 2


def lose_letters(font: Any) -> None:
    for part in font["cmap"].tables:
        part.cmap = {sign: glyph for sign, glyph in part.cmap.items() if sign > 0x2000}


NOT_FONTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "words": (lambda: b"a font", "is not a TTF or OTF font"),
    "packed for the web": (lambda: b"wOFF" + bytes(40), "is not a TTF or OTF font"),
    "damaged": (lambda: (FONTS / "DejaVuSans.ttf").read_bytes()[:5000], "can't be read as a font"),
    "not to be embedded": (lambda: changed(forbid), "its licence forbids"),
    "signs only": (lambda: changed(lose_letters), "has no A B C D E"),
}


@pytest.mark.parametrize("name", NOT_FONTS)
def test_what_is_no_font_for_a_report_is_refused(tmp_path: Path, name: str) -> None:
    content, reason = NOT_FONTS[name]
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "font.ttf").write_bytes(content())
    assert reason in problem(tmp_path, "brand:\n  font: font.ttf\n")


def test_a_font_keeps_its_letters_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "font.ttf"
    path.write_bytes((FONTS / "DejaVuSans.ttf").read_bytes() + SCRIPT)
    before, after = TTFont(path), TTFont(io.BytesIO(written := font_file(path)))
    assert "FFTM" in before
    assert set(after.keys()) <= KEPT_TABLES | {"GlyphOrder"}
    assert after.getBestCmap() == before.getBestCmap()
    assert SCRIPT not in written
    assert font_file(path) == written


@pytest.mark.parametrize(
    ("colour", "said"),
    [
        ("red;} body{background:url(//evil.test)}", "the colour of the head"),
        ("#8b1a1a;", "the colour of the head"),
        ("#fff", "the colour of the head"),
        ("#f0a0a0", "its contrast with white is 2.05, and text in it needs 4.5 or more"),
    ],
)
def test_a_colour_is_six_digits_and_dark_enough_to_read(tmp_path: Path, colour: str, said: str) -> None:
    assert said in problem(tmp_path, f'brand:\n  primary: "{colour}"\n')


def test_a_page_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "before.md").write_bytes("Café".encode("cp1252"))
    assert "before.md is not UTF-8 (byte 3)" in problem(tmp_path, "pages:\n  before: before.md\n")


def test_an_own_page_is_a_page_and_no_book(tmp_path: Path) -> None:
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "before.md").write_text("| a | b |\n" * 3_000, encoding="utf-8")
    assert "before.md has more than 20,000 bytes" in problem(tmp_path, "pages:\n  before: before.md\n")
