"""Lesson 10, Predicting purchases and value: three numbers, a forecast, who buys again, spend, value, and its range."""

from collections.abc import Callable
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
FURTHEST = 24  # months of the future
LIMITS = {
    "company": ("cdnow", "lumen"),
    "client": ANY_TEXT,
    "holdout_months": (3, 12),
    "horizon_months": (1, FURTHEST),
    "discount_rate": (0.01, 0.5),
    "level": (0.5, 0.99),
}
MONTH = DAYS_PER_UNIT["M"] / DAYS_PER_UNIT["W"]
DRAWS = 80


@lru_cache(maxsize=4)
def _shop(company: str, client: str) -> Company:
    return open_company(company, client)


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


def _key(p: Parameters) -> tuple[str, str]:
    """Whose answers are kept: Lumen's customers give notice, so Harbor & Pine's take their place."""
    return ("harbor_and_pine" if p["company"] == "lumen" else p["company"]), p["client"]


def _three(p: Parameters, back: bool = False, first: bool = False, days: int = 7) -> dict[str, float]:
    """The three numbers of one customer; `back` counts recency back from today, `first` counts the first purchase."""
    summary = _now(*_key(p))[0]
    seen, today = summary[summary["frequency"] > 1].iloc[0], pd.Timestamp(_shop(*_key(p)).end)
    since = (today if back else seen["last_date"]) - (seen["last_date"] if back else seen["first_date"])
    return {
        "frequency": seen["orders"] - (not first),
        "recency": since.days / days,
        "T": (today - seen["first_date"]).days / days,
    }


def _pick(answers: Callable[..., dict[str, float]], *names: str) -> Callable[[str], Callable[[Parameters], float]]:
    """The answers that depend on the company and the parameters `names`, worked out once for each set, by name."""
    kept = lru_cache(maxsize=32)(answers)
    return lambda name: lambda p: kept(*_key(p), *(p[one] for one in names))[name]


def _ahead(company: str, client: str, months: int) -> dict[str, float]:
    """Purchases of all in the held-out weeks: by the model, and by each way to miss it."""
    known, model, weeks = _then(company, client, months)
    pace = (known["frequency"] / known["T"]).where(known["T"] > 0, 0.0) * weeks
    return {
        "model": float(model.expected_purchases(known, weeks).sum()),
        "pace": float(pace.sum()),
        "pace of the living": float((pace * model.expected_probability_alive(known)).sum()),
        "months for weeks": float(model.expected_purchases(known, months).sum()),
        "newcomers": float(model.expected_purchases_new_customer(weeks)) * len(known),
    }


def _again(company: str, client: str, months: int) -> dict[str, float]:
    """Of those who bought once: how many will buy again, by the model and by each way to miss it."""
    known, model, weeks = _then(company, client, months)
    once = known[known["frequency"] == 0]
    active = float(model.expected_probability_active(once, weeks).mean())
    return {
        "active": active,
        "silent": 1 - active,
        "alive": float(model.expected_probability_alive(once).mean()),
        "purchases": float(model.expected_purchases(once, weeks).mean()),
        "did": float((once["holdout_frequency"] > 0).mean()),
    }


def _spend(company: str, client: str) -> dict[str, float]:
    """What a purchase of those who bought once is worth, by the model and by each way to miss it."""
    summary, _, model = _now(company, client)
    once, again = (summary[rows] for rows in (summary["frequency"] == 0, summary["frequency"] > 0))
    spent = again["frequency"] * again["monetary_value"]
    return {
        "model": float(model.expected_customer_spend(once).mean()),
        "first order": float(once["total"].mean()),
        "mean of customers": float(again["monetary_value"].mean()),
        "mean of purchases": float(spent.sum() / again["frequency"].sum()),
        "nothing": 0.0,
    }


@lru_cache(maxsize=4)
def _by_month(company: str, client: str) -> pd.Series:
    """Purchases of all customers expected by the end of each month from today, as far as the lesson goes."""
    summary, model, _ = _now(company, client)
    months = range(1, FURTHEST + 1)
    return pd.Series({month: model.expected_purchases(summary, month * MONTH).sum() for month in months})


def _discounted(p: Parameters, periods: float = 12, rate: float = 1.0, added_up: bool = False) -> float:
    """Purchases discounted with `discount_rate` x `rate` per so many months.

    `added_up` counts early months again and again.
    """
    by_end = _by_month(*_key(p)).loc[: p["horizon_months"]]
    each = by_end if added_up else by_end.diff().fillna(by_end)
    return float((each / (1 + rate * p["discount_rate"]) ** (each.index / periods)).sum())


