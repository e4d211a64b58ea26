"""Lesson 12, A/B tests of retention: an interval by hand, columns that came too late, false alarms, money, verdicts."""

from functools import cache

import numpy as np
import pandas as pd

from clvhelpers.datasets import load_experiment
from clvhelpers.exercises.base import Exercise, Mistake, Parameters
from clvhelpers.experiments import clv_lift, looks_without_effect
from clvhelpers.formulas import convert_rate

PARAMETERS = {
    "experiment": "first_renewal",
    "baseline": 0.76,
    "points_wanted": 0.04,
    "sign_ups_per_day": 60,
    "looks": 10,
    "offer_cost": 2.0,
    "roll_out": 20_000,
}
LIMITS = {
    "experiment": ("first_renewal", "permanent"),
    "baseline": (0.3, 0.85),
    "points_wanted": (0.01, 0.1),
    "sign_ups_per_day": (1, 100_000),
    "looks": (2, 20),
    "offer_cost": (0, 1_000),
    "roll_out": (100, 100_000_000),
}
YEARLY = 0.10
KNOWN_BEFORE = {"plan", "channel", "trial_hours_before"}
TOO_LATE = ("opened", "sessions_after", "duration")
WHY_TOO_LATE = (
    "can only be 1 in the arm that got the offer: it is a part of the treatment.",
    "is what customers did after they had the offer, or had not.",
    "is how long they stayed, which is the outcome itself.",
)
COLUMNS = (*sorted(KNOWN_BEFORE), *TOO_LATE)
CHANGES = ("kinder words", "free month", "phone call", "welcome gift")
SHIPPED = {"kinder words", "phone call"}


@cache
def _customers(experiment: str) -> pd.DataFrame:
    return load_experiment(experiment).frame


def _low_end(p: Parameters, errors: float = -1.96, shared: str = "") -> float:
    """The low end of the difference of the rates; `errors` and `shared` are for mistakes."""
    arms = _customers(p["experiment"]).groupby("arm")["renewed"].agg(["mean", "count"])
    squared = arms["mean"] * (1 - arms["mean"]) / arms["count"]
    error = {"": squared.sum() ** 0.5, "added": (squared**0.5).sum(), "mean": squared.mean() ** 0.5}[shared]
    return float(arms["mean"]["offer"] - arms["mean"]["control"] + errors * error)


def _control_error_only(p: Parameters) -> float:
    control = _customers(p["experiment"]).query("arm == 'control'")["renewed"]
    return _low_end(p, 0) - 1.96 * float((control.mean() * (1 - control.mean()) / len(control)) ** 0.5)


@cache
def _z(experiment: str, looks: int) -> pd.DataFrame:
    return looks_without_effect(_customers(experiment).query("arm == 'control'")["renewed"], looks)


def _beyond(p: Parameters) -> pd.DataFrame:
    return _z(p["experiment"], p["looks"]).abs() > 1.96


@cache
def _curves(experiment: str) -> tuple[pd.DataFrame, float]:
    """The share still there by arm after each renewal, and the margin of a payment."""
    margin = load_experiment(experiment).truth["margin_per_month"]
    lift = clv_lift(_customers(experiment), margin=margin, discount_rate=YEARLY, window=6, horizon=36)
    return lift.survival.pivot(index="period", columns="arm", values="survival"), margin


def _window(p: Parameters, rate: float | None = None, later: int = 0, of_offer: bool = False) -> float:
    """What the offer brings within the window, a customer; the other arguments are for mistakes."""
    curves, margin = _curves(p["experiment"])
    monthly = float(convert_rate(YEARLY, "Y", "M")) if rate is None else rate
    more = curves["offer"] if of_offer else curves["offer"] - curves["control"]
    return float((margin * more / (1 + monthly) ** (np.asarray(curves.index) + later)).sum())


def _last_only(p: Parameters) -> float:
    curves, margin = _curves(p["experiment"])
    return float(margin * (curves["offer"] - curves["control"]).iloc[-1])


