"""Lesson 10, Predicting purchases and value: three numbers, a forecast, who buys again, spend, value, and its range."""

from functools import lru_cache
from typing import Any

import pandas as pd

from clvhelpers.company import Company, open_company
from clvhelpers.customers import DAYS_PER_UNIT, customer_summary, split_holdout
from clvhelpers.exercises.base import ANY_TEXT, Exercise, Mistake, Parameters
from clvhelpers.models import BaseValue, BetaGeoModel, GammaGammaModel, base_value, customer_intervals

PARAMETERS = {
    "company": "harbor_and_pine",
    "client": "",
    "holdout_months": 12,
    "horizon_months": 12,
    "discount_rate": 0.10,
    "level": 0.90,
}
LIMITS = {
    "company": ("cdnow", "lumen"),
    "client": ANY_TEXT,
    "holdout_months": (3, 12),
    "horizon_months": (1, 24),
    "discount_rate": (0.01, 0.5),
    "level": (0.5, 0.99),
}
MONTH = DAYS_PER_UNIT["M"] / DAYS_PER_UNIT["W"]
DRAWS = 60


@lru_cache(maxsize=4)
def _shop(company: str, client: str) -> Company:
    """The company of the lesson: one whose customers give notice makes way for Harbor & Pine."""
    shop = open_company(company, client)
    return _shop("harbor_and_pine", "") if shop.kind == "contractual" else shop


@lru_cache(maxsize=4)
def _now(company: str, client: str) -> tuple[pd.DataFrame, BetaGeoModel, GammaGammaModel]:
    """All customers today, and the two models fitted to them."""
    shop = _shop(company, client)
    summary = customer_summary(shop.transactions, end=shop.end).set_index("customer_id")
    return summary, BetaGeoModel("W").fit(summary), GammaGammaModel().fit(summary)


@lru_cache(maxsize=8)
def _then(company: str, client: str, months: int) -> tuple[pd.DataFrame, BetaGeoModel, float]:
    """The customers known at the cut, the model fitted to them, and the weeks held out."""
    shop = _shop(company, client)
    cut = (pd.Timestamp(shop.end) - pd.DateOffset(months=months)).date()
    known = split_holdout(shop.transactions, cut, shop.end)
    return known, BetaGeoModel("W").fit(known), float(known["holdout_T"].iloc[0])


def _summary(p: Parameters) -> pd.DataFrame:
    return _now(p["company"], p["client"])[0]


def _at_cut(p: Parameters) -> tuple[pd.DataFrame, BetaGeoModel, float]:
    return _then(p["company"], p["client"], p["holdout_months"])


def _three(p: Parameters, back: bool = False, first: bool = False, days: int = 7) -> dict[str, float]:
    """The three numbers of one customer; `back` counts recency back from today, `first` counts the first purchase."""
    summary = _summary(p)
    seen, today = summary[summary["frequency"] > 1].iloc[0], pd.Timestamp(_shop(p["company"], p["client"]).end)
    since = (today if back else seen["last_date"]) - (seen["last_date"] if back else seen["first_date"])
    return {
        "frequency": seen["orders"] - (not first),
        "recency": since.days / days,
        "T": (today - seen["first_date"]).days / days,
    }


def _forecast(p: Parameters) -> float:
    known, model, weeks = _at_cut(p)
    return float(model.expected_purchases(known, weeks).sum())


def _at_the_pace(p: Parameters, alive: bool) -> float:
    """Everybody goes on as so far, or only those who are there."""
    known, model, weeks = _at_cut(p)
    pace = (known["frequency"] / known["T"]).where(known["T"] > 0, 0.0) * weeks
    return float((pace * model.expected_probability_alive(known)).sum() if alive else pace.sum())


def _months_for_weeks(p: Parameters) -> float:
    known, model, _ = _at_cut(p)
    return float(model.expected_purchases(known, p["holdout_months"]).sum())


def _as_newcomers(p: Parameters) -> float:
    known, model, weeks = _at_cut(p)
    return float(model.expected_purchases_new_customer(weeks)) * len(known)


