"""Lesson 07, RFM: score customers, read off their groups, and find out what each group is worth."""

import datetime as dt
from functools import lru_cache

import pandas as pd

from clvhelpers.company import Company, open_company
from clvhelpers.customers import customer_summary, split_holdout
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.exercises.base import ANY_TEXT, Exercise, Mistake, Parameters
from clvhelpers.segments import ABSENT, Migration, rfm_groups, rfm_migration, rfm_scores, typical_gap

PARAMETERS = {
    "company": "harbor_and_pine",
    "client": "",
    "frequent_orders": 5,
    "months_between": 12,
    "gross_margin": 0.40,
    "letter_cost": 5.0,
    "letter_lift": 0.25,
}
LIMITS = {
    "company": ("cdnow", "lumen"),
    "client": ANY_TEXT,
    "frequent_orders": (4, 9),
    "months_between": (3, 12),
    "gross_margin": (0.01, 1),
    "letter_cost": (0.01, 1_000),
    "letter_lift": (0.01, 1),
}
BEST, RISKY = "Champions", "At Risk"
DRAWS = 10
KEPT = 8  # companies and parameters whose answers stay in memory


@lru_cache(maxsize=KEPT)
def _open(company: str, client: str) -> Company:
    return open_company(company, client)


@lru_cache(maxsize=KEPT)
def _summary_of(company: str, client: str) -> pd.DataFrame:
    shop = _open(company, client)
    return customer_summary(shop.transactions, end=shop.end, unit="D")


@lru_cache(maxsize=KEPT)
def _moves_of(company: str, client: str, months: int) -> Migration:
    shop = _open(company, client)
    return rfm_migration(shop.transactions, _before(shop, months), shop.end, draws=DRAWS)


def _before(shop: Company, months: int) -> dt.date:
    return (pd.Timestamp(shop.end) - pd.DateOffset(months=months)).date()


def _summary(p: Parameters) -> pd.DataFrame:
    return _summary_of(p["company"], p["client"])


def _edges(frequent: int) -> tuple[int, ...]:
    return (1, 2, 3, frequent, 10)


def _grouped(p: Parameters) -> pd.DataFrame:
    """The customers of today with their total and their group."""
    return _grouped_by(p["company"], p["client"], p["frequent_orders"])


@lru_cache(maxsize=KEPT)
def _grouped_by(company: str, client: str, frequent: int) -> pd.DataFrame:
    scores = rfm_scores(_summary_of(company, client), frequency_edges=_edges(frequent))
    return scores.assign(group=rfm_groups(scores).labels)


def _worth(p: Parameters) -> pd.DataFrame:
    """Money a customer of each group of the earlier day: so far, and in the next period."""
    return _worth_by(p["company"], p["client"], p["frequent_orders"], p["months_between"])


@lru_cache(maxsize=KEPT)
def _worth_by(company: str, client: str, frequent: int, months: int) -> pd.DataFrame:
    shop = _open(company, client)
    split = split_holdout(shop.transactions, _before(shop, months), end=shop.end, unit="D")
    labels = rfm_groups(rfm_scores(split, frequency_edges=_edges(frequent))).labels
    return split.groupby(labels)[["total", "holdout_total"]].mean()


def _ratio(p: Parameters) -> float:
    """How much more one of the Champions brought than the average customer."""
    customers = _grouped(p)
    best = customers.loc[customers["group"] == BEST, "total"]
    if best.empty:
        raise NotEnoughDataError(f"nobody is in the group {BEST}")
    return float(best.mean() / customers["total"].mean())


def _ratio_to_the_others(p: Parameters) -> float:
    customers = _grouped(p)
    is_best = customers["group"] == BEST
    return float(customers.loc[is_best, "total"].mean() / customers.loc[~is_best, "total"].mean())


def _share_of_revenue(p: Parameters) -> float:
    customers = _grouped(p)
    return float(customers.loc[customers["group"] == BEST, "total"].sum() / customers["total"].sum())


def _gap_mean(p: Parameters) -> float:
    summary = _summary(p)
    repeaters = summary[summary["frequency"] > 0]
    return float((repeaters["recency"] / repeaters["frequency"]).mean())


def _bought(p: Parameters, column: str, times: int) -> float:
    return float((_summary(p)[column] == times).mean())


def _most_to_spend(p: Parameters, column: str = "holdout_total", lift: bool = True, margin: bool = True) -> pd.Series:
    factor = (p["letter_lift"] if lift else 1.0) * (p["gross_margin"] if margin else 1.0)
    return factor * _worth(p)[column]


def _moves(p: Parameters) -> Migration:
    return _moves_of(p["company"], p["client"], p["months_between"])


def _risky(p: Parameters) -> tuple[float, float, float]:
    """Of those at risk on the earlier day: how many, how many came back, how many would have anyway."""
    moves = _moves(p)
    customers = int(moves.counts.loc[RISKY].to_numpy().sum())
    if not customers or moves.expected is None:
        raise NotEnoughDataError(f"nobody was in the group {RISKY} on the earlier day")
    cell = moves.frame[(moves.frame["before"] == RISKY) & (moves.frame["after"] == ABSENT)]
    return customers, customers - float(cell["customers"].sum()), customers * (1 - float(cell["expected"].sum()))


def _excess(p: Parameters) -> float:
    _, returned, anyway = _risky(p)
    return returned - anyway