def _months(p: Parameters) -> float:
    return _window(p) / _curves(p["experiment"])[1]


EXERCISES = [
    Exercise(
        id="12.1",
        answer=_low_end,
        why="All of the interval lies where the offer helps, and its low end is the least that the data allow for.",
        mistakes=[
            Mistake(lambda p: _low_end(p, 1.96), "This is the upper end."),
            Mistake(lambda p: _low_end(p, 0), "This is the difference itself. How far may it be off?"),
            Mistake(lambda p: _low_end(p, -1), "You went down by one standard error. For 95% it takes 1.96 of them."),
            Mistake(lambda p: _low_end(p, -1.645), "This is the low end of a 90% interval."),
            Mistake(
                lambda p: _low_end(p, shared="added"),
                "You added the errors of the two arms. Add their *squares*, and take the root of the sum.",
            ),
            Mistake(
                lambda p: _low_end(p, shared="mean"),
                "You took the mean of the two squared errors. A difference is off by both: take their sum.",
            ),
            Mistake(
                _control_error_only,
                "Only the control's error is in it. The rate of the offer is not known exactly either.",
            ),
            Mistake(lambda p: 100 * _low_end(p), "You gave points. Give a fraction: 0.01 is one point."),
        ],
        hints=[
            "The squared error of a rate is `rate * (1 - rate) / customers`, and `arms` has both columns.",
            "Add the squared errors of both arms, and take the root: that is the error of the difference.",
            'The low end is `rate["offer"] - rate["control"]` less 1.96 of these errors.',
        ],
        solution="The difference less 1.96 of its standard errors.",
        code=(
            'rate, n = arms["rate"], arms["customers"]\n'
            "error = (rate * (1 - rate) / n).sum() ** 0.5\n"
            'answer_1 = rate["offer"] - rate["control"] - 1.96 * error'
        ),
        unit="a fraction (0.01 is one point)",
    ),
    Exercise(
        id="12.2",
        answer=lambda p: KNOWN_BEFORE,
        why="They were known on the day of sign-up, before anybody had an offer, so the offer can't have moved them.",
        mistakes=[
            *(
                Mistake(lambda p, one=one: KNOWN_BEFORE | {one}, f"One too many: `{one}` {why}")  # type: ignore[misc]
                for one, why in zip(TOO_LATE, WHY_TOO_LATE, strict=True)
            ),
            Mistake(
                lambda p: {"trial_hours_before"},
                "That one may. But a column need not be a number, nor explain much, to be allowed.",
            ),
            Mistake(
                lambda p: KNOWN_BEFORE - {"trial_hours_before"},
                "One is missing, the most useful one: it was measured in the free week *before* sign-up.",
            ),
            Mistake(lambda p: set(COLUMNS), "Not all of them. When was each one known?"),
            Mistake(lambda p: set(TOO_LATE), "The other way round: these are the three that came too late."),
        ],
        hints=[
            "Ask of each column: could somebody have written it down on the day of sign-up?",
            "What a customer *did* after the offer may be due to it. Three columns are of this kind.",
        ],
        solution="Those that were known before anybody was treated.",
        code='answer_2 = {"plan", "channel", "trial_hours_before"}',
        choices=COLUMNS,
    ),
    Exercise(
        id="12.3",
        answer=lambda p: float(_beyond(p).any(axis=1).mean()),
        why="Each look is one more chance to be fooled. They are not independent, or it would be worse still.",
        mistakes=[
            Mistake(
                lambda p: float(_beyond(p).to_numpy().mean()),
                "This is the share of *looks* that raise an alarm. A test has one as soon as any of its looks has.",
            ),
            Mistake(
                lambda p: float(_beyond(p).iloc[:, -1].mean()),
                "This is for somebody who waits, and looks once, at the end.",
            ),
            Mistake(
                lambda p: float(_beyond(p).all(axis=1).mean()),
                "These are the tests that are beyond at *every* look. One is enough to stop.",
            ),
            Mistake(
                lambda p: float((_z(p["experiment"], p["looks"]) > 1.96).any(axis=1).mean()),
                "You counted offers that seem to help. One that seems to harm is a false alarm too.",
            ),
            Mistake(
                lambda p: 1 - 0.95 ** p["looks"],
                "That holds for looks that have nothing to do with each other. Each look here contains all those "
                "before it. Count in `z`.",
            ),
            Mistake(lambda p: 0.05 * p["looks"], "You added 5% for each look. Tests with two alarms count once."),
        ],
        hints=[
            "A test (a row of `z`) raises an alarm if any look is beyond 1.96 on either side.",
            "`z.abs() > 1.96` is true where a look is beyond; `.any(axis=1)` asks each row for one.",
            "The mean of true and false is a share.",
        ],
        solution="The share of the tests of which any look is beyond.",
        code="answer_3 = (z.abs() > 1.96).any(axis=1).mean()",
        unit="a fraction of the tests",
    ),
    Exercise(
        id="12.4",
        answer=_window,
        why="It is the row *window*: the area between the curves, in discounted margin. Nothing in it was guessed.",
        mistakes=[
            Mistake(lambda p: _window(p, rate=0.0), "You didn't discount: later money is worth less."),
            Mistake(
                lambda p: _window(p, rate=YEARLY),
                "You discounted each month by the rate of a whole year. Use `monthly`.",
            ),
            Mistake(
                lambda p: _window(p, later=1),
                "You discounted one month too many. The payment of period t comes t months after the start.",
            ),
            Mistake(
                lambda p: _window(p, of_offer=True),
                "This is all that a customer with the offer brings. What does one bring *more* than one without?",
            ),
            Mistake(_last_only, "This is the last month only. Those who stay longer have paid in the months before."),
            Mistake(_months, "This counts discounted months. What is the margin of each?"),
        ],
        hints=[
            "In each period the share `curves['offer'] - curves['control']` pays more than without the offer.",
            "Each payment brings `margin`, and t months later it is worth `(1 + monthly) ** -t` of that.",
            "`curves.index` is t. Multiply, discount, and add up.",
        ],
        solution="The sum over the periods of margin times the difference of the curves, discounted.",
        code=(
            'more = margin * (curves["offer"] - curves["control"])\n'
            "answer_4 = (more / (1 + monthly) ** curves.index).sum()"
        ),
        unit="US dollars a customer",
    ),
    Exercise(
        id="12.5",
        answer=lambda p: SHIPPED,
        why="Words are free, so it is enough that they more likely help. The call brings clearly more than it costs.",
        mistakes=[
            Mistake(
                lambda p: {"free month", "phone call", "welcome gift"},
                "These are the significant ones. Significant means not zero, and what counts is the *cost*.",
            ),
            Mistake(
                lambda p: {"phone call", "welcome gift", "kinder words"},
                "One too many. The gift brings more than it costs *on average*, by cents: a loss is nearly as likely.",
            ),
            Mistake(
                lambda p: {"phone call"},
                "One is missing. What costs nothing needs no significance.",
            ),
            Mistake(
                lambda p: {"phone call", "welcome gift"},
                "Of these the gift is too close: a loss is nearly as likely as a gain. And one change is free.",
            ),
            Mistake(
                lambda p: {"phone call", "free month"},
                "The free month has the smallest p-value, and costs more than even the top of its interval.",
            ),
            Mistake(lambda p: set(CHANGES), "Not all: one of them is all but sure to lose money."),
        ],
        hints=[
            "Compare each lift with its *cost*, not with zero.",
            "Is the cost far below the lift, counted in standard errors, or within one of it?",
            "A change without any cost only needs to be more likely good than bad, and clearly so: four in five.",
        ],
        solution="Those whose lift lies clearly enough above their cost.",
        code='answer_5 = {"kinder words", "phone call"}',
        choices=CHANGES,
    ),
]
