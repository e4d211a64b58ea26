"""Lesson 11, Which model, and can you trust it: a rule to beat, what a ranking finds, bias, a posterior, refusals."""

from functools import cache

import pandas as pd

from clvhelpers.company import Company, open_company
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.exercises.base import ANY_TEXT, Exercise, Mistake, Parameters
from clvhelpers.models import BetaGeoModel
from clvhelpers.models.baselines import customer_kinds
from clvhelpers.models.windows import Window, two_windows

PARAMETERS = {
    "company": "harbor_and_pine",
    "client": "",
    "months_held_out": 12,
    "top_share": 0.10,
    "small_base": 60,
}
LIMITS = {
    "company": ("cdnow", "lumen"),
    "client": ANY_TEXT,
    "months_held_out": (3, 12),
    "top_share": (0.05, 0.5),
    "small_base": (40, 400),
}
SEED = 1
REFUSED = {"nobody came back", "three customers", "a few giant orders"}
UNSEEN = ("one channel is overrated", "newer customers are worse", "a season that was not held out")
WHERE_IT_SHOWS = (
    "a fit knows nothing: only a table by kind shows it.",
    "the likelihood knows nothing: only customers held out by age show it.",
    "the held-out months can't know: only the calendar shows it.",
)
CHOICES = (*sorted(REFUSED), *UNSEEN)


def _shop(p: Parameters) -> Company:
    """The company whose purchases are forecast: one whose customers give no notice."""
    shop = open_company(p["company"], p["client"])
    return open_company("harbor_and_pine") if shop.kind == "contractual" else shop


@cache
def _windows(company: str, client: str, months: int) -> tuple[Window, Window]:
    shop = _shop({"company": company, "client": client})
    return two_windows(shop.transactions, shop.end, months)


def _learn(p: Parameters) -> Window:
    return _windows(p["company"], p["client"], p["months_held_out"])[0]


def _test(p: Parameters) -> Window:
    return _windows(p["company"], p["client"], p["months_held_out"])[1]


@cache
def _forecast(company: str, client: str, months: int) -> pd.Series:
    """What BG/NBD expects of each customer of the window to test on."""
    test = _windows(company, client, months)[1]
    return BetaGeoModel("W").fit(test.frame).expected_purchases(test.frame, test.weeks)


def _expected(p: Parameters) -> pd.Series:
    return _forecast(p["company"], p["client"], p["months_held_out"])


def _found(p: Parameters, by: str = "forecast", of: str = "came") -> float:
    """The share that the best customers hold; `by` and `of` are for mistakes."""
    came, expected = _test(p).purchases, _expected(p)
    order = {"forecast": expected, "came": came, "frequency": _test(p).frame["frequency"]}[by]
    best = order.nlargest(round(p["top_share"] * len(order))).index
    whole = {"came": came, "forecast": expected}[of]
    return float(whole[best].sum() / whole.sum())


def _promised_of_what_came(p: Parameters) -> float:
    expected = _expected(p)
    best = expected.nlargest(round(p["top_share"] * len(expected)))
    return float(best.sum() / _test(p).purchases.sum())


@cache
def _kinds(company: str, client: str, months: int) -> pd.Series:
    return customer_kinds(_shop({"company": company, "client": client}), _windows(company, client, months)[1])


def _sums(p: Parameters) -> pd.DataFrame:
    """Purchases by kind of customer: `promised` and `came`."""
    kinds = _kinds(p["company"], p["client"], p["months_held_out"])
    return pd.DataFrame({"promised": _expected(p), "came": _test(p).purchases}).groupby(kinds).sum()


def _errors(p: Parameters) -> pd.Series:
    sums = _sums(p)
    if (sums["came"] == 0).any():
        raise NotEnoughDataError("a kind of customers did not buy at all in the held-out window")
    return sums["promised"] / sums["came"] - 1


def _most_overrated_of_forecast(p: Parameters) -> float:
    sums = _sums(p)
    return float((1 - sums["came"] / sums["promised"]).max())


@cache
def _draws(company: str, client: str, months: int, customers: int) -> pd.DataFrame:
    """The posterior of the small base."""
    everybody = _windows(company, client, months)[1].frame
    few = everybody.sample(min(customers, len(everybody)), random_state=SEED)
    return BetaGeoModel("W", priors="weak").fit(few).posterior().frame


def _posterior(p: Parameters) -> pd.DataFrame:
    return _draws(p["company"], p["client"], p["months_held_out"], p["small_base"])


def _rate(p: Parameters, quantile: float) -> float:
    draws = _posterior(p)
    return float((draws["r"] / draws["alpha"]).quantile(quantile))


def _rate_of_ends(p: Parameters, of_alpha: float) -> float:
    """The end of r over an end of alpha, as if the two had nothing to do with each other."""
    draws = _posterior(p)
    return float(draws["r"].quantile(0.05) / draws["alpha"].quantile(of_alpha))


def _one_too_many(one: str, why: str) -> Mistake:
    return Mistake(lambda p: REFUSED | {one}, f"One too many. Of *{one}* {why}")


