"""Lesson 09, Churn and survival: a curve by hand, a future kept out, an offer that pays, and silence read by rhythm."""

from functools import cache
from typing import Any

import pandas as pd

from clvhelpers.churn import (
    ChurnSet,
    ScoreCheck,
    churn_set,
    customer_spells,
    fit_churn_score,
    hazard_table,
    judge_silence,
    kaplan_meier,
    plan_spells,
    saving_plan,
)
from clvhelpers.company import Company, open_company
from clvhelpers.customers import customer_summary
from clvhelpers.datasets import load_lumen
from clvhelpers.exercises.base import ANY_TEXT, Exercise, Mistake, Parameters
from clvhelpers.formulas import convert_rate, retention_value
from clvhelpers.models import BetaGeoModel

PARAMETERS = {
    "company": "harbor_and_pine",
    "client": "",
    "plan": "Basic",
    "cut": "2025-09-30",
    "horizon_months": 3,
    "offer_cost": 4.0,
    "success_rate": 0.35,
    "rule_days": 90,
}
LIMITS = {
    "company": ("cdnow", "lumen"),
    "client": ANY_TEXT,
    "plan": ("Basic", "Standard"),
    "cut": ("2024-06-30", "2025-09-30"),
    "horizon_months": (1, 3),
    "offer_cost": (0.1, 10_000),
    "success_rate": (0.01, 1),
    "rule_days": (1, 720),
}
KNOWN = {"hours before the cut", "last answer before the cut", "plan at the cut"}
CHOICES = (
    *sorted(KNOWN),
    "contacts in the month of leaving",
    "mean hours of the whole file",
    "reason for leaving",
)


@cache
def _first_months(plan: str) -> pd.DataFrame:
    """The first three ages at which somebody on the plan left."""
    stays = customer_spells(load_lumen("spells"), open_company("lumen").end)
    curve = kaplan_meier(stays, by="plan").curve(plan)
    return curve[curve["events"] > 0].head(3)


def _still_there(p: Parameters) -> float:
    first = _first_months(p["plan"])
    return float((1 - first["events"] / first["at_risk"]).to_numpy().prod())


def _share_of_first(p: Parameters) -> float:
    first = _first_months(p["plan"])
    return float(first["events"].sum() / first["at_risk"].iloc[0])


def _last_factor(p: Parameters) -> float:
    last = _first_months(p["plan"]).iloc[-1]
    return float(1 - last["events"] / last["at_risk"])


@cache
def _later(cut: str, horizon_months: int) -> tuple[ChurnSet, ScoreCheck]:
    """The customers of the cut, and the score that learned from those of a horizon earlier."""
    learn = (pd.Timestamp(cut) - pd.offsets.MonthEnd(horizon_months)).date()
    spells, end = load_lumen("spells"), open_company("lumen").end
    tables = {name: load_lumen(name) for name in ("usage", "satisfaction", "payments")}
    traits = load_lumen("customers").drop(columns=["plan", "referred_by", "signup_date"])
    told: dict[str, Any] = {"tables": tables, "attributes": traits, "end": end, "seasonal": ["hours", "days_active"]}
    training, later = (churn_set(spells, day, horizon_months, **told) for day in (learn, cut))
    return later, fit_churn_score(training, "boosting").check(later)


@cache
def _value(cut: str, horizon_months: int) -> pd.Series:
    """What each customer of the cut is worth over the next twelve months, at the churn of the plan up to then."""
    customers = _later(cut, horizon_months)[0].frame
    margin: Any = open_company("lumen").gross_margin
    churn = hazard_table(plan_spells(load_lumen("spells"), cut), by="plan").frame.set_index("group")["hazard"]
    stays = 1 - customers["plan"].map(churn).astype(float)
    monthly = convert_rate(0.10, "Y", "M")
    return retention_value(customers["amount_last"] * margin, stays, monthly, timing="start", periods=12)


def _worth(p: Parameters) -> float:
    """The mean value of a customer of the plan."""
    value = _value(p["cut"], p["horizon_months"])
    return float(value[_later(p["cut"], p["horizon_months"])[0].frame["plan"] == p["plan"]].mean())


