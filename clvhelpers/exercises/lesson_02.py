"""Lesson 02, The formulas: work the closed forms, convert a rate, and find four errors in a published one."""

from clvhelpers.exercises.base import Exercise, Mistake, Parameters
from clvhelpers.formulas import convert_rate, retention_value
from clvhelpers.formulas.value import Timing

PARAMETERS = {
    "revenue_per_year": 250.0,
    "margin": 0.40,
    "retention": 0.80,
    "discount_rate": 0.10,
    "growth": 0.03,
    "orders_per_year": 5.0,
    "programme_cost": 18.0,
    "programme_points": 0.05,
}
LIMITS = {
    "revenue_per_year": (1, 1_000_000),
    "margin": (0.01, 1),
    "retention": (0, 0.99),
    "discount_rate": (0, 1),
    "growth": (-0.5, 0.5),
    "orders_per_year": (0.1, 1_000),
    "programme_cost": (0, 1_000_000),
    "programme_points": (0, 1),
}
MOST_RETENTION = 0.99


def _first_margin(p: Parameters) -> float:
    return p["revenue_per_year"] * p["margin"]


def _subscription(p: Parameters) -> float:
    return _first_margin(p) / (1 - p["retention"])


def _worth(p: Parameters, timing: Timing, points: float = 0.0, cost: float = 0.0) -> float:
    """Value with the lesson's rates, `points` more retention and a cost spent on it at each year's start."""
    retention = min(p["retention"] + points, MOST_RETENTION)
    return retention_value(_first_margin(p), retention, p["discount_rate"], timing=timing, retention_cost=cost)


def _programme_gain(p: Parameters) -> float:
    return _worth(p, "start", p["programme_points"], p["programme_cost"]) - _worth(p, "start")


def _gain_before_cost(p: Parameters) -> float:
    return _worth(p, "start", p["programme_points"]) - _worth(p, "start")


def _gain_with_cost_at_old_retention(p: Parameters) -> float:
    years = _worth(p, "start") / _first_margin(p)
    return _gain_before_cost(p) - p["programme_cost"] * years


ERRORS = {"arithmetic", "units", "growth", "retention cost"}
ARTICLE = {"month": 50.0, "margin": 0.5, "growth": 0.1, "retention": 0.9, "discount": 0.1, "keep": 20.0, "win": 100.0}


def _article(first_margin: float, growth: float = 0.0, keep: float = 0.0) -> float:
    return retention_value(
        first_margin,
        ARTICLE["retention"],
        ARTICLE["discount"],
        timing="arrears",
        growth=growth,
        retention_cost=keep,
        acquisition_cost=ARTICLE["win"],
    )


def _mended(_: Parameters) -> dict[str, float]:
    """The article's value with one error after the other mended."""
    month, growth = ARTICLE["month"] * ARTICLE["margin"], ARTICLE["growth"]
    return {
        "arithmetic": _article(month * (1 + growth)),
        "units": _article(12 * month * (1 + growth)),
        "growth": _article(12 * month, growth),
        "retention cost": _article(12 * month, growth, ARTICLE["keep"]),
    }


def _mended_but(**wrong: float) -> dict[str, float]:
    """The mended values with some of them wrong; names are written with _ for a space."""
    return _mended({}) | {name.replace("_", " "): value for name, value in wrong.items()}


