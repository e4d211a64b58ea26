"""Lesson 08, Segments that mean something: tiers and their later value, clusters that hold, and who lapses."""

import datetime as dt
from functools import lru_cache

import pandas as pd

from clvhelpers.company import Company, open_company
from clvhelpers.customers import split_holdout
from clvhelpers.exercises.base import ANY_TEXT, Exercise, Mistake, Parameters
from clvhelpers.segments import Tiers, choose_clusters, concentration, rfm_features, value_tiers

PARAMETERS = {
    "company": "harbor_and_pine",
    "client": "",
    "months_after": 12,
    "top_share": 0.15,
    "clusters_wanted": 4,
    "gross_margin": 0.40,
}
LIMITS = {
    "company": ("cdnow", "lumen"),
    "client": ANY_TEXT,
    "months_after": (3, 12),
    "top_share": (0.05, 0.5),
    "clusters_wanted": (2, 6),
    "gross_margin": (0.01, 1),
}
BEST, DIGITS = "Platinum", 6
STABILITY, SHARE = 0.8, 0.05


@lru_cache(maxsize=4)
def _open(company: str, client: str) -> Company:
    return open_company(company, client)


@lru_cache(maxsize=16)
def _split(company: str, client: str, months: int) -> pd.DataFrame:
    shop = _open(company, client)
    cut: dt.date = (pd.Timestamp(shop.end) - pd.DateOffset(months=months)).date()
    return split_holdout(shop.transactions, cut, shop.end).set_index("customer_id")


@lru_cache(maxsize=16)
def _choices(company: str, client: str, months: int) -> pd.DataFrame:
    people = _split(company, client, months)
    features = rfm_features(people.reset_index())
    features["total"] = features["total"].clip(lower=0)
    return choose_clusters(features, range(2, 7), resamples=4).frame


def _people(p: Parameters) -> pd.DataFrame:
    people = _split(p["company"], p["client"], p["months_after"])
    money = {"value": "total", "later": "holdout_total"}
    return people.assign(**{ours: (p["gross_margin"] * people[name]).round(DIGITS) for ours, name in money.items()})


def _tiers(p: Parameters) -> Tiers:
    return value_tiers(_people(p)["value"])


def _held(p: Parameters, ascending: bool = False, column: str = "value") -> float:
    """The share of `column` held by the first `top_share` of customers, sorted by value."""
    ranked = _people(p).sort_values("value", ascending=ascending)[column]
    return float(ranked.head(round(p["top_share"] * len(ranked))).sum() / ranked.sum())


def _share_of_platinum(p: Parameters, column: str) -> float:
    people = _people(p)
    return float(people.loc[_tiers(p).labels == BEST, column].sum() / people[column].sum())


def _usable(p: Parameters, stability: float = STABILITY, share: float = SHARE) -> set[int]:
    frame = _choices(p["company"], p["client"], p["months_after"])
    return set(frame.loc[(frame["stability"] >= stability) & (frame["smallest_share"] >= share), "k"].tolist())


def _best_index(p: Parameters, column: str) -> set[int]:
    frame = _choices(p["company"], p["client"], p["months_after"])
    return {int(frame["k"].iloc[int(frame[column].argmax())])}


def _lapsed(p: Parameters) -> pd.Series:
    return _people(p)["holdout_frequency"] == 0


def _platinum_lapse(p: Parameters) -> float:
    return float(_lapsed(p)[_tiers(p).labels == BEST].mean())


