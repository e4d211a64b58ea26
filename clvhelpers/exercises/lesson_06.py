"""Lesson 06, Cohorts: read a triangle, name the definition, value a cohort, hold the mix still, carry a cohort on."""

import datetime as dt
import warnings
from functools import lru_cache

import pandas as pd

from clvhelpers.cohorts import CohortTable, cohort_table, retention_at
from clvhelpers.company import open_company
from clvhelpers.errors import LeftTruncationWarning, NotEnoughDataError
from clvhelpers.exercises.base import ANY_TEXT, Exercise, Mistake, Parameters
from clvhelpers.purchases import PurchaseDays, purchase_days

PARAMETERS = {
    "company": "harbor_and_pine",
    "client": "",
    "period": "M",
    "drop_first": False,
    "age": 12,
    "gross_margin": 0.40,
    "months_back": 6,
}
LIMITS = {
    "company": ("cdnow", "lumen"),
    "client": ANY_TEXT,
    "period": ("M", "W"),
    "drop_first": (False, True),
    "age": (1, 12),
    "gross_margin": (0.01, 1),
    "months_back": (1, 12),
}
COLUMNS: dict[str, str | None] = {"customer_id": "customer_id", "date": "date", "amount": "amount"}
OLDER = {"social": (800, 60.0), "referral": (200, 150.0)}  # customers, value of one
YOUNGER = {"social": (600, 54.0), "referral": (400, 140.0)}


@lru_cache(maxsize=4)
def _days(company: str, client: str) -> PurchaseDays:
    """The purchase days of a company up to its last day, worked out once for all tables."""
    shop = open_company(company, client)
    return purchase_days(shop.transactions, shop.end, COLUMNS).kept()


@lru_cache(maxsize=64)
def _table_of(company: str, client: str, period: str, drop: bool, kind: str, months_back: int) -> CohortTable:
    days = _days(company, client)
    end: dt.date = (pd.Timestamp(days.end) - pd.DateOffset(months=months_back)).date()
    with warnings.catch_warnings(action="ignore", category=LeftTruncationWarning):  # the learner's own table tells
        return cohort_table(days, end, period, kind=kind, drop_left_truncated=drop)


def _table(p: Parameters, kind: str = "on", months_back: int = 0) -> CohortTable:
    return _table_of(p["company"], p["client"], p["period"], p["drop_first"], kind, months_back)


def _cells(p: Parameters) -> pd.DataFrame:
    """The complete cells at the lesson's age, of cohorts with customers."""
    frame, age = _table(p).frame, p["age"]
    cells = frame[frame["mature"] & (frame["age"] == age) & (frame["n0"] > 0)]
    if cells.empty:
        raise NotEnoughDataError(f"no cohort is old enough for age {age}: choose a lower age")
    return cells


def _pooled(p: Parameters) -> float:
    cells = _cells(p)
    return float(cells["n_active"].sum() / cells["n0"].sum())


def _with_unseen_as_zero(p: Parameters) -> float:
    sizes = _table(p).frame.groupby("cohort")["n0"].first()
    return float(_cells(p)["n_active"].sum() / sizes.sum())


def _of_those_before(p: Parameters) -> float:
    cells, frame = _cells(p), _table(p).frame
    before = frame[(frame["age"] == p["age"] - 1) & frame["cohort"].isin(cells["cohort"])]
    return float(cells["n_active"].sum() / before["n_active"].sum())


def _retention(p: Parameters, kind: str) -> float:
    share = retention_at(_table(p, kind), [p["age"]])[p["age"]]
    if share is None:
        raise NotEnoughDataError(f"no cohort is old enough for age {p['age']}: choose a lower age")
    return share


def _oldest(p: Parameters) -> pd.DataFrame:
    frame = _table(p).frame
    oldest = frame[(frame["cohort"] == frame["cohort"].min()) & frame["mature"]]
    if oldest["age"].max() < p["age"]:
        raise NotEnoughDataError(f"the oldest cohort has not reached age {p['age']}: choose a lower age")
    return oldest[oldest["age"] <= p["age"]]


def _value(p: Parameters, margin: float | None = None) -> float:
    oldest = _oldest(p)
    return float((margin or p["gross_margin"]) * oldest["revenue"].sum() / oldest["n0"].iloc[0])


def _value_per_active(p: Parameters) -> float:
    oldest = _oldest(p)
    return float(p["gross_margin"] * oldest["revenue"].sum() / oldest["n_active"].iloc[-1])


def _value_of_last_age(p: Parameters) -> float:
    oldest = _oldest(p)
    return float(p["gross_margin"] * oldest["revenue"].iloc[-1] / oldest["n0"].iloc[0])


def _average(mix: dict[str, tuple[int, float]], values: dict[str, tuple[int, float]]) -> float:
    customers = sum(number for number, _ in mix.values())
    return sum(mix[channel][0] / customers * values[channel][1] for channel in mix)


def _triangle(p: Parameters) -> pd.DataFrame:
    """Cumulative revenue as it was known some months ago."""
    triangle = _table(p, months_back=p["months_back"]).triangle("revenue").cumsum(axis=1)
    if 1 not in triangle or triangle[1].isna().all():
        raise NotEnoughDataError("no cohort had reached age 1 by then: hold back fewer months")
    return triangle


def _factor(p: Parameters) -> float:
    triangle = _triangle(p)
    both = triangle[triangle[1].notna()]
    return float(both[1].sum() / both[0].sum())


def _factor_with_the_youngest(p: Parameters) -> float:
    triangle = _triangle(p)
    return float(triangle[1].sum() / triangle[0].sum())


