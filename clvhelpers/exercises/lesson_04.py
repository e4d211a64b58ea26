"""Lesson 04, Retention, churn and time: rates and periods, sorting, old customers, and what a value answers to."""

from functools import cache

import numpy as np

from clvhelpers.exercises.base import ANY_TEXT, Exercise, Mistake, Parameters
from clvhelpers.formulas import convert_rate, margin_multiple, median_lifetime, retention_by_period, retention_value
from clvhelpers.models import ShiftedBetaGeoModel
from clvhelpers.models.shifted_beta_geo import discounted_lifetime

PARAMETERS = {
    "company": "lumen",
    "client": "",
    "monthly_churn": 0.05,
    "margin_per_month": 7.0,
    "discount_rate": 0.10,
    "years_known": 7,
    "months_known": 12,
}
LIMITS = {
    "company": ANY_TEXT,
    "client": ANY_TEXT,
    "monthly_churn": (0.001, 0.9),
    "margin_per_month": (0.01, 1_000_000),
    "discount_rate": (0.001, 1),
    "years_known": (3, 10),
    "months_known": (3, 18),
}
REGULAR = (1000.0, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173)  # Fader & Hardie 2007, table 1
LOYAL, FICKLE, PAID = 0.95, 0.55, 5


def _average(p: Parameters) -> float:
    known = p["years_known"]
    return sum(REGULAR[1 : known + 1]) / sum(REGULAR[:known])


def _rates(p: Parameters) -> np.ndarray:
    return retention_by_period(list(REGULAR[: p["years_known"] + 1]))["retention"].to_numpy()


@cache
def _model(known: int) -> ShiftedBetaGeoModel:
    return ShiftedBetaGeoModel("Y").fit_survivors(REGULAR[: known + 1])


def _old(p: Parameters) -> float:
    """Payments to come of a Regular customer who has paid five times."""
    return float(np.asarray(_model(p["years_known"]).expected_residual_lifetime(PAID, p["discount_rate"])))


def _surely_renews(p: Parameters) -> float:
    alpha, beta = _model(p["years_known"]).parameters.values()
    return float(discounted_lifetime(alpha, beta + PAID, p["discount_rate"]))


def _worth(p: Parameters, churn: float, discount: float | None = None) -> float:
    if discount is None:
        discount = float(convert_rate(p["discount_rate"], "Y", "M"))
    return float(retention_value(p["margin_per_month"], 1 - churn, discount, timing="start"))


def _gain(p: Parameters, churn: float, discount: float | None = None) -> float:
    return _worth(p, churn, discount) - _worth(p, p["monthly_churn"], discount)


