"""Groups of customers with an action each, read off their RFM scores by a table that a client can edit."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.segments.rfm import SCORES
from clvhelpers.text import count, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

_GROUP_COLUMNS = ["group", "r_min", "r_max", "f_min", "f_max", "m_min", "m_max", "action"]
_CHAMPIONS = "Thank them, ask for referrals and reviews, show new things first. Do not discount."
_LOYAL = "Offer what goes with their last order, and membership. Keep the rhythm."
_POTENTIAL = "Bring the next order forward: a reminder timed to their usual gap, one clear next product."
_NEW = "Welcome them and win the second order: it is the step that most never take."
_AT_RISK = "Win them back now, the most valuable first, with a personal reason to return. Test it on a part."
_LOST = "Spend little: one cheap win-back message, then leave them out of paid campaigns."
_GROUPS = [
    ("Champions", 4, 5, 4, 5, 1, 5, _CHAMPIONS),
    ("Loyal", 3, 3, 4, 5, 1, 5, _LOYAL),
    ("Loyal", 3, 5, 3, 3, 1, 5, _LOYAL),
    ("Potential", 3, 5, 2, 2, 1, 5, _POTENTIAL),
    ("New", 3, 5, 1, 1, 1, 5, _NEW),
    ("At Risk", 1, 2, 3, 5, 1, 5, _AT_RISK),
    ("At Risk", 2, 2, 2, 2, 1, 5, _AT_RISK),
    ("Lost", 1, 1, 2, 2, 1, 5, _LOST),
    ("Lost", 1, 2, 1, 1, 1, 5, _LOST),
]


def default_groups() -> pd.DataFrame:
    """The table that turns scores into six groups with an action each; edit a copy and pass it on.

    A group may take several rows. The default looks at R and F only, so that it is the same with and
    without money; a client who wants money in it narrows `m_min` and `m_max`.

    >>> default_groups()["group"].unique().tolist()
    ['Champions', 'Loyal', 'Potential', 'New', 'At Risk', 'Lost']
    """
    return pd.DataFrame(_GROUPS, columns=_GROUP_COLUMNS)


def check_groups(groups: pd.DataFrame) -> pd.DataFrame:
    """The code of every score triple with its group, or a `ConfigError` naming each code not mapped exactly once.

    Returns 125 rows `R, F, M, group`.

    >>> len(check_groups(default_groups()))
    125
    """
    missing = [name for name in _GROUP_COLUMNS if name not in groups]
    if missing:
        raise ConfigError(f"the table of groups lacks the columns {missing}; it needs {_GROUP_COLUMNS}")
    codes = pd.MultiIndex.from_product([SCORES] * 3, names=["R", "F", "M"]).to_frame(index=False)
    hits = np.array([_inside(codes, row) for _, row in groups.iterrows()]).reshape(len(groups), len(codes))
    counts = hits.sum(axis=0)
    problems = [
        f"code {r}{f}{m} (R, F, M) is in {'no group' if count == 0 else f'{count} rows'}; it must be in exactly one"
        for (r, f, m), count in zip(codes.itertuples(index=False), counts, strict=True)
        if count != 1
    ]
    problems += [
        f"group {name!r} has {n} different actions; give it one"
        for name, n in groups.groupby("group")["action"].nunique().items()
        if n > 1
    ]
    if problems:
        raise ConfigError(problems)
    return codes.assign(group=groups["group"].to_numpy()[hits.argmax(axis=0)])


@dataclass(frozen=True, eq=False)
class Groups:
    """The answer of `rfm_groups`: `labels` for each customer, `frame` with a row for each group."""

    labels: pd.Series
    frame: pd.DataFrame

    def sentence(self) -> str:
        """The largest group, and the one with the most revenue, in words."""
        biggest = self.frame.iloc[int(self.frame["customers"].argmax())]
        words = (
            f"The largest group is {biggest['group']}: {count(biggest['customers'], 'customer')}, "
            f"{percent(biggest['share_of_customers'], 0)} of all"
        )
        if "share_of_revenue" not in self.frame:
            return words + "."
        top = self.frame.iloc[int(self.frame["revenue"].argmax())]
        return (
            f"{words}. Most revenue came from {top['group']}: {percent(top['share_of_customers'], 0)} of customers, "
            f"{percent(top['share_of_revenue'], 0)} of revenue."
        )

    def plot(self) -> "Picture":
        """Each group's share of customers and of revenue."""
        from clvhelpers.plots.segments import group_bars

        return group_bars(self.frame)


def rfm_groups(scores: pd.DataFrame, groups: pd.DataFrame | None = None) -> Groups:
    """Put each customer of `rfm_scores` into exactly one group of the table `groups` (default: six groups).

    `frame` has a row for each group of the table, empty ones too: `group, customers, share_of_customers,
    action` and, with money, `revenue, share_of_revenue`.

    >>> scores = pd.DataFrame({"R": [5, 1], "F": [5, 1], "M": [5, 1], "total": [90.0, 10.0]})
    >>> rfm_groups(scores).labels.tolist()
    ['Champions', 'Lost']
    """
    table = default_groups() if groups is None else groups
    codes = check_groups(table)
    if "M" not in scores and ((table["m_min"] > 1) | (table["m_max"] < 5)).any():
        raise NotEnoughDataError("these groups look at money (M) and the data have no amounts; widen m_min and m_max")
    if "M" not in scores:
        codes = codes[codes["M"] == 1].drop(columns="M")
    letters = [name for name in codes.columns if name != "group"]
    labels = scores[letters].merge(codes, on=letters, how="left", validate="many_to_one")["group"]
    labels.index = scores.index
    return Groups(labels, _group_frame(scores, labels, table))


def _group_frame(scores: pd.DataFrame, labels: pd.Series, table: pd.DataFrame) -> pd.DataFrame:
    actions = table.drop_duplicates("group").set_index("group")["action"]
    counts = labels.value_counts().reindex(actions.index, fill_value=0)
    frame = pd.DataFrame({"customers": counts, "share_of_customers": counts / len(labels)})
    if "total" in scores:
        frame["revenue"] = scores["total"].groupby(labels).sum().reindex(actions.index, fill_value=0.0)
        whole = frame["revenue"].sum()
        frame["share_of_revenue"] = frame["revenue"] / whole if whole > 0 else np.nan
    return frame.assign(action=actions).rename_axis("group").reset_index()


def _inside(codes: pd.DataFrame, row: pd.Series) -> np.ndarray:
    inside = np.ones(len(codes), dtype=bool)
    for letter in "RFM":
        inside &= codes[letter].between(row[f"{letter.lower()}_min"], row[f"{letter.lower()}_max"]).to_numpy()
    return inside
