"""Figures about who is who: groups, tiers and concentration."""

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from clvhelpers.plots.look import BLUE, COLOURS, GREY, INK, ORANGE, SEQUENTIAL, Picture, canvas, percent_axis, title
from clvhelpers.text import Format, number, percent

if TYPE_CHECKING:
    from clvhelpers.segments import Concentration, ConcentrationBy


def group_bars(frame: pd.DataFrame) -> Picture:
    """Share of customers and, where there is money, of revenue for each group of `rfm_groups(...).frame`."""
    series = {"Share of customers": (frame["share_of_customers"], BLUE)}
    if "share_of_revenue" in frame:
        series["Share of revenue"] = (frame["share_of_revenue"], ORANGE)
    with canvas(figsize=(5.8, 4.4)) as (figure, axes):
        places, height = np.arange(len(frame)), 0.8 / len(series)
        for i, (label, (shares, colour)) in enumerate(series.items()):
            bars = axes.barh(places + (i + 0.5) * height - 0.4, shares, height * 0.92, color=colour, label=label)
            axes.bar_label(bars, labels=[percent(share, 0) for share in shares], padding=3, fontsize=9)
        axes.set_yticks(places, frame["group"])
        axes.invert_yaxis()
        axes.grid(False)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.set_xlim(right=1.12 * max(float(shares.max()) for shares, _ in series.values()))
        figure.legend(loc="outside lower center", ncols=2)
        finding = _group_finding(frame)
        title(axes, finding)
    words = [
        f"{group}: " + ", ".join(f"{percent(shares.iloc[i])} {label.lower()}" for label, (shares, _) in series.items())
        for i, group in enumerate(frame["group"])
    ]
    return Picture(figure, f"Bars for each group. {finding}. {'; '.join(words)}.")


def _group_finding(frame: pd.DataFrame) -> str:
    column = "share_of_revenue" if "share_of_revenue" in frame and frame["share_of_revenue"].notna().any() else None
    if column is None:
        top = frame.iloc[int(frame["customers"].argmax())]
        return f"{top['group']} is the largest group: {percent(top['share_of_customers'], 0)} of customers"
    top = frame.iloc[int(frame[column].argmax())]
    share = percent(top["share_of_customers"], 0)
    return f"{top['group']}: {share} of customers, {percent(top[column], 0)} of revenue"


def tier_bars(frame: pd.DataFrame, show: Format = number) -> Picture:
    """The total value of each tier of `value_tiers(...).frame`; `show` writes a value, such as `money`."""
    with canvas(figsize=(5.8, 2.9)) as (figure, axes):
        bars = axes.barh(frame["tier"], frame["total"], 0.65, color=BLUE)
        labels = [
            f"{show(total)} ({percent(share, 0)})"
            for total, share in zip(frame["total"], frame["share_of_value"], strict=True)
        ]
        axes.bar_label(bars, labels=labels, padding=3, fontsize=9)
        axes.invert_yaxis()
        axes.grid(False)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.margins(x=0.25)
        top = frame.iloc[0]
        finding = (
            f"{top['tier']}, {percent(top['share_of_customers'], 0)} of customers, "
            f"holds {percent(top['share_of_value'], 0)} of the value"
        )
        title(axes, finding)
    words = "; ".join(f"{name} {label}" for name, label in zip(frame["tier"], labels, strict=True))
    return Picture(figure, f"Bars with the total value of each tier. {finding}. {words}.")