EXERCISES = [
    Exercise(
        id="11.1",
        answer=lambda p: float(_learn(p).purchases.mean()),
        why="It was known on the day of the forecast, and that is all that may be asked of a rule to beat.",
        mistakes=[
            Mistake(
                lambda p: float(_test(p).purchases.mean()),
                "This is the mean of what came. On the day of the forecast nobody knew it.",
            ),
            Mistake(
                lambda p: float(_learn(p).frame["frequency"].mean()),
                "These are the repeat purchases *before* the first cut. What came between the cuts?",
            ),
            Mistake(
                lambda p: float(_test(p).frame["frequency"].mean()),
                "These are all repeat purchases up to the second cut, over times of every length.",
            ),
            Mistake(
                lambda p: float(_learn(p).purchases.sum()),
                "This is the purchases of all customers. The rule forecasts those of one.",
            ),
        ],
        hints=[
            "Which window's future was known on the day of the forecast?",
            "That of `learn`: `learn.purchases` has what each of its customers bought between the cuts.",
            "Take the mean of it.",
        ],
        solution="The mean purchases of a customer in the window to learn from.",
        code="answer_1 = learn.purchases.mean()",
        unit="purchases of a customer",
    ),
    Exercise(
        id="11.2",
        answer=_found,
        why="The forecast chose them before the window, and what they did in it counts.",
        mistakes=[
            Mistake(
                lambda p: _found(p, by="came"),
                "You ranked by what came. Nobody can choose customers that way: rank by the forecast.",
            ),
            Mistake(
                lambda p: _found(p, of="forecast"),
                "This is what the model promises of them. How much of what *came* was theirs?",
            ),
            Mistake(
                _promised_of_what_came,
                "You divided what was promised by what came. Take the best customers' purchases in both places.",
            ),
            Mistake(
                lambda p: _found(p, by="frequency"),
                "You ranked by purchases so far. The model also looks at how long ago they were.",
            ),
        ],
        hints=[
            'Rank by `forecasts["BG/NBD"]`, and add up `test.purchases`.',
            '`forecasts["BG/NBD"].nlargest(n).index` has the ids of the best `n` customers.',
            "Divide the purchases of these customers by those of all.",
        ],
        solution="Choose customers by the forecast, and add up what they bought afterwards.",
        code=(
            'best = forecasts["BG/NBD"].nlargest(round(top_share * len(forecasts))).index\n'
            "answer_2 = test.purchases[best].sum() / test.purchases.sum()"
        ),
        unit="a fraction of the purchases",
    ),
    Exercise(
        id="11.3",
        answer=lambda p: float(_errors(p).max()),
        why="A budget by kind of customers that believes the forecast gives these too much.",
        mistakes=[
            Mistake(
                lambda p: float(_expected(p).sum() / _test(p).purchases.sum() - 1),
                "This is the error of all customers together, in which kinds make up for one another.",
            ),
            Mistake(
                lambda p: float(_errors(p).min()),
                "This is the other end: the kind that is overrated least, or underrated most.",
            ),
            Mistake(
                lambda p: float(_errors(p).mean()),
                "This is the mean over the kinds. Which one of them is highest?",
            ),
            Mistake(
                _most_overrated_of_forecast,
                "You measured the error against the forecast. Measure it against what came.",
            ),
            Mistake(
                lambda p: float(_errors(p).max()) + 1,
                "This is the ratio. An error is how far the ratio is from 1.",
            ),
        ],
        hints=[
            "Add up the forecast and what came by kind: two sums for each kind.",
            "`sums` has both. The error of a kind is forecast / what came - 1.",
            'That is `sums["BG/NBD"] / sums["came"] - 1`. Take the highest.',
        ],
        solution="The error of each kind is its forecast divided by what came, less 1; the highest is wanted.",
        code='answer_3 = (sums["BG/NBD"] / sums["came"] - 1).max()',
        unit="a fraction of the purchases that came",
    ),
    Exercise(
        id="11.4",
        answer=lambda p: _rate(p, 0.05),
        why="Each draw is one world that agrees with the data: ask the question in each world, then sort the answers.",
        mistakes=[
            Mistake(
                lambda p: _rate_of_ends(p, 0.05),
                "You took the low end of `r` over the low end of `alpha`. The two go together: worlds with a high `r` "
                "have a high `alpha`. Divide first, in each draw.",
            ),
            Mistake(
                lambda p: _rate_of_ends(p, 0.95),
                "You took the low end of `r` over the high end of `alpha`, a pair that hardly any draw has. Divide "
                "first, in each draw.",
            ),
            Mistake(lambda p: _rate(p, 0.95), "This is the upper end."),
            Mistake(
                lambda p: _rate(p, 0.10), "Below this lie 10% of the draws; the middle 90% leaves 5% on each side."
            ),
            Mistake(lambda p: _rate(p, 0.025), "This is the low end of the middle 95%."),
            Mistake(lambda p: _rate(p, 0.5), "This is the draw in the middle, and no end of an interval."),
        ],
        hints=[
            "`draws` has a row for each world. What is the mean rate in each of them?",
            'It is `draws["r"] / draws["alpha"]`: as many rates as draws.',
            "The middle 90% begins where 5% lie below: `.quantile(0.05)`.",
        ],
        solution="Divide in each draw, then take the quantile.",
        code='answer_4 = (draws["r"] / draws["alpha"]).quantile(0.05)',
        unit="purchases a week",
    ),
    Exercise(
        id="11.5",
        answer=lambda p: REFUSED,
        why="These three leave no number to compute. The others give one that looks like any other: you have to look.",
        mistakes=[
            *(_one_too_many(one, why) for one, why in zip(UNSEEN, WHERE_IT_SHOWS, strict=True)),
            Mistake(
                lambda p: REFUSED - {"a few giant orders"},
                "One is missing. Where a few amounts are far too large, the mean spend does not exist.",
            ),
            Mistake(
                lambda p: REFUSED - {"three customers"},
                "One is missing. What could three customers tell of how customers differ?",
            ),
            Mistake(lambda p: set(CHOICES), "Not all of them: three give a number without a word."),
        ],
        hints=[
            "In which of the six is there nothing to compute from?",
            "A bias needs a second look at numbers that exist. Three of the six are of this kind.",
        ],
        solution="Refused is what leaves no number. A number that is wrong comes out all the same.",
        code='answer_5 = {"nobody came back", "three customers", "a few giant orders"}',
        choices=CHOICES,
    ),
]
