"""The client's look: colours that can be read, fonts, a logo, a footer.

Only light modules are imported here: the client file is checked before anything heavy is loaded.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from clvhelpers.reporting.config.section import FilePath, Section

LEAST_CONTRAST = 4.5  # WCAG 2.2, success criterion 1.4.3, for text of normal size
WHITE = "#ffffff"


def contrast(one: str, other: str) -> float:
    """The contrast of two colours after WCAG 2.2: from 1 (the same) to 21 (black and white).

    >>> round(contrast("#000000", "#ffffff"), 1), round(contrast("#0b4f8a", "#ffffff"), 1)
    (21.0, 8.4)
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _readable(colour: str) -> str:
    ratio = contrast(colour, WHITE)
    if ratio < LEAST_CONTRAST:
        raise ValueError(
            f"its contrast with white is {ratio:.2f}, and text in it needs {LEAST_CONTRAST} or more: take a darker one."
        )
    return colour


Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class Brand(Section):
    """How the report looks: the agency's or the client's own."""

    logo: FilePath | None = Field(
        default=None, description="a PNG or JPEG of at most 1 MB, relative to this file", examples=["logo.png"]
    )
    primary: Annotated[Colour, AfterValidator(_readable)] = Field(
        default="#0b4f8a", description='the colour of the head and the headings, such as "#0b4f8a", dark enough to read'
    )
    accent: Colour = Field(default="#56b4e9", description='the colour of lines, never of text, such as "#56b4e9"')
    font: FilePath | None = Field(
        default=None,
        description="a font file (.ttf or .otf) of at most 1 MB, relative to this file",
        examples=["font.ttf"],
    )
    footer: Annotated[str, Field(max_length=300)] | None = Field(
        default=None,
        description="a line at the foot of every page, up to 300 characters",
        examples=["Acme Agency, Main Street 1, London"],
    )
