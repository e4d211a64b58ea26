"""Numbers of few customers are not shown, and neither is what would give them away.

A group of fewer customers than the client's `privacy.minimum_group` is hidden. Where its numbers would follow
from a total and the groups beside it, the next smallest is hidden too, until they don't. Hidden numbers are
missing in the frames that come out, so that no table, figure or sentence made of them can show one. A group
of nobody is no secret.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.cohorts import CohortTable
from clvhelpers.models.validation import Validation
from clvhelpers.segments import Concentration, Groups, Tiers
from clvhelpers.text import Text, count, md, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Flags = np.ndarray
NEW = "new_customers"
MARKS = (1, 10, 20)


def is_few(sizes: pd.Series | np.ndarray, minimum: int) -> Flags:
    """Which groups have somebody, but fewer customers than the minimum.

    >>> is_few(np.array([0, 4, 5]), 5).tolist()
    [False, True, False]
    """
    values = np.asarray(sizes, dtype=float)
    return (values > 0) & (values < minimum)


def hidden_rows(
    sizes: pd.Series | np.ndarray,
    minimum: int,
    hidden: Flags | None = None,
    *,
    outside: int = 0,
    by_time: bool = False,
) -> Flags:
    """Which groups to hide, where the total of all is known: the small ones, and as many more as it takes.

    `hidden` are groups that are hidden for another reason; `outside` is the size of one that is shown nowhere.
    What is hidden besides is the next smallest, or with `by_time` the nearest.

    >>> hidden_rows(np.array([40, 3, 12, 80]), 5).tolist()
    [False, True, True, False]
    >>> hidden_rows(np.array([40, 2, 12, 1, 80]), 5).tolist()
    [False, True, True, True, False]
    """
    values = np.append(np.asarray(sizes, dtype=float), outside)
    start = is_few(values, minimum)
    if hidden is not None:
        start[:-1] |= hidden
    wanted = values[:-1]
    if by_time and start.any():
        places = np.arange(len(wanted))
        wanted = np.abs(places[:, None] - np.flatnonzero(start)).min(axis=1)
    for place in np.lexsort((wanted, values[:-1] == 0)):  # groups of nobody come last
        if not start.any() or not _follows(values[start], minimum):
            break
        start[place] = True
    return start[:-1]


def _follows(sizes: np.ndarray, minimum: int) -> bool:
    """Whether the sum of hidden groups, which anybody can work out, tells of fewer than the minimum."""
    few = int(is_few(sizes, minimum).sum())
    more = int((sizes >= minimum).sum())
    total = sizes.sum()
    if len(sizes) == 1 or total < minimum:
        return True
    if more or (sizes == 0).any():
        return bool(few and total == few + more * minimum)  # each can only be at its least
    return bool(total in (few, few * (minimum - 1)))


def hide(frame: pd.DataFrame, minimum: int, keep: Sequence[str], *, outside: int = 0) -> pd.DataFrame:
    """A frame with a row for each group, of `customers`: hidden ones keep only the columns `keep`; `few` says why.

    >>> groups = pd.DataFrame({"group": ["A", "B", "C"], "customers": [40, 3, 12], "revenue": [9.0, 8.0, 7.0]})
    >>> hide(groups, 5, ["group"])["revenue"].tolist()
    [9.0, nan, nan]
    """
    hidden = hidden_rows(frame["customers"], minimum, outside=outside)
    shown = frame.assign(few=is_few(frame["customers"], minimum))
    numbers = [name for name in frame.columns if name not in keep]
    shown[numbers] = shown[numbers].mask(pd.Series(hidden, frame.index))
    return shown


class ShownGroups(Groups):
    """RFM groups some of which are hidden: those are missing in `frame`, and not in `labels`."""

    def sentence(self) -> str:
        """As of any groups, about those that are shown; no hidden one is larger."""
        known = self.frame[self.frame["customers"] > 0]
        if known.empty:
            return "No group is large enough to be shown."
        words = Groups(self.labels, known).sentence()
        return words.replace("Most revenue came", "Of those shown, most revenue came")

    def plot(self) -> "Picture":
        """As of any groups, of those that are shown."""
        return Groups(self.labels, self.frame.dropna(subset=["customers"])).plot()


def hide_groups(groups: Groups, minimum: int, outside: int = 0) -> Groups:
    """RFM groups without the numbers of small ones; `outside` is how many customers are in no group."""
    frame = hide(groups.frame, minimum, ["group", "action"], outside=outside)
    return (ShownGroups if frame["customers"].isna().any() else Groups)(groups.labels, frame)


class ShownTiers(Tiers):
    """Tiers some of which are hidden: those are missing in `frame`, and not in `labels`."""

    def sentence(self) -> str:
        """As of any tiers, about the highest that is shown, and without those on a limit."""
        known = self.frame[self.frame["customers"] > 0]
        if known.empty:
            return "No tier is large enough to be shown."
        top = known.iloc[0]
        return (
            f"{top['tier']} is {count(top['customers'], 'customer')}, {percent(top['share_of_customers'], 0)} of all, "
            f"and holds {percent(top['share_of_value'], 0)} of the value."
        )


def hide_tiers(tiers: Tiers, minimum: int) -> Tiers:
    """Tiers without the numbers of small ones, or of few customers on a limit."""
    frame = hide(tiers.frame, minimum, ["tier"])
    hidden = frame["customers"].isna().any() or is_few(np.array([tiers.ties]), minimum)[0]
    return (ShownTiers if hidden else Tiers)(tiers.labels, tiers.cutoffs, frame, tiers.ties)


def hide_check(check: Validation, minimum: int) -> Validation:
    """A check without the numbers of groups of few customers."""
    active = replace(check.active, frame=hide(check.active.frame, minimum, []))
    return replace(check, frame=hide(check.frame, minimum, ["frequency"]), active=active)


def hide_scores(scores: pd.DataFrame, shares: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """The share of each score without those of few customers.

    How many ordered once is known from the repeat rate, so the other scores of F must hide each other.
    """
    shown = shares.copy()
    for letter in shares:
        sizes = scores[letter].value_counts().reindex(shares.index, fill_value=0)
        rest = slice(1, None) if letter == "F" else slice(None)
        hidden = np.append([False] * (letter == "F"), hidden_rows(sizes.iloc[rest], minimum))
        if letter == "F":
            hidden[0] = is_few(sizes.iloc[:1], minimum)[0]
        shown[letter] = shown[letter].mask(hidden.astype(bool))
    return shown


class ShownConcentration(Concentration):
    """A concentration some of whose shares are of too few customers: those are None."""

    def sentence(self) -> str:
        """What the best customers make of the total, as far as it is shown."""
        if self.total <= 0:
            return super().sentence()
        told = []
        if self.top_20_share is not None:
            told.append(f"The best {percent(0.2, 0)} of customers make {percent(self.top_20_share)} of the total.")
        if self.share_for_80 is not None:
            told.append(f"{percent(self.share_for_80)} of customers make {percent(0.8, 0)} of the total.")
        if self.negatives:
            told.append("Some customers are below zero, and so there is no Gini coefficient.")
        return " ".join(told or ["The customers are too few to say what the best of them make of the total."])


def hide_concentration(result: Concentration, minimum: int) -> Concentration:
    """A concentration without shares of few customers; its curve goes from group to group of at least the minimum."""
    n = result.customers
    shares = {1: result.top_1_share, 10: result.top_10_share, 20: result.top_20_share}
    top_1, top_10, top_20 = (shares[mark] if max(1, n * mark // 100) >= minimum else None for mark in MARKS)
    for_80 = result.share_for_80
    for_80 = None if for_80 is None or round(for_80 * n) < minimum else for_80
    points = result.frame.iloc[_points(n, minimum)].reset_index(drop=True)
    untold = top_10 is None or for_80 is None or is_few(np.array([result.negatives]), minimum)[0]
    kind = ShownConcentration if untold and result.total > 0 else Concentration
    rest = (n, result.total, result.negatives, result.negative_total, points)
    return kind(result.gini, top_1, top_10, top_20, for_80, *rest)


def _points(n: int, minimum: int) -> list[int]:
    """How many of the best customers each point of the curve counts: all marks, and per cents that are not too near."""
    kept = [0, n, *(n * mark // 100 for mark in MARKS if n * mark // 100 >= minimum)]
    for share in range(1, 100):
        point = n * share // 100
        if min(abs(point - other) for other in kept) >= minimum:
            kept.append(point)
    return sorted(set(kept))


def hide_path(path: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """The path of a check with weeks put together until each step stands for enough purchases, or for none."""
    bought = path["cumulative_actual"].to_numpy()
    kept = [len(path) - 1]
    for week in range(len(path) - 2, -1, -1):
        if not is_few(bought[kept[-1:]] - bought[week], minimum)[0]:
            kept.append(week)
    while len(kept) > 1 and is_few(bought[kept[-1:]], minimum)[0]:
        kept.pop()
    thin = path.iloc[kept[::-1]].reset_index(drop=True)
    for name in ("actual", "expected"):
        thin[name] = np.diff(thin[f"cumulative_{name}"], prepend=0.0)
    return thin


def hide_periods(periods: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Periods without numbers of few customers, of few new ones, or of few who had bought before.

    Of a period before which few customers are in cohorts that are hidden, the orders would tell what those few did.
    `few` and `few_new` say where the customers and the new ones are fewer than the minimum.
    """
    customers, new = (periods[name].to_numpy() for name in ("customers", NEW))
    whole = hidden_rows(customers, minimum)
    starts = hidden_rows(new, minimum, whole, by_time=True)
    alone = is_few(np.cumsum(np.where(starts, new, 0)) - np.where(starts, new, 0), minimum)
    orders = hidden_rows(customers - new, minimum, whole | alone)
    shown = periods.assign(few=is_few(customers, minimum), few_new=is_few(new, minimum))
    for names, hidden in [
        (["revenue"], whole),
        (["orders", "customers"], orders),
        ([NEW], starts),
    ]:
        for name in names:
            if name in shown:
                shown[name] = shown[name].mask(hidden)
    return shown


