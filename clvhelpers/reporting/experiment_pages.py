"""The section of the experiment: from its numbers in `metrics.json` to words, figures and tables."""

from collections.abc import Callable
from functools import partial

import pandas as pd

from clvhelpers.experiments.words import points
from clvhelpers.plots.effects import effect_points
from clvhelpers.plots.look import Picture
from clvhelpers.reporting import experiment_words as words
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.experiment_metrics import ArmEffect, ExperimentResult
from clvhelpers.reporting.shown import Shown
from clvhelpers.text import Format, Range, Table, md, money, number, percent, table

Cash = Callable[[float | None], str]


def experiment(analysis: Analysis) -> list[Shown]:
    """What to do, what was tried, whether it was sound, what happened, what it is worth, and the details."""
    found, currency = analysis.experiment, analysis.config.currency
    if found is None:
        reasons = [text for text in analysis.warnings if text.startswith("Experiment:")]
        return [md("This part can't be had. {reasons}", reasons="; ".join(reasons))]
    cash = partial(money, currency=currency)
    shown: list[Shown] = [words.verdict(found, currency), words.tried(found), words.sound(found)]
    shown += [words.happened(found, currency), _differences(found, cash)]
    if found.lifts is not None:
        shown += [_after_cost(found, cash), _worth(found, cash), _roll_out(found, cash), words.rule(found)]
    return [*shown, *words.details(found, currency), *_balance(found)]


def _differences(found: ExperimentResult, cash: Cash) -> Picture:
    """The difference of each arm from the control with its interval; also as seen, where it is adjusted."""
    rows: list[tuple[str, float | None, float | None, float | None]] = []
    for one in found.effects:
        adjusted = one.raw_difference is not None
        rows.append((f"{one.arm}, adjusted" if adjusted else one.arm, one.difference, one.low, one.high))
        if adjusted:
            rows.append((f"{one.arm}, as seen", one.raw_difference, one.raw_low, one.raw_high))
    frame = pd.DataFrame(rows, columns=["label", "estimate", "low", "high"])
    what = {"revenue": "Revenue per customer", "bought": "Share who bought", "stay": "Share still customers"}[
        found.kind
    ]
    show = cash if found.kind == "revenue" else points
    return effect_points(frame, _finding(found, what), f"{what}, against {found.control}", show)


def _finding(found: ExperimentResult, what: str) -> str:
    """What the figure shows: which arms differ by more than chance."""
    if not found.soundness.passed:
        return f"{what}: not to be used, the test was not sound"
    clear = [one.arm for one in found.effects if _p_value(one) < 1 - found.level]
    if not clear:
        return f"{what}: no difference beyond chance"
    ways = ["more" if one.difference > 0 else "less" for one in found.effects if one.arm in clear]
    return f"{what}: {', '.join(f'{way} with {arm}' for way, arm in zip(ways, clear, strict=True))}"


def _p_value(one: ArmEffect) -> float:
    return one.p_value if one.adjusted_p_value is None else one.adjusted_p_value


def _after_cost(found: ExperimentResult, cash: Cash) -> Picture:
    """What a customer brings after the cost of the treatment, against breaking even."""
    known = [row for row in found.lifts or [] if row.after_cost is not None]
    several, stay = len(found.effects) > 1, found.kind == "stay"
    labels = [": ".join([row.arm] * (several or not stay) + [words.ROWS[row.row]] * stay) for row in known]
    frame = pd.DataFrame(
        {
            "label": labels,
            "estimate": [row.after_cost for row in known],
            "low": [row.after_cost_low for row in known],
            "high": [row.after_cost_high for row in known],
        }
    )
    best = next(one for one in found.verdicts or [] if one.arm == found.best)
    pays = "pays for itself" if best.net > 0 else "costs more than it brings"
    counting = f", counting payments {words.ROWS[best.row]}" if stay else ", as far as can be told"
    finding = f"{best.arm} {pays}{counting}"
    return effect_points(frame, finding, "Gross profit per customer after the cost", cash)


def _worth(found: ExperimentResult, cash: Cash) -> Table:
    """What a customer brings more, for stays under each assumption about what comes after the time seen."""
    costs = {one.arm: one.cost for one in found.verdicts or []}
    rows = [
        {
            "Arm": row.arm,
            "Payments counted": words.ROWS[row.row],
            "Gross profit more": row.lift,
            f"{percent(found.level, 0)} range": None if row.low is None else Range(row.low, row.high or 0.0, cash),
            "Cost": costs[row.arm],
            "After the cost": row.after_cost,
            "Which takes it that": row.problem or row.assumption,
        }
        for row in found.lifts or []
    ]
    frame = pd.DataFrame(rows)
    if found.kind != "stay":  # then there is one row an arm, and the words say what it counts
        frame = frame.drop(columns=["Payments counted", "Which takes it that"])
    formats = dict.fromkeys(["Gross profit more", "Cost", "After the cost"], cash)
    return table(frame, f"What one customer brings more than one of {found.control}", **formats)


def _roll_out(found: ExperimentResult, cash: Cash) -> Table:
    """The verdict of each arm, with the money and the risks behind it."""
    rows = [
        {
            "Arm": one.arm,
            "Verdict": one.verdict,
            "Pays for itself": one.probability,
            "Expected net": one.net,
            f"{percent(found.level, 0)} range": Range(one.net_low, one.net_high, cash),
            "Loss if rolled out wrongly": one.loss_of_shipping,
            "Loss if left wrongly": one.loss_of_not_shipping,
        }
        for one in found.verdicts or []
    ]
    formats = dict.fromkeys(["Expected net", "Loss if rolled out wrongly", "Loss if left wrongly"], cash)
    caption = f"What rolling it out means, for {number(found.roll_out)} customers"
    return table(pd.DataFrame(rows), caption, **formats, **{"Pays for itself": percent})


def effects_table(found: ExperimentResult, currency: str) -> Table:
    """The effects behind the figure of the differences, for the appendix."""
    units = {arm.name: arm.units for arm in found.arms}
    show: Format = partial(money, currency=currency) if found.kind == "revenue" else partial(percent, decimals=2)
    rows = [
        {
            "Arm": one.arm,
            "Customers": units[one.arm],
            f"Customers in {found.control}": units[found.control],
            "Value": one.value,
            f"Value in {found.control}": one.control_value,
            "Difference": one.difference,
            "Low": one.low,
            "High": one.high,
            "As seen": one.raw_difference,
            "As seen, low": one.raw_low,
            "As seen, high": one.raw_high,
            "p-value": one.p_value,
            "p-value for all arms": one.adjusted_p_value,
        }
        for one in found.effects
    ]
    frame = pd.DataFrame(rows).dropna(axis="columns", how="all")
    values = [name for name in frame.columns[3:] if not name.startswith("p-value")]
    formats = dict.fromkeys(frame.columns[1:3], number) | dict.fromkeys(values, show)
    return table(frame, "Effects of the experiment", **formats)


def _balance(found: ExperimentResult) -> list[Shown]:
    """What was known of the arms before exposure."""
    rows = [
        {
            "Arm": one.arm,
            "Before exposure": one.what,
            "Per customer": one.before,
            f"In {found.control}": one.control_before,
            "Standard deviations apart": one.standardised,
        }
        for one in found.soundness.balance
    ]
    if not rows:
        return []
    frame = pd.DataFrame(rows)
    return [table(frame, "The arms before exposure", **dict.fromkeys(frame.columns[2:], partial(number, decimals=2)))]
