"""Figures of acquisition: what one customer more costs, when a channel has paid back, and who never does."""

from typing import Any

import numpy as np
import pandas as pd

from clvhelpers.acquisition.payback import GROUPS, Payback
from clvhelpers.acquisition.spend import SpendResponse
from clvhelpers.plots.look import BLUE, COLOURS, GREEN, GREY, INK, ORANGE, RED, Picture, canvas, money_axis, title
from clvhelpers.text import count, money, percent


def marginal_costs(response: SpendResponse, value: pd.Series | None = None) -> Picture:
    """Each channel's average and marginal CAC (with its 90 % interval), beside `value` (money) by channel if given.

    >>> from clvhelpers import load_harbor_and_pine
    >>> from clvhelpers.acquisition import spend_response
    >>> response = spend_response(load_harbor_and_pine("marketing"))
    >>> marginal_costs(response, pd.Series(60.0, ["social", "search"])).alt[:75]
    'In social one customer more costs more than a customer is worth. Cost on av'
    """
    rows = response.frame.dropna(subset="average_cac").sort_values("marginal_cac", ignore_index=True)
    worth = pd.Series(np.nan, rows["channel"]) if value is None else value.reindex(rows["channel"])
    place = np.arange(len(rows))
    with canvas(figsize=(6.4, 0.55 * len(rows) + 1.9)) as (figure, axes):
        axes.hlines(place, rows["low"], rows["high"], color=ORANGE, linewidth=2)
        axes.scatter(rows["average_cac"], place, color=GREY, s=46, zorder=3, label="cost on average")
        axes.scatter(rows["marginal_cac"], place, color=ORANGE, s=46, zorder=3, label="cost of one more")
        if worth.notna().any():
            axes.scatter(worth, place, color=BLUE, marker="D", s=40, zorder=4, label="what one is worth")
        axes.set_yticks(place, rows["channel"])
        axes.set_xlim(left=0)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(axis="x")
        axes.set_xlabel(f"{response.currency} a customer")
        figure.legend(loc="outside lower center", ncols=3)
        finding = _finding(rows, worth)
        title(axes, finding)
    each = "; ".join(
        _channel_words(name, average, one_more, worth[name], response.currency)
        for name, average, one_more in zip(rows["channel"], rows["average_cac"], rows["marginal_cac"], strict=True)
    )
    return Picture(figure, f"{finding}. Cost on average, cost of one more and worth by channel: {each}.")


def _finding(rows: pd.DataFrame, worth: pd.Series) -> str:
    losing = rows.loc[rows["low"].to_numpy() > worth.to_numpy(), "channel"].tolist()
    if losing:
        return f"In {_listed(losing)} one customer more costs more than a customer is worth"
    if worth.notna().any():
        return "In no channel does one customer more surely cost more than a customer is worth"
    return "One customer more costs more than the average customer did"


def _channel_words(name: str, average: float, one_more: float, worth: float, currency: str) -> str:
    words = f"{name} {money(average, currency)}, {money(one_more, currency)}"
    return words if np.isnan(worth) else f"{words}, {money(worth, currency)}"


def payback_curves(curve: pd.DataFrame, currency: str = "USD") -> Picture:
    """Margin so far less acquisition cost of a customer against age, a line a group of `Payback.curve`.

    >>> curve = pd.DataFrame({"group": "all", "age": [0, 1, 2], "balance": [-20.0, -5.0, 4.0]})
    >>> payback_curves(curve).alt
    'Margin so far less acquisition cost of a customer, by age. Paid back after: all 2 months.'
    """
    lines = list(curve.groupby("group", sort=False))
    ages = {str(name): _first_above(part) for name, part in lines}
    with canvas(figsize=(6.4, 3.8)) as (figure, axes):
        axes.axhline(0, color=INK, linewidth=1)
        for place, (name, part) in enumerate(lines):
            style = {"color": COLOURS[place % len(COLOURS)], "linewidth": 2}
            axes.plot(part["age"], part["balance"], label=f"{name}: {_age(ages[str(name)])}", **style)
        axes.set_xlabel("months since the first day")
        axes.set_ylabel(f"margin less cost per customer ({currency})")
        figure.legend(loc="outside lower center", ncols=2)
        title(axes, _payback_finding(ages, int(curve["age"].max())))
    words = "; ".join(f"{name} {_age(age)}" for name, age in ages.items())
    return Picture(figure, f"Margin so far less acquisition cost of a customer, by age. Paid back after: {words}.")


def _first_above(part: pd.DataFrame) -> float:
    """The age from which the balance stays at 0 or above; NaN where it ends below."""
    short = part.loc[part["balance"] < 0, "age"]
    if short.empty:
        return float(part["age"].min())
    later = part.loc[part["age"] > short.max(), "age"]
    return float(later.min()) if len(later) else np.nan


def _age(age: float) -> str:
    if np.isnan(age):
        return "not yet"
    return "the first day" if age == 0 else count(int(age), "month")


def _payback_finding(ages: dict[Any, float], months: int) -> str:
    late = [name for name, age in ages.items() if np.isnan(age)]
    if late:
        return f"After {count(months, 'month')} the average customer of {_listed(late)} has not paid back"
    slowest = max(ages, key=lambda name: ages[name])
    if not ages[slowest]:
        return "The average customer pays back on the first day"
    return f"The average customer of {slowest} takes longest to pay back: {_age(ages[slowest])}"


def profit_of_groups(payback: Payback) -> Picture:
    """The profit of each group of customers as a bar, with its share of the customers.

    >>> from clvhelpers import load_cdnow
    >>> from clvhelpers.acquisition import customer_payback
    >>> profit_of_groups(customer_payback(load_cdnow(), 12.0, gross_margin=0.3)).alt[:67]
    '14% of the customers bring 87% of the profit, and 47% cost more tha'
    """
    rows = payback.groups().set_index("group").reindex(GROUPS[::-1])
    colours = [RED if profit < 0 else GREEN for profit in rows["profit"]]
    finding = _profit_finding(rows)
    with canvas(figsize=(6.4, 3.6)) as (figure, axes):
        axes.barh(rows.index, rows["profit"], color=colours)
        room = np.ptp(np.append(rows["profit"], 0.0))
        for place, (profit, share) in enumerate(zip(rows["profit"], rows["share"], strict=True)):
            text = f"{money(profit, payback.currency)}, {percent(share, 0)} of customers"
            axes.text(max(profit, 0) + 0.02 * room, place, text, va="center", fontsize=9)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_xlim(right=max(rows["profit"].max(), 0) + 0.75 * room)
        axes.set_xlabel(f"margin less acquisition cost so far ({payback.currency})")
        axes.grid(visible=False)
        money_axis(axes.xaxis, payback.currency)
        axes.locator_params(axis="x", nbins=5)
        title(axes, finding)
    each = "; ".join(
        f"{group} {money(profit, payback.currency)}" for group, profit in rows["profit"].iloc[::-1].items()
    )
    return Picture(figure, f"{finding}. Profit so far by group: {each}.")


def _profit_finding(rows: pd.DataFrame) -> str:
    """What the major customers make of the profit, and how many have not paid back."""
    share, profit = rows["share"], rows["profit"]
    major = [group for group in GROUPS if group.startswith("major")]
    behind = f"{percent(float(share[list(GROUPS[4:])].sum()), 0)} cost more than they brought so far"
    if profit.sum() <= 0:
        return f"There is no profit to share out: {behind}"
    part = float(profit[major].sum() / profit.sum())
    return (
        f"{percent(float(share[major].sum()), 0)} of the customers bring {percent(part, 0)} of the profit, and {behind}"
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
