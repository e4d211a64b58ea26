"""The pages of the report: from an `Analysis` to the words, tables and figures shown under each heading.

Each function makes one section, in the order of the report. What could not be had is said where it would
have stood. Values from a client's data reach the page only through `md`, `table` and `Picture`, which never
read them as markup.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import pandas as pd

from clvhelpers.cleaning import WORDS
from clvhelpers.cohorts import TOLD_AGES, CohortTable
from clvhelpers.plots.cohorts import retention_curve
from clvhelpers.plots.orders import orders_over_time, revenue_over_time
from clvhelpers.plots.prediction import tracking
from clvhelpers.plots.segments import tier_bars
from clvhelpers.purchases import PERIODS
from clvhelpers.reporting import small_groups
from clvhelpers.reporting import summary as words
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.forecast import LEVEL
from clvhelpers.reporting.shown import Shown
from clvhelpers.reporting.small_groups import few_in_words, hide_scores
from clvhelpers.reporting.trust import further_checks
from clvhelpers.segments import FREQUENCY_EDGES, RECENCY_MULTIPLES, score_shares, typical_gap
from clvhelpers.text import (
    MISSING,
    Cell,
    Format,
    Range,
    Table,
    Text,
    count,
    day,
    join,
    md,
    money,
    number,
    percent,
    period,
    table,
)

Page = list[Shown]
LAST_PERIODS = 12
TIER_ACTIONS = {
    "Platinum": "Give them a person to talk to, first choice and fast service. Losing one costs most.",
    "Gold": "Move them up: the next product that Platinum customers bought, and a reason to buy sooner.",
    "Silver": "Serve them well by automatic means, and watch for those who speed up.",
    "Bronze": "Keep contact cheap. A discount here is seldom earned back.",
}


def summary(analysis: Analysis) -> Page:
    """The first page in plain words."""
    return list(words.summary(analysis.metrics))


def key_figures(analysis: Analysis) -> Page:
    """The numbers that a manager asks for first, each with its meaning."""
    metrics, cash = analysis.metrics, _cash(analysis)
    base, clv, months = metrics.base, metrics.clv, metrics.clv.horizon_months
    rows: list[tuple[str, Cell | Range, str]] = [
        ("Customers", Cell(base.customers, number), "bought at least once"),
        ("Orders", Cell(base.orders, number), "days on which a customer bought; several orders of a day count once"),
        ("Revenue", Cell(base.revenue, cash), "refunds subtracted"),
        ("Average order", Cell(base.average_order_value, cash), "revenue / orders"),
        ("Orders per customer", Cell(base.orders_per_customer, partial(number, decimals=2)), "orders / customers"),
        ("Repeat rate", Cell(base.repeat_rate, percent), "customers with two orders or more"),
        (
            "Gross profit so far",
            Cell(clv.historical_mean, cash),
            f"of a customer, at a margin of {percent(base.gross_margin, 0)}",
        ),
        (
            "Predicted value",
            Cell(clv.mean, cash),
            f"gross profit of a customer in the next {months} months, discounted",
        ),
        ("Predicted value of the base", Cell(clv.total, cash), "the same for all customers of today"),
    ]
    if clv.interval_90 is not None:
        total = Range(*clv.interval_90.total, cash)
        rows.append((f"… its {percent(LEVEL, 0)} range", total, "if the model holds"))
    if metrics.model is not None and words.prediction_usable(metrics):
        expected = Cell(metrics.model.expected_orders, number)
        rows.append(("Expected orders", expected, f"of today's customers in the next {months} months"))
    frame = pd.DataFrame(rows, columns=["Figure", "Value", "Meaning"])
    known = frame["Value"].map(str) != MISSING
    shown: Page = [table(frame[known], f"Key figures as of {day(metrics.as_of)}")]
    if not known.all():
        shown.append(
            md("Not here: {names}. Why, is told under *Data audit*.", names=", ".join(frame["Figure"][~known]))
        )
    return shown


def data_audit(analysis: Analysis) -> Page:
    """What was read, what was set aside and why, and everything else the reader must know."""
    log = analysis.log
    shown: Page = [md("{sentence}", sentence=log.sentence())]
    if len(log.problems):
        shown.append(_problem_table(analysis))
    else:
        shown.append(md("No row had a problem, so nothing was set aside."))
    if analysis.warnings:
        notes = [md("- {note}", note=note) for note in analysis.warnings]
        shown.append(join([md("**What to keep in mind**"), join(notes)], "\n\n"))
    return shown


def _problem_table(analysis: Analysis) -> Table:
    problems = analysis.log.problems
    frame = pd.DataFrame(
        {
            "Problem": problems["rule"].map(WORDS),
            "What was done": problems["action"].str.replace("_", " "),
            "Rows": problems["rows"],
            "Money": problems["money"] if analysis.has_money else None,
            "For example": [_places(places, analysis) for places in problems["examples"]],
        }
    )
    if not analysis.has_money:
        return table(frame.drop(columns="Money"), "Rows with a problem", Rows=number)
    return table(frame, "Rows with a problem, and the money they stand for", Rows=number, Money=_cash(analysis))


def _places(places: Iterable[str], analysis: Analysis) -> str:
    """Where to look, without the name of the only file, and never what stands there, which may be a customer's id."""
    files = analysis.source.files
    only = f"{files[0].path.name} " if len(files) == 1 else ""
    rows = [place.removeprefix(only) for place in places if not place.startswith("customer ")]
    return ", ".join(row.partition(": ")[0] for row in rows)