EXERCISES = [
    Exercise(
        id="06.1",
        answer=_pooled,
        why="Above and below the line stand the same cohorts: those seen at this age, each customer once.",
        mistakes=[
            Mistake(
                _with_unseen_as_zero,
                "Below the line you have customers of young cohorts, not seen at that age yet: they count as lost.",
            ),
            Mistake(
                lambda p: float(_cells(p)["retention"].mean()),
                "This is the mean of the cohorts' shares, so a small cohort weighs as much as a large one.",
            ),
            Mistake(
                _of_those_before,
                "You divided by those who bought one age earlier. Retention is a share of the whole cohort.",
            ),
        ],
        hints=[
            "Which cohorts may stand below the line? Only those whose cell at this age is complete.",
            "Take the rows of `table.frame` with `mature` true and this `age`; call them `cells`.",
            "Sum `n_active` over `cells` and divide by the sum of `n0` over the same rows.",
        ],
        solution="Among the complete cells at this age, customers who bought divided by customers of these cohorts.",
        code=(
            'cells = table.frame[table.frame["mature"] & (table.frame["age"] == age)]\n'
            'answer_1 = cells["n_active"].sum() / cells["n0"].sum()'
        ),
        unit="a fraction of the customers",
    ),
    Exercise(
        id="06.2",
        answer=lambda p: _retention(p, "cumulative"),
        why="Once somebody has come back, they have come back: this share can only rise with age.",
        mistakes=[
            Mistake(
                lambda p: _retention(p, "on"),
                "This is the share that bought in that one period. The sentence counts every return up to it.",
            ),
            Mistake(
                lambda p: _retention(p, "on_or_after"),
                "This looks ahead: who bought in that period or later. The sentence looks back.",
            ),
            Mistake(
                lambda p: 1 - _retention(p, "cumulative"),
                "This is the share that has not come back yet.",
            ),
        ],
        hints=[
            "Three kinds: `on`, `on_or_after` and `cumulative`. Which of them fits 'have come back by'?",
            'Make the table with `kind="cumulative"`, the other arguments as before.',
            "`clv.retention_at(that_table, [age])[age]` is the pooled share.",
        ],
        solution="The table of kind `cumulative` counts who has come back by an age; read it at `age`.",
        code=(
            'back = clv.cohort_table(orders, end, kind="cumulative", **how)\n'
            "answer_2 = clv.retention_at(back, [age])[age]"
        ),
        unit="a fraction of the customers",
    ),
    Exercise(
        id="06.3",
        answer=_value,
        why="Everybody who was ever won stands below the line, as everybody was paid for.",
        mistakes=[
            Mistake(
                lambda p: _value(p, 1.0),
                "This is revenue. Keep only the share that is left after the cost of goods.",
            ),
            Mistake(
                _value_per_active,
                "You divided by those who are still buying. Those who left were won and paid for too.",
            ),
            Mistake(
                _value_of_last_age,
                "This is what came in at that one age. CLV adds up all ages from the first purchase on.",
            ),
        ],
        hints=[
            "Three parts: money of all ages up to this one, the share that is kept, and the size of the cohort.",
            "Take the rows of the smallest `cohort`, and sum `revenue` where `age` is at most the lesson's `age`.",
            "Multiply by `gross_margin` and divide by `n0`, which is the same in each row.",
        ],
        solution="Revenue of the cohort from age 0 to `age`, times the margin, divided by everybody in the cohort.",
        code=(
            'oldest = table.frame[table.frame["cohort"] == table.frame["cohort"].min()]\n'
            'brought = oldest.loc[oldest["age"] <= age, "revenue"].sum()\n'
            'answer_3 = gross_margin * brought / oldest["n0"].iloc[0]'
        ),
        unit="money per customer acquired",
    ),
    Exercise(
        id="06.4",
        answer=_factor,
        why="Growth is measured on cohorts that have seen both ages, and large cohorts count for more.",
        mistakes=[
            Mistake(
                _factor_with_the_youngest,
                "The cohorts that have not seen the later age are below the line and can't be above it.",
            ),
            Mistake(
                lambda p: float((_triangle(p)[1] / _triangle(p)[0]).mean()),
                "This is the mean of each cohort's growth. The chain ladder weighs cohorts by their money.",
            ),
            Mistake(
                lambda p: _factor(p) - 1,
                "This is what is added. The factor is the later number divided by the earlier one.",
            ),
        ],
        hints=[
            "Which rows of `triangle` have numbers in both columns?",
            "`both` are the rows of `triangle` in which column 1 is not missing.",
            "Divide the sum of column 1 by the sum of column 0, over `both`.",
        ],
        solution="Over the cohorts seen at both ages, cumulative revenue at age 1 divided by that at age 0.",
        code=("both = triangle[triangle[1].notna()]\nanswer_4 = both[1].sum() / both[0].sum()"),
        tolerance=0.0005,
    ),
    Exercise(
        id="06.5",
        answer=lambda _: _average(OLDER, YOUNGER),
        why="With the mix held still the fall shows: both channels got worse, and the better one grew.",
        mistakes=[
            Mistake(
                lambda _: _average(YOUNGER, YOUNGER),
                "This is the average as it was, with the new mix. Hold the shares of the older year still.",
            ),
            Mistake(
                lambda _: _average(YOUNGER, OLDER),
                "You have the old values with the new mix. It is asked for the other way round.",
            ),
            Mistake(
                lambda _: sum(value for _, value in YOUNGER.values()) / len(YOUNGER),
                "This gives both channels the same weight. In the older year they were not equally large.",
            ),
        ],
        hints=[
            "Whose values, and whose shares? The values are those of the younger year.",
            "In the older year four of five customers came from social.",
            "Weigh each new value with the old share, and add.",
        ],
        solution="The new value of each channel, weighted with its share of the older year's customers.",
        code="answer_5 = 0.8 * 54 + 0.2 * 140",
        unit="US dollars per customer",
    ),
]