def _bought_once(p: Parameters) -> tuple[pd.DataFrame, BetaGeoModel, float]:
    known, model, weeks = _at_cut(p)
    return known[known["frequency"] == 0], model, weeks


def _once_active(p: Parameters) -> float:
    once, model, weeks = _bought_once(p)
    return float(model.expected_probability_active(once, weeks).mean())


def _once_alive(p: Parameters) -> float:
    once, model, _ = _bought_once(p)
    return float(model.expected_probability_alive(once).mean())


def _once_purchases(p: Parameters) -> float:
    once, model, weeks = _bought_once(p)
    return float(model.expected_purchases(once, weeks).mean())


def _once_did(p: Parameters) -> float:
    return float((_bought_once(p)[0]["holdout_frequency"] > 0).mean())


def _once_spend(p: Parameters) -> float:
    summary, _, spend = _now(p["company"], p["client"])
    return float(spend.expected_customer_spend(summary[summary["frequency"] == 0]).mean())


def _own_orders(p: Parameters) -> float:
    summary = _summary(p)
    return float(summary.loc[summary["frequency"] == 0, "total"].mean())


def _per_purchase(p: Parameters) -> float:
    again = _summary(p)[lambda rows: rows["frequency"] > 0]
    return float((again["frequency"] * again["monetary_value"]).sum() / again["frequency"].sum())


@lru_cache(maxsize=8)
def _by_month(company: str, client: str, months: int) -> pd.Series:
    """Purchases of all customers expected by the end of each month from today."""
    summary, model, _ = _now(company, client)
    return pd.Series(
        {month: model.expected_purchases(summary, month * MONTH).sum() for month in range(1, months + 1)}, dtype=float
    )


def _discounted(p: Parameters, periods: float = 12, added_up: bool = False) -> float:
    """Purchases discounted with `discount_rate` per so many months; `added_up` counts early months again and again."""
    by_end = _by_month(p["company"], p["client"], p["horizon_months"])
    each = by_end if added_up else by_end.diff().fillna(by_end)
    return float((each / (1 + p["discount_rate"]) ** (each.index / periods)).sum())


def _a_twelfth(p: Parameters) -> float:
    by_end = _by_month(p["company"], p["client"], p["horizon_months"])
    each = by_end.diff().fillna(by_end)
    return float((each / (1 + p["discount_rate"] / 12) ** each.index).sum())


def _terms(p: Parameters) -> dict[str, Any]:
    shop = _shop(p["company"], p["client"])
    amounts = shop.transactions["amount"]
    margin = (shop.gross_margin or 1.0) * amounts.sum() / amounts.clip(lower=0).sum()
    return {"horizon_months": p["horizon_months"], "discount_rate": p["discount_rate"], "margin": margin}