def _few(company: str, client: str) -> pd.DataFrame:
    """By revenue so far: the best customer, one at a tenth of all, and one in the middle."""
    summary = _now(company, client)[0]
    ranked = summary["total"].sort_values(ascending=False, kind="stable").index
    return summary.loc[ranked[[0, len(ranked) // 10, len(ranked) // 2]]]


def _terms(company: str, client: str, horizon_months: int, discount_rate: float) -> dict[str, Any]:
    shop = _shop(company, client)
    amounts = shop.transactions["amount"]
    margin = (shop.gross_margin or 1.0) * amounts.sum() / amounts.clip(lower=0).sum()
    return {"horizon_months": horizon_months, "discount_rate": discount_rate, "margin": margin, "draws": DRAWS}


@lru_cache(maxsize=32)
def _ranges(alone: bool, level: float, *given: Any) -> list[dict[str, float]]:
    """The range of each of the few customers, played together, or the second of them `alone`."""
    _, model, spend = _now(*given[:2])
    few = _few(*given[:2])
    found = customer_intervals(model, spend, few.iloc[[1]] if alone else few, **_terms(*given), level=level)
    return [{"low": low, "high": high} for low, high in zip(found["low"], found["high"], strict=True)]


@lru_cache(maxsize=4)
def _base(level: float, *given: Any) -> BaseValue:
    summary, model, spend = _now(*given[:2])
    return base_value(model, spend, summary, **_terms(*given), level=level)


def _given(p: Parameters) -> tuple[Any, ...]:
    return p["level"], *_key(p), p["horizon_months"], p["discount_rate"]


def _range(p: Parameters, place: int = 1, alone: bool = False) -> dict[str, float]:
    return _ranges(alone, *_given(p))[0 if alone else place]


def _range_of_all(p: Parameters, of: str) -> dict[str, float]:
    return dict(zip(("low", "high"), getattr(_base(*_given(p)), f"{of}_interval"), strict=True))


_purchases = _pick(_ahead, "holdout_months")
_share = _pick(_again, "holdout_months")
_money = _pick(_spend)


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
        answer=_purchases("model"),
        why="Each customer counts with the chance to be there and with a pace that is drawn towards that of all.",
        mistakes=[
            Mistake(
                _purchases("pace"),
                "This is rate times time, as if everybody went on as so far. Nobody leaves in it, and who bought once "
                "never buys again.",
            ),
            Mistake(
                _purchases("pace of the living"),
                "You let those who are there go on at their own pace. The pace itself was partly luck, and those "
                "there today leave later on.",
            ),
            Mistake(
                _purchases("months for weeks"),
                "You asked for so many *weeks* as there are months. The model counts in weeks.",
            ),
            Mistake(
                _purchases("newcomers"),
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
        answer=_share("active"),
        why="To be alive is to be able to buy. To buy within a time is less, and it can be checked.",
        mistakes=[
            Mistake(
                _share("alive"),
                "You took the probability of being alive. For those who bought once it is 1 by assumption: nobody in "
                "this model leaves before a second purchase. It says nothing about buying.",
            ),
            Mistake(
                _share("purchases"),
                "These are purchases a customer and no probability. Some buy more than once.",
            ),
            Mistake(
                _share("did"),
                "This is what happened after the cut. The question is what the model expected.",
            ),
            Mistake(
                _share("silent"),
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
        answer=_money("model"),
        why="Nothing is known of their repeat purchases, so the best guess is the mean of all customers.",
        mistakes=[
            Mistake(
                _money("first order"),
                "This is the mean of the one order they made. The model leaves first orders out: they are often "
                "unlike later ones.",
            ),
            Mistake(
                _money("nothing"),
                "Their monetary value is missing because they made no repeat purchase. That does not make one worth 0.",
            ),
            Mistake(
                _money("mean of customers"),
                "This is the plain mean over the repeat customers, in which one lucky order weighs as much as a long "
                "record. Ask the model.",
            ),
            Mistake(
                _money("mean of purchases"),
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
                lambda p: _discounted(p, rate=0.0),
                "These are all purchases, as if waiting cost nothing.",
            ),
            Mistake(
                lambda p: _discounted(p, periods=1, rate=1 / 12),
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
                "This is the first customer of the three. The question is about the second.",
            ),
            Mistake(
                lambda p: _range(p, alone=True),
                "You played this customer alone, which draws other luck. Ask for all three in one call.",
            ),
        ],
        hints=[
            "`base.mean_interval` is about a mean. Which function speaks of single customers?",
            "`clv.customer_intervals(model, spend, few, **terms, **how)` has a row for each of `few`.",
            "The second row is `.iloc[1]`, and it has the names that are asked for.",
        ],
        solution="The intervals of the customers in `few`, and of those the second row.",
        code="answer_6 = clv.customer_intervals(model, spend, few, **terms, **how).iloc[1]",
        unit="money",
    ),
]