EXERCISES = [
    Exercise(
        id="02.1",
        answer=_subscription,
        why="Each customer brings one margin a year for 1 / churn years on average.",
        mistakes=[
            Mistake(
                lambda p: p["revenue_per_year"] / (1 - p["retention"]),
                "This is revenue. Keep only the share that is left after the cost of what was sold.",
            ),
            Mistake(
                lambda p: _first_margin(p) / p["retention"],
                "You divided by the share that stays. A company that keeps more customers would be worth less.",
            ),
            Mistake(
                lambda p: _first_margin(p) * p["retention"] / (1 - p["retention"]),
                "You took the leavers away twice: once in the lifetime and once in the factor before it.",
            ),
            Mistake(
                lambda p: _first_margin(p) * (1 - p["retention"]),
                "You multiplied by churn. A lifetime is one divided by it.",
            ),
        ],
        hints=[
            "Three inputs: what a customer pays in a year, the share of it that is kept, and churn.",
            "Retention is {retention:.0%}. Churn is what is missing to 100%, as a fraction.",
            "`revenue_per_year * margin` is the margin of a year. Divide it by churn.",
        ],
        solution="The margin of one year, divided by the share of customers who leave in a year.",
        code="answer_1 = revenue_per_year * margin / (1 - retention)",
        unit="US dollars per customer",
    ),
    Exercise(
        id="02.2",
        answer=lambda p: convert_rate(1 - p["retention"], "Y", "M", kind="churn"),
        why="Staying a year means staying twelve months in a row, so retention multiplies and churn does not add.",
        mistakes=[
            Mistake(
                lambda p: (1 - p["retention"]) / 12,
                "You shared churn out evenly. Each month then takes its share of fewer and fewer customers, "
                "and twelve months lose less than a year should.",
            ),
            Mistake(
                lambda p: p["retention"] ** (1 / 12),
                "This is the share that stays each month. The question is about those who leave.",
            ),
            Mistake(
                lambda p: (2 - p["retention"]) ** (1 / 12) - 1,
                "You treated churn like interest, which grows. Customers shrink: work with the share that stays.",
            ),
            Mistake(
                lambda p: 1 - p["retention"] ** 12,
                "You went the wrong way, from a month to a year. A month must lose less than a year.",
            ),
        ],
        hints=[
            "Don't start from churn. Start from the share that stays the whole year.",
            "If the share `x` stays each month, then `x ** 12` stays the year. Solve for `x`.",
            'Churn is one minus that; or let `clv.convert_rate(..., "Y", "M", kind="churn")` do it.',
        ],
        solution="The twelfth root of yearly retention is what stays in a month; the rest leaves.",
        code='answer_2 = clv.convert_rate(1 - retention, "Y", "M", kind="churn")',
        unit="a fraction of the customers per month",
        tolerance=0.001,
    ),
    Exercise(
        id="02.3",
        answer=lambda p: _worth(p, "end"),
        why="The first margin is paid by those who stayed the first year, so retention stands above the line too.",
        mistakes=[
            Mistake(
                lambda p: _worth(p, "start"),
                "Here the first margin is paid today. In the question it comes after a year.",
            ),
            Mistake(
                lambda p: _worth(p, "arrears"),
                "Here everybody pays the first margin. In the question only those who stayed do.",
            ),
            Mistake(
                lambda p: _subscription(p) - _first_margin(p),
                "Nothing is discounted here. A dollar next year is worth less than one today.",
            ),
            Mistake(
                lambda p: _worth(p, "end") / p["margin"],
                "This is revenue. Keep only the margin.",
            ),
        ],
        hints=[
            "Write down the first two payments: when does each come, and what share of the customers pays it?",
            "The first is worth `first_margin * retention / (1 + discount_rate)`; each is `q` times the last one.",
            "Divide the first by `1 - q`, with `q = retention / (1 + discount_rate)`, and simplify if you like.",
        ],
        solution="The first margin, times what stays of the customers and of the money, summed without end.",
        code="answer_3 = first_margin * retention / (1 + discount_rate - retention)",
        unit="US dollars per customer",
    ),
    Exercise(
        id="02.4",
        answer=_programme_gain,
        why="A programme is paid for every customer who stays, also for the many who would have stayed without it.",
        mistakes=[
            Mistake(
                _gain_before_cost,
                "You have left out the cost of the programme.",
            ),
            Mistake(
                lambda p: _gain_before_cost(p) - p["programme_cost"],
                "You took the cost off once. It is spent each year on everyone who is still there.",
            ),
            Mistake(
                _gain_with_cost_at_old_retention,
                "You counted the cost with the old retention. Customers who stay longer cost longer.",
            ),
            Mistake(
                lambda p: _worth(p, "start", p["programme_points"], p["programme_cost"]),
                "This is the value with the programme. The question asks for the change.",
            ),
        ],
        hints=[
            "Two values are needed: one with the programme and one without. Both are paid at the start of each year.",
            "With it, retention is higher by `programme_points` (at most 0.99); `retention_cost` is `programme_cost`.",
            'Call `f.retention_value(first_margin, ..., discount_rate, timing="start", retention_cost=...)` twice.',
        ],
        solution="The value with the higher retention and the yearly cost, less the value as it is.",
        code=(
            'now = f.retention_value(first_margin, retention, discount_rate, timing="start")\n'
            "better = min(retention + programme_points, 0.99)\n"
            'costs = {"retention_cost": programme_cost, "timing": "start"}\n'
            "then = f.retention_value(first_margin, better, discount_rate, **costs)\n"
            "answer_4 = then - now"
        ),
        unit="US dollars per customer",
    ),
    Exercise(
        id="02.5",
        answer=lambda _: ERRORS,
        why="Each of the four changes the number, and the next exercise says by how much.",
        mistakes=[
            Mistake(
                lambda _: ERRORS | {"acquisition cost"},
                "One too many: the cost of winning the customer is spent once, and is rightly taken off once.",
            ),
            Mistake(
                lambda _: ERRORS | {"margin"},
                "One too many: the share that is kept is given, and is used on the revenue as it should be.",
            ),
            Mistake(
                lambda _: ERRORS | {"discounting"},
                "One too many: the discount rate stands where the formula wants it.",
            ),
            Mistake(
                lambda _: ERRORS - {"retention cost"},
                "One is missing. Tick off the inputs of the table one by one: is each of them used?",
            ),
            Mistake(
                lambda _: ERRORS - {"arithmetic"},
                "One is missing. Work the division out with a calculator.",
            ),
            Mistake(
                lambda _: ERRORS - {"units"},
                "One is missing. Write the unit beside each number: per what time is it?",
            ),
            Mistake(
                lambda _: ERRORS - {"growth"},
                "One is missing. In which years is the margin larger than in the year before?",
            ),
        ],
        hints=[
            "First check the sum itself, with a calculator.",
            "Then write beside each number per what time it is: per month, per year, or once.",
            "Last, tick off each input of the table: where is it used, and in how many of the years?",
        ],
        solution=(
            "The division is wrong; money of a month meets rates of a year; growth comes once and not each year; "
            "and what is spent on keeping the customer is missing. The other three are as they should be."
        ),
        code='answer_5 = {"arithmetic", "units", "growth", "retention cost"}',
        choices=("acquisition cost", "arithmetic", "discounting", "growth", "margin", "retention cost", "units"),
    ),
    Exercise(
        id="02.6",
        answer=_mended,
        why="The units matter most, then growth: the largest error is not the one that a calculator finds.",
        mistakes=[
            Mistake(
                lambda _: _mended_but(arithmetic=175.0),
                "Under `arithmetic` stands the article's own figure. Work its division out again.",
            ),
            Mistake(
                lambda _: _mended_but(growth=2900.0, retention_cost=2790.0),
                "Growth is in it twice: the first year's margin has not grown yet.",
            ),
            Mistake(
                lambda _: _mended_but(retention_cost=_mended({})["growth"] - 20),
                "The cost of keeping is spent each year on everyone still there, and not once.",
            ),
            Mistake(
                lambda _: _mended_but(retention_cost=_mended({})["growth"] - 20 / 0.2),
                "The cost of keeping is spent at the start of each year, so the first one is not discounted.",
            ),
            Mistake(
                lambda _: _mended_but(retention_cost=_mended({})["growth"] - 20 * 1.1 / 0.11),
                "The cost of keeping grows in your answer. Only the margin grows.",
            ),
            Mistake(
                lambda _: {name: value + 100 for name, value in _mended({}).items()},
                "The cost of winning the customer is missing in each of the four.",
            ),
        ],
        hints=[
            "Arithmetic: `50 * 0.5 * 1.1 / (1 + 0.1 - 0.9) - 100`. Units: replace the month by the year.",
            "Growth each year: the margin starts without it, and `0.9` below the line becomes `0.9 * 1.1`.",
            "Cost of keeping: 20 now and at the start of each year, for all still there: `20 * 1.1 / (1 + 0.1 - 0.9)`.",
        ],
        solution=(
            "Divide properly; take twelve months; put growth beside retention below the line instead of above it, "
            "once; take off the yearly cost of keeping, which is first paid now, as the factor `start` says."
        ),
        code=(
            "year, gap = 12 * 50 * 0.5, 1 + 0.1 - 0.9\n"
            "answer_6 = {\n"
            '    "arithmetic": 50 * 0.5 * 1.1 / gap - 100,  # 37.50\n'
            '    "units": year * 1.1 / gap - 100,  # 1,550.00\n'
            '    "growth": year / (1 + 0.1 - 0.9 * 1.1) - 100,  # 2,627.27\n'
            '    "retention cost": year / (1 + 0.1 - 0.9 * 1.1) - 100 - 20 * 1.1 / gap,  # 2,517.27\n'
            "}"
        ),
        unit="US dollars per customer",
        tolerance=0.001,
    ),
]
