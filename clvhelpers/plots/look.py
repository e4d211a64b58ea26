"""One look for every figure, and `Picture`: a figure together with its words.

Colours are from the Okabe-Ito palette, which people with the common kinds of colour blindness
can tell apart. Text is never parsed as mathematics, so no product name can break a figure.
"""

import io
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, num2date
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, ScalarFormatter
from PIL import Image

from clvhelpers.text import day, money, number, percent, period, written_in_default_language

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#6B7280",
)
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)
SEQUENTIAL = "cividis"
INK = "#1F2937"
TITLE_CHARACTERS_PER_INCH = 9
PIXELS_PER_INCH = 100  # on a page; an image file has more, for sharp screens and paper

THEME: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#9CA3AF",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": INK,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlepad": 12,
    "axes.titley": 1.0,  # at the axes, where nothing else stands; or each is measured again to be moved there
    "figure.dpi": PIXELS_PER_INCH,
    "figure.figsize": (5.8, 3.5),
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "grid.color": "#E5E7EB",
    "legend.frameon": False,
    "savefig.dpi": 144,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with the sentence that says what it shows.

    In a notebook it shows as an image whose alternative text is `alt`; `repr` is that text too,
    so a test that compares saved outputs notices when the numbers behind the image change.
    `figure` stays open for further changes and is drawn only when shown.
    """

    figure: Figure
    alt: str

    @property
    def width(self) -> int:
        """How wide it is shown on a page, in CSS pixels; a narrow screen shrinks it."""
        return round(self.figure.get_figwidth() * PIXELS_PER_INCH)

    def png(self) -> bytes:
        """The image in 256 colours, half the size of all colours and the same to the eye.

        Drawn straight into memory: `savefig` draws twice and packs an image only to have it unpacked here.
        """
        dots = self.figure.dpi
        with mpl.rc_context(THEME):
            self.figure.dpi = THEME["savefig.dpi"]
            drawn = FigureCanvasAgg(self.figure)
            drawn.draw()
            self.figure.dpi = dots
        reduced = io.BytesIO()
        image = Image.fromarray(np.asarray(drawn.buffer_rgba())).convert("RGB")
        image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(reduced, format="png")
        return reduced.getvalue()

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        shown = {"alt": self.alt, "width": self.width}
        return {"image/png": self.png(), "text/plain": repr(self)}, {"image/png": shown}

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"


@contextmanager
def canvas(rows: int = 1, columns: int = 1, **options: Any) -> Iterator[tuple[Figure, Any]]:
    """A figure and its axes in the house look; pyplot forgets it on leaving, so it shows only once.

    >>> with canvas() as (figure, axes):
    ...     _ = axes.plot([1, 2, 3])
    """
    with mpl.rc_context(THEME):
        figure, axes = plt.subplots(rows, columns, **options)
        try:
            yield figure, axes
        finally:
            plt.close(figure)


def number_axis(axis: Axis) -> None:
    """Numbers on an axis as the language of the figure writes them, each with the decimals that the ticks need."""
    axis.set_major_formatter(_Ticks(number))


def percent_axis(axis: Axis, *, signed: bool = False) -> None:
    """Shares on an axis as percentages, with the decimals that the ticks need: 2.5% is not written as 2%."""
    axis.set_major_formatter(_Ticks(lambda share, decimals: percent(share, max(decimals - 2, 0), signed=signed)))


def money_axis(axis: Axis, currency: str = "USD") -> None:
    """Amounts on an axis, with cents only where the ticks need them."""
    axis.set_major_formatter(_Ticks(lambda value, decimals: money(value, currency, 2 if decimals else 0)))


class _Ticks(ScalarFormatter):
    """What `write` makes of a number and the fewest decimals that tell all ticks as they are."""

    def __init__(self, write: Callable[[float, int], str]):
        super().__init__(useOffset=False)
        self.set_scientific(False)
        self._write = write

    def __call__(self, x: float, pos: int | None = None) -> str:
        return self._write(x, len(super().__call__(x, pos).partition(".")[2]))


def date_axis(axis: Axis) -> None:
    """Days on an axis: short as matplotlib writes them in English, else as the language of the figure does."""
    if written_in_default_language():
        axis.set_major_formatter(ConciseDateFormatter(axis.get_major_locator()))
    else:
        axis.set_major_locator(AutoDateLocator(minticks=3, maxticks=6))
        axis.set_major_formatter(_Days())


class _Days(Formatter):
    def __call__(self, x: float, pos: int | None = None) -> str:
        return self.format_ticks([x])[0]

    def format_ticks(self, values: list[float]) -> list[str]:
        days = [pd.Timestamp(num2date(value).date()) for value in values]
        by_month = all(one.day == 1 for one in days)
        return [period(one.to_period("M")) if by_month else day(one) for one in days]


def promised_and_came(axes: Axes, expected: pd.Series, actual: pd.Series, low: pd.Series, high: pd.Series) -> None:
    """Shares of groups of customers that came true against those expected, with intervals and the line of equals."""
    top = 1.05 * max(high.max(), expected.max())
    axes.plot([0, top], [0, top], color=GREY, linewidth=1, linestyle="--", label="as promised")
    errors = np.clip([actual - low, high - actual], 0, None)
    axes.errorbar(expected, actual, errors, fmt="o", color=BLUE, markersize=5, label="a group of customers")
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    for axis in (axes.xaxis, axes.yaxis):
        percent_axis(axis)
    axes.grid(axis="both")
    axes.legend(loc="upper left")


def title(axes: Axes, finding: str) -> None:
    """Set the title, which says what the figure shows and not what it is; long ones go over lines of like length.

    Wrapped here and not by matplotlib, whose own way reads text between two dollar signs as mathematics.
    """
    inches = axes.get_figure(root=True).get_figwidth() - 1  # type: ignore[union-attr]
    most = max(20, int(TITLE_CHARACTERS_PER_INCH * inches))
    lines = len(textwrap.wrap(finding, most))
    widths = range(len(finding) // max(lines, 1) or 1, most + 1)
    axes.set_title(textwrap.fill(finding, next(w for w in widths if len(textwrap.wrap(finding, w)) <= lines)))
