"""Figures of whether a forecast may be trusted: do its probabilities hold, and does it find the best customers?"""

from typing import TYPE_CHECKING

import pandas as pd

from clvhelpers.cohorts.interval import wilson_interval
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.models.validation import FIFTH
from clvhelpers.plots.look import BLUE, GREY, INK, ORANGE, Picture, canvas, percent_axis, promised_and_came, title
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.models.calibration import Calibration
    from clvhelpers.models.validation import Validation

RANKINGS = {
    "hindsight": ("If you knew what comes", GREY, "-"),
    "model": ("Model", BLUE, "-"),
    "naive": ("Same pace as so far", ORANGE, "--"),
    "random": ("Blind choice", INK, ":"),
}


def active_calibration(found: "Calibration") -> Picture:
    """P(active) of groups of customers against the share that bought, each with its 95% interval (Wilson).

    >>> from clvhelpers import BetaGeoModel, load_cdnow, split_holdout
    >>> check = BetaGeoModel().validate(split_holdout(load_cdnow(), "1997-09-30"))
    >>> print(active_calibration(check.active).alt[-87:])
    46.8% expected, 53.6% came (235 customers); 74.2% expected, 81.4% came (236 customers).
    """
    frame = found.frame
    low, high = wilson_interval(frame["actual"], frame["customers"])
    with canvas(figsize=(4.8, 4.2)) as (figure, axes):
        promised_and_came(axes, frame["expected"], frame["actual"], low, high)
        axes.set_xlabel("Expected to buy again")
        axes.set_ylabel("Bought again")
        title(axes, _calibration_finding(found))
    points = "; ".join(
        f"{percent(row['expected'])} expected, {percent(row['actual'])} came ({number(row['customers'])} customers)"
        for row in frame.to_dict("records")
    )
    return Picture(
        figure,
        f"Points of the share expected to buy again and the share that did. {found.sentence()} Groups: {points}.",
    )


def model_gains(check: "Validation") -> Picture:
    """The share of the purchases held out that the best customers made, as the model and the naive rule rank them.

    Raises NotEnoughDataError where nobody bought.

    >>> from clvhelpers import BetaGeoModel, load_cdnow, split_holdout
    >>> print(model_gains(BetaGeoModel().validate(split_holdout(load_cdnow(), "1997-09-30"))).alt[:97])
    Lines of the share of the purchases held out by share of the customers, best first. The 20% of cu
    """
    if not check.actual:
        raise NotEnoughDataError("nobody bought in the held-out period, so no customer was better than another")
    start = pd.DataFrame(0.0, index=[0], columns=check.gains.columns)
    frame = pd.concat([start, check.gains])
    with canvas(figsize=(5.8, 4.2)) as (figure, axes):
        for name, (label, colour, dash) in RANKINGS.items():
            width = 2 if name == "model" else 1.3
            axes.plot(
                frame["share_of_customers"], frame[name], color=colour, linestyle=dash, linewidth=width, label=label
            )
        axes.axvline(FIFTH, color=GREY, linewidth=0.8, linestyle=":")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        for axis in (axes.xaxis, axes.yaxis):
            percent_axis(axis)
        axes.set_xlabel("Customers, best first")
        axes.set_ylabel("Share of the purchases held out")
        axes.legend(loc="lower right")
        title(axes, _gains_finding(check))
    points = "; ".join(
        f"best {percent(row['share_of_customers'], 0)}: model {percent(row['model'], 0)}, naive "
        f"{percent(row['naive'], 0)}, hindsight {percent(row['hindsight'], 0)}"
        for row in check.gains.to_dict("records")
    )
    words = "Lines of the share of the purchases held out by share of the customers, best first."
    return Picture(figure, f"{words} {check.ranking_sentence()} {points[0].upper()}{points[1:]}.")


def _calibration_finding(found: "Calibration") -> str:
    chance = "no more than chance explains" if found.by_chance else "more than chance explains"
    return f"A group's probability is off by {number(100 * found.error, 1)} points on average, {chance}"


def _gains_finding(check: "Validation") -> str:
    (fifth,) = check.gains[check.gains["share_of_customers"] == FIFTH].to_dict("records")
    model, naive = (percent(fifth[name], 0) for name in ("model", "naive"))
    return f"The model's best {percent(FIFTH, 0)} made {model} of the purchases, the naive rule's {naive}"
