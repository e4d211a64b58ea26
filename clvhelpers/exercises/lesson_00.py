"""Lesson 00, Start here: a try-out, and what a list of past revenue gets wrong."""

from functools import cache

import pandas as pd

from clvhelpers.exercises.base import Exercise, Mistake, Parameters
from clvhelpers.simulate import non_contractual

PARAMETERS = {"customers": 1000, "weeks_watched": 78, "top_share": 0.10, "gross_margin": 0.40, "seed": 1}
LIMITS = {
    "customers": (100, 100_000),
    "weeks_watched": (13, 520),
    "top_share": (0.01, 1),
    "gross_margin": (0.01, 1),
    "seed": (0, 1_000_000),
}


def _top(parameters: Parameters) -> int:
    return round(parameters["customers"] * parameters["top_share"])


@cache
def _truth(customers: int, weeks: int, seed: int) -> pd.DataFrame:
    return non_contractual(customers, weeks=weeks, seed=seed).truth


def _people(parameters: Parameters) -> pd.DataFrame:
    truth = _truth(parameters["customers"], parameters["weeks_watched"], parameters["seed"])
    people = truth.set_index("customer_id")
    people["past"] = people["revenue_so_far"]
    people["future"] = parameters["gross_margin"] * people["expected_future_value_12m"]
    return people


def _best(parameters: Parameters) -> tuple[pd.DataFrame, pd.DataFrame]:
    people, top = _people(parameters), _top(parameters)
    return people.nlargest(top, "past"), people.nlargest(top, "future")


def _missed(parameters: Parameters) -> pd.DataFrame:
    best_past, best_future = _best(parameters)
    return best_future.drop(best_past.index, errors="ignore")


def _given_up(parameters: Parameters) -> float:
    best_past, best_future = _best(parameters)
    return float(best_future["future"].sum() - best_past["future"].sum())


def _past_difference(parameters: Parameters) -> float:
    best_past, best_future = _best(parameters)
    return float(best_past["past"].sum() - best_future["past"].sum())


EXERCISES = [
    Exercise(
        id="00.1",
        answer=_top,
        why="That many customers fill the list, and the rest of the lesson asks whether they are the right ones.",
        mistakes=[
            Mistake(
                lambda p: p["customers"] * (1 - p["top_share"]),
                "These are the customers whom the shop can't look after. Count the others.",
            ),
            Mistake(
                lambda p: 100 * p["top_share"],
                "This is the share in percent. A number of customers is wanted.",
            ),
        ],
        hints=[
            "`top_share` is a fraction: {top_share} stands for {top_share:.0%}.",
            "A share of something is the share times the whole. The whole is `customers`.",
        ],
        solution="The list holds a share of all customers, so multiply; `round` makes it a whole number of people.",
        code="answer_1 = round(customers * top_share)",
        unit="customers",
    ),
    Exercise(
        id="00.2",
        answer=lambda p: len(_missed(p)) / _top(p),
        why="So many of those who matter most from now on are not on a list made by past revenue.",
        mistakes=[
            Mistake(
                lambda p: 1 - len(_missed(p)) / _top(p),
                "This is the share that the list finds. The question asks for the share that it leaves out.",
            ),
            Mistake(
                lambda p: len(_missed(p)) / p["customers"],
                "You divided by all customers. The question is about the best from now on only.",
            ),
            Mistake(
                lambda p: len(_missed(p)),
                "This is how many are left out. The question asks for a share, between 0 and 1.",
            ),
        ],
        hints=[
            "You need the names in `best_future` that are not in `best_past`. Both names are in the index.",
            "`best_future.index.difference(best_past.index)` gives those names; `len(...)` counts them.",
            "Divide that count by `top`, which is how many there are in `best_future`.",
        ],
        solution=(
            "Take the names of the best from now on, remove those who are on the list by past revenue, "
            "and count what is left as a share of `top`."
        ),
        code="missed = best_future.index.difference(best_past.index)\nanswer_2 = len(missed) / top",
    ),
    Exercise(
        id="00.3",
        answer=_given_up,
        why="Nobody can have all of it, because nobody knows the truth. It is what better knowledge is worth at most.",
        mistakes=[
            Mistake(
                lambda p: _given_up(p) / p["gross_margin"],
                "This is revenue. Use the column `future`, which is margin: what is left after the cost of the goods.",
            ),
            Mistake(
                lambda p: float(_missed(p)["future"].sum()),
                "This is what the missed customers bring. Those who took their places bring something too.",
            ),
            Mistake(
                _past_difference,
                "This compares what the two lists spent so far. The question is about what they will bring.",
            ),
        ],
        hints=[
            "Compare the same thing for two lists of the same length: what will each bring from now on?",
            "`best_future['future'].sum()` is the most that any list of this length can bring.",
            "Take away what the list by past revenue will bring: `best_past['future'].sum()`.",
        ],
        solution="What the best possible list will bring, less what the list by past revenue will bring.",
        code='answer_3 = best_future["future"].sum() - best_past["future"].sum()',
        unit="US dollars of margin in the 12 months to come",
    ),
]
