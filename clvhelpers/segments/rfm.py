"""Scores for recency, frequency and money.

Equal customers get equal scores: a tie is never broken by row order or by customer id. And nothing is
scored by its rank alone where a fixed threshold says more: one order is one order, in a good year and in
a bad one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from clvhelpers.customers import summary_frame, to_pandas
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.text import number, percent

SCORES = range(1, 6)
FREQUENCY_EDGES = (1, 2, 3, 5, 10)
RECENCY_MULTIPLES = (1, 2, 3, 5)
ROUNDING = 1e-9  # of a time; and money is compared to MONEY_DIGITS: the last digit of a float must not break a tie
MONEY_DIGITS = 4
DOMINANT = 0.5  # of the revenue, in the hands of one customer


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
    money_edges: Sequence[float] | None = None,
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
      not equal in size: `score_shares` gives what came out. Fifths compare customers with one another:
      to see spending grow, pass the `money_edges` of the base period again.

    >>> summary = pd.DataFrame({"customer_id": ["a", "b"], "frequency": [0, 6], "recency": [0.0, 30.0],
    ...                         "T": [40.0, 32.0], "orders": [1, 7], "total": [20.0, 300.0]})
    >>> rfm_scores(summary)["code"].tolist()
    ['113', '545']
    """
    _check_edges(frequency_edges, recency_multiples, money_edges)
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
        scores["M"] = _fifths(frame["total"]) if money_edges is None else _above(frame["total"], money_edges)
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


def money_edges(scores: pd.DataFrame) -> tuple[float, float, float, float]:
    """The lowest totals that score M of 2, 3, 4 and 5 in `rfm_scores(...)`, to freeze them for a later period.

    Where nobody got a score, its edge is that of the next one; infinite where there is none.

    >>> money_edges(pd.DataFrame({"M": [1, 1, 2, 3, 4, 5], "total": [5.0, 6.0, 10.0, 20.0, 30.0, 40.0]}))
    (10.0, 20.0, 30.0, 40.0)
    """
    if "total" not in scores or "M" not in scores:
        raise NotEnoughDataError("these scores look at no money, so there are no amounts to freeze")
    lowest = [scores.loc[scores["M"] >= score, "total"].min() for score in (2, 3, 4, 5)]
    two, three, four, five = (float("inf") if np.isnan(x) else round(float(x), MONEY_DIGITS) for x in lowest)
    return two, three, four, five


def score_notes(scores: pd.DataFrame) -> list[str]:
    """What a reader must know before trusting the scores: a sentence each, an empty list where all is well.

    A letter with one score for everybody tells nobody apart; M with few scores comes from ties; and one
    customer with half of the money or more makes every sum about money a sum about that customer.

    >>> score_notes(pd.DataFrame({"R": [1, 5], "F": [1, 1], "M": [1, 5], "total": [10.0, 990.0]}))[0]
    'F is 1 for all 2 customers: it tells nobody apart, and the groups rest on the other letters.'
    """
    notes = [
        f"{letter} is {scores[letter].iloc[0]} for all {number(len(scores))} customers: it tells nobody apart, "
        "and the groups rest on the other letters."
        for letter in "RFM"
        if letter in scores and scores[letter].nunique() == 1
    ]
    if "M" in scores and 1 < scores["M"].nunique() < len(SCORES):
        missing = ", ".join(str(score) for score in SCORES if score not in set(scores["M"]))
        notes.append(f"Nobody has an M of {missing}: too many customers spent the same to make fifths of them.")
    return notes + _note_on_one_customer(scores)


def _note_on_one_customer(scores: pd.DataFrame) -> list[str]:
    if "total" not in scores or not scores["total"].sum() > 0:
        return []
    share = float(scores["total"].max() / scores["total"].sum())
    if share < DOMINANT or len(scores) == 1:
        return []
    return [
        f"One customer holds {percent(share, 0)} of the revenue: the share of that customer's group is the share of "
        "one customer. Look at the customer alone, and at the groups without."
    ]


def _codes(scores: pd.DataFrame) -> pd.Series:
    letters = [scores[name].astype(str) for name in "RFM" if name in scores]
    return letters[0].str.cat(pd.concat(letters[1:], axis="columns"))


def _fifths(values: pd.Series) -> pd.Series:
    rank = values.round(MONEY_DIGITS).rank(method="min").astype(int)
    return (5 * rank + len(values) - 1) // len(values)


def _above(values: pd.Series, edges: Sequence[float]) -> np.ndarray:
    return 1 + np.searchsorted(np.asarray(edges), values.round(MONEY_DIGITS), side="right")


def _check_edges(
    frequency_edges: Sequence[int], recency_multiples: Sequence[float], money_edges: Sequence[float] | None
) -> None:
    problems = []
    if len(frequency_edges) != 5 or frequency_edges[0] != 1 or list(frequency_edges) != sorted({*frequency_edges}):
        problems.append(f"frequency_edges must be five rising numbers of orders that start at 1, got {frequency_edges}")
    if len(recency_multiples) != 4 or list(recency_multiples) != sorted({*recency_multiples}):
        problems.append(f"recency_multiples must be four rising numbers, got {recency_multiples}")
    if money_edges is not None and (len(money_edges) != 4 or list(money_edges) != sorted(money_edges)):
        problems.append(f"money_edges must be four amounts from low to high, got {money_edges}")
    if problems:
        raise ConfigError(problems)
