"""Figures for before a test: power by units, the smallest difference that shows, and the days that it takes."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from clvhelpers.errors import NotEnoughDataError
from clvhelpers.experiments.detectable import detectable, rise_and_fall
from clvhelpers.experiments.power import shared_out, short_percent
from clvhelpers.plots.look import BLUE, GREY, ORANGE, Picture, canvas, number_axis, percent_axis, title
from clvhelpers.plots.survival import dots, dots_height
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.experiments.design import Duration, SampleSize
    from clvhelpers.experiments.detectable import DetectableDifference
    from clvhelpers.experiments.simulated import SimulatedPower

TIMES = (0.25, 4.0)  # of the units of this test


def power_curve(result: "SampleSize") -> Picture:
    """The power by the units of the whole test, with the size that reaches what was asked for.

    >>> from clvhelpers.experiments.design import sample_size_for_rates
    >>> print(power_curve(sample_size_for_rates(0.20, 0.25)).alt[:79])
    Line of power by units. 2,188 units find a change from 20.0% to 25.0% with a po
    """
    curve = result.curve
    with canvas() as (figure, axes):
        axes.plot(curve["units"], curve["power"], color=BLUE, linewidth=2)
        axes.plot([0, result.total, result.total], [result.power, result.power, 0], "--", color=GREY, linewidth=1)
        axes.plot(result.total, result.power, "o", color=BLUE, markersize=7)
        axes.set_xlim(0, curve["units"].max())
        axes.set_ylim(0, 1.02)
        percent_axis(axes.yaxis)
        number_axis(axes.xaxis)
        axes.set_xlabel("Units of all arms")
        axes.set_ylabel("Chance to find the effect")
        finding = f"{count(result.total, 'unit')} find {result.change} with a power of {short_percent(result.power)}"
        title(axes, finding)
    half = float(np.interp(result.total / 2, curve["units"], curve["power"]))
    return Picture(figure, f"Line of power by units. {finding}; half of them with {percent(half, 0)}.")


def detectable_curve(result: "DetectableDifference") -> Picture:
    """The smallest rise and fall of the comparison with fewest units, were the test smaller or larger.

    Raises `NotEnoughDataError` where so few units can show nothing at all.

    >>> from clvhelpers.experiments.detectable import detectable_rate_difference
    >>> print(detectable_curve(detectable_rate_difference(0.19, 45_000)).alt[:98])
    Lines of the smallest change by units. 90,000 units can show a rise of 0.74 points or a fall of 0.
    """
    rows = result.frame
    row = rows.iloc[int((1 / rows["control_units"] + 1 / rows["units"]).argmax())].to_dict()
    here = {way: float(row[way]) for way in ("rise", "fall")}
    if np.isnan(list(here.values())).all():
        raise NotEnoughDataError(f"so few units can show {rise_and_fall(row)}: there is nothing to draw")
    times = np.geomspace(*TIMES, 31)
    units = (row["control_units"], row["units"])
    each = shared_out(result.alpha, len(rows) + 1)
    found = [
        detectable(result.baseline, (units[0] * t, units[1] * t), result.power, each, result.method) for t in times
    ]
    with canvas() as (figure, axes):
        for way, colour in (("rise", BLUE), ("fall", ORANGE)):
            axes.plot(times * sum(units), [one[way] for one in found], color=colour, linewidth=2, label=way)
            axes.plot(sum(units), here[way], "o", color=colour, markersize=7)
        axes.set_xlim(0, times.max() * sum(units))
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(lambda share, _: number(100 * share, 2))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        number_axis(axes.xaxis)
        axes.set_xlabel(f"Units in control and {row['arm']}")
        axes.set_ylabel("Smallest change, points")
        axes.legend(loc="upper right")
        finding = f"{number(sum(units))} units can show {rise_and_fall(row)}"
        title(axes, finding)
    more = f"Four times the units can show {rise_and_fall(found[-1])}"
    return Picture(figure, f"Lines of the smallest change by units. {finding}. {more}.")


def phases(result: "Duration") -> Picture:
    """The days in which units come in, and those until the last of them can be judged.

    >>> from clvhelpers.experiments.design import duration
    >>> print(phases(duration(2188, 150, follow_up=30)).alt)
    Bars on a line of days. The result can be read after 51 days: new units day 1 to 21; follow-up day 22 to 51.
    """
    rows = result.frame[result.frame["days"] > 0]
    with canvas(figsize=(5.8, 1.5 + 0.4 * len(rows))) as (figure, axes):
        for place, (row, colour) in enumerate(zip(rows.to_dict("records"), (BLUE, ORANGE), strict=False)):
            axes.barh(place, row["days"], left=row["first_day"] - 1, height=0.55, color=colour)
            middle = row["first_day"] - 1 + row["days"] / 2
            axes.text(middle, place, count(row["days"], "day"), ha="center", va="center", fontsize=9,
                      bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5})  # fmt: skip
        axes.set_yticks(range(len(rows)), rows["phase"])
        axes.invert_yaxis()
        axes.set_xlim(0, result.days)
        axes.grid(axis="x")
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("Day of the test")
        finding = f"The result can be read after {count(result.days, 'day')}"
        title(axes, finding)
    told = "; ".join(f"{row['phase']} day {row['first_day']} to {row['last_day']}" for row in rows.to_dict("records"))
    return Picture(figure, f"Bars on a line of days. {finding}: {told}.")


def simulated_and_formula(result: "SimulatedPower") -> Picture:
    """The power of each arm by simulation, with its interval, and a cross for that of the formula.

    >>> from clvhelpers.experiments.simulated import simulated_power
    >>> print(simulated_and_formula(simulated_power(0.20, 0.25, 1094, runs=1000)).alt[:46])
    Points with intervals. Of 1,000 simulated test
    """
    rows = result.frame.rename(columns={"arm": "group"})
    with canvas(figsize=(5.8, dots_height(rows) + 0.3)) as (figure, axes):
        axes.plot(rows["formula"], range(len(rows)), "x", color=ORANGE, markersize=9, label="formula", zorder=3)
        dots(axes, rows, "power", [percent(power) for power in rows["power"]])
        percent_axis(axes.xaxis)
        axes.set_xlabel("Power")
        figure.legend(loc="outside lower center")
        worst = rows.iloc[int(rows["power"].argmin())]
        finding = f"Of {number(result.runs)} simulated tests {percent(worst['power'])} find the effect"
        finding += "" if len(rows) == 1 else f" of {worst['group']}, fewest of all arms"
        title(axes, finding)
    return Picture(figure, f"Points with intervals. {finding}. {result.sentence()}")
