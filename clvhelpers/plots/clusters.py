"""Figures about clusters and other segments: how many, what they are like, and whether they differ afterwards."""

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from clvhelpers.plots.look import BLUE, COLOURS, GREY, ORANGE, Picture, canvas, percent_axis, title
from clvhelpers.segments.clusters import SHARE_FLOOR, STABILITY_FLOOR, STRUCTURE_FLOOR
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.segments.clusters import ClusterChoice, Clusters
    from clvhelpers.segments.separation import Separation

MARKERS = ("o", "s", "D", "^", "v", "P")
CHARACTERS_OF_A_NAME = 24
ROUNDING = 1e-9


def cluster_choice(choice: "ClusterChoice") -> Picture:
    """Silhouette, stability and smallest share by the number of clusters, each with the floor it must reach."""
    frame = choice.frame
    lines = {
        "silhouette": (frame["silhouette"], STRUCTURE_FLOOR),
        "stability": (frame["stability"], STABILITY_FLOOR),
        "share in the smallest": (frame["smallest_share"], SHARE_FLOOR),
    }
    with canvas(columns=3, figsize=(5.8, 2.6)) as (figure, panels):
        for axes, (name, (values, floor)) in zip(panels, lines.items(), strict=True):
            reached = values >= floor
            axes.plot(frame["k"], values, color=BLUE, linewidth=1.5)
            axes.plot(frame["k"][reached], values[reached], "o", color=BLUE)
            axes.plot(frame["k"][~reached], values[~reached], "o", color=BLUE, markerfacecolor="white")
            axes.axhline(floor, color=ORANGE, linestyle="--", linewidth=1)
            axes.set_title(name, fontsize=10, fontweight="normal", pad=6)
            axes.set_xticks(frame["k"])
            axes.set_ylim(min(0, float(values.min())), 1.05)
            axes.set_yticks(np.arange(0, 1.1, 0.2))
            axes.yaxis.set_major_formatter(lambda y, _: number(y, 1))
        panels[2].set_ylim(0, max(0.1, 1.15 * float(frame["smallest_share"].max())))
        panels[2].yaxis.set_major_locator(MaxNLocator(5))
        percent_axis(panels[2].yaxis)
        panels[1].set_xlabel("number of clusters")
        finding = _choice_finding(choice)
        figure.suptitle(finding, x=0.01, ha="left", fontsize=12, fontweight="bold", wrap=True)
    words = "; ".join(
        f"{k} clusters: silhouette {number(width, 2)}, stability {number(stable, 2)}, smallest {percent(share)}"
        for k, width, stable, share in zip(frame["k"], *(values for values, _ in lines.values()), strict=True)
    )
    return Picture(figure, f"Three lines by number of clusters, each with its floor. {finding}. {words}.")


def _choice_finding(choice: "ClusterChoice") -> str:
    good = choice.frame[choice.frame["acceptable"]]
    if good.empty:
        return "No number of clusters is stable and large enough"
    apart = ", ".join(str(k) for k in good.loc[good["silhouette"] >= STRUCTURE_FLOOR, "k"])
    numbers = ", ".join(str(k) for k in good["k"])
    return f"Stable and large enough: {numbers}. Standing apart: {apart or 'none'}"


def cluster_profile(clusters: "Clusters") -> Picture:
    """Each cluster's mean in each feature, in standard deviations from the average customer."""
    centres = clusters.centres
    with canvas(figsize=(5.8, 1.5 + 0.42 * len(centres) + 0.2 * centres.shape[1])) as (figure, axes):
        places = np.arange(len(centres))
        for i, name in enumerate(map(str, centres)):
            style = {"color": COLOURS[i % len(COLOURS)], "label": name.replace("_", " "), "markersize": 8}
            axes.plot(centres[name], places, linestyle="", marker=MARKERS[i % len(MARKERS)], **style)
        axes.axvline(0, color=GREY, linewidth=1)
        shares = clusters.frame["share"].map(lambda share: percent(share, 0))
        labels = [
            textwrap.fill(f"{name}, {share}", CHARACTERS_OF_A_NAME)
            for name, share in zip(centres.index, shares, strict=True)
        ]
        axes.set_yticks(places, labels, fontsize=9)
        axes.set_ylim(len(centres) - 0.5, -0.5)
        axes.set_xlabel("standard deviations from the average customer")
        axes.xaxis.set_major_formatter(lambda x, _: number(x, 1))
        figure.legend(loc="outside lower center", ncols=min(3, centres.shape[1]))
        finding = _profile_finding(clusters)
        title(axes, finding)
    features = [str(name).replace("_", " ") for name in centres]
    words = "; ".join(
        f"{name} ({share} of customers): "
        + ", ".join(f"{feature} {number(z, 1)}" for feature, z in zip(features, row, strict=True))
        for name, row, share in zip(centres.index, centres.to_numpy(), shares, strict=True)
    )
    return Picture(figure, f"Points for each cluster and feature. {finding}. {words}.")


def _profile_finding(clusters: "Clusters") -> str:
    spread = clusters.centres.max() - clusters.centres.min()
    return f"{len(clusters.centres)} clusters differ most in {str(spread.idxmax()).replace('_', ' ')}"


def separation_bars(result: "Separation") -> Picture:
    """What the best segments of each segmentation hold of later value, beside chance and perfect knowledge."""
    frame = result.frame
    with canvas(figsize=(5.8, 1.5 + 0.42 * len(frame))) as (figure, axes):
        places = np.arange(len(frame))
        spread = [frame["captured"] - frame["low"], frame["high"] - frame["captured"]]
        axes.barh(places, frame["captured"], 0.62, color=BLUE)
        axes.errorbar(frame["captured"], places, xerr=spread, fmt="none", ecolor=GREY, capsize=3)
        for place, high, share in zip(places, frame["high"], frame["captured"], strict=True):
            axes.annotate(percent(share, 0), (high, place), (5, 0), textcoords="offset points", va="center", fontsize=9)
        top = len(frame) - 0.45
        for at, name in ((result.share, "chance"), (result.possible, "knowing\nthe future")):
            axes.axvline(at, color=ORANGE, linestyle="--", linewidth=1.2)
            axes.annotate(name, (at, top), (3, 0), textcoords="offset points", fontsize=9, va="top", color=GREY)
        axes.set_yticks(places, [str(name) for name in frame["segmentation"]])
        axes.set_ylim(len(frame) + 0.2, -0.6)
        axes.grid(False)
        axes.set_xlim(0, max(result.possible, float(frame["high"].max())) + 0.12)
        percent_axis(axes.xaxis)
        axes.set_xlabel(f"share of later value held by the {percent(result.share, 0)} in the best segments")
        finding = _separation_finding(frame, result.share)
        title(axes, finding)
    shares = zip(frame["segmentation"], frame["captured"], strict=True)
    words = "; ".join(f"{name} {percent(share)}" for name, share in shares)
    return Picture(figure, f"Bars by segmentation. {finding}. {words}. {result.sentence()}")


def _separation_finding(frame: pd.DataFrame, share: float) -> str:
    chance = frame.loc[frame["low"] <= share + ROUNDING, "segmentation"].tolist()
    best = frame.iloc[0]
    words = f"Best: {best['segmentation']}, {percent(best['captured'], 0)} of later value"
    return words + (f"; no better than chance: {', '.join(map(str, chance))}" if chance else "")