EXERCISES = [
    Exercise(
        id="07.1",
        answer=lambda p: _bought(p, "orders", 1),
        why="That many customers are equal in how often they bought. No rule may rank one of them above another.",
        mistakes=[
            Mistake(
                lambda p: _bought(p, "frequency", 1),
                "You looked at `frequency`, which counts *repeat* purchases. Who bought once has a frequency of 0.",
            ),
            Mistake(
                lambda p: 1 - _bought(p, "orders", 1),
                "This is the share who came back for more.",
            ),
            Mistake(
                lambda p: float((_summary(p)["orders"] == 1).sum()),
                "This is a number of customers. A share of all of them is wanted.",
            ),
        ],
        hints=[
            "Which column of `summary` counts purchases, with the first one?",
            'Compare it with 1: `summary["orders"] == 1` is true or false for each customer.',
            "The mean of such a column is the share of those for whom it is true.",
        ],
        solution="Customers with one order, as a share of all customers.",
        code='answer_1 = (summary["orders"] == 1).mean()',
        unit="a fraction of the customers",
    ),
    Exercise(
        id="07.2",
        answer=lambda p: 3 * typical_gap(_summary(p)),
        why="The threshold is a number of usual gaps, so it has a reason, and means the same in a shop for shoes.",
        mistakes=[
            Mistake(
                lambda p: 2 * typical_gap(_summary(p)),
                "After so many days R falls from 4 to 3. One step more.",
            ),
            Mistake(
                lambda p: 5 * typical_gap(_summary(p)),
                "After so many days R falls to 1, which is one step too far.",
            ),
            Mistake(
                lambda p: 3 * _gap_mean(p),
                "You took the mean of the gaps. A few customers with very long ones pull it up; we use the median.",
            ),
            Mistake(
                lambda p: 3 * typical_gap(_summary(p)) / 7,
                "This is in weeks. The summary was made in days.",
            ),
        ],
        hints=[
            "R is 5 up to one usual gap, 4 up to two. Go on.",
            "`usual` is the usual gap in days. Up to how many of them is R still 3?",
            "Multiply `usual` by the last multiple that scores 3.",
        ],
        solution="R is 3 up to three usual gaps; beyond that it is 2.",
        code="answer_2 = 3 * usual",
        unit="days",
    ),
    Exercise(
        id="07.3",
        answer=_ratio,
        why="A group that brings far more than its size is worth knowing by name.",
        mistakes=[
            Mistake(
                lambda p: 1 / _ratio(p),
                "It is the other way up: the average customer against one of the Champions.",
            ),
            Mistake(
                _share_of_revenue,
                "This is the group's share of revenue. How many customers made it?",
            ),
            Mistake(
                _ratio_to_the_others,
                "You compared with the customers outside the group. The average is that of all customers.",
            ),
        ],
        hints=[
            "Two columns of `groups.frame` tell it: the share of revenue and the share of customers.",
            "A group with a tenth of the customers and a tenth of the revenue has a factor of one.",
            "Divide the first share by the second, in the row of the Champions.",
        ],
        solution="The group's share of revenue divided by its share of customers.",
        code="""best = groups.frame.set_index("group").loc["Champions"]
answer_3 = best["share_of_revenue"] / best["share_of_customers"]""",
        unit="times the average customer",
    ),
    Exercise(
        id="07.4",
        answer=_most_to_spend,
        why="Only what the letter *adds* can pay for it, and only the margin of that.",
        mistakes=[
            Mistake(
                lambda p: _most_to_spend(p, "total"),
                "You took what they brought before. A letter can only add to what comes next.",
            ),
            Mistake(
                lambda p: _most_to_spend(p, margin=False),
                "This is revenue. The goods have to be paid too: keep only the margin.",
            ),
            Mistake(
                lambda p: _most_to_spend(p, lift=False),
                "This is all that they bring next. Most of it comes without a letter; only the lift is its doing.",
            ),
        ],
        hints=[
            "What does a customer of the group bring in the next period, without a letter?",
            'A letter adds the share `letter_lift` to that. It is revenue: `worth["next period"]`.',
            "Multiply lift, margin and next revenue; `worth` has a row for each group, so one line does all.",
        ],
        solution="The lift, as a share of the revenue of the next period, times the margin.",
        code='answer_4 = letter_lift * gross_margin * worth["next period"]',
        unit="money per customer",
    ),
    Exercise(
        id="07.5",
        answer=_excess,
        why="Who comes back is not won back. Only those beyond what was to be expected can be the letter's doing.",
        mistakes=[
            Mistake(
                lambda p: _risky(p)[1],
                "These are all who came back. Many would have come without a word.",
            ),
            Mistake(
                lambda p: _risky(p)[2],
                "These are those who would have come anyway. How many more, or fewer, came?",
            ),
            Mistake(
                lambda p: _risky(p)[1] - _risky(p)[0],
                "You took away all who were at risk. Take away those who were expected back.",
            ),
        ],
        hints=[
            "Who is not absent came back. Count them in `moves.counts`, in the row At Risk.",
            "`moves.expected` has the share who would be absent anyway. What is missing to 1 would come back.",
            "Turn that share into customers, with the size of the group, and take it from those who came.",
        ],
        solution="Those who came back, less those who would have come back if nothing had changed.",
        code="""at_risk, hoped = moves.counts.loc["At Risk"], moves.expected.loc["At Risk"]
returned = at_risk.sum() - at_risk["absent"]
answer_5 = returned - at_risk.sum() * (1 - hoped["absent"])""",
        unit="customers",
    ),
]
