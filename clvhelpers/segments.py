"""Who is who in a customer base: RFM scores and groups, value tiers, concentration.

Two rules hold everywhere in this module. Equal customers get equal labels: a tie is never broken by
row order or by customer id. And nothing is labelled by its rank alone where a fixed threshold says
more: one order is one order, in a good year and in a bad one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.customers import summary_frame, to_pandas
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

SCORES = range(1, 6)
FREQUENCY_EDGES = (1, 2, 3, 5, 10)
RECENCY_MULTIPLES = (1, 2, 3, 5)
TIERS = ("Platinum", "Gold", "Silver", "Bronze")
ROUNDING = 1e-9  # of a time; and money is compared to MONEY_DIGITS: the last digit of a float must not break a tie
MONEY_DIGITS = 4

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


def typical_gap(summary: Any) -> float:
    """The median over repeat customers of their average time between orders, in the summary's unit.

    Raises `NotEnoughDataError` when nobody has bought twice; `rfm_scores` then needs a `gap` from elsewhere.

    >>> typical_gap(pd.DataFrame({"frequency": [0, 1, 2], "recency": [0.0, 4.0, 12.0]}))
    5.0
    """
    frame = to_pandas(summary_frame(summary, ["frequency", "recency"]).select("frequency", "recency"))
    repeaters = frame[frame["frequency"] > 0]
    if repeaters.empty:
        raise NotEnoughDataError(
            "nobody has bought on two days, so there is no usual time between orders to judge recency by"
        )
    return float((repeaters["recency"] / repeaters["frequency"]).median())


def rfm_scores(
    summary: Any,
    *,
    gap: float | None = None,
    frequency_edges: Sequence[int] = FREQUENCY_EDGES,
    recency_multiples: Sequence[float] = RECENCY_MULTIPLES,
) -> pd.DataFrame:
    """Score each customer from 1 to 5 on recency (R), frequency (F) and money (M), the same for equal customers.

    `summary` is the frame of `customer_summary`. The result has a row for each of its rows, in its order:
    `customer_id, orders, time_since_last, R, F` and, where there is money, `total, M`; `code` is "545".

    - R: time since the last order in multiples of `gap` (default: `typical_gap`): up to 1 time scores 5,
      up to 2 times 4, up to 3 times 3, up to 5 times 2, beyond that 1.
    - F: orders (purchase days): 1 scores 1, 2 scores 2, 3-4 score 3, 5-9 score 4, 10 or more 5.
      Fixed thresholds stay comparable in time and between companies; quintiles do not, and where half
      of the customers bought once they do not exist.
    - M: fifths of the customers by their total spend. Ties share the lowest rank, so the fifths are
      not equal in size: `score_shares` gives what came out.

    >>> summary = pd.DataFrame({"customer_id": ["a", "b"], "frequency": [0, 6], "recency": [0.0, 30.0],
    ...                         "T": [40.0, 32.0], "orders": [1, 7], "total": [20.0, 300.0]})
    >>> rfm_scores(summary)["code"].tolist()
    ['113', '545']
    """
    _check_edges(frequency_edges, recency_multiples)
    columns = ["customer_id", "frequency", "recency", "T", "orders"]
    found = summary_frame(summary, columns)
    columns += ["total"] if "total" in found.collect_schema() else []
    frame = to_pandas(found.select(columns))
    usual = typical_gap(frame) if gap is None else gap
    if not usual > 0:
        raise DataContractError(f"the usual time between orders must be above 0, got {usual}")
    scores = frame[["customer_id", "orders"]].assign(time_since_last=frame["T"] - frame["recency"])
    limits = usual * np.asarray(recency_multiples, dtype=float) * (1 + ROUNDING)
    scores["R"] = 5 - np.searchsorted(limits, scores["time_since_last"], side="left")
    scores["F"] = np.searchsorted(np.asarray(frequency_edges), scores["orders"], side="right")
    if "total" in frame:
        scores["total"] = frame["total"]
        scores["M"] = _fifths(frame["total"])
    scores["code"] = _codes(scores)
    return scores


def score_shares(scores: pd.DataFrame) -> pd.DataFrame:
    """The share of customers that each score really got: a row for each score, a column for each letter.

    >>> score_shares(pd.DataFrame({"R": [1, 5], "F": [1, 1]}))["F"].tolist()
    [1.0, 0.0, 0.0, 0.0, 0.0]
    """
    letters = [letter for letter in "RFM" if letter in scores]
    shares = {letter: scores[letter].value_counts(normalize=True) for letter in letters}
    return pd.DataFrame(shares, index=pd.Index(SCORES, name="score")).fillna(0.0)


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


@dataclass(frozen=True, eq=False)
class Tiers:
    """The answer of `value_tiers`: `labels`, the `cutoffs` to freeze for next time, and `frame` by tier.

    `ties` counts the customers whose value equals a cut-off; they are in the lower tier.
    """

    labels: pd.Series
    cutoffs: tuple[float, float, float]
    frame: pd.DataFrame
    ties: int

    def sentence(self) -> str:
        """What the highest tier is and holds, in words."""
        top = self.frame.iloc[0]
        words = (
            f"{TIERS[0]} is {count(top['customers'], 'customer')}, {percent(top['share_of_customers'], 0)} of all, "
            f"and holds {percent(top['share_of_value'], 0)} of the value."
        )
        return words + f" On a cut-off lie {count(self.ties, 'customer')}, in the lower tier."

    def plot(self) -> "Picture":
        """Each tier's share of the value."""
        from clvhelpers.plots.segments import tier_bars

        return tier_bars(self.frame)


