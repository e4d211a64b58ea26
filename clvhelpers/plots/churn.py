"""Figures of leaving: what comes before it, how good a score is, whom it pays to save, and what silence means."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from clvhelpers.errors import NotEnoughDataError
from clvhelpers.plots.look import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    ORANGE,
    SKY,
    Picture,
    canvas,
    money_axis,
    number_axis,
    percent_axis,
    promised_and_came,
    title,
)
from clvhelpers.text import count, money, number, percent

if TYPE_CHECKING:
    from clvhelpers.churn.before import BeforeLeaving
    from clvhelpers.churn.behaviour import ChurnSet
    from clvhelpers.churn.judging import Calibration
    from clvhelpers.churn.saving import ProfitCurve, SavingPlan
    from clvhelpers.churn.score import ChurnScore
    from clvhelpers.churn.silence import Rhythms, Silence

MOST_BARS = 8
LOOK = {  # of the groups of a saving plan
    "save": (ORANGE, "o", 14),
    "at risk, not worth it": (SKY, "s", 8),
    "worth it, not at risk": (BLUE, "^", 8),
    "leave alone": (GREY, ".", 6),
}


def last_months(found: "BeforeLeaving") -> Picture:
    """Each measure (a small panel) by months before leaving: those who left, and stayers of the same age."""
    measures = found.frame["measure"].unique().tolist()
    columns = len(measures) if len(measures) <= 3 else 2
    rows = -(-len(measures) // columns)
    with canvas(rows, columns, figsize=(7.0, 0.9 + 1.9 * rows), squeeze=False) as (figure, grid):
        for axes, name in zip(grid.flat, measures, strict=False):
            _last_months_of(axes, found.frame[found.frame["measure"] == name], str(name))
        for axes in list(grid.flat)[len(measures) :]:
            axes.set_visible(False)
        handles, labels = grid.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        figure.suptitle(_before_finding(found), x=0.01, ha="left", fontsize=12, fontweight="bold")
    last = found.frame[found.frame["months_before"].isin([1, found.months])]
    told = [
        f"{row['measure']} {row['months_before']} before: {number(row['leavers_mean'], 2)} and "
        f"{number(row['stayers_mean'], 2)}"
        for row in last.to_dict("records")
    ]
    return Picture(
        figure,
        f"Lines of {', '.join(map(str, measures))} by whole months before leaving, leavers and stayers of the same "
        f"age. {_before_finding(found)}. {'; '.join(told)}.",
    )


def _last_months_of(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    months = -rows["months_before"]
    half = rows["high"] - rows["difference"]
    low, high = rows["leavers_mean"] - half, rows["leavers_mean"] + half
    axes.fill_between(months, low, high, color=ORANGE, alpha=0.25, linewidth=0)
    axes.plot(months, rows["leavers_mean"], color=ORANGE, marker="o", markersize=4, label="left")
    axes.plot(months, rows["stayers_mean"], color=BLUE, linestyle="--", label="stayed (same age)")
    axes.set_ylim(bottom=0)
    axes.set_xticks(sorted(months), [number(-month) for month in sorted(months)])
    axes.set_title(name.replace("_", " "), fontsize=10, fontweight="normal")
    axes.set_xlabel("months before leaving", fontsize=9)
    number_axis(axes.yaxis)


def _before_finding(found: "BeforeLeaving") -> str:
    first = found.frame[found.frame["months_before"] == 1]
    ratio = (first["difference"] / first["stayers_mean"].where(first["stayers_mean"] > 0)).fillna(0.0)
    clearest = (first["difference"] / (first["high"] - first["difference"]).replace(0, np.nan)).abs().fillna(0.0)
    place = int(clearest.to_numpy().argmax())
    name, change = str(first["measure"].iloc[place]), percent(float(ratio.iloc[place]), 0, signed=True)
    return f"The month before leaving: {name.replace('_', ' ')} {change} against stayers"


def feature_contrast(found: "ChurnSet") -> Picture:
    """The features with the largest standardised difference between those who left and those who stayed."""
    rows = found.contrast().dropna(subset=["difference"]).head(MOST_BARS)
    if rows.empty:
        raise NotEnoughDataError("no feature is a number that differs between customers, so there is nothing to draw")
    names = [str(name).replace("_", " ") for name in rows["feature"]]
    finding = f"Those who left differ most in {names[0]}"
    _, picture = _bars(names, rows["difference"], finding, "leavers less stayers, in standard deviations")
    told = [f"{name} {number(value, 2)}" for name, value in zip(names, rows["difference"], strict=True)]
    return Picture(picture, f"Bars of what leavers had more or less of, in standard deviations: {'; '.join(told)}.")


def score_features(score: "ChurnScore") -> Picture:
    """The features that tell most in a score: effects on the odds, or what shuffling them costs."""
    rows = score.frame.head(MOST_BARS)
    names = [str(name).replace("_", " ") for name in rows["feature"]]
    logistic = score.kind == "logistic"
    label = "effect on the log odds of leaving" if logistic else "loss when the feature is shuffled (log loss)"
    finding = f"What tells most who leaves is {names[0]}"
    _, figure = _bars(names, rows["weight"], finding, label)
    told = [f"{name} {number(value, 3)}" for name, value in zip(names, rows["weight"], strict=True)]
    return Picture(figure, f"Bars of the {score.kind} score, {label}: {'; '.join(told)}.")


def _bars(names: list[str], values: pd.Series, finding: str, label: str) -> tuple[Axes, Any]:
    with canvas(figsize=(5.8, 1.3 + 0.3 * len(names))) as (figure, axes):
        colours = [ORANGE if value > 0 else BLUE for value in values]
        axes.barh(names, values, color=colours)
        axes.invert_yaxis()
        axes.axvline(0, color=GREY, linewidth=1)
        axes.grid(axis="x")
        axes.grid(visible=False, axis="y")
        number_axis(axes.xaxis)
        axes.set_xlabel(label)
        title(axes, finding)
    return axes, figure


def calibration_curve(found: "Calibration") -> Picture:
    """What was expected against what came true, a point a group of customers with its 95 % interval."""
    frame = found.frame
    off = f"{number(100 * found.error, 1)} points"
    finding = f"A group's probability is off by {off} on average"
    with canvas(figsize=(4.6, 3.7)) as (figure, axes):
        promised_and_came(axes, *(frame[name] for name in ("predicted", "actual", "low", "high")))
        axes.set_xlabel("expected share")
        axes.set_ylabel("share it came true for")
        title(axes, finding)
    told = [f"{percent(row['predicted'])} expected, {percent(row['actual'])} came" for row in frame.to_dict("records")]
    return Picture(
        figure, f"Points of expected against actual share in {len(frame)} groups. {finding}. {'; '.join(told)}."
    )


def risk_and_value(plan: "SavingPlan") -> Picture:
    """Every customer by probability of leaving and value at stake, with the line from which the offer pays."""
    frame = plan.frame
    counts = frame["group"].value_counts()
    finding = f"The offer pays for {count(int(frame['act'].sum()), 'customer')} of {number(len(frame))}"
    with canvas(figsize=(5.8, 4.4)) as (figure, axes):
        for name, (colour, marker, size) in LOOK.items():
            rows = frame[frame["group"] == name]
            label = f"{name} ({number(counts.get(name, 0))})"
            axes.scatter(rows["probability"], rows["value"], s=size, c=colour, marker=marker, linewidths=0, label=label)
        top = 1.05 * frame["value"].max() or 1.0
        if plan.success_rate > 0 and plan.offer_cost > 0:
            risk = np.linspace(plan.offer_cost / (plan.success_rate * top), 1, 200)
            axes.plot(
                risk, plan.offer_cost / (plan.success_rate * risk), color="black", linewidth=1, label="break even"
            )
        axes.set_xlim(0, min(1.0, 1.05 * frame["probability"].max()) or 1.0)
        axes.set_ylim(0, top)
        percent_axis(axes.xaxis)
        money_axis(axes.yaxis, plan.currency)
        axes.set_xlabel("probability of leaving")
        axes.set_ylabel("value at stake")
        figure.legend(loc="outside lower center", ncols=2, markerscale=1.5)
        title(axes, finding)
    told = "; ".join(f"{name}: {number(counts.get(name, 0))}" for name in LOOK)
    return Picture(
        figure, f"Each customer as a point, probability of leaving against value at stake. {finding}. {told}."
    )


def profit_by_offers(found: "ProfitCurve") -> Picture:
    """Profit by number of offers, best expected profit first, with the score's own choice and the truth's."""
    frame, curve = found.frame.set_index("policy"), found.curve
    finding = f"Acting on the score brings {money(found.profit('score'), found.currency)}, on everybody "
    finding += money(found.profit("everybody"), found.currency)
    looks = {"score": (ORANGE, "o"), "everybody": (BLUE, "s"), "truth": (GREEN, "^")}
    with canvas() as (figure, axes):
        axes.plot(curve["offers"], curve["profit"], color=GREY, label="best first by the score")
        axes.axhline(0, color="black", linewidth=0.8)
        for name, (colour, marker) in looks.items():
            place = frame.loc[name, ["customers", "profit"]].astype(float)
            axes.plot(*place, marker=marker, color=colour, linestyle="none", markersize=8, label=name, clip_on=False)
        axes.set_xlim(left=0)
        number_axis(axes.xaxis)
        money_axis(axes.yaxis, found.currency)
        axes.set_xlabel("offers made")
        axes.set_ylabel("profit")
        figure.legend(loc="outside lower center", ncols=4)
        title(axes, finding)
    told = [
        f"{name}: {number(row['customers'])} offers, {money(row['profit'], found.currency)}"
        for name, row in frame.iterrows()
    ]
    return Picture(figure, f"Line of profit by number of offers. {finding}. {'; '.join(told)}.")


def silence_curves(found: "Rhythms") -> Picture:
    """The probability that a customer is still there by days of silence, a line for each rhythm."""
    frame = found.frame
    first, last = frame.iloc[0], frame.iloc[-1]
    finding = (
        f"Gone with {percent(found.level, 0)}: after {number(first['limit_days'])} days for who came every "
        f"{number(first['gap_days'])} days, after {number(last['limit_days'])} for every {number(last['gap_days'])}"
    )
    with canvas(figsize=(5.8, 4.0)) as (figure, axes):
        for place, (gap, rows) in enumerate(found.curves.groupby("gap_days")):
            colour, label = COLOURS[place % len(COLOURS)], f"every {number(float(gap))} days"  # type: ignore[arg-type]
            axes.plot(rows["silent_days"], rows["probability_alive"], color=colour, label=label)
        axes.axhline(1 - found.level, color=GREY, linewidth=1, linestyle="--")
        axes.set_ylim(0, 1)
        axes.set_xlim(left=0)
        percent_axis(axes.yaxis)
        number_axis(axes.xaxis)
        axes.set_xlabel("days without a purchase")
        axes.set_ylabel("probability of being there")
        figure.legend(loc="outside lower center", ncols=3)
        title(axes, finding)
    return Picture(figure, f"Lines of the probability of being there by days of silence. {found.sentence()}")


def gone_by_rhythm(found: "Silence") -> Picture:
    """The share that is gone by usual time between purchases: as the model expects, by the rule, and in truth."""
    rows = found.rhythms[found.rhythms["customers"] > 0]
    if rows.empty:
        raise NotEnoughDataError("nobody has a repeat purchase, so there is no rhythm to set silence against")
    known = rows["truth"].notna().all()
    series = {"model": ("model", ORANGE), "rule": (f"silent over {number(found.rule_days)} days", SKY)}
    series |= {"truth": ("truth", BLUE)} if known else {}
    slow = rows.iloc[-1]
    finding = f"Of the slowest customers the rule calls {percent(slow['rule'], 0)} gone, the model "
    finding += percent(slow["model"], 0) + (f", and {percent(slow['truth'], 0)} are" if known else "")
    place, width = np.arange(len(rows)), 0.8 / len(series)
    with canvas(figsize=(5.4, 3.4)) as (figure, axes):
        for shift, (column, (label, colour)) in enumerate(series.items()):
            axes.bar(
                place + (shift - (len(series) - 1) / 2) * width, rows[column], 0.92 * width, color=colour, label=label
            )
        axes.set_xticks(place, rows["gap_days"])
        axes.set_ylim(0, 1)
        percent_axis(axes.yaxis)
        axes.set_xlabel("usual days between purchases")
        axes.set_ylabel("share gone")
        figure.legend(loc="outside lower center", ncols=3)
        title(axes, finding)
    told = [
        f"{row['gap_days']} days: {', '.join(f'{name} {percent(row[name], 0)}' for name in series)}"
        for _, row in rows.iterrows()
    ]
    return Picture(figure, f"Bars of the share gone by usual days between purchases. {finding}. {'; '.join(told)}.")
