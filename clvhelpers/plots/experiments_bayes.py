"""The figure of a Bayesian reading of rates: what is believed of each arm after the experiment."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from scipy.special import betaln, xlog1py, xlogy

from clvhelpers.plots.look import COLOURS, Picture, canvas, percent_axis, title
from clvhelpers.plots.survival import few_enough
from clvhelpers.text import percent

if TYPE_CHECKING:
    from clvhelpers.experiments.bayes import BayesianRates

POINTS, DEVIATIONS = 401, 4


def posterior_curves(result: "BayesianRates") -> Picture:
    """The density of each arm's rate; where two curves overlap, either arm may be the better one.

    >>> from clvhelpers.experiments import bayesian_rates
    >>> print(posterior_curves(bayesian_rates({"control": (20, 100), "offer": (35, 100)})).alt[:75])
    Curves of what is believed of each arm's rate. offer has the highest rate w
    """
    from clvhelpers.experiments.bayes import probability

    arms = list(result.posteriors)
    few_enough(arms)
    a, b = np.array(list(result.posteriors.values())).T
    mean = a / (a + b)
    deviation = np.sqrt(mean * (1 - mean) / (a + b + 1))
    rates = np.linspace(
        max(0, float((mean - DEVIATIONS * deviation).min())),
        min(1, float((mean + DEVIATIONS * deviation).max())),
        POINTS,
    )[1:-1]  # a curve may have no end at 0 and at 1
    chance = probability(float(result.frame["probability_best"][result.frame["arm"] == result.best].iloc[0]))
    finding = f"{result.best} has the highest rate with probability {chance}"
    with canvas() as (figure, axes):
        for name, colour in zip(arms, COLOURS, strict=False):
            first, second = result.posteriors[name]
            density = np.exp(xlogy(first - 1, rates) + xlog1py(second - 1, -rates) - betaln(first, second))
            axes.fill_between(rates, density, color=colour, alpha=0.2, linewidth=0)
            axes.plot(rates, density, color=colour, linewidth=2, label=name)
        axes.set_ylim(bottom=0)
        axes.margins(x=0)
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        percent_axis(axes.xaxis)
        axes.set_xlabel("Rate")
        figure.legend(loc="outside lower center", ncols=2)
        title(axes, finding)
    known = "; ".join(f"{row['arm']} {percent(row['rate'])} ({percent(row['low'])} to {percent(row['high'])})"
                      for row in result.frame.to_dict("records"))  # fmt: skip
    intervals = f"with {percent(result.level, 0)} intervals"
    return Picture(figure, f"Curves of what is believed of each arm's rate. {finding}. Rates {intervals}: {known}.")
