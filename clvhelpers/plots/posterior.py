"""The figure of a posterior: what values of the parameters, one by one and in pairs, agree with the data."""

import textwrap
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator

from clvhelpers.errors import ConfigError
from clvhelpers.plots.look import BLUE, ORANGE, TITLE_CHARACTERS_PER_INCH, Picture, canvas, number_axis
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.models.fitting import FittedModel
    from clvhelpers.models.posterior import Posterior

MOST, INCHES = 5, 1.65
SHOWN = 0.98  # the middle of the draws; a few far ones would press the rest together
LOOSE, TIGHT = 0.5, 0.9
LEVEL = 0.90


def parameter_pairs(model: "FittedModel", posterior: "Posterior | None" = None, names: Sequence[str] = ()) -> Picture:
    """Draws of each pair of parameters, each parameter by itself on the diagonal, and the maximum in orange.

    `posterior` is `model.posterior()` unless given, `names` which parameters to show (default: all). Raises
    ConfigError for unknown names, fewer than two, or more than can be told apart.

    >>> from clvhelpers import BetaGeoModel, customer_summary, load_cdnow
    >>> model = BetaGeoModel().fit(customer_summary(load_cdnow(), end="1997-09-30"))
    >>> print(parameter_pairs(model, model.posterior(draws=200)).alt[:91])
    Points of 200 draws of each pair of r, alpha, a, b (worth 108 independent ones), with the m
    """
    posterior = model.posterior() if posterior is None else posterior
    chosen = _known(names or [str(name) for name in posterior.frame], posterior.frame)
    frame, top = posterior.frame[chosen], model.parameters
    ranks = frame.corr(method="spearman")
    side = max(5.8, INCHES * len(chosen))
    finding = _finding(ranks)
    with canvas(len(chosen), len(chosen), figsize=(side, side), sharex="col") as (figure, grid):
        for row, below in enumerate(chosen):
            for column, across in enumerate(chosen):
                _cell(grid[row, column], frame, top, below, across)
            grid[row, 0].set_ylabel(below if row else "")
            grid[-1, row].set_xlabel(below)
        figure.align_ylabels()
        lines = textwrap.fill(finding, int(TITLE_CHARACTERS_PER_INCH * (side - 1)))
        figure.suptitle(lines, x=0.01, ha="left", fontsize=12, fontweight="bold")
    return Picture(figure, f"{_words(posterior, chosen, top)} {finding}. {_correlations(ranks)}")


def _known(names: Sequence[str], frame: pd.DataFrame) -> list[str]:
    chosen = list(dict.fromkeys(names))
    unknown = [name for name in chosen if name not in frame]
    if unknown:
        raise ConfigError(
            f"the model has no parameter {', '.join(map(repr, unknown))}: it has {', '.join(map(str, frame))}"
        )
    if not 2 <= len(chosen) <= MOST:
        raise ConfigError(
            f"{len(chosen)} parameters were chosen ({', '.join(chosen)}): a figure of pairs takes 2 to {MOST}, give "
            "their names"
        )
    return chosen


def _cell(axes: Axes, frame: pd.DataFrame, top: dict[str, float], below: str, across: str) -> None:
    """One parameter by itself, a pair, or nothing above the diagonal, where pairs would come a second time."""
    axes.grid(False)
    order = [*frame]
    if order.index(across) > order.index(below):
        axes.set_axis_off()
        return
    low, high = _range(frame[across], top[across])
    if across == below:
        axes.hist(frame[across], bins=np.linspace(low, high, 25).tolist(), color=BLUE)
        axes.axvline(top[across], color=ORANGE, linewidth=2)
        axes.set_yticks([])
    else:
        axes.plot(frame[across], frame[below], "o", color=BLUE, markersize=2, alpha=0.35, markeredgewidth=0)
        axes.plot(top[across], top[below], "D", color=ORANGE, markersize=6, markeredgecolor="white")
        axes.set_ylim(_range(frame[below], top[below]))
        _few_ticks(axes.yaxis)
        axes.tick_params(axis="y", labelleft=across == order[0])
    axes.set_xlim(low, high)
    _few_ticks(axes.xaxis)


def _few_ticks(axis: Axis) -> None:
    axis.set_major_locator(MaxNLocator(2))
    number_axis(axis)


def _range(draws: pd.Series, top: float) -> tuple[float, float]:
    low, high = draws.quantile([(1 - SHOWN) / 2, (1 + SHOWN) / 2])
    low, high = min(low, top), max(high, top)
    room = 0.05 * (high - low)
    return low - room, high + room


def _strongest(ranks: pd.DataFrame) -> tuple[str, str, float]:
    pairs = [(one, other, float(ranks[one][other])) for one, other in combinations(ranks.columns, 2)]
    return max(pairs, key=lambda pair: abs(pair[2]))


def _finding(ranks: pd.DataFrame) -> str:
    one, other, rank = _strongest(ranks)
    if abs(rank) < LOOSE:
        return f"No two parameters depend much on each other: {one} and {other} the most ({number(rank, 2)})"
    how = "rise together" if rank > 0 else "make up for each other"
    verdict = "the data hardly tell them apart" if abs(rank) >= TIGHT else "don't read one alone"
    return f"{one} and {other} {how} (rank correlation {number(rank, 2)}): {verdict}"


def _words(posterior: "Posterior", chosen: list[str], top: dict[str, float]) -> str:
    ends = posterior.interval(LEVEL)
    ranges = ", ".join(f"{name} {top[name]:.3g} ({ends.low[name]:.3g} to {ends.high[name]:.3g})" for name in chosen)
    return (
        f"Points of {number(len(posterior.frame))} draws of each pair of {', '.join(chosen)} (worth "
        f"{number(posterior.effective_sample_size)} independent ones), with the maximum. Maximum and "
        f"{percent(LEVEL, 0)} interval: {ranges}."
    )


def _correlations(ranks: pd.DataFrame) -> str:
    told = (f"{one} and {other} {number(ranks[one][other], 2)}" for one, other in combinations(ranks.columns, 2))
    return f"Rank correlations: {', '.join(told)}."
