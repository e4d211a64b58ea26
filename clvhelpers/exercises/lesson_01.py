"""Lesson 01, What CLV is, and is not: two customers with the same first order, and a real shop."""

from functools import cache

import pandas as pd

from clvhelpers.customers import split_holdout
from clvhelpers.datasets import load_cdnow
from clvhelpers.exercises.base import Exercise, Mistake, Parameters

PARAMETERS = {
    "gross_margin": 0.40,
    "service_cost": 4.0,
    "acquisition_cost": 15.0,
    "years_expected": 3.0,
    "returning_share": 0.20,
    "early_share": 0.90,
    "known_until": "1997-09-30",
}
LIMITS = {
    "gross_margin": (0.01, 1),
    "service_cost": (0, 1_000),
    "acquisition_cost": (0, 100_000),
    "years_expected": (0.1, 100),
    "returning_share": (0, 0.99),
    "early_share": (0, 1),
    "known_until": ("1997-02-28", "1998-05-31"),
}

ANN, BEN = (50.0, 1), (500.0, 10)  # revenue in US dollars and orders, over the whole story
AVERAGE_2024 = (187.5, 3.5)  # the same for the average of the two in 2024
FINANCE = {"margin of future orders", "cost of serving future orders"}
CHOICES = (
    "margin of past orders",
    "margin of future orders",
    "cost of having won them",
    "cost of serving future orders",
)


def _contribution(parameters: Parameters, customer: tuple[float, float]) -> float:
    revenue, orders = customer
    return parameters["gross_margin"] * revenue - parameters["service_cost"] * orders


def _ben_profit(parameters: Parameters) -> float:
    return _contribution(parameters, BEN) - parameters["acquisition_cost"]


def _traditional(parameters: Parameters) -> float:
    return parameters["years_expected"] * _contribution(parameters, AVERAGE_2024)


def _expected(parameters: Parameters) -> float:
    back = parameters["returning_share"]
    return (1 - back) * _contribution(parameters, ANN) + back * _contribution(parameters, BEN)


@cache
def _split(known_until: str) -> pd.DataFrame:
    return split_holdout(load_cdnow(), known_until)


def _bought_once(parameters: Parameters) -> pd.DataFrame:
    split = _split(parameters["known_until"])
    return split[split["frequency"] == 0]


def _stayed_away(parameters: Parameters) -> float:
    return float((_bought_once(parameters)["holdout_frequency"] == 0).mean())


