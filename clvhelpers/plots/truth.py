"""Figures of an estimate beside the truth."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.plots.look import BLUE, ORANGE, Picture, canvas, title
from clvhelpers.text import Format, money, number, percent

if TYPE_CHECKING:
    from clvhelpers.marking import Mark


def estimate_and_truth(mark: "Mark") -> Picture:
    """The mean estimate and the mean truth of each tenth of the customers, or of each group."""
    frame, by = mark.frame, str(mark.frame.columns[0])
    show: Format = money if mark.is_money else (lambda value: number(value, 1))
    labels = [f"{number(label)}" if by == "tenth" else str(label) for label in frame[by]]
    with canvas(figsize=(5.8, 3.6)) as (figure, axes):
        places = np.arange(len(frame))
        axes.bar(places - 0.2, frame["mean_estimate"], 0.38, color=ORANGE, label="estimate")
        axes.bar(places + 0.2, frame["mean_truth"], 0.38, color=BLUE, label="truth")
        axes.set_xticks(places, labels, rotation=30 if max(map(len, labels)) > 10 else 0)
        axes.set_xlabel("tenths of the customers, the highest estimate first" if by == "tenth" else "")
        axes.yaxis.set_major_formatter(lambda value, _: money(value, decimals=0) if mark.is_money else show(value))
        axes.set_ylabel("US dollars a customer" if mark.is_money else f"{mark.what} a customer")
        figure.legend(loc="outside lower center", ncols=2)
        finding = _finding(mark, by)
        title(axes, finding)
    words = "; ".join(
        f"{label} estimate {show(one)}, truth {show(other)}"
        for label, one, other in zip(labels, frame["mean_estimate"], frame["mean_truth"], strict=True)
    )
    return Picture(figure, f"Pairs of bars, estimate and truth, for each {by}. {finding}. {words}.")


def _finding(mark: "Mark", by: str) -> str:
    """Where the estimate and the truth are furthest apart."""
    frame = mark.frame
    gap = frame["mean_estimate"] - frame["mean_truth"]
    row = frame.iloc[int(gap.abs().argmax())]
    where = _place(row, by)
    if not row["mean_truth"]:
        return f"The truth of {where} is 0"
    share = row["mean_estimate"] / row["mean_truth"] - 1
    if abs(share) < 0.005:
        return "The estimate is right for each group on average"
    side = "too high" if share > 0 else "too low"
    return f"The estimate for {where} is {percent(abs(share), 0)} {side}"


def _place(row: pd.Series, by: str) -> str:
    if by != "tenth":
        return str(row[by])
    return "the best tenth" if row[by] == 1 else f"tenth {number(row[by])}"
