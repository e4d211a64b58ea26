"""Compare a report with the one before it: every figure, and the noise of those that can be judged.

What is judged is taken from today's log alone, cut at the day of the earlier report: what was known then is
part of what is known now, which is what `noise.py` builds on. What was published then is the `before` of the
table; where today's log tells another story of that day, a remark says so, or nothing is compared.

All figures judged share one chance of a false call, 5 % a report: each gets an equal part of it (Bonferroni).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.cohorts import CohortTable
from clvhelpers.customers import orders_over_time, split_holdout
from clvhelpers.models.choice import MODELS
from clvhelpers.models.gamma_gamma import GammaGammaModel
from clvhelpers.models.value import lifetime_value
from clvhelpers.reporting.comparison import LEVEL, Change, Comparison, Verdict
from clvhelpers.reporting.figures import FIGURES
from clvhelpers.reporting.history import FIRST_MODEL, MONTHS, earlier, key_figures
from clvhelpers.reporting.noise import (
    Noise,
    cells_at,
    independent_noise,
    interval_error,
    new_customers_noise,
    ratio_noise,
    retention_noise,
)
from clvhelpers.text import count, day, number, percent

if TYPE_CHECKING:
    from clvhelpers.reporting.analysis import Analysis

MOST_MISSING = 0.01
LONG_GAP = 1.5
MOST_WINDOWS = 25
Figures = Mapping[str, Any]
Row = tuple[str, float | None, float | None, Verdict | Noise]


def compare(analysis: "Analysis", history: Sequence[Figures]) -> Comparison | None:
    """Compare an analysis with the latest report of `history` that is as of an earlier day; None without one."""
    past = earlier(history, analysis.log.as_of)
    if not past:
        return None
    before, now = past[-1], key_figures(analysis.metrics.model_dump(mode="json"))
    then = date.fromisoformat(before["as_of"])
    split = None
    if then >= analysis.log.first_date:
        split = split_holdout(analysis.log.purchase_days, then, analysis.log.as_of).df().set_index("customer_id")
    refusal, late = _same_past(analysis, before, split)
    rows: list[Row] = []
    reasons = [refusal] if refusal else []
    if split is not None and not refusal:
        apart = _not_comparable(before, now)
        reasons = list(apart.values())
        rows = _rows(analysis, split, then, (before, now), apart)
    tested = [row for row in rows if callable(row[3])]
    return Comparison(
        previous_as_of=then,
        as_of=analysis.log.as_of,
        currency=analysis.config.currency,
        judged=len(tested),
        changes=[_change(*row, LEVEL / max(len(tested), 1)) for row in rows],
        not_comparable=reasons,
        remarks=[*late, *_remarks(past, now, old_look_new=_old_customers_look_new(analysis))],
        lost_trust=bool(before["trusted"]) and now["trusted"] is False,
    )


def _change(figure: str, before: float | None, now: float | None, verdict: Verdict | Noise, level: float) -> Change:
    moved = None if before is None or now is None or verdict == "not_comparable" else now - before
    noise = None
    if callable(verdict):
        noise = verdict(level)
        verdict = "more_than_noise" if abs(moved or 0.0) > noise else "within_noise"
    return Change(figure=figure, before=before, now=now, change=moved, noise=noise, verdict=verdict)


def _same_past(analysis: "Analysis", before: Figures, split: pd.DataFrame | None) -> tuple[str, list[str]]:
    """Why nothing can be compared, if today's log lacks what the earlier report counted; else what it has more.

    Nor is anything compared where so few bought since that the changes would tell what they did.
    """
    then = day(date.fromisoformat(before["as_of"]), long=True)
    orders = 0 if split is None else int(split["orders"].sum())
    told = f"Up to {then} the data of today hold {count(orders, 'order')}; the report of that day counted "
    told += f"{number(before['orders'])}"
    if orders < (1 - MOST_MISSING) * before["orders"]:
        return (
            f"This report can't be compared with that of {then}. {told}: orders were taken out of the data, or the "
            "export begins later than it did."
        ), []
    buyers = int((analysis.summary["last_date"] >= pd.Timestamp(before["as_of"]) + pd.Timedelta(days=1)).sum())
    least = analysis.config.privacy.minimum_group
    if buyers < least:
        return f"Fewer than {count(least, 'customer')} bought since {then}: too few to tell what changed.", []
    return "", [] if orders == before["orders"] else [
        f"{told}. Orders that came in late, or were taken back, are among the changes."
    ]


def _not_comparable(before: Figures, now: Figures) -> dict[str, str]:
    """What was measured differently then, by the part of the figures that it concerns, in words."""
    reasons = {}
    if before["currency"] != now["currency"]:
        reasons["money"] = (
            f"Amounts can't be compared: they were in {before['currency']} and are in {now['currency']} now."
        )
    if None not in (before["definition"], now["definition"]) and before["definition"] != now["definition"]:
        reasons["retention"] = (
            f"Retention can't be compared: it was {before['definition']} and is {now['definition']} now."
        )
    moved = [
        f"the {name} was {show(before[key])} and is {show(now[key])} now"
        for key, name, show in (
            ("gross_margin", "gross margin", percent),
            ("discount_rate", "discount rate", percent),
            ("horizon_months", "horizon in months", number),
        )
        if None not in (before[key], now[key]) and before[key] != now[key]
    ]
    if moved:
        reasons["value"] = f"Predicted value can't be compared: {', and '.join(moved)}."
    elif before["trusted"] and now["trusted"] is False:
        reasons["value"] = (
            "Predicted value can't be compared: the model passed its check on held-out orders then, and does not pass "
            "it now."
        )
    elif now["trusted"] and not before["trusted"]:
        reasons["value"] = (
            "Predicted value can't be compared: the model passes its check on held-out orders now, and did not then."
        )
    elif now["trusted"] and _model_of(before) != now["model"]:
        reasons["value"] = (
            f"Predicted value can't be compared: it came from the model {_model_of(before)} and comes from "
            f"{now['model']} now."
        )
    return reasons


def _model_of(figures: Figures) -> str:
    """The title of a report's model; of reports that don't say, it was the only one there was."""
    return str(figures.get("model", FIRST_MODEL))


def _rows(
    analysis: "Analysis", split: pd.DataFrame, then: date, both: tuple[Figures, Figures], apart: Mapping[str, str]
) -> list[Row]:
    """Every figure that both reports have."""
    before, now = both
    rows: list[Row] = [(name, before[name], now[name], "counted") for name in ("customers", "orders", "revenue")]
    rows += _windows(analysis, then)
    average: Verdict | Noise = _average_order_noise(analysis, split) or "too_few"
    rows.append(("average_order_value", before["average_order_value"], now["average_order_value"], average))
    rows += _retention(analysis.months, then, both)
    moving = ("repeat_rate", "orders_per_customer", "top_10_share", "clv_total", "clv_mean")
    rows += [(name, before[name], now[name], "moves_by_itself") for name in moving]
    if not {"money", "value"} & set(apart):
        rows += _like_for_like(analysis, both)
    marked = [(row[0], row[1], row[2], "not_comparable" if _part(row[0]) & set(apart) else row[3]) for row in rows]
    return [row for row in marked if None not in row[1:3]]


def _part(figure: str) -> set[str]:
    """The parts that a figure belongs to, as `_not_comparable` names them."""
    if figure.startswith("new_"):
        return set()  # both of its values come from today's data
    parts = {"money"} if FIGURES[figure].kind == "money" else set()
    parts |= {"retention"} if figure in MONTHS else set()
    return parts | ({"value"} if figure.startswith("clv_") else set())


def _windows(analysis: "Analysis", then: date) -> list[Row]:
    """What was added since the earlier report, and in as many days before it, if the log reaches back so far."""
    length = (analysis.log.as_of - then).days
    daily = orders_over_time(analysis.log.purchase_days, "D", analysis.log.as_of)
    whole = min(len(daily) // length, MOST_WINDOWS)
    if whole < 2:
        return []
    columns = [name for name in ("new_customers", "orders", "revenue") if name in daily]
    window = np.repeat(np.arange(whole), length)
    sums = daily[columns].tail(whole * length).groupby(window).sum()
    counts = sums["new_customers"].to_numpy()
    told_only = _old_customers_look_new(analysis) or not counts[-2:].any()
    rows: list[Row] = [
        ("new_customers", *_last_two(sums["new_customers"]), "counted" if told_only else new_customers_noise(counts))
    ]
    return rows + [(f"new_{name}", *_last_two(sums[name]), "counted") for name in columns[1:]]


def _old_customers_look_new(analysis: "Analysis") -> bool:
    """Whether the first cohort looks like customers from before the log, all of whom look new when it begins."""
    return analysis.months is not None and analysis.months.left_truncated is not None


def _last_two(values: pd.Series) -> tuple[float, float]:
    return float(values.iloc[-2]), float(values.iloc[-1])


def _average_order_noise(analysis: "Analysis", split: pd.DataFrame) -> Noise | None:
    if not analysis.has_money:
        return None
    late = analysis.summary.set_index("customer_id")[["total", "orders"]]
    early = split[["total", "orders"]].reindex(late.index).fillna(0.0)
    money_of, orders_of = ((early[name].to_numpy(), late[name].to_numpy()) for name in ("total", "orders"))
    return ratio_noise(money_of, orders_of)


def _retention(months: CohortTable | None, then: date, both: tuple[Figures, Figures]) -> list[Row]:
    """Retention at each month; the cohorts that reached it since the earlier report are set against the others."""
    if months is None:
        return []
    rows: list[Row] = []
    for name in MONTHS:
        cells = cells_at(months, name)
        is_new = ((cells["cohort"] + cells["age"]).dt.end_time > pd.Timestamp(then) + pd.Timedelta(days=1)).to_numpy()
        noise = retention_noise(cells, is_new) if is_new.any() else None
        rows.append((name, both[0][name], both[1][name], "too_few" if noise is None else noise))
    return rows


def _like_for_like(analysis: "Analysis", both: tuple[Figures, Figures]) -> list[Row]:
    """Today's customers, valued with the parameters of the earlier report and with those of today.

    That leaves out what new customers and the ageing of the known ones do to the mean, and shows whether they
    now behave otherwise. Both ranges cover the chance of the future and the parameters, and are taken as
    independent though the logs overlap: the noise is an upper bound, and only a large move stands out.
    """
    before, now = both
    kind = MODELS.get(_model_of(before))
    ranges = [figures["clv_mean_interval"] for figures in both]
    if kind is None or None in ranges:
        return []
    names = (kind.parameter_names, GammaGammaModel.parameter_names)
    if not set(names[0] + names[1]) <= set(before["parameters"]):
        return []
    purchases, spend = ({name: before["parameters"][name] for name in part} for part in names)
    economics = analysis.config.economics
    seen_then = lifetime_value(
        kind(unit="W").with_parameters(**purchases),
        GammaGammaModel().with_parameters(**spend),
        analysis.summary,
        economics.horizon_months,
        economics.discount_rate,
        economics.gross_margin or 1.0,
    )
    noise = independent_noise(*(interval_error((low, high)) for low, high in ranges))
    return [("clv_like_for_like", float(seen_then.mean()), now["clv_mean"], noise)]


def _remarks(past: Sequence[Figures], now: Figures, *, old_look_new: bool) -> list[str]:
    """Another version of the program, a gap longer than those before, old customers that look new."""
    before = past[-1]
    remarks = []
    if before["clvhelpers_version"] != now["clvhelpers_version"]:
        remarks.append(
            f"The earlier report was made by clvhelpers {before['clvhelpers_version']}, this one by "
            f"{now['clvhelpers_version']}; a change of the program may be among the changes."
        )
    days = [date.fromisoformat(figures["as_of"]) for figures in (*past, now)]
    gaps = [(later - one).days for one, later in pairwise(days)]
    if len(gaps) > 1 and gaps[-1] > LONG_GAP * max(gaps[:-1]):
        remarks.append(
            f"{count(gaps[-1], 'day')} lie between this report and the last one; those before were at most "
            f"{count(max(gaps[:-1]), 'day')} apart. More has changed than usual because more time has passed."
        )
    if old_look_new:
        remarks.append(
            "The number of new customers is not judged: the first cohort looks like customers from before the data "
            "begin, and those look new at the beginning."
        )
    return remarks