def revenue(analysis: Analysis) -> Page:
    """Revenue and orders over time."""
    periods, cash = analysis.periods, _cash(analysis)
    shown: Page = [orders_over_time(periods)]
    if analysis.has_money:
        shown.insert(0, revenue_over_time(periods, analysis.config.currency))
    names = {
        "period": "Period",
        "orders": "Orders",
        "customers": "Customers",
        "new_customers": "New customers",
        "revenue": "Revenue",
    }
    frame = periods.tail(LAST_PERIODS).rename(columns=names)
    least = analysis.config.privacy.minimum_group
    frame["Customers"] = few_in_words(frame["Customers"], frame["few"], least)
    frame["New customers"] = few_in_words(frame["New customers"], frame["few_new"], least)
    frame = frame.drop(columns=["complete", "few", "few_new"])
    late = "" if periods["complete"].all() else "; the last one is not over"
    formats: dict[str, Format] = {"Orders": number, "Customers": number, "New customers": number, "Revenue": cash}
    kept = {name: show for name, show in formats.items() if name in frame}
    step = PERIODS[periods["period"].iloc[0].freqstr[0]]
    shown.append(table(frame, f"The last {count(len(frame), step)}{late}", **kept))
    return shown + _note(analysis, hidden=bool(periods.isna().any(axis=None)))


def cohorts(analysis: Analysis) -> Page:
    """How many customers come back, by the month of their first order."""
    result = analysis.cohorts
    if result is None:
        return [_missing(analysis, "Cohorts")]
    shown: Page = [md("Retention here is {definition}.", definition=result.definition)]
    average = result.average()
    later = average[average["age"] > 0]
    hidden = bool(result.frame["hidden"].any())
    note = _note(analysis, hidden=hidden)
    if later.empty and hidden:
        return [*shown, md("No cohort that may be shown is old enough to have come back yet."), *note]
    if later.empty:
        return [*shown, md("No cohort is old enough to have come back yet.")]
    if not later["retention"].any():
        who = "Nobody" if not hidden else "Nobody in a cohort that may be shown"
        return [*shown, md("{who} has come back in a later {step} yet.", who=who, step=result.step), *note]
    return [*shown, retention_curve(result), _retention_table(result, average), result.plot(), *note]


def _retention_table(result: CohortTable, average: pd.DataFrame) -> Table:
    told = average[average["age"].isin([*TOLD_AGES, 2])]
    bounds = zip(told["low"], told["high"], strict=True)
    frame = pd.DataFrame(
        {
            result.step.capitalize(): told["age"],
            "Retention": told["retention"],
            f"{percent(0.95, 0)} range": [Range(low, high, percent) for low, high in bounds],
            "Customers": told["customers"],
        }
    )
    late = "" if result.incomplete is None else f"; {period(result.incomplete)} is not over and not counted"
    caption = f"Retention of all customers, by {result.step}s after the first order{late}"
    return table(frame, caption, Retention=percent, Customers=number)


def groups_and_tiers(analysis: Analysis) -> Page:
    """RFM groups from what customers did, tiers from what they are expected to bring; an action for each."""
    return _groups(analysis) + _tiers(analysis)