def concentration_curve(result: "Concentration", what: str = "revenue") -> Picture:
    """Cumulative share of the total against the share of customers, best customers first."""
    points = result.frame
    step = max(1, len(points) // 1000)
    thin = pd.concat([points.iloc[:-1:step], points.iloc[-1:]])
    with canvas(figsize=(5.8, 3.8)) as (figure, axes):
        axes.plot(thin["share_of_customers"], thin["share_of_value"], color=BLUE, linewidth=2)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
        axes.annotate("if all were equal", (0.72, 0.70), color=GREY, fontsize=9, va="top")
        marks = [(0.1, result.top_10_share), (0.2, result.top_20_share)]
        for share, value in marks:
            if value is not None:
                axes.plot(share, value, "o", color=ORANGE)
                label = f"best {percent(share, 0)}: {percent(value, 0)}"
                axes.annotate(label, (share, value), xytext=(10, -4), textcoords="offset points", fontsize=9)
        for axis in (axes.xaxis, axes.yaxis):
            percent_axis(axis)
        axes.set_xlabel("share of customers, best first")
        axes.set_ylabel(f"share of {what}")
        finding = f"{percent(result.share_for_80, 0)} of customers make {percent(0.8, 0)} of {what}"
        title(axes, finding)
    return Picture(figure, f"Curve of the cumulative share of {what} by share of customers. {result.sentence()}")


def whale_curves(result: "ConcentrationBy", what: str = "revenue") -> Picture:
    """The whale curve of each part of `concentration_by(...)` that is large enough, named at its end."""
    told = result.frame.dropna(subset="peak")
    name = result.frame.columns[0]
    with canvas(figsize=(5.8, 3.8)) as (figure, axes):
        for i, part in enumerate(told[name]):
            points = result.parts[part].frame
            colour, dash = COLOURS[i % len(COLOURS)], ("-", "--", ":")[i // len(COLOURS) % 3]
            axes.plot(
                points["share_of_customers"], points["share_of_value"], dash, color=colour, label=part, linewidth=2
            )
        axes.axhline(1, color=INK, linewidth=0.8)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="if all were equal")
        for axis in (axes.xaxis, axes.yaxis):
            percent_axis(axis)
        axes.set_xlabel(f"share of the customers of each {name}, best first")
        axes.set_ylabel(f"share of its {what}")
        figure.legend(loc="outside right upper")
        finding = _whale_finding(told, name, what)
        title(axes, finding)
    words = "; ".join(f"{row[name]} {percent(row['top_20_share'])}" for _, row in told.iterrows())
    return Picture(figure, f"Curves of the cumulative share of {what} by {name}. {finding}. Best 20%: {words}.")


def _whale_finding(told: pd.DataFrame, name: str, what: str) -> str:
    if told.empty:
        return f"No {name} has customers enough for a curve"
    peak = told.iloc[int(told["peak"].astype(float).argmax())]
    if peak["peak"] > 1 + 1e-9:
        return f"{peak[name]}: the best make {percent(peak['peak'], 0)} of its {what}, and others take some back"
    top = told.iloc[int(told["top_20_share"].astype(float).argmax())]
    return f"{top[name]} leans most on its best: {percent(0.2, 0)} make {percent(top['top_20_share'], 0)} of its {what}"


def mix_bars(frame: pd.DataFrame) -> Picture:
    """Stacked bars of the shares of `segment_mix(...)`, one bar for each row."""
    name, labels = frame.columns[0], list(frame.columns[2:])
    height = 1.5 + 0.42 * len(frame)
    with canvas(figsize=(6.4, height)) as (figure, axes):
        left = np.zeros(len(frame))
        for i, label in enumerate(labels):
            shares = frame[label].to_numpy()
            bars = axes.barh(frame[name].astype(str), shares, 0.7, left=left, color=_shade(i, len(labels)), label=label)
            words = [percent(share, 0) if share >= 0.045 else "" for share in shares]
            axes.bar_label(
                bars, labels=words, label_type="center", fontsize=8.5, color="white" if i < len(labels) / 2 else INK
            )
            left += shares
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.grid(False)
        axes.xaxis.set_visible(False)
        axes.spines[["bottom", "left"]].set_visible(False)
        axes.tick_params(length=0)
        figure.legend(loc="outside lower center", ncols=min(len(labels), 6), handlelength=1, columnspacing=1.2)
        best = frame.iloc[int(frame[labels[0]].argmax())]
        worst = frame.iloc[int(frame[labels[0]].argmin())]
        finding = (
            f"{labels[0]}: {percent(best[labels[0]], 0)} of the customers of {best[name]}, "
            f"{percent(worst[labels[0]], 0)} of {worst[name]}"
        )
        title(axes, finding)
    rows = [
        f"{row[name]}: " + ", ".join(f"{label} {percent(row[label])}" for label in labels)
        for _, row in frame.iterrows()
    ]
    return Picture(figure, f"Stacked bars by {name}. {finding}. {'; '.join(rows)}.")


def _shade(place: int, of: int) -> tuple[float, float, float, float]:
    """From dark blue for the first label to pale yellow for the last, in the colours of the heatmaps."""
    return mpl.colormaps[SEQUENTIAL](0.08 + 0.84 * place / max(of - 1, 1))