def _break_even(p: Parameters) -> float:
    return p["offer_cost"] / (p["success_rate"] * _worth(p))


def _offers(p: Parameters) -> pd.DataFrame:
    """The saving plan of the cut with who left beside it."""
    later, check = _later(p["cut"], p["horizon_months"])
    value = _value(p["cut"], p["horizon_months"])
    plan = saving_plan(check.probability, value, p["offer_cost"], p["success_rate"])
    return plan.frame.assign(left=later.frame["left"])


def _profit(p: Parameters, success: float | None = None, paid: str = "act") -> float:
    """What the offers brought, given who left; `success` and `paid` are for mistakes."""
    rows = _offers(p)
    kept = rows["value"][rows["act"] & rows["left"]].sum() * (p["success_rate"] if success is None else success)
    given = rows["act"] if paid == "act" else rows["act"] & rows["left"]
    return float(kept - p["offer_cost"] * given.sum())


def _of_all_leavers(p: Parameters) -> float:
    rows = _offers(p)
    return float(p["success_rate"] * rows["value"][rows["left"]].sum() - p["offer_cost"] * rows["act"].sum())


def _shop(p: Parameters) -> Company:
    """The company whose silence is read: one whose customers give no notice."""
    shop = open_company(p["company"], p["client"])
    return open_company("harbor_and_pine") if shop.kind == "contractual" else shop


@cache
def _silence(company: str, client: str, rule_days: float) -> pd.DataFrame:
    shop = _shop({"company": company, "client": client})
    summary = customer_summary(shop.transactions, end=shop.end)
    return judge_silence(BetaGeoModel("W").fit(summary), summary, rule_days=rule_days).frame


def _wrongly_late(p: Parameters, fewest: int = 1, above: float = 0.5) -> int:
    """Customers called gone by the rule of whom the model thinks that they are there."""
    rows = _silence(p["company"], p["client"], p["rule_days"])
    late = rows[(rows["frequency"] >= fewest) & rows["gone_by_rule"]]
    return int((late["probability_alive"] > above).sum())