def value_tiers(values: Sequence[float] | pd.Series, cutoffs: Sequence[float] | None = None) -> Tiers:
    """Platinum, Gold, Silver and Bronze by value (predicted CLV, in money).

    A customer is in a tier when the value lies *above* its cut-off, so a tie at a cut-off goes down, for
    all alike. Without `cutoffs` they are the upper quartile, the median and the lower quartile of `values`.
    Quartiles make the shares what they are by construction: to see a tier grow, pass the `cutoffs` of the
    base period again. `frame`: `tier, customers, share_of_customers, threshold, mean, total, share_of_value`.

    >>> tiers = value_tiers([1.0, 1.0, 1.0, 2.0, 5.0, 9.0])
    >>> tiers.labels.tolist(), tiers.ties
    (['Bronze', 'Bronze', 'Bronze', 'Gold', 'Platinum', 'Platinum'], 3)
    """
    worth = _finite(values)
    limits = _cutoffs(worth, cutoffs)
    rank = np.sum([worth.to_numpy() > limit for limit in limits], axis=0)
    labels = pd.Series(np.array(TIERS)[3 - rank], index=worth.index, name="tier")
    stats = worth.groupby(labels).agg(["size", "mean", "sum"]).reindex(list(TIERS))
    whole = worth.sum()
    frame = pd.DataFrame(
        {
            "tier": TIERS,
            "customers": stats["size"].fillna(0).astype(int).to_numpy(),
            "share_of_customers": stats["size"].fillna(0).to_numpy() / len(worth),
            "threshold": [*limits, np.nan],
            "mean": stats["mean"].to_numpy(),
            "total": stats["sum"].fillna(0.0).to_numpy(),
            "share_of_value": stats["sum"].fillna(0.0).to_numpy() / whole if whole > 0 else np.nan,
        }
    )
    return Tiers(labels, limits, frame, int(worth.isin(limits).sum()))


@dataclass(frozen=True, eq=False)
class Concentration:
    """The answer of `concentration`. Shares are fractions of the total; None where they have no meaning.

    `share_for_80` is the smallest share of customers that makes 80 % of the total. `frame` is the curve:
    `share_of_customers` (best first) and `share_of_value`.
    """

    gini: float | None
    top_1_share: float | None
    top_10_share: float | None
    top_20_share: float | None
    share_for_80: float | None
    customers: int
    total: float
    negatives: int
    negative_total: float
    frame: pd.DataFrame

    def sentence(self) -> str:
        """What the best customers make of the total, in words."""
        if self.top_10_share is None:
            return f"The values of {count(self.customers, 'customer')} do not add up to more than 0: no shares to give."
        words = (
            f"The best {percent(0.1, 0)} of customers make {percent(self.top_10_share)} of the total, the best "
            f"{percent(0.2, 0)} {percent(self.top_20_share)}; {percent(self.share_for_80)} of customers make "
            f"{percent(0.8, 0)} of it."
        )
        if self.negatives:
            words += (
                f" {count(self.negatives, 'customer')} below zero, together at "
                f"{number(self.negative_total, 2)}, and so no Gini coefficient."
            )
        return words

    def plot(self) -> "Picture":
        """The share of the total by share of customers, best first."""
        from clvhelpers.plots.segments import concentration_curve

        return concentration_curve(self)