def _groups(analysis: Analysis) -> Page:
    groups, scores, cash = analysis.groups, analysis.scores, _cash(analysis)
    if groups is None or scores is None:
        return [_missing(analysis, "RFM groups")]
    rows = [
        (
            group.name,
            group.customers,
            group.share_of_customers,
            group.revenue,
            group.share_of_revenue,
            group.mean_clv,
        )
        for group in analysis.metrics.segments or []
    ]
    formats: dict[str, Format] = {
        "Customers": number,
        "Share": percent,
        "Revenue": cash,
        "Share of revenue": percent,
        "Predicted value each": cash,
    }
    frame = pd.DataFrame(rows, columns=["Group", *formats]).dropna(axis="columns", how="all")
    least = analysis.config.privacy.minimum_group
    frame["Customers"] = few_in_words(groups.frame["customers"], groups.frame["few"], least)
    kept = {name: show for name, show in formats.items() if name in frame}
    actions = groups.frame[["group", "action"]].set_axis(["Group", "What to do"], axis="columns")
    shares = hide_scores(scores, score_shares(scores), least).rename_axis("Score")
    hidden = bool(groups.frame["customers"].isna().any() or shares.isna().any(axis=None))
    return [
        md("{sentence}", sentence=groups.sentence()),
        *([groups.plot()] if (groups.frame["customers"] > 0).any() else []),
        table(frame, "The groups", **kept),
        table(actions, "What to do with each group"),
        md("{how}", how=_how_scored(analysis)),
        table(shares, "Share of customers with each score; 5 is best", **dict.fromkeys(shares.columns, percent)),
        *_note(analysis, hidden=hidden),
    ]


def _how_scored(analysis: Analysis) -> str:
    near, good, fair, far = RECENCY_MULTIPLES
    _, two, three, four, five = FREQUENCY_EDGES
    by_money = " M is fifths by total spend, where equal customers share the lower score." if analysis.has_money else ""
    returning = (analysis.summary["frequency"] > 0).sum()
    gap = "" if returning < analysis.config.privacy.minimum_group else number(typical_gap(analysis.summary), 1)
    weeks = f", {gap} weeks" if gap else ""
    return (
        "The groups come from two scores. R sets the time since the last order against the usual time between two "
        f"orders of a repeat customer{weeks}: up to {near}, {good}, {fair} "
        f"and {far} times that score 5, 4, 3 and 2. F counts orders: one scores 1, then {two}, {three}, {four} and "
        f"{five} or more score 2, 3, 4 and 5.{by_money}"
    )


def _tiers(analysis: Analysis) -> Page:
    tiers, cash = analysis.tiers, _cash(analysis)
    if tiers is None:
        return [md("Tiers by predicted value can't be had: they need a prediction that may be used.")]
    columns = ["tier", "customers", "threshold", "mean", "total", "share_of_value"]
    names = ["Tier", "Customers", "Value above", "Mean value", "Total value", "Share of value"]
    frame = tiers.frame[columns].set_axis(names, axis="columns")
    formats: dict[str, Format] = {"Customers": number, "Share of value": percent}
    formats |= dict.fromkeys(["Value above", "Mean value", "Total value"], cash)
    actions = pd.DataFrame(TIER_ACTIONS.items(), columns=["Tier", "What to do"])
    known = tiers.frame.dropna(subset=["customers"])
    frame["Customers"] = few_in_words(frame["Customers"], tiers.frame["few"], analysis.config.privacy.minimum_group)
    return [
        md("Tiers rank customers by predicted value, in quarters. {sentence}", sentence=tiers.sentence()),
        *([tier_bars(known, cash)] if (known["customers"] > 0).any() else []),
        table(frame, "Tiers by predicted value", **formats),
        *_note(analysis, hidden=len(known) < len(frame)),
        table(actions, "What to do with each tier"),
        md("To see a tier grow from one report to the next, keep the limits of this one: quarters never grow."),
    ]