def hide_cohorts(table: CohortTable, minimum: int, periods: pd.DataFrame | None = None) -> CohortTable:
    """Cohorts without those of few customers, which are missing in `frame` and marked `hidden`, and in no average.

    `periods` is what `hide_periods` gave for periods as long as the table's: who is hidden there is hidden here.
    """
    frame = table.frame
    sizes = frame.groupby("cohort")["n0"].first()
    small = hidden_rows(sizes, minimum)
    if periods is not None:
        small = periods.set_index("period")[NEW].reindex(sizes.index).isna().to_numpy()
    gone = frame["cohort"].isin(sizes.index[small])
    numbers = [name for name in frame.columns if name not in ("cohort", "age", "mature")]
    shown = frame.assign(**{name: frame[name].mask(gone) for name in numbers})
    return replace(table, frame=shown.assign(hidden=gone & frame["n_active"].notna()))


def fewer_than(minimum: int) -> str:
    """What stands in a table for the number of customers of a small group."""
    return f"fewer than {number(minimum)}"


def few_in_words(sizes: pd.Series, few: pd.Series, minimum: int) -> pd.Series:
    """A column of numbers of customers with words where they are few."""
    return sizes.astype(object).mask(few, fewer_than(minimum))


def note(minimum: int) -> Text:
    """What stands under a table of which something is hidden."""
    return md(
        "Numbers of fewer than {minimum} customers are not shown, and neither are those from which they would follow.",
        minimum=number(minimum),
    )