EXERCISES = [
    Exercise(
        id="08.1",
        answer=_held,
        why="A share like this is what people mean by the 80/20 rule. It is seldom 80, so measure it.",
        mistakes=[
            Mistake(
                lambda p: _held(p, ascending=True),
                "You took the worst customers. Sort from high to low.",
            ),
            Mistake(
                lambda p: _held(p, column="later"),
                "This is what the same customers bring later. The question is about their value so far.",
            ),
            Mistake(
                lambda p: concentration(_people(p)["value"].clip(lower=0)).gini,
                "This is the Gini coefficient. It looks at all customers and not at the best.",
            ),
        ],
        hints=[
            "Sort `people['value']` from high to low, take the first part, and compare its sum with the whole.",
            "The first part has `round(top_share * len(people))` customers.",
        ],
        solution="Sort by value, add up the best `top_share` of customers, and divide by what all bring.",
        code=(
            'ranked = people["value"].sort_values(ascending=False)\n'
            "best = ranked.head(round(top_share * len(people)))\n"
            "answer_1 = best.sum() / ranked.sum()"
        ),
        unit="a fraction of the value so far",
    ),
    Exercise(
        id="08.2",
        answer=lambda p: _share_of_platinum(p, "later"),
        why="The tier still matters, and it holds less of what comes than of what was: part of its rank was luck.",
        mistakes=[
            Mistake(
                lambda p: _share_of_platinum(p, "value"),
                "This is the share of the value so far, by which the tier was made. Use `later`.",
            ),
            Mistake(
                lambda p: float((_tiers(p).labels == BEST).mean()),
                "This is the share of customers. The question asks for a share of money.",
            ),
            Mistake(
                lambda p: 1 - _share_of_platinum(p, "later"),
                "This is what the other three tiers hold.",
            ),
        ],
        hints=[
            "`tiers.labels` has the tier of each customer, in the order of `people`.",
            "`people['later'].groupby(tiers.labels).sum()` is the later value of each tier.",
        ],
        solution="Add up `later` over the customers whose label is Platinum, and divide by all of it.",
        code=('by_tier = people["later"].groupby(tiers.labels).sum()\nanswer_2 = by_tier["Platinum"] / by_tier.sum()'),
        unit="a fraction of the later value",
    ),
    Exercise(
        id="08.3",
        answer=_usable,
        why="What comes again with other customers, and is large enough for a plan of its own, may be used.",
        mistakes=[
            Mistake(
                lambda p: _best_index(p, "calinski_harabasz"),
                "This is the highest Calinski-Harabasz index. It says nothing about stability or size.",
            ),
            Mistake(
                lambda p: _usable(p, share=0.0),
                "They are stable. Are they all large enough too?",
            ),
            Mistake(
                lambda p: _usable(p, stability=-1.0),
                "They are large enough. Are they all stable too?",
            ),
            Mistake(
                lambda p: set(range(2, 7)),
                "These are all that were tried. Hold each row against the two floors.",
            ),
        ],
        hints=[
            "Two columns of `choice.frame` decide: `stability` and `smallest_share`.",
            "Keep the rows with `stability >= 0.8` and `smallest_share >= 0.05`, and take their `k`.",
        ],
        solution="Filter the rows by both floors, and make a set of the column `k`.",
        code=(
            "rows = choice.frame\n"
            'holds = (rows["stability"] >= 0.8) & (rows["smallest_share"] >= 0.05)\n'
            'answer_3 = set(rows.loc[holds, "k"])'
        ),
    ),
    Exercise(
        id="08.4",
        answer=_platinum_lapse,
        why="Where nobody gives notice this is a lapse rate and not yet a churn rate: some of them come back.",
        mistakes=[
            Mistake(
                lambda p: 1 - _platinum_lapse(p),
                "This is the share that bought again. The question asks for those who did not.",
            ),
            Mistake(
                lambda p: float(_lapsed(p).mean()),
                "This is the share among all customers. Divide within Platinum only.",
            ),
            Mistake(
                lambda p: float((_tiers(p).labels == BEST)[_lapsed(p)].mean()),
                "This is the share of Platinum among those who lapsed: the right count over the wrong denominator.",
            ),
        ],
        hints=[
            "The denominator is the number of Platinum customers: `people[tiers.labels == 'Platinum']`.",
            "Who lapsed has `holdout_frequency` 0. The mean of a column of True and False is a share.",
        ],
        solution="Among the Platinum customers, take the share whose number of later purchases is 0.",
        code=('platinum = people[tiers.labels == "Platinum"]\nanswer_4 = (platinum["holdout_frequency"] == 0).mean()'),
        unit="a fraction of the Platinum customers",
    ),
]