def _few(p: Parameters) -> pd.DataFrame:
    """The best customer, one at a tenth of all, one in the middle."""
    summary, model, spend = _now(p["company"], p["client"])
    value = model.expected_customer_lifetime_value(summary, spend, **_terms(p))
    ranked = value.sort_values(ascending=False, kind="stable").index
    return summary.loc[ranked[[0, len(ranked) // 10, len(ranked) // 2]]]


def _range(p: Parameters, place: int = 1, alone: bool = False) -> dict[str, float]:
    _, model, spend = _now(p["company"], p["client"])
    asked = _few(p).iloc[[place]] if alone else _few(p)
    found = customer_intervals(model, spend, asked, **_terms(p), level=p["level"])
    return {str(name): float(value) for name, value in found.iloc[0 if alone else place].items()}


@lru_cache(maxsize=4)
def _base(company: str, client: str, level: float, **terms: float) -> BaseValue:
    summary, model, spend = _now(company, client)
    return base_value(model, spend, summary, **terms, draws=DRAWS, level=level)  # type: ignore[arg-type]


def _range_of_all(p: Parameters, which: str) -> dict[str, float]:
    base = _base(p["company"], p["client"], p["level"], **_terms(p))
    return dict(zip(("low", "high"), getattr(base, f"{which}_interval"), strict=True))


EXERCISES = [
    Exercise(
        id="10.1",
        answer=_three,
        why="All three are counted from the first purchase on, and the first purchase itself is the start.",
        mistakes=[
            Mistake(
                lambda p: _three(p, back=True),
                "This recency is the time *since the last* purchase, as in RFM. Here it runs from the first to the "
                "last.",
            ),
            Mistake(
                lambda p: _three(p, first=True),
                "The first purchase is counted in the frequency. Only repeat purchases are.",
            ),
            Mistake(
                lambda p: _three(p, days=1),
                "The times are in days. The models here count in weeks.",
            ),
        ],
        hints=[
            "The clock starts with the first purchase: two of the three are times that begin there.",
            "Dates can be taken from each other: `(today - seen['first_date']).days` is a number of days.",
            "Frequency: one less than `orders`. Recency: first to last. T: first to today. Both times divided by 7.",
        ],
        solution="Repeat purchases, first to last purchase, and first purchase to today, in weeks.",
        code=(
            'first, last = seen["first_date"], seen["last_date"]\n'
            'times = {"recency": (last - first).days / 7, "T": (today - first).days / 7}\n'
            'answer_1 = {"frequency": seen["orders"] - 1, **times}'
        ),
        unit="repeat purchases and weeks",
    ),
    Exercise(
        id="10.2",
        answer=_forecast,
        why="Each customer counts with the chance to be there and with a pace that is drawn towards that of all.",
        mistakes=[
            Mistake(
                lambda p: _at_the_pace(p, alive=False),
                "This is rate times time, as if everybody went on as so far. Nobody leaves in it, and who bought once "
                "never buys again.",
            ),
            Mistake(
                lambda p: _at_the_pace(p, alive=True),
                "You let those who are there go on at their own pace. The pace itself was partly luck, and those "
                "there today leave later on.",
            ),
            Mistake(
                _months_for_weeks,
                "You asked for so many *weeks* as there are months. The model counts in weeks.",
            ),
            Mistake(
                _as_newcomers,
                "This is what as many *new* customers would buy. Of these the past is known.",
            ),
        ],
        hints=[
            "The model has a method that takes the customers and a time, in its own unit.",
            "It is `then.expected_purchases(customers, time)`, and gives a number for each customer.",
            "The customers are `known`, the time is `weeks`; add up.",
        ],
        solution="Ask the model for the expected purchases of each customer in the held-out weeks, and add them up.",
        code="answer_2 = then.expected_purchases(known, weeks).sum()",
        unit="purchases",
    ),
    Exercise(
        id="10.3",
        answer=_once_active,
        why="To be alive is to be able to buy. To buy within a time is less, and it can be checked.",
        mistakes=[
            Mistake(
                _once_alive,
                "You took the probability of being alive. For those who bought once it is 1 by assumption: nobody in "
                "this model leaves before a second purchase. It says nothing about buying.",
            ),
            Mistake(
                _once_purchases,
                "These are purchases a customer and no probability. Some buy more than once.",
            ),
            Mistake(
                _once_did,
                "This is what happened after the cut. The question is what the model expected.",
            ),
            Mistake(
                lambda p: 1 - _once_active(p),
                "This is the share that will not buy.",
            ),
        ],
        hints=[
            "Alive or not is the wrong question here. Which method speaks of buying at least once within a time?",
            "It is `expected_probability_active(customers, time)`.",
            "Those who bought once are `known[known['frequency'] == 0]`. The share expected is the mean.",
        ],
        solution="The mean, over those without a repeat purchase, of the probability to buy at least once.",
        code=(
            'bought_once = known[known["frequency"] == 0]\n'
            "answer_3 = then.expected_probability_active(bought_once, weeks).mean()"
        ),
        unit="a fraction of those who bought once",
    ),
    Exercise(
        id="10.4",
        answer=_once_spend,
        why="Nothing is known of their repeat purchases, so the best guess is the mean of all customers.",
        mistakes=[
            Mistake(
                _own_orders,
                "This is the mean of the one order they made. The model leaves first orders out: they are often "
                "unlike later ones.",
            ),
            Mistake(
                lambda p: 0.0,
                "Their monetary value is missing because they made no repeat purchase. That does not make one worth 0.",
            ),
            Mistake(
                lambda p: float(_summary(p)["monetary_value"].mean()),
                "This is the plain mean over the repeat customers, in which one lucky order weighs as much as a long "
                "record. Ask the model.",
            ),
            Mistake(
                _per_purchase,
                "This is the mean over all repeat purchases, so frequent customers count many times.",
            ),
        ],
        hints=[
            "Their own money says nothing here. Ask the model of spend about them.",
            "`spend.expected_customer_spend(customers)` gives a number for each customer.",
            "For `once` it is the same number for each: take the mean, or any of them.",
        ],
        solution="Ask the spend model about customers without a repeat purchase: it answers with the mean of all.",
        code="answer_4 = spend.expected_customer_spend(once).mean()",
        unit="money a purchase",
        tolerance=0.001,
    ),
    Exercise(
        id="10.5",
        answer=_discounted,
        why="Purchases of each month alone, each at its own distance, with a rate and a time that are both in years.",
        mistakes=[
            Mistake(
                lambda p: _discounted(p, periods=1),
                "You discounted a whole year's rate every *month*. The rate is per year.",
            ),
            Mistake(
                lambda p: _discounted(p, periods=1 / MONTH),
                "You discounted a whole year's rate every *week*. The rate is per year.",
            ),
            Mistake(
                lambda p: _discounted(p, added_up=True),
                "`by_month` adds up: the purchases of the first month are in every row. Take what is new in each "
                "month.",
            ),
            Mistake(
                lambda p: float(_by_month(p["company"], p["client"], p["horizon_months"]).iloc[-1]),
                "These are all purchases, as if waiting cost nothing.",
            ),
            Mistake(
                _a_twelfth,
                "A twelfth of the rate every month compounds to more than the rate in a year.",
            ),
        ],
        hints=[
            "First undo the adding up: `by_month.diff()` is what is new in each month, but for the first.",
            "After `m` months one is worth `(1 + discount_rate) ** -(m / 12)`.",
            "`each = by_month.diff().fillna(by_month)`, and `each.index` is `m`. Divide, then add up.",
        ],
        solution="What is new in each month, divided by one plus the rate to the power of the years until its end.",
        code=(
            "each = by_month.diff().fillna(by_month)\n"
            "answer_5 = (each / (1 + discount_rate) ** (each.index / 12)).sum()"
        ),
        unit="purchases of today",
        tolerance=0.001,
    ),
    Exercise(
        id="10.6",
        answer=_range,
        why="One customer's future is mostly chance. It cancels out over many, and so the range of a mean is narrow.",
        mistakes=[
            Mistake(
                lambda p: _range_of_all(p, "mean"),
                "This is the interval of the *mean of all customers*. Hardly any single customer ends up in it.",
            ),
            Mistake(
                lambda p: _range_of_all(p, "total"),
                "This is the interval of what all customers bring together.",
            ),
            Mistake(
                lambda p: _range(p, place=0),
                "This is the best customer of the three. The question is about the second.",
            ),
            Mistake(
                lambda p: _range(p, alone=True),
                "You played this customer alone, which draws other luck. Ask for all three in one call.",
            ),
        ],
        hints=[
            "`base.mean_interval` is about a mean. Which function speaks of single customers?",
            "`customer_intervals(model, spend, few, **terms, level=level)` has a row for each of `few`.",
            "The second row is `.iloc[1]`, and it has the names that are asked for.",
        ],
        solution="The intervals of the customers in `few`, and of those the second row.",
        code="answer_6 = customer_intervals(model, spend, few, **terms, level=level).iloc[1]",
        unit="money",
    ),
]
