"""Lesson 13, Many variants, many segments, no experiment: interactions, luck, adjusted p-values, changes compared."""

from functools import cache

import pandas as pd

from clvhelpers.datasets import load_experiment
from clvhelpers.exercises.base import Exercise, Mistake, Parameters
from clvhelpers.experiments import segment_effects
from clvhelpers.experiments.many import adjusted_p_values

PARAMETERS = {
    "margin": 0.60,
    "false_alarms": 0.05,
    "useless_segments": 20,
    "roll_out": 50_000,
    "months_before": 6,
    "slide": 8.0,
}
LIMITS = {
    "margin": (0.3, 0.9),
    "false_alarms": (0.01, 0.2),
    "useless_segments": (2, 60),
    "roll_out": (100, 100_000_000),
    "months_before": (2, 6),
    "slide": (5, 20),
}
REDUCTION = 0.1  # of the list price
KINDS = ("plan", "channel", "age_group")
MOST_LUCKY = "channel: price"
MONTHS_AFTER = 3


@cache
def _renewed() -> "pd.Series[float]":
    """The share that renewed, by arm."""
    return load_experiment("price_and_message").frame.groupby("arm")["renewed"].mean()


@cache
def _arms() -> pd.DataFrame:
    """By arm: `revenue` a customer, at `list` price for the same contracts, and `renewed`."""
    people = load_experiment("price_and_message").frame
    people["list"] = people["revenue"] / (1 - REDUCTION * people["reduced_price"])
    return people.groupby("arm")[["revenue", "list", "renewed"]].mean()


def _money(p: Parameters) -> "pd.Series[float]":
    """What is left of a customer's contract after the cost to serve, by arm."""
    arms = _arms()
    return arms["revenue"] - (1 - p["margin"]) * arms["list"]


def _price_in_money(p: Parameters) -> float:
    money = _money(p)
    return float(money["price"] - money["control"])


def _price_with_message(p: Parameters) -> float:
    money = _money(p)
    return float(money["both"] - money["message"])


def _interaction(p: Parameters) -> float:
    rate = _renewed()
    return float(rate["both"] - rate["message"] - rate["price"] + rate["control"])


def _price_per_renewal(p: Parameters) -> float:
    each = _money(p) / _arms()["renewed"]
    return float(each["price"] - each["control"])


def _some_alarm(p: Parameters) -> float:
    return float(1 - (1 - p["false_alarms"]) ** p["useless_segments"])


@cache
def _splits() -> "pd.Series[float]":
    """The p-value of the test that an arm's effect differs between the segments, by kind of segment and arm."""
    people = load_experiment("price_and_message").frame
    found: dict[str, float] = {}
    for kind in KINDS:
        tested = segment_effects(people, kind, "renewed", measured_at="before", unit=None).interaction
        found |= {f"{kind}: {row['arm']}": row["p_value"] for row in tested.to_dict("records")}
    return pd.Series(found)


def _adjusted(method: str = "holm", among: str = "") -> float:
    """The adjusted p-value of the luckiest split, among all whose names hold `among`."""
    family = _splits()[[name for name in _splits().index if among in name]]
    return float(adjusted_p_values(family, method)[list(family.index).index(MOST_LUCKY)])


def _revenue(months_before: int, months_after: int = MONTHS_AFTER) -> pd.DataFrame:
    """Mean revenue a month `before` and `after`, by `called` (0 or 1)."""
    accounts = load_experiment("not_randomised").frame
    before = [f"revenue_{month}_before" for month in range(months_before, 0, -1)]
    after = [f"revenue_{month}_after" for month in range(1, months_after + 1)]
    means = {"before": accounts[before].mean(axis=1), "after": accounts[after].mean(axis=1)}
    return pd.DataFrame(means).groupby(accounts["called"]).mean()


@cache
def _changes(months_before: int) -> "pd.Series[float]":
    means = _revenue(months_before)
    return means["after"] - means["before"]


def _more(p: Parameters) -> float:
    change = _changes(p["months_before"])
    return float(change[1] - change[0])