EXERCISES = [
    Exercise(
        id="09.1",
        answer=_still_there,
        why="Each month asks only those who were still watched in it, so nobody's story has to be over.",
        mistakes=[
            Mistake(
                lambda p: 1 - _share_of_first(p),
                "You divided all leavers by those of the first month. Many of them came too late to be seen for so "
                "long, and count here as if they had stayed.",
            ),
            Mistake(_share_of_first, "This is a share of leavers, and of those at the start. Who is still there?"),
            Mistake(lambda p: 1 - _still_there(p), "This is the share that has left. The question is who stays."),
            Mistake(_last_factor, "This is the last month alone. To be there, a customer must survive all three."),
        ],
        hints=[
            "In each row, what share of those at risk did *not* leave?",
            'That is `1 - first["events"] / first["at_risk"]`, three numbers.',
            "Who stays three months stays the first, and then the second, and then the third: multiply.",
        ],
        solution="The share that survives each month, multiplied over the three.",
        code='answer_1 = (1 - first["events"] / first["at_risk"]).prod()',
        unit="a fraction of the customers",
    ),
    Exercise(
        id="09.2",
        answer=lambda p: KNOWN,
        why="All three were written down by the evening of the cut. The others need a look into the future.",
        mistakes=[
            Mistake(
                lambda p: KNOWN | {"mean hours of the whole file"},
                "One too many. A mean over the whole file has the months after the cut in it.",
            ),
            Mistake(
                lambda p: KNOWN | {"contacts in the month of leaving"},
                "One too many. On the day of the cut, who knows which month that will be?",
            ),
            Mistake(
                lambda p: KNOWN | {"reason for leaving"},
                "One too many. Only those who have left give a reason.",
            ),
            Mistake(
                lambda p: KNOWN - {"last answer before the cut"},
                "One is missing. An answer that was given before the cut is known on the cut.",
            ),
            Mistake(
                lambda p: {"hours before the cut"},
                "Behaviour is not all that is known on that day.",
            ),
        ],
        hints=[
            "Sit down on the evening of the cut. Which of the six can you look up?",
            "Three of them hold something that happens later, two of them by name and one in its average.",
        ],
        solution="Keep what was known on the day of the cut, whatever it is; leave out what needs a later day.",
        code='answer_2 = {"hours before the cut", "last answer before the cut", "plan at the cut"}',
        choices=CHOICES,
    ),
    Exercise(
        id="09.3",
        answer=_break_even,
        why="Below this risk the offer goes too often to customers who would have stayed.",
        mistakes=[
            Mistake(
                lambda p: p["offer_cost"] / _worth(p),
                "As if every offer kept its customer. It keeps only some of those who would leave.",
            ),
            Mistake(
                lambda p: 1 / _break_even(p),
                "It is upside down: what is kept for each dollar spent, and not a probability.",
            ),
            Mistake(
                lambda p: p["offer_cost"] * p["success_rate"] / _worth(p),
                "An offer that keeps more customers would have to find riskier ones. Should it?",
            ),
            Mistake(
                lambda p: _break_even(p) * _worth(p),
                "Where is the value of the customer?",
            ),
        ],
        hints=[
            "Set what the offer is expected to keep equal to what it costs.",
            "It keeps something only if the customer would leave *and* it works: two probabilities, and a value.",
            "Solve `p * success_rate * worth[plan] = offer_cost` for `p`.",
        ],
        solution="The cost, divided by what is kept when a customer who would leave gets the offer.",
        code="answer_3 = offer_cost / (success_rate * worth[plan])",
        unit="a probability",
    ),
    Exercise(
        id="09.4",
        answer=_profit,
        why="Every offer is paid for, and only those who would have left can be kept.",
        mistakes=[
            Mistake(
                lambda p: float(_offers(p).query("act")["expected_profit"].sum()),
                "This is what was expected on the cut. By now it is known who left.",
            ),
            Mistake(
                lambda p: _profit(p, success=1.0),
                "Every leaver is kept here. The offer keeps only some of them.",
            ),
            Mistake(
                lambda p: _profit(p, paid="leavers"),
                "You paid for the leavers alone. Those who would have stayed took the offer too.",
            ),
            Mistake(
                _of_all_leavers,
                "You counted the value of all who left. Only those who got the offer can be kept by it.",
            ),
            Mistake(
                lambda p: _profit(p) + p["offer_cost"] * float(_offers(p)["act"].sum()),
                "This is the value kept. The offers have to be paid for.",
            ),
        ],
        hints=[
            'Two columns choose the rows: `offers["act"]` got the offer, `offers["left"]` would have left.',
            "Add up the value of those who are both, and take the share that the offer keeps.",
            'Then take off `offer_cost` for each of the `offers["act"].sum()` offers.',
        ],
        solution="The value of leavers who got the offer, times the share kept, less the cost of all offers.",
        code=(
            'reached = offers["act"] & offers["left"]\n'
            'kept = success_rate * offers["value"][reached].sum()\n'
            'answer_4 = kept - offer_cost * offers["act"].sum()'
        ),
        unit="US dollars",
    ),
    Exercise(
        id="09.5",
        answer=_wrongly_late,
        why="For their rhythm they are not late yet, and the rule would write them off.",
        mistakes=[
            Mistake(
                lambda p: _wrongly_late(p, fewest=0),
                "Those who bought once are among them. Of them the model says 1 by assumption and not by evidence.",
            ),
            Mistake(
                lambda p: _wrongly_late(p, above=-1.0),
                "These are all whom the rule calls gone. What does the model say of each?",
            ),
            Mistake(
                lambda p: _wrongly_late(p, above=-1.0) - _wrongly_late(p),
                "These are the ones on whom the model and the rule agree.",
            ),
        ],
        hints=[
            "Three conditions: a repeat purchase, gone by the rule, and more likely there than gone.",
            "The columns are `frequency`, `gone_by_rule` and `probability_alive`; the frame is `silence.frame`.",
            "More likely there than gone means a probability above one half. Count the rows.",
        ],
        solution="Keep the customers with a repeat purchase, and count those for whom both conditions hold.",
        code=(
            'late = silence.frame[silence.frame["frequency"] > 0]\n'
            'answer_5 = (late["gone_by_rule"] & (late["probability_alive"] > 0.5)).sum()'
        ),
        unit="customers",
        tolerance=0.001,
    ),
]
