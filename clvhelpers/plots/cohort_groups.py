"""Figures of cohorts by group, and of who comes, stays and comes back."""

import matplotlib as mpl

from clvhelpers.cohorts.flow import ROLES, CustomerFlow
from clvhelpers.cohorts.groups import CohortGroups
from clvhelpers.cohorts.table import TOLD_AGES
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.plots.look import BLUE, COLOURS, GREY, ORANGE, Picture, canvas, number_axis, percent_axis, title
from clvhelpers.purchases import PERIODS
from clvhelpers.text import number, percent
from clvhelpers.text import period as period_name

MOST_BANDS, MOST_COLUMNS, MOST_TICKS, FEWEST = 3, 5, 5, 100
ROLE_COLOURS = {"new": GREY, "continuing": BLUE, "returning": ORANGE}


def retention_by_group(groups: CohortGroups) -> Picture:
    """Average retention by age from 1 on, a line a group; with at most three groups also Wilson's bands.

    A line ends where fewer than 100 customers of its group have been seen (or the most that any group has).

    Raises `NotEnoughDataError` where no group has a cohort old enough for age 1.

    >>> from clvhelpers import load_cdnow
    >>> from clvhelpers.cohorts import cohorts_by
    >>> log = load_cdnow().assign(price=lambda log: (log["amount"] > 20).map({True: "high", False: "low"}))
    >>> retention_by_group(cohorts_by(log, "price", end="1998-06-30")).alt.partition(", ")[2][:59]
    'one for each price. At month 12 high has the highest, 9.3%.'
    """
    average = groups.average()
    average = average[average["age"] > 0]
    average = average[average["customers"] >= min(FEWEST, average["customers"].max())]
    step = next(iter(groups.tables.values())).step
    if average.empty:
        raise NotEnoughDataError(f"no cohort is old enough for {step} 1: a later end date is needed")
    reached = average.groupby(groups.by)["age"].max()
    shared = average.groupby("age").size()
    told = max((age for age in TOLD_AGES if shared.get(age, 0) > 1), default=int(reached.max()))
    at = average[average["age"] == told].sort_values("retention", ascending=False, kind="stable")
    best, worst = (at.iloc[place] for place in (0, -1))
    ends = [percent(row["retention"], 0) for row in (best, worst)]
    with canvas() as (figure, axes):
        for colour, (name, rows) in zip(COLOURS * 2, average.groupby(groups.by), strict=False):
            axes.plot(rows["age"], rows["retention"], color=colour, label=name)
            if len(reached) <= MOST_BANDS:
                axes.fill_between(rows["age"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
        axes.set_ylim(bottom=0)
        percent_axis(axes.yaxis)
        axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True))
        axes.set_xlabel(f"{step.capitalize()}s since the first purchase, while {FEWEST} customers were seen")
        axes.set_ylabel("Retention")
        figure.legend(loc="outside lower center", ncols=min(len(reached), MOST_COLUMNS))
        title(
            axes, f"At {step} {told} retention is {ends[0]} for {best[groups.by]} and {ends[1]} for {worst[groups.by]}"
        )
    values = ", ".join(f"{row[groups.by]} {percent(row['retention'])}" for row in at.to_dict("records"))
    return Picture(
        figure,
        f"Lines of average retention by age, one for each {groups.by}. At {step} {told} {best[groups.by]} has the "
        f"highest, {percent(best['retention'])}. All: {values}.",
    )


def customer_flow(flow: CustomerFlow) -> Picture:
    """New, continuing and returning customers of each period, as stacked bars.

    >>> from clvhelpers import load_cdnow
    >>> from clvhelpers.cohorts import returning_customers
    >>> customer_flow(returning_customers(load_cdnow(), end="1997-09-30")).alt[:63]
    'Stacked bars of customers by month, 1997-01 to 1997-09. Of 168 '
    """
    frame, unit = flow.frame, PERIODS[flow.period]
    last = frame.iloc[-1]
    share = percent(last["returning"] / last["customers"], 0) if last["customers"] else "none"
    finding = f"Of the customers of {period_name(last['period'])} {share} came back after a silent {unit}"
    with canvas() as (figure, axes):
        base = 0 * frame["customers"]
        for role in ROLES:
            axes.bar(range(len(frame)), frame[role], bottom=base, width=0.85, color=ROLE_COLOURS[role], label=role)
            base = base + frame[role]
        every = -(-len(frame) // MOST_TICKS)
        places = range(0, len(frame), every)
        axes.set_xticks(list(places), [period_name(frame["period"].iloc[place]) for place in places])
        number_axis(axes.yaxis)
        axes.set_ylabel(f"Customers of the {unit}")
        figure.legend(loc="outside lower center", ncols=3)
        title(axes, finding)
    names = [period_name(frame["period"].iloc[end]) for end in (0, -1)]
    counts = ", ".join(f"{number(last[role])} {role}" for role in ROLES)
    return Picture(
        figure,
        f"Stacked bars of customers by {unit}, {names[0]} to {names[1]}. Of {number(last['customers'])} customers in "
        f"the last {unit} there were {counts}. {finding}.",
    )
