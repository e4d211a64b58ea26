"""Lesson 03, Acquisition and payback: what to pay for a customer, when it comes back, where the next dollar goes."""

from functools import lru_cache

import pandas as pd

from clvhelpers.acquisition import Payback, channel_costs, customer_payback, open_acquisition, spend_response
from clvhelpers.acquisition.company import AcquisitionData
from clvhelpers.company import Company, open_company
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.exercises.base import ANY_TEXT, Exercise, Mistake, Parameters
from clvhelpers.formulas import affordable_cac, convert_rate, payback_period

COMPANY = "harbor_and_pine"
PARAMETERS = {
    "company": COMPANY,
    "client": "",
    "months": 12,
    "discount_rate": 0.10,
    "ratio": 3.0,
    "assumed_cost": 12.0,
}
LIMITS = {
    "company": ANY_TEXT,
    "client": ANY_TEXT,
    "months": (3, 24),
    "discount_rate": (0, 0.5),
    "ratio": (1, 10),
    "assumed_cost": (0.01, 1_000_000),
}
WORTH = {"A": 500.0, "B": 2000.0}
CAC, MARGIN, CHURN = 120.0, 10.0, 0.04
CHANNELS = ("affiliate", "email", "mobile", "referral", "search", "social", "tv", "web")


@lru_cache(maxsize=4)
def _opened(company: str, client: str) -> Company:
    return open_company(company or COMPANY, client)


@lru_cache(maxsize=16)
def _payback(company: str, client: str, discount_rate: float, assumed_cost: float) -> Payback:
    shop = _opened(company, client)
    margin = None if "cost" in shop.transactions else shop.gross_margin
    cost = _won(company, client, assumed_cost).cost
    return customer_payback(shop.transactions, cost, shop.end, gross_margin=margin, discount_rate=discount_rate)


def _paid(p: Parameters) -> Payback:
    return _payback(p["company"], p["client"], p["discount_rate"], p["assumed_cost"])


@lru_cache(maxsize=16)
def _won(company: str, client: str, assumed_cost: float) -> AcquisitionData:
    return open_acquisition(_opened(company, client), assumed_cost)


def _marketing(p: Parameters) -> pd.DataFrame:
    won = _won(p["company"], p["client"], p["assumed_cost"])
    if won.marketing is None:
        raise NotEnoughDataError(str(won.missing).rstrip("."))
    return won.marketing


def _costs(p: Parameters) -> pd.DataFrame:
    return channel_costs(_marketing(p))


def _blended(p: Parameters) -> float:
    costs = _costs(p)
    return float(costs["spend"].sum() / costs["new_customers"].sum())


def _months_to_pay_back(p: Parameters, churn: float = CHURN, discounted: bool = True) -> float:
    rate = convert_rate(p["discount_rate"], "Y", "M") if discounted else 0.0
    return payback_period(CAC, MARGIN, timing="end", retention=1 - churn, discount=rate)


def _not_paid_back(p: Parameters) -> float:
    return 1 - _paid(p).share_paid_back(p["months"])


def _table(p: Parameters) -> pd.DataFrame:
    """By channel: what a customer brought in the window, and both costs."""
    rows = spend_response(_marketing(p)).frame.set_index("channel")
    return rows.assign(worth=_worth(*(p[name] for name in PARAMETERS if name != "ratio")))


@lru_cache(maxsize=16)
def _worth(company: str, client: str, months: int, discount_rate: float, assumed_cost: float) -> pd.Series:
    payback = _payback(company, client, discount_rate, assumed_cost)
    curve = payback.curve(months, _won(company, client, assumed_cost).channel)
    return curve[curve["age"] == months].set_index("group")["margin"]


def _where(p: Parameters, cost: str, times: float = 1.0) -> set[str]:
    """The channels in which a customer brings more than so many times the cost."""
    rows = _table(p)
    return set(rows.index[rows["worth"] > times * rows[cost]])