EXERCISES = [
    Exercise(
        id="04.1",
        answer=lambda p: convert_rate(p["monthly_churn"], "M", "Y", kind="churn"),
        why="Staying a year is staying twelve months in a row. Each month loses its share of those who are left.",
        mistakes=[
            Mistake(
                lambda p: 12 * p["monthly_churn"],
                "You added up twelve months as if each lost its share of all customers of January.",
            ),
            Mistake(
                lambda p: (1 - p["monthly_churn"]) ** 12,
                "This is the share that stays the year. The question is about those who leave.",
            ),
            Mistake(
                lambda p: (1 + p["monthly_churn"]) ** 12 - 1,
                "You compounded churn like interest. Customers shrink: work with the share that stays.",
            ),
            Mistake(
                lambda p: 1 - (1 - p["monthly_churn"]) ** (1 / 12),
                "You went the wrong way, from a year to a month. A year must lose more than a month.",
            ),
        ],
        hints=[
            "Don't start from churn. Start from the share that stays a month.",
            "If the share `x` stays each month, which share stays twelve months in a row?",
            "It is `(1 - monthly_churn) ** 12`. What is missing to 1 has left.",
        ],
        solution="The share that stays a month, to the power of twelve, stays the year; the rest leaves.",
        code="answer_1 = 1 - (1 - monthly_churn) ** 12",
        unit="a fraction of the customers per year",
        tolerance=0.001,
    ),
    Exercise(
        id="04.2",
        answer=lambda p: median_lifetime(p["monthly_churn"]),
        why="The median lies well below the mean: a few customers who stay for long pull the mean up.",
        mistakes=[
            Mistake(
                lambda p: 1 / p["monthly_churn"],
                "This is the mean lifetime. By then more than half have left.",
            ),
            Mistake(
                lambda p: 0.5 / p["monthly_churn"],
                "You let the same number leave each month. It is the same share, of fewer and fewer customers.",
            ),
            Mistake(
                lambda p: -np.log(0.5) / p["monthly_churn"],
                "Close, but this holds for customers who leave at any moment. Ours leave at the end of a month: "
                "put the logarithm of the share that stays below the line.",
            ),
        ],
        hints=[
            "After `n` months `(1 - monthly_churn) ** n` are there. You want that to be a half.",
            "Take logarithms on both sides: `n` comes down as a factor.",
            "`n * np.log(1 - monthly_churn) = np.log(0.5)`. `f.median_lifetime` does the same.",
        ],
        solution="The logarithm of a half, divided by that of the share that stays each month.",
        code="answer_2 = np.log(0.5) / np.log(1 - monthly_churn)",
        unit="months",
    ),
    Exercise(
        id="04.3",
        answer=lambda p: _average(p) ** 12,
        why="One rate for every year and everybody. The next cell sets it beside what happened.",
        mistakes=[
            Mistake(
                lambda p: float(_rates(p)[0] ** 12),
                "You took the first year's retention. The board has the average over all known years.",
            ),
            Mistake(
                lambda p: float(_rates(p).mean() ** 12),
                "You took the mean of the yearly rates. The average of the text counts each renewal once, so that "
                "a year with many customers weighs more.",
            ),
            Mistake(
                lambda p: _average(p) ** 11,
                "One year is missing: over twelve years there are twelve renewals.",
            ),
            Mistake(
                lambda p: _average(p),
                "This is the average of one year. The question is about twelve years in a row.",
            ),
            Mistake(
                lambda p: 1000 * _average(p) ** 12,
                "This is a number of customers. The share of the 1,000 is asked for.",
            ),
        ],
        hints=[
            "First the average: renewals made, over renewals that came up.",
            "Made: `sum(regular[1 : years_known + 1])`. Came up: `sum(regular[:years_known])`.",
            "Staying twelve years at that rate is the rate to the power of 12.",
        ],
        solution="The sum of those who renewed over the sum of those who could, to the power of twelve.",
        code=("average = sum(regular[1 : years_known + 1]) / sum(regular[:years_known])\nanswer_3 = average**12"),
        unit="a fraction of the 1,000",
    ),
    Exercise(
        id="04.4",
        answer=lambda _: (LOYAL**2 + FICKLE**2) / (LOYAL + FICKLE),
        why="More of those who come to the second renewal are loyal, so more renew. Nobody has changed.",
        mistakes=[
            Mistake(
                lambda _: (LOYAL + FICKLE) / 2,
                "You took the two kinds half and half again. After the first year they are not.",
            ),
            Mistake(
                lambda _: (LOYAL**2 + FICKLE**2) / 2,
                "This is the share of all customers left after two years. Divide by those who came to the renewal.",
            ),
            Mistake(
                lambda _: ((LOYAL + FICKLE) / 2) ** 2,
                "You let the average renew twice. There is no average customer: go kind by kind.",
            ),
        ],
        hints=[
            "How many of each kind are there after the first year, of 500 and 500?",
            "475 loyal and 275 fickle come to the second renewal. How many of each renew?",
            "Add up those who renew and divide by 750.",
        ],
        solution="Those of both kinds who renew twice, over those who renew once.",
        code="stayed = 0.5 * 0.95 + 0.5 * 0.55\nanswer_4 = (0.5 * 0.95**2 + 0.5 * 0.55**2) / stayed",
        unit="a fraction of those who come to the second renewal",
    ),
    Exercise(
        id="04.5",
        answer=lambda p: 12 * p["margin_per_month"] * _old(p),
        why="Five payments are news: this customer is likely to be one of those who hardly ever leave.",
        mistakes=[
            Mistake(
                lambda p: (
                    12 * p["margin_per_month"] * float(_model(p["years_known"]).expected_lifetime(p["discount_rate"]))
                ),
                "This is a new customer. Who has paid five times is likely to stay longer.",
            ),
            Mistake(
                lambda p: 12 * p["margin_per_month"] * _surely_renews(p),
                "You took the next payment for certain. It comes only from those who renew.",
            ),
            Mistake(
                lambda p: (
                    12
                    * p["margin_per_month"]
                    * _average(p)
                    * float(margin_multiple(_average(p), p["discount_rate"], timing="start"))
                ),
                "You used the average rate. It does not know that this customer has stayed for years.",
            ),
        ],
        hints=[
            "`model` was fitted above, and its periods are years. How many payments are still to come?",
            "`model.expected_residual_lifetime(...)` wants the payments made so far, and the discount rate per year.",
            "Multiply by the margin of a year.",
        ],
        solution="The margin of a year times the residual lifetime of somebody who has paid five times.",
        code="answer_5 = 12 * margin_per_month * model.expected_residual_lifetime(5, discount_rate)",
        unit="US dollars per customer",
    ),
    Exercise(
        id="04.6",
        answer=lambda p: _gain(p, 0.9 * p["monthly_churn"]),
        why="Where churn is far above the discount rate, a tenth less churn is worth nearly a tenth more value.",
        mistakes=[
            Mistake(
                lambda p: _gain(p, 0.9 * p["monthly_churn"], p["discount_rate"]),
                "A yearly discount rate met a monthly churn rate. Convert it first.",
            ),
            Mistake(
                lambda p: _worth(p, 0.9 * p["monthly_churn"]),
                "This is the value with less churn. The question asks for the rise.",
            ),
            Mistake(
                lambda p: _gain(p, 0.9 * p["monthly_churn"], 0.0),
                "Nothing is discounted here. A dollar next year is worth less than one today.",
            ),
            Mistake(
                lambda p: _gain(p, p["monthly_churn"] - 0.01),
                "You took a point off churn. A tenth of itself is another amount.",
            ),
        ],
        hints=[
            "Two values are needed: with churn as it is, and with 0.9 times as much.",
            'First the rate: `clv.convert_rate(discount_rate, "Y", "M")`.',
            'Then `f.retention_value(margin_per_month, 1 - churn, monthly, timing="start")`, twice.',
        ],
        solution="The value with nine tenths of the churn, less the value as it is, both with a monthly discount rate.",
        code=(
            'monthly = clv.convert_rate(discount_rate, "Y", "M")\n'
            'now = f.retention_value(margin_per_month, 1 - monthly_churn, monthly, timing="start")\n'
            'then = f.retention_value(margin_per_month, 1 - 0.9 * monthly_churn, monthly, timing="start")\n'
            "answer_6 = then - now"
        ),
        unit="US dollars per customer",
    ),
]