EXERCISES = [
    Exercise(
        id="01.1",
        answer=_ben_profit,
        why="Every order brings margin and costs service; winning Ben was paid once.",
        mistakes=[
            Mistake(
                lambda p: _ben_profit(p) + 9 * p["service_cost"],
                "The cost of service is there once. Each of the ten orders is packed and sent.",
            ),
            Mistake(
                lambda p: _contribution(p, BEN),
                "This is what his orders brought. Ben had to be won before he could order.",
            ),
            Mistake(
                lambda p: 500 - 10 * p["service_cost"] - p["acquisition_cost"],
                "The goods themselves are missing from the costs: start from the margin and not from revenue.",
            ),
            Mistake(
                lambda p: 500 * p["gross_margin"],
                "This is the margin. Service and acquisition still have to be paid from it.",
            ),
        ],
        hints=[
            "Do for Ben what was done for Ann, line by line.",
            "`contribution(revenue, orders)` takes off the goods and the service. What was paid only once?",
        ],
        solution="What the ten orders bring after goods and service, less what it cost to win him.",
        code="answer_1 = contribution(500, 10) - acquisition_cost",
        unit="US dollars",
    ),
    Exercise(
        id="01.2",
        answer=_traditional,
        why="It is one number for an average customer, and so the same for Ann and for Ben.",
        mistakes=[
            Mistake(
                lambda p: p["years_expected"] * 187.5,
                "This is revenue. Take off the goods and the service: use `contribution`.",
            ),
            Mistake(
                lambda p: _contribution(p, AVERAGE_2024),
                "This is one year. How many does the formula expect?",
            ),
            Mistake(
                lambda p: p["years_expected"] * 187.5 * p["gross_margin"],
                "The goods are taken off, and the service is not.",
            ),
            Mistake(
                lambda p: p["years_expected"] * _contribution(p, (375.0, 7)),
                "This is for both customers together. The formula is about the average of them.",
            ),
        ],
        hints=[
            "You need one year of the average customer, and then the number of years.",
            "The year's average revenue and average number of orders are in `average`.",
            'One year is `contribution(average["revenue"], average["orders"])`.',
        ],
        solution="What the average customer brings in a year, times the years expected.",
        code='answer_2 = years_expected * contribution(average["revenue"], average["orders"])',
        unit="US dollars for each customer",
    ),
    Exercise(
        id="01.3",
        answer=_expected,
        why="On the first day it is the best single number for either of them, though it will be wrong for both.",
        mistakes=[
            Mistake(
                lambda p: (_contribution(p, ANN) + _contribution(p, BEN)) / 2,
                "This weighs both kinds equally, as if half of all new customers came back.",
            ),
            Mistake(
                lambda p: p["returning_share"] * _contribution(p, BEN),
                "Those who never come back bring something too: their first order.",
            ),
            Mistake(
                lambda p: (1 - p["returning_share"]) * 50 + p["returning_share"] * 500,
                "This is expected revenue. Weigh what the customers bring: `contribution`.",
            ),
            Mistake(
                lambda p: _expected(p) - p["acquisition_cost"],
                "Winning them was taken off. The question is what they bring before that.",
            ),
        ],
        hints=[
            "Think of 100 new customers. How many are like Ben, and what do all of them bring together?",
            "Weigh what each kind brings by its share; the two shares sum to 1.",
        ],
        solution="An expected value: what each kind brings, times the share of that kind, added up.",
        code="answer_3 = (1 - returning_share) * contribution(50, 1) + returning_share * contribution(500, 10)",
        unit="US dollars for each new customer",
    ),
    Exercise(
        id="01.4",
        answer=_stayed_away,
        why="Nothing more came from them in this time, whatever they had spent before.",
        mistakes=[
            Mistake(
                lambda p: 1 - _stayed_away(p),
                "This is the share that came back. The question is about the others.",
            ),
            Mistake(
                lambda p: _stayed_away(p) * len(_bought_once(p)) / len(_split(p["known_until"])),
                "You divided by all customers. Divide by those who had bought once.",
            ),
            Mistake(
                lambda p: len(_bought_once(p)) / len(_split(p["known_until"])),
                "This is the share of all customers who had bought once. What did they do afterwards?",
            ),
        ],
        hints=[
            'First keep those who had bought once: `once = split[split["frequency"] == 0]`.',
            "`holdout_frequency` counts the days with a purchase afterwards. Who stayed away has 0.",
            "The mean of a column of True and False is the share of True.",
        ],
        solution="Keep the customers without a repeat purchase so far, and take the share without one afterwards.",
        code='once = split[split["frequency"] == 0]\nanswer_4 = (once["holdout_frequency"] == 0).mean()',
    ),
    Exercise(
        id="01.5",
        answer=lambda p: FINANCE,
        why="Value today is what is still to come. The past is in the bank already, and what was paid is gone.",
        mistakes=[
            Mistake(
                lambda p: FINANCE | {"margin of past orders"},
                "Money that came in is in the bank. It would be counted twice.",
            ),
            Mistake(
                lambda p: FINANCE | {"cost of having won them"},
                "These customers are won. What was paid for that does not change with what they will bring.",
            ),
            Mistake(
                lambda p: set(CHOICES),
                "This is the profit over their whole life. Finance asks what they are worth from today.",
            ),
            Mistake(
                lambda p: {"margin of future orders"},
                "Orders that are still to come will have to be packed and sent.",
            ),
        ],
        hints=[
            "For each of the four ask: will it be different if the customers leave tomorrow?",
            "Two of the four lie in the past. Nothing that anybody does can change them.",
        ],
        solution="Keep what is still to come, money in and money out. Leave what is behind.",
        code='answer_5 = {"margin of future orders", "cost of serving future orders"}',
        choices=CHOICES,
    ),
]