def concentration(analysis: Analysis) -> Page:
    """How few customers carry the revenue."""
    result = analysis.concentration
    if result is None:
        return [md("Without amounts there is no revenue to share out.")]
    if result.total <= 0:
        return [md("{sentence}", sentence=result.sentence())]
    shares = [
        (f"Best {percent(0.01, 0)} of customers", result.top_1_share),
        (f"Best {percent(0.1, 0)} of customers", result.top_10_share),
        (f"Best {percent(0.2, 0)} of customers", result.top_20_share),
        (f"Customers who make {percent(0.8, 0)} of revenue", result.share_for_80),
    ]
    rows = [(name, Cell(share, percent)) for name, share in shares]
    rows.append(("Gini coefficient (0 all equal, 1 one has all)", Cell(result.gini, partial(number, decimals=3))))
    return [
        md(
            "{sentence} Over a short time chance makes customers look more unequal than they are.",
            sentence=result.sentence(),
        ),
        result.plot(),
        table(pd.DataFrame(rows, columns=["Measure", "Value"]), "Concentration of revenue so far"),
        *_note(analysis, hidden=any(share is None for _, share in shares)),
    ]


def prediction(analysis: Analysis) -> Page:
    """Predicted value with its check on held-out orders and its range, and what the model can't say."""
    if analysis.forecast.model is None:
        return [_missing(analysis, "Prediction")]
    shown: Page = []
    if analysis.forecast.check is None:
        shown.append(_missing(analysis, "Check of the prediction"))
    else:
        verdict = analysis.forecast.check.verdict
        known = replace(verdict, frame=verdict.frame.dropna(subset=["customers"]))
        shown += [md("{sentence}", sentence=analysis.forecast.check.choice)]
        shown += [md("{sentence}", sentence=verdict.sentence()), *([known.plot()] if len(known.frame) else [])]
        shown += _note(analysis, hidden=len(known.frame) < len(verdict.frame))
        shown.append(tracking(analysis.forecast.check.path, analysis.forecast.check.calibration_end))
        shown += further_checks(verdict, analysis.config.privacy.minimum_group)
    if analysis.forecast.value is not None:
        shown += _value(analysis)
    elif analysis.has_money:
        shown.append(_missing(analysis, "Predicted value"))
    return [*shown, _model_limits(analysis)]


def _value(analysis: Analysis) -> Page:
    clv, cash = analysis.metrics.clv, _cash(analysis)
    interval = clv.interval_90
    if interval is None:
        return []
    rows = [
        ("Mean of a customer", Cell(clv.mean, cash), Range(*interval.mean, cash)),
        ("Median of a customer", Cell(clv.median, cash), None),
        ("All customers", Cell(clv.total, cash), Range(*interval.total, cash)),
        ("So far, mean of a customer", Cell(clv.historical_mean, cash), None),
    ]
    economics = analysis.config.economics
    caption = (
        f"Predicted gross profit of the next {clv.horizon_months} months, at a margin of "
        f"{percent(economics.gross_margin, 0)}, discounted at {percent(economics.discount_rate, 0)} a year"
    )
    return [table(pd.DataFrame(rows, columns=["What", "Value", f"{percent(LEVEL, 0)} range"]), caption)]


def _model_limits(analysis: Analysis) -> Text:
    gross = " Value is gross profit: costs of marketing and service are not taken off." if analysis.has_money else ""
    model = analysis.forecast.model
    once = "Of a customer with one order it knows little"
    if model is not None and model.title == "BG/NBD":
        once = "A customer with one order counts as alive until a second one"
    return md(
        "**What the model can't say.** It assumes that customers keep their own steady pace until they leave for good, "
        "and that the future is like the past: no season, no campaign, no new competitor. It knows nothing of "
        f"customers still to be won. {once}, so read the value of "
        "one-time buyers as an average, never one by one. The range covers chance and the uncertainty of the fit; it "
        "does not cover a model that is wrong." + gross
    )


def _note(analysis: Analysis, *, hidden: bool) -> list[Text]:
    """What stands under tables and figures where numbers of few customers are hidden."""
    return [small_groups.note(analysis.config.privacy.minimum_group)] if hidden else []


def _missing(analysis: Analysis, step: str) -> Text:
    """Why a step could not be done, in the words of the warning that it left."""
    reasons = [text for text in analysis.warnings if text.startswith(f"{step}:")]
    return md("This part can't be had. {reasons}.", reasons="; ".join(reasons).rstrip("."))


def _cash(analysis: Analysis) -> Callable[[float | None], str]:
    return partial(money, currency=analysis.config.currency)