def concentration(values: Sequence[float] | pd.Series) -> Concentration:
    """How unevenly a total (revenue, or margin, in money) is spread over customers.

    The best 10 % of n customers are the best n // 10, and at least one. The Gini coefficient is
    sum((2 i - n - 1) x_i) / (n sum(x)) over the values in rising order; it needs values of 0 or more, so
    with negative ones (more refunded than bought) it is None and they are counted.
    An observed Gini over a short time is larger than that of the customers' true rates: chance adds to it.

    >>> result = concentration([0, 0, 10, 90])
    >>> round(result.gini, 3), result.top_10_share, result.share_for_80
    (0.7, 0.9, 0.25)
    """
    worth = np.sort(_finite(values).to_numpy())[::-1]
    n, whole = len(worth), float(worth.sum())
    below = worth[worth < 0]
    running = np.cumsum(worth)
    top_1 = top_10 = top_20 = for_80 = gini = None
    curve = pd.DataFrame({"share_of_customers": np.arange(n + 1) / n, "share_of_value": np.nan})
    if whole > 0:
        curve["share_of_value"] = np.append(0.0, running / whole)
        top_1, top_10, top_20 = (float(running[max(1, n * share // 100) - 1] / whole) for share in (1, 10, 20))
        for_80 = float((np.argmax(running >= 0.8 * whole) + 1) / n)
        weights = n + 1 - 2 * np.arange(1, n + 1)
        gini = None if len(below) else float(np.sum(weights * worth) / (n * whole))
    return Concentration(gini, top_1, top_10, top_20, for_80, n, whole, len(below), float(below.sum()), curve)


def _codes(scores: pd.DataFrame) -> pd.Series:
    letters = [scores[name].astype(str) for name in "RFM" if name in scores]
    return letters[0].str.cat(pd.concat(letters[1:], axis="columns"))


def _fifths(values: pd.Series) -> pd.Series:
    rank = values.round(MONEY_DIGITS).rank(method="min").astype(int)
    return (5 * rank + len(values) - 1) // len(values)


def _check_edges(frequency_edges: Sequence[int], recency_multiples: Sequence[float]) -> None:
    problems = []
    if len(frequency_edges) != 5 or frequency_edges[0] != 1 or list(frequency_edges) != sorted({*frequency_edges}):
        problems.append(f"frequency_edges must be five rising numbers of orders that start at 1, got {frequency_edges}")
    if len(recency_multiples) != 4 or list(recency_multiples) != sorted({*recency_multiples}):
        problems.append(f"recency_multiples must be four rising numbers, got {recency_multiples}")
    if problems:
        raise ConfigError(problems)


def _inside(codes: pd.DataFrame, row: pd.Series) -> np.ndarray:
    inside = np.ones(len(codes), dtype=bool)
    for letter in "RFM":
        inside &= codes[letter].between(row[f"{letter.lower()}_min"], row[f"{letter.lower()}_max"]).to_numpy()
    return inside


def _finite(values: Sequence[float] | pd.Series) -> pd.Series:
    worth = pd.Series(values, dtype=float)
    if worth.empty:
        raise NotEnoughDataError("there is no customer to look at")
    missing = int((~np.isfinite(worth)).sum())
    if missing:
        raise DataContractError(f"{missing} of {len(worth)} values are missing or infinite; give a number for each")
    return worth


def _cutoffs(worth: pd.Series, cutoffs: Sequence[float] | None) -> tuple[float, float, float]:
    if cutoffs is None:
        high, middle, low = (float(worth.quantile(q)) for q in (0.75, 0.50, 0.25))
        return high, middle, low
    if len(cutoffs) != 3 or list(cutoffs) != sorted(cutoffs, reverse=True):
        raise ConfigError(f"cutoffs must be three numbers from high to low (Platinum, Gold, Silver), got {cutoffs}")
    high, middle, low = (float(limit) for limit in cutoffs)
    return high, middle, low