EXERCISES = [
    Exercise(
        id="03.1",
        answer=lambda p: {name: affordable_cac(worth, p["ratio"]) for name, worth in WORTH.items()},
        why="CLV / CAC must be {ratio:g} or more, so CAC may be CLV / {ratio:g} or less.",
        mistakes=[
            Mistake(
                lambda p: {name: worth * p["ratio"] for name, worth in WORTH.items()},
                "You multiplied. A customer would cost more than it is worth.",
            ),
            Mistake(
                lambda p: {name: worth - worth / p["ratio"] for name, worth in WORTH.items()},
                "This is what would be left after the cost, and not the cost.",
            ),
            Mistake(
                lambda p: dict.fromkeys(WORTH, WORTH["A"] / p["ratio"]),
                "You gave both the same. What may be paid follows from what a customer is worth.",
            ),
        ],
        hints=[
            "CLV : CAC is one number over the other. Which one is asked for?",
            "Put CAC on one side: CAC = CLV / ratio. There are two customers, so two divisions.",
        ],
        solution="Divide each value by the ratio that is asked for.",
        code="answer_1 = {name: value / ratio for name, value in worth.items()}",
        unit="US dollars per customer",
    ),
    Exercise(
        id="03.2",
        answer=_blended,
        why="All the money over all the customers: a channel counts by how many it won.",
        mistakes=[
            Mistake(
                lambda p: float(_costs(p)["cac"].mean()),
                "You took the mean of the channels' CACs. A small channel then counts as much as a large one.",
            ),
            Mistake(
                lambda p: 1 / _blended(p),
                "This is customers for a dollar. Turn it over.",
            ),
            Mistake(
                lambda p: float(_costs(p)["cac"].max()),
                "This is the dearest channel. All channels are asked for.",
            ),
        ],
        hints=[
            "What was spent in all, and how many came in all?",
            '`costs["spend"].sum()` is one of the two. Divide it by the other.',
        ],
        solution="Add up the spend of all channels and divide it by all the customers they won.",
        code='answer_2 = won.missing or costs["spend"].sum() / costs["new_customers"].sum()',
        unit="money per customer",
    ),
    Exercise(
        id="03.3",
        answer=_months_to_pay_back,
        why="Fewer and fewer still pay, and what they pay later counts for less.",
        mistakes=[
            Mistake(
                lambda p: CAC / MARGIN,
                "You divided cost by margin. That forgets everybody who leaves, and that later money counts less.",
            ),
            Mistake(
                lambda p: _months_to_pay_back(p, discounted=False),
                "The leavers are in it, discounting is not.",
            ),
            Mistake(
                lambda p: _months_to_pay_back(p, churn=0),
                "Discounting is in it, the leavers are not.",
            ),
        ],
        hints=[
            "Retention is what churn leaves. The months are paid at their end by those still there: timing `end`.",
            'A yearly rate becomes a monthly one with `clv.convert_rate(discount_rate, "Y", "M")`.',
            'Fill in: `clv.payback_period(..., ..., timing="end", retention=..., discount=...)`.',
        ],
        solution="Everything per month: retention from churn, and the discount rate converted.",
        code=(
            'monthly = clv.convert_rate(discount_rate, "Y", "M")\n'
            'options = {"timing": "end", "retention": 0.96, "discount": monthly}\n'
            "answer_3 = clv.payback_period(120, 10, **options)"
        ),
        unit="months",
    ),
    Exercise(
        id="03.4",
        answer=_not_paid_back,
        why="Only customers who were watched long enough can have failed to pay back in time.",
        mistakes=[
            Mistake(
                lambda p: float(1 - (_paid(p).frame["payback_months"] <= p["months"]).mean()),
                "You counted customers who have not been there that long. They may still pay back in time.",
            ),
            Mistake(
                lambda p: _paid(p).share_paid_back(p["months"]),
                "These are those who did pay back.",
            ),
            Mistake(
                lambda p: float(_paid(p).mature(p["months"])["payback_months"].isna().mean()),
                "These have not paid back to this day. Some of the others took longer than {months} months.",
            ),
        ],
        hints=[
            "Who had the chance? Keep those only: `payback.mature(months)`.",
            "`payback_months` is missing for who has not paid back, and a missing number is never `<= months`.",
        ],
        solution="Among the customers watched for so long, one less the share that paid back by then.",
        code=('watched = payback.mature(months)\nanswer_4 = 1 - (watched["payback_months"] <= months).mean()'),
        unit="share of customers, a fraction",
    ),
    Exercise(
        id="03.5",
        answer=lambda p: _where(p, "marginal_cac"),
        why="The next dollar buys the next customer, at the marginal CAC. Where what one is worth lies within its "
        "interval, the data can't tell, and the budget may stay as it is.",
        mistakes=[
            Mistake(
                lambda p: _where(p, "average_cac"),
                "You compared with the average CAC. That is what past customers cost, and not the next one.",
            ),
            Mistake(
                lambda p: _where(p, "average_cac", p["ratio"]),
                "You asked for {ratio:g} : 1. A customer who brings twice the cost of winning it is money left behind.",
            ),
            Mistake(
                lambda p: set(_table(p).index) - _where(p, "marginal_cac"),
                "It is the other way round: these would lose money with the next customer.",
            ),
        ],
        hints=[
            "Which cost does the *next* customer have?",
            "Go down the table and compare the column of what one is worth with that of the marginal CAC.",
        ],
        solution="The channels in which a customer brings more than one more of them costs.",
        code='answer_5 = won.missing or set(table.loc[table["worth"] > table["marginal_cac"], "channel"])',
        choices=CHANNELS,
    ),
]
