"""The section on what changed since the last report: its table, its words and its lines over time."""

from functools import partial

import pandas as pd

from clvhelpers.plots.history import key_figures_over_time
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.comparison import LEVEL, Change, Comparison
from clvhelpers.reporting.figures import FIGURES
from clvhelpers.reporting.history import key_figures
from clvhelpers.reporting.shown import Shown
from clvhelpers.text import Cell, Table, Text, count, day, join, md, percent, table

COUNTS = ("customers", "orders", "revenue", "new_customers", "new_orders", "new_revenue")


def changes(analysis: Analysis) -> list[Shown]:
    """What changed since the last report; nothing at all without one."""
    found = analysis.comparison
    if found is None:
        return []
    shown: list[Shown] = [md("{sentence}", sentence=found.sentence())]
    if found.changes:
        shown += [*_tables(found), _how_judged(found)]
    if found.remarks:
        shown.append(join([md("- {remark}", remark=remark) for remark in found.remarks]))
    now = key_figures(analysis.metrics.model_dump(mode="json"))
    picture = key_figures_over_time([*analysis.history, now], analysis.config.currency)
    return [*shown, *([] if picture is None else [picture])]


def _tables(found: Comparison) -> list[Table]:
    """Counts apart from rates and values: two short tables find room on a page."""
    counts = [change for change in found.changes if change.figure in COUNTS]
    rates = [change for change in found.changes if change.figure not in COUNTS]
    return [_table(found, part, name) for part, name in ((counts, "Counts"), (rates, "Rates and values")) if part]


def _table(found: Comparison, part: list[Change], name: str) -> Table:
    before, now = day(found.previous_as_of), day(found.as_of)
    rows = [
        (
            FIGURES[change.figure].label.format(window=count(found.days, "day")),
            Cell(change.before, found.format(change.figure)),
            Cell(change.now, found.format(change.figure)),
            Cell(change.change, partial(found.show_change, change.figure), found.format(change.figure)),
            _verdict(found, change),
        )
        for change in part
    ]
    frame = pd.DataFrame(rows, columns=["Figure", before, now, "Change", "More than noise?"])
    return table(frame, f"{name}, {before} to {now}", **dict.fromkeys([before, now, "Change"], str))


def _verdict(found: Comparison, change: Change) -> str:
    """The last column, in few words."""
    if change.noise is not None:
        noise = found.show_change(change.figure, change.noise, signed=False)
        return f"{'yes' if change.verdict == 'more_than_noise' else 'no'}; noise is up to {noise}"
    if change.verdict == "moves_by_itself":
        return f"not judged: {FIGURES[change.figure].moved_by}"
    if change.verdict == "too_few":
        return "too few to tell" if change.change else "nothing new yet"
    return change.verdict.replace("_", " ")


def _how_judged(found: Comparison) -> Text:
    """What the last column means, for a reader who knows no statistics and for one who does."""
    window = count(found.days, "day")
    return join(
        [
            md(
                "**How to read this.** Noise is how far a figure may move by chance alone: if nothing changed, all "
                "figures stay within it in {share} of reports or more. Both reports hold mostly the same customers, "
                "and the noise allows for that. A season or a campaign is more than noise, and yet no lasting change.",
                share=percent(1 - LEVEL, 0),
            ),
            md(
                "Counts have no noise; those of the last {window} are set against the {window} before. What moves with "
                "age is not judged: the repeat rate rises by itself as customers get older, so a rise is no success. "
                "Retention at the same age is the fair measure. So is the value of the same customers as the two "
                "models see it; its noise is an upper bound.",
                window=window,
            ),
        ],
        "\n\n",
    )
