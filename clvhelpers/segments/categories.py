"""Scores within each category that a company sells, and what groups or tiers are made of."""

from typing import Any

import narwhals as nw
import pandas as pd

from clvhelpers.customers import customer_summary
from clvhelpers.errors import DataContractError, NotEnoughDataError
from clvhelpers.purchases import Day, Frame, as_frame, rows_of
from clvhelpers.segments.rfm import rfm_scores
from clvhelpers.segments.values import UNKNOWN, owners
from clvhelpers.text import count


def category_scores(
    transactions: Any,
    end: Day,
    *,
    category: str = "category",
    amount: str | None = "amount",
    gap: float | None = None,
    **edges: Any,
) -> pd.DataFrame:
    """The RFM scores of each customer in each category that they bought: `category` and what `rfm_scores` gives.

    `transactions` is a log of any engine with `customer_id`, `date`, an amount (or `amount=None`) and a column
    named `category`; `end` is its last day. Each category is judged by itself, in days: by its own usual gap (or
    `gap`) and its own fifths of money. A customer has no row for a category without a purchase of theirs.
    `edges` are passed on to `rfm_scores`.

    Raises `DataContractError` where the column is missing or a row has no category, `NotEnoughDataError` where
    nobody bought a category on two days; both name every category or row count concerned.

    >>> days = pd.to_datetime(["2025-01-01", "2025-01-11", "2025-01-15"])
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "date": days, "category": "books"})
    >>> category_scores(log, "2025-01-20", amount=None)["code"].tolist()
    ['52', '51']
    """
    frame = as_frame(transactions, "the transaction log")
    found, problems = [], []
    for name in _categories(frame, category):
        part = frame.filter(nw.col(category) == name).to_native()
        summary = customer_summary(part, end=end, unit="D", amount=amount)
        try:
            scores = rfm_scores(summary, gap=gap, **edges)
        except NotEnoughDataError as error:
            problems.append(f"category {name!r}: {error}; leave it out, or pass the `gap` of a like category")
        else:
            found.append(scores.sort_values("customer_id").assign(category=name))
    if problems:
        raise NotEnoughDataError(problems)
    both = pd.concat(found, ignore_index=True)
    return both[["category", *(column for column in both if column != "category")]]


def segment_mix(labels: pd.Series, by: pd.Series) -> pd.DataFrame:
    """What each channel, category or the like is made of: shares of its customers in each group or tier.

    `labels` and `by` have one value a customer and the same index. One row for each value of `by`, most
    customers first: its name, `customers`, then a column for each label, whose shares add up to 1. Customers
    of whom `by` says nothing are a row "unknown", so that nobody is lost.

    Raises `DataContractError` where the two are not about the same customers.

    >>> tiers = pd.Series(["Gold", "Bronze", "Gold"], index=["a", "b", "c"])
    >>> channel = pd.Series(["web", "web", None], index=["a", "b", "c"], name="channel")
    >>> segment_mix(tiers, channel).to_dict("list")
    {'channel': ['web', 'unknown'], 'customers': [2, 1], 'Gold': [0.5, 1.0], 'Bronze': [0.5, 0.0]}
    """
    name, owner = str(by.name or "by"), owners(by, labels.index)
    order = labels.cat.categories if isinstance(labels.dtype, pd.CategoricalDtype) else labels.unique()
    counts = pd.crosstab(owner.to_numpy(), labels.to_numpy()).reindex(columns=list(order), fill_value=0)
    customers = counts.sum(axis="columns")
    mix = counts.div(customers, axis="index")
    mix.insert(0, "customers", customers)
    mix = mix.sort_values("customers", ascending=False, kind="stable").rename_axis(index=name, columns=None)
    return mix.reset_index()


def _categories(frame: Frame, category: str) -> list[str]:
    names = frame.collect_schema().names()
    if category not in names:
        raise DataContractError(f"the log has no column {category!r} to score by: it has {', '.join(map(repr, names))}")
    counts = rows_of(frame.group_by(category).agg(rows=nw.len()))
    missing = sum(row["rows"] for row in counts if row[category] is None or row[category] != row[category])
    if missing:
        raise DataContractError(
            f"{count(missing, 'row')} of the log have no {category}: give them one, such as {UNKNOWN!r}, so that they "
            "are counted"
        )
    return sorted(str(row[category]) for row in counts)
