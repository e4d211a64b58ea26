"""Groups of customers with an action each, read off their RFM scores by a map that a client can edit."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.segments.maps import GROUP_COLUMNS, default_groups
from clvhelpers.segments.rfm import SCORES
from clvhelpers.text import count, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture


def check_groups(groups: pd.DataFrame) -> pd.DataFrame:
    """The code of every score triple with its group, or a `ConfigError` naming each code not mapped exactly once.

    Returns 125 rows `R, F, M, group`.

    >>> len(check_groups(default_groups()))
    125
    """
    _check_table(groups)
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
            f"{percent(biggest['share_of_customers'], 0)} of all."
        )
        if "share_of_revenue" in self.frame:
            top = self.frame.iloc[int(self.frame["revenue"].argmax())]
            words += (
                f" Most revenue came from {top['group']}: {percent(top['share_of_customers'], 0)} of customers, "
                f"{percent(top['share_of_revenue'], 0)} of revenue."
            )
        alone = self.frame.loc[self.frame["customers"] == 1, "group"]
        if len(alone):
            words += f" Of one customer only: {', '.join(alone)}; what one customer does says nothing of a group."
        return words

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


def _check_table(groups: pd.DataFrame) -> None:
    missing = [name for name in GROUP_COLUMNS if name not in groups]
    if missing:
        raise ConfigError(f"the table of groups lacks the columns {missing}; it needs {GROUP_COLUMNS}")
    problems = [
        f"row {row} of the groups: {name} is {value!r}; expected a whole number from 1 to 5"
        for name in GROUP_COLUMNS[1:-1]
        for row, value in zip(groups.index, groups[name], strict=True)
        if value not in SCORES
    ]
    problems += [
        f"row {row} of the groups has no name in column 'group'" for row in groups.index[groups["group"].isna()]
    ]
    if problems:
        raise ConfigError(problems)


def _inside(codes: pd.DataFrame, row: pd.Series) -> np.ndarray:
    inside = np.ones(len(codes), dtype=bool)
    for letter in "RFM":
        inside &= codes[letter].between(row[f"{letter.lower()}_min"], row[f"{letter.lower()}_max"]).to_numpy()
    return inside
