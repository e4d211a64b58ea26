"""The figure of a choice between models."""

from typing import TYPE_CHECKING

import numpy as np

from clvhelpers.plots.look import BLUE, GREY, INK, Picture, canvas, number_axis, title
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.models.choice import ModelChoice


def candidates(choice: "ModelChoice") -> Picture:
    """Purchases that each candidate expected in the held-out period, and a line at those that came.

    >>> from clvhelpers import load_cdnow, split_holdout
    >>> from clvhelpers.models import choose_model
    >>> choice = choose_model(split_holdout(load_cdnow(), "1997-09-30"), candidates=["BG/NBD", "MBG/NBD"])
    >>> print(candidates(choice).alt)
    Bars of purchases expected in the held-out period: BG/NBD 1,653 (-12%), chosen; MBG/NBD 1,577 (-16%). There were \
1,882.
    """
    frame = choice.frame.dropna(subset=["predicted"])
    actual = float(frame["actual"].iloc[0])
    names, expected = frame["model"].tolist(), frame["predicted"].to_numpy()
    with canvas() as (figure, axes):
        places = np.arange(len(names))[::-1]
        axes.barh(places, expected, 0.6, color=[BLUE if chosen else GREY for chosen in frame["chosen"]])
        axes.axvline(actual, color=INK, linewidth=2, label=f"Actual: {number(actual)}")
        axes.set_yticks(places, names)
        axes.set_xlabel("Purchases in the held-out period")
        number_axis(axes.xaxis)
        figure.legend(loc="outside lower center")
        title(axes, choice.sentence().split(":")[0])
    told = zip(names, expected, frame["error"], frame["chosen"], strict=True)
    bars = "; ".join(
        f"{name} {number(value)} ({percent(error, 0, signed=True)}){', chosen' if chosen else ''}"
        for name, value, error, chosen in told
    )
    return Picture(figure, f"Bars of purchases expected in the held-out period: {bars}. There were {number(actual)}.")
