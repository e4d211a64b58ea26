"""A picture carries its words, and drawing leaves nothing behind."""

import itertools
from collections.abc import Callable
from functools import partial

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.axis import Axis

from clvhelpers.plots.look import COLOURS, Picture, canvas, money_axis, number_axis, percent_axis, title


def picture(text: str = "Sales rose") -> Picture:
    with canvas() as (figure, axes):
        axes.plot([1, 2, 3])
        title(axes, text)
    return Picture(figure, "Sales rose from 1 to 3.")


def test_the_alternative_text_goes_with_the_image_and_is_its_repr() -> None:
    data, metadata = picture()._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == "Sales rose from 1 to 3."
    assert data["text/plain"] == "Figure: Sales rose from 1 to 3."
    assert data["image/png"].startswith(b"\x89PNG")


def test_the_same_figure_gives_the_same_bytes() -> None:
    assert picture().png() == picture().png()


@pytest.mark.parametrize("name", ["$a{$", r"$\frac{$", "<script>", "100 % $", "from $12.64 to $2.28"])
def test_no_name_can_break_a_figure(name: str) -> None:
    assert picture(name).png().startswith(b"\x89PNG")


def test_drawing_changes_no_setting_and_leaves_no_open_figure() -> None:
    before = dict(mpl.rcParams)
    picture().png()
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_neighbouring_colours_differ_in_lightness() -> None:
    for first, second in itertools.pairwise(COLOURS):
        assert abs(luminance(first) - luminance(second)) > 0.02


@pytest.mark.parametrize(
    ("write", "ticks", "words"),
    [
        (percent_axis, [0, 0.025, 0.05], ["0.0%", "2.5%", "5.0%"]),
        (percent_axis, [0, 0.2, 1], ["0%", "20%", "100%"]),
        (percent_axis, [0, 0.0005], ["0.00%", "0.05%"]),
        (partial(percent_axis, signed=True), [-0.1, 0.1], ["-10%", "+10%"]),
        (partial(money_axis, currency="EUR"), [0, 2.5, 5], ["€0.00", "€2.50", "€5.00"]),
        (money_axis, [0, 2000], ["$0", "$2,000"]),
        (number_axis, [0, 2.5], ["0.0", "2.5"]),
    ],
)
def test_ticks_are_written_with_the_decimals_that_they_need(
    write: Callable[[Axis], None], ticks: list[float], words: list[str]
) -> None:
    with canvas() as (_, axes):
        axes.set_yticks(ticks)
        write(axes.yaxis)
        assert [label.get_text() for label in axes.get_yticklabels()] == words