EXERCISES = [
    Exercise(
        id="13.1",
        answer=_interaction,
        why="So much more does the reduced price do for those who get the personal message, and the other way round.",
        mistakes=[
            Mistake(
                lambda p: float(_renewed()["both"] - _renewed()["control"]),
                "This is what both do together. How much of it is more than the one plus the other?",
            ),
            Mistake(
                lambda p: float(_renewed()["both"] - _renewed()["message"]),
                "This is what the price does with the personal message. Compare it with what it does with the usual "
                "one.",
            ),
            Mistake(
                lambda p: float(_renewed()["price"] - _renewed()["control"]),
                "This is what the price does with the usual message. Compare it with what it does with the personal "
                "one.",
            ),
            Mistake(
                lambda p: float(_renewed()["both"] - _renewed()["price"] - _renewed()["message"]),
                "The control was in each of the two that you took away, so it went twice: add one back.",
            ),
            Mistake(
                lambda p: _interaction(p) / 2,
                "This is half of it, as some regressions code it. Take the difference of the two differences.",
            ),
            Mistake(lambda p: 100 * _interaction(p), "This is in points. Give a fraction: a point is 0.01."),
        ],
        hints=[
            "What does the reduced price do with the usual message? And with the personal one?",
            'With the usual one: `rate["price"] - rate["control"]`; with the personal one: `rate["both"] - '
            'rate["message"]`.',
            "Take the first from the second.",
        ],
        solution="The effect of the price with the personal message, less its effect with the usual one.",
        code='answer_1 = (rate["both"] - rate["message"]) - (rate["price"] - rate["control"])',
        unit="a fraction of the customers",
    ),
    Exercise(
        id="13.2",
        answer=_price_in_money,
        why="More renewals, and less money: a tenth off the price is more than a tenth off what is left of it.",
        mistakes=[
            Mistake(
                lambda p: (_price_in_money(p) + _price_with_message(p)) / 2,
                "This is the main effect, the mean over both messages. The message stays the usual one: which two "
                "cells differ in the price alone?",
            ),
            Mistake(_price_with_message, "This is what the price does with the personal message."),
            Mistake(
                lambda p: float(_money(p)["both"] - _money(p)["control"]),
                "Here the message changed too.",
            ),
            Mistake(
                lambda p: float(_arms()["revenue"]["price"] - _arms()["revenue"]["control"]),
                "This is revenue. What does it leave after the cost to serve?",
            ),
            Mistake(_price_per_renewal, "This is for each *renewal*. Those who left count too: they bring 0."),
            Mistake(lambda p: -_price_in_money(p), "Right size, wrong sign: take the control from the arm."),
        ],
        hints=[
            "Two of the four cells have the usual message.",
            "They are `control` and `price`.",
            '`money["price"]` less `money["control"]`.',
        ],
        solution="Compare the two cells that differ in nothing but the price, both with the usual message.",
        code='answer_2 = money["price"] - money["control"]',
        unit="US dollars a customer",
    ),
    Exercise(
        id="13.3",
        answer=_some_alarm,
        why="Each stays silent with 1 - `false_alarms`; that all do, has that to the power of their number.",
        mistakes=[
            Mistake(
                lambda p: p["false_alarms"] * p["useless_segments"],
                "This is how many alarms to *expect*. Some tests have several, so fewer tests have any.",
            ),
            Mistake(lambda p: 1 - _some_alarm(p), "This is the chance that all of them stay silent."),
            Mistake(lambda p: p["false_alarms"], "This is the chance of one segment. You look at all of them."),
            Mistake(
                lambda p: p["false_alarms"] ** p["useless_segments"],
                "This is the chance that *every* segment raises an alarm. At least one is asked for.",
            ),
            Mistake(lambda p: 100 * _some_alarm(p), "This is in percent. Give a fraction."),
        ],
        hints=[
            "When is there no alarm at all? When each segment stays silent.",
            "One stays silent with the chance `1 - false_alarms`. Independent chances multiply.",
            "At least one alarm is what is left: 1 less the chance that there is none.",
        ],
        solution="At least one alarm is everything but none at all.",
        code="answer_3 = 1 - (1 - false_alarms) ** useless_segments",
        unit="a fraction of the tests",
    ),
    Exercise(
        id="13.4",
        answer=lambda p: _adjusted(),
        why="It is the second smallest, so Holm multiplies it by the eight that are left. It was found by looking "
        "nine times.",
        mistakes=[
            Mistake(
                lambda p: float(_splits()[MOST_LUCKY]),
                "This is the p-value by itself, as if nothing else was looked at.",
            ),
            Mistake(
                lambda p: _adjusted("bonferroni"),
                "This is Bonferroni's: all are multiplied alike. Holm spares the second smallest one of them.",
            ),
            Mistake(
                lambda p: _adjusted("benjamini-hochberg"),
                "This is Benjamini-Hochberg's, for a list of candidates. Holm is asked for.",
            ),
            Mistake(
                lambda p: _adjusted(among="price"),
                "You counted only the splits of the reduced price. All that were looked at count.",
            ),
            Mistake(
                lambda p: _adjusted(among="channel"),
                "You counted only the splits by channel. All that were looked at count.",
            ),
        ],
        hints=[
            "How many tests are in `splits`? All of them were looked at.",
            "`tests.compare_many(splits).frame` has a row for each, with `name` and `adjusted`.",
            'Take the row whose `name` is "channel: price".',
        ],
        solution="Adjust all nine together, then read off the one.",
        code=(
            'adjusted = tests.compare_many(splits).frame.set_index("name")["adjusted"]\n'
            'answer_4 = adjusted["channel: price"]'
        ),
        unit="a p-value",
    ),
    Exercise(
        id="13.5",
        answer=_more,
        why="What makes an account warm or cool was there before and after, and drops out.",
        mistakes=[
            Mistake(
                lambda p: float(_revenue(p["months_before"])["after"].diff().loc[1]),
                "You compared the two groups after the call. They were not alike before it either.",
            ),
            Mistake(
                lambda p: float(_changes(p["months_before"])[1]),
                "This is the change of those who were called. Everybody's revenue grew: take away the others' change.",
            ),
            Mistake(
                lambda p: -_more(p), "Right size, wrong sign: the change of those called, less that of the others."
            ),
            Mistake(
                lambda p: MONTHS_AFTER * _more(p),
                "This is the sum over the months after. Per month is asked for.",
            ),
            Mistake(
                lambda p: float(_revenue(1, 1)["after"].diff().loc[1] - _revenue(1, 1)["before"].diff().loc[1]),
                "You took one month before and one after. `before` and `after` name more.",
            ),
        ],
        hints=[
            "Four means: both groups, `before` and `after`.",
            "`change` has the change of each account. Take its mean for those with `called` 1 and for those with 0.",
            "Take the second from the first.",
        ],
        solution="The mean change of those who were called, less the mean change of those who were not.",
        code=('called = accounts["called"] == 1\nanswer_5 = change[called].mean() - change[~called].mean()'),
        unit="US dollars a month",
    ),
]
