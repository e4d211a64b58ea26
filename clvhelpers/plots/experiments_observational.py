"""Figures of comparisons without randomisation: adjusted effects, overlap, balance, groups over time, attempts."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from clvhelpers.errors import ConfigError
from clvhelpers.plots.effects import effect_points
from clvhelpers.plots.look import BLUE, GREY, INK, ORANGE, Picture, canvas, number_axis, title
from clvhelpers.plots.survival import MOST_DOTS, dots_height
from clvhelpers.text import number

if TYPE_CHECKING:
    from clvhelpers.experiments.adjustment import AdjustedEffect
    from clvhelpers.experiments.attempts import Attempts
    from clvhelpers.experiments.before_after import DifferenceInDifferences
    from clvhelpers.experiments.weighting import WeightedEffect


def adjusted_points(result: "AdjustedEffect") -> Picture:
    """The difference between treated and others, as it is and adjusted."""
    rows = result.frame.rename(columns={"method": "label", "difference": "estimate"})
    raw, adjusted = (result.shown(value) for value in rows["estimate"])
    finding = f"Adjusting for what was seen turns {raw} into {adjusted}"
    return effect_points(rows, finding, f"Difference of {result.outcome} from those not treated", result.shown)


def overlap_bars(result: "WeightedEffect") -> Picture:
    """Treated above the line and others below it, by their probability to be treated."""
    rows = result.overlap
    shares = {name: rows[name] / rows[name].sum() for name in ("treated", "others")}
    common = float(np.minimum(shares["treated"], shares["others"]).sum())
    finding = f"{number(100 * common)}% of the two distributions overlap"
    with canvas() as (figure, axes):
        for name, sign, colour in (("treated", 1, BLUE), ("others", -1, ORANGE)):
            axes.bar(
                rows["low"], sign * shares[name], rows["high"] - rows["low"], align="edge", color=colour, label=name
            )
        axes.axhline(0, color=INK, linewidth=0.8)
        for limit in [1 - result.trim] + [result.trim] * (result.on == "all"):
            axes.axvline(limit, color=GREY, linewidth=1, linestyle="--")
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda value, _: number(value, 1))
        axes.yaxis.set_major_formatter(lambda share, _: f"{number(100 * abs(share))}%")
        axes.set_xlabel("Probability to be treated; beyond the dashed lines left out")
        axes.set_ylabel("Share of the group")
        figure.legend(loc="outside lower center", ncols=2)
        title(axes, finding)
    words = "; ".join(f"{group['group']}: {_used(group)}" for group in result.groups.to_dict("records"))
    return Picture(figure, f"Bars. {finding}. {words}.")


def _used(group: dict[Any, Any]) -> str:
    return (
        f"{number(group['units'])} units used, {number(group['left_out'])} left out, count like "
        f"{number(group['effective'])}"
    )


def balance_points(result: "WeightedEffect") -> Picture:
    """Standardised differences of the covariates before and after weighting, with the limits of what is small."""
    from clvhelpers.experiments.weighting import BALANCED

    rows = result.balance.iloc[result.balance["before"].abs().argsort().to_numpy()]
    _few_enough(rows, "columns")
    worst = {name: float(rows[name].abs().max()) for name in ("before", "after")}
    finding = f"The largest difference goes from {number(worst['before'], 2)} to {number(worst['after'], 2)} deviations"
    with canvas(figsize=(5.8, dots_height(rows) + 0.3)) as (figure, axes):
        places = np.arange(len(rows))
        axes.axvspan(-BALANCED, BALANCED, color=GREY, alpha=0.15)
        axes.axvline(0, color=GREY, linewidth=1)
        axes.hlines(places, rows["before"], rows["after"], color=GREY, linewidth=1)
        axes.plot(rows["before"], places, "o", color=ORANGE, markerfacecolor="white", label="before weighting")
        axes.plot(rows["after"], places, "o", color=BLUE, label="after")
        axes.set_yticks(places, rows["covariate"])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(visible=False, axis="y")
        number_axis(axes.xaxis)
        axes.set_xlabel("Treated minus others, in standard deviations; grey: small")
        figure.legend(loc="outside lower center", ncols=2)
        title(axes, finding)
    told = [
        f"{row['covariate']}: {number(row['before'], 2)}, after {number(row['after'], 2)}"
        for row in rows[::-1].to_dict("records")
    ]
    return Picture(figure, f"Pairs of points. {finding}. {'; '.join(told)}.")


def group_lines(result: "DifferenceInDifferences") -> Picture:
    """The mean of both groups by period, and where the treated would be had they changed as the others did."""
    rows, known = result.periods, len(result.before)
    finding = _parallel_words(result)
    gap = float((rows["treated"] - rows["others"]).iloc[:known].mean())
    at = np.arange(len(rows))
    with canvas() as (figure, axes):
        axes.axvline(known - 0.5, color=GREY, linewidth=1, linestyle="--")
        axes.plot(at, rows["others"], "o-", color=ORANGE, label="others")
        axes.plot(at, rows["treated"], "o-", color=BLUE, label="treated")
        if result.parallel is not False:
            alike = (rows["others"] + gap)[known - 1 :]
            axes.plot(at[known - 1 :], alike, ":", color=BLUE, label="treated, had they moved alike")
        _period_axis(axes, result)
        axes.yaxis.set_major_formatter(lambda value, _: result.shown(value))
        axes.set_ylabel(f"Mean of {result.outcome}")
        figure.legend(loc="outside lower center", ncols=3)
        title(axes, finding)
    told = [
        f"{row['period']}: {result.shown(row['treated'])} and {result.shown(row['others'])}"
        for row in rows.to_dict("records")
    ]
    return Picture(figure, f"Lines. {finding}. Treated and others: {'; '.join(told)}.")


def gap_points(result: "DifferenceInDifferences") -> Picture:
    """The gap between the groups over that of the last period before, with intervals."""
    rows, known = result.periods, len(result.before)
    finding = _parallel_words(result)
    at = np.arange(len(rows))
    with canvas() as (figure, axes):
        axes.axvline(known - 0.5, color=GREY, linewidth=1, linestyle="--")
        axes.axhline(0, color=GREY, linewidth=1)
        errors = [rows["gap"] - rows["low"], rows["high"] - rows["gap"]]
        axes.errorbar(at, rows["gap"], errors, fmt="o", color=BLUE, capsize=3)
        _period_axis(axes, result)
        axes.yaxis.set_major_formatter(lambda value, _: result.shown(value))
        axes.set_ylabel("Gap over that of period -1")
        title(axes, finding)
    told = [
        f"{row['period']}: {result.shown(row['gap'])} ({result.shown(row['low'])} to {result.shown(row['high'])})"
        for row in rows.to_dict("records")
    ]
    return Picture(figure, f"Points with intervals. {finding}. {'; '.join(told)}.")


def _parallel_words(result: "DifferenceInDifferences") -> str:
    if result.parallel is None:
        return "One period before the treatment can't show whether the groups ran parallel"
    if not result.parallel:
        return "The groups did not run parallel before the treatment"
    return "The groups ran parallel before the treatment, as far as can be seen"


def _period_axis(axes: Any, result: "DifferenceInDifferences") -> None:
    names = [*result.before, *result.after]
    counted = [*range(-len(result.before), 0), *range(1, len(result.after) + 1)]
    axes.set_xticks(np.arange(len(names)), [number(place) for place in counted])
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_xlabel("Periods before (below 0) and after the treatment began")


def attempt_points(result: "Attempts") -> Picture:
    """What each strong attempt left after its cost, as measured and drawn towards the mean, with intervals."""
    from clvhelpers.experiments.attempts import WORKED

    rows = result.frame[result.frame["probability"].notna()]
    if rows.empty:
        raise ConfigError("no attempt has strong evidence and a standard error: there is nothing to draw, read .frame")
    _few_enough(rows, "attempts")
    rows = rows.assign(estimate=rows["shrunk"] - rows["cost"], raw=rows["effect"] - rows["cost"])
    rows = rows.sort_values("estimate", ignore_index=True)
    half = (rows["high"] - rows["effect"]) / rows["standard_error"] * rows["shrunk_error"]
    worked = int((rows["verdict"] == WORKED).sum())
    finding = f"{number(worked)} of {number(len(rows))} randomised attempts were worth their cost"
    places = np.arange(len(rows))
    with canvas(figsize=(5.8, dots_height(rows) + 0.3)) as (figure, axes):
        axes.axvline(0, color=GREY, linewidth=1, linestyle="--")
        axes.hlines(places, rows["estimate"] - half, rows["estimate"] + half, color=BLUE, linewidth=2)
        axes.plot(rows["raw"], places, "o", color=ORANGE, markerfacecolor="white", label="as measured")
        axes.plot(rows["estimate"], places, "o", color=BLUE, label="to be expected")
        axes.set_yticks(places, rows["attempt"])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(axis="x")
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(lambda value, _: result.shown(value))
        axes.set_xlabel("Effect less cost, a customer")
        figure.legend(loc="outside lower center", ncols=2)
        title(axes, finding)
    told = [
        f"{row['attempt']}: {result.shown(row['raw'])} as measured, {result.shown(row['estimate'])} to be expected"
        for row in rows[::-1].to_dict("records")
    ]
    return Picture(figure, f"Points with intervals. {finding}. {'; '.join(told)}.")


def _few_enough(rows: pd.DataFrame, what: str) -> None:
    if len(rows) > MOST_DOTS:
        raise ConfigError(f"{len(rows)} {what} are too many for one figure: read .frame")
