"""Whom to save: an offer is made where what it is expected to keep is worth more than it costs.

For a customer who leaves with probability p, and is worth v if kept, an offer that costs c and keeps the share s
of those who would leave brings p s v - c on average. So it is worth making from p = c / (s v) on: a high risk
alone is no reason, and neither is a high value.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.errors import DataContractError, NotEnoughDataError
from clvhelpers.formulas.inputs import Inputs
from clvhelpers.text import count, money, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

GROUPS = ("save", "at risk, not worth it", "worth it, not at risk", "leave alone")
POLICIES = ("nobody", "everybody", "riskiest first", "score", "truth")


@dataclass(frozen=True, eq=False)
class SavingPlan:
    """Who is at risk and worth saving.

    `frame` has one row a customer: `probability` of leaving, `value` at stake, `break_even` (the probability from
    which the offer pays; missing where it never does), `expected_profit` of making the offer, `act` and `group`.
    The groups: "save" (the offer pays); of the others "at risk, not worth it" and "worth it, not at risk" say
    whether the probability is above the mean or the value is; the rest is "leave alone".
    """

    frame: pd.DataFrame = field(repr=False)
    offer_cost: float
    success_rate: float
    currency: str

    @property
    def expected_profit(self) -> float:
        """What acting on those for whom it pays is expected to bring, after the cost."""
        return float(self.frame.loc[self.frame["act"], "expected_profit"].sum())

    def groups(self) -> pd.DataFrame:
        """The groups: `group, customers, probability, value` (means) and `expected_profit` (all of a group)."""
        rows = self.frame.groupby("group")
        found = rows[["probability", "value"]].mean().reindex(list(GROUPS))
        found.insert(0, "customers", rows.size().reindex(list(GROUPS), fill_value=0))
        found["expected_profit"] = rows["expected_profit"].sum().reindex(list(GROUPS), fill_value=0.0)
        return found.reset_index()

    def sentence(self) -> str:
        """How many offers, and what they are expected to bring, in words."""
        acted = self.frame[self.frame["act"]]
        terms = f"at {money(self.offer_cost, self.currency)} an offer that keeps {percent(self.success_rate, 0)}"
        if acted.empty:
            return f"For none of {count(len(self.frame), 'customer')} does the offer pay, {terms}."
        return (
            f"The offer pays for {count(len(acted), 'customer')} of {len(self.frame):,}, {terms} of those who would "
            f"leave: {money(self.expected_profit, self.currency)} expected after its cost."
        )

    def plot(self) -> "Picture":
        """Every customer by risk and value, with the line from which the offer pays."""
        from clvhelpers.plots.churn import risk_and_value

        return risk_and_value(self)


@dataclass(frozen=True, eq=False)
class ProfitCurve:
    """What acting on a score would have brought, now that it is known who left.

    `frame` has one row a policy: `policy`, `customers` (offers made), `leavers` (of them would have left),
    `cost`, `kept_value` and `profit`. "riskiest first" makes as many offers as "score", by probability alone;
    "truth" knows who leaves. `curve` is the profit by number of offers, best expected profit first: `offers,
    profit`. Profit counts the share `success_rate` of the value of each leaver who got an offer.
    """

    frame: pd.DataFrame = field(repr=False)
    curve: pd.DataFrame = field(repr=False)
    currency: str

    def profit(self, policy: str) -> float:
        """The profit of one policy."""
        return float(self._of(policy, "profit"))

    def _of(self, policy: str, column: str) -> Any:
        return self.frame.set_index("policy")[column][policy]

    def sentence(self) -> str:
        """The score against everybody, nobody and the truth, in words."""
        score, everybody, truth = (money(self.profit(name), self.currency) for name in ("score", "everybody", "truth"))
        offers = int(self._of("score", "customers"))
        share = self.profit("score") / self.profit("truth") if self.profit("truth") > 0 else np.nan
        known = "" if np.isnan(share) else f", of which the score gets {percent(share, 0)}"
        return (
            f"Acting on the score ({count(offers, 'offer')}) would have brought {score}, an offer to everybody "
            f"{everybody}, to nobody {money(0, self.currency)}. Who knew who leaves would have made {truth}{known}."
        )

    def plot(self) -> "Picture":
        """Profit by number of offers."""
        from clvhelpers.plots.churn import profit_by_offers

        return profit_by_offers(self)


def saving_plan(
    probability: pd.Series, value: pd.Series, offer_cost: float, success_rate: float, currency: str = "USD"
) -> SavingPlan:
    """Choose whom to make an offer, by expected profit.

    `probability` of leaving and `value` at stake (money lost if the customer leaves, in money of today) have one
    number a customer and the same index. `offer_cost` is paid for each customer who gets the offer, also for
    those who would have stayed; `success_rate` is the share of would-be leavers that it keeps (measure it in a
    test with a group that gets no offer: lesson 12).

    Raises `FormulaError` for numbers that can't be and `NotEnoughDataError` without a customer.

    >>> risk, value = pd.Series([0.5, 0.5, 0.02], ["a", "b", "c"]), pd.Series([200.0, 10.0, 200.0], ["a", "b", "c"])
    >>> plan = saving_plan(risk, value, offer_cost=10, success_rate=0.3)
    >>> plan.frame["group"].tolist(), plan.expected_profit
    (['save', 'at risk, not worth it', 'worth it, not at risk'], 20.0)
    """
    if not len(probability):
        raise NotEnoughDataError("there is no customer to save: give a probability and a value for each")
    given = Inputs(probability=probability, value=value, offer_cost=offer_cost, success_rate=success_rate)
    given.fraction("probability", "nothing is less likely than never", "nothing is more likely than always")
    given.fraction("success_rate", "an offer can't keep fewer than none", "it can't keep more than all who would leave")
    given.not_negative("offer_cost", "value")
    given.settle()
    p, v = given["probability"], given["value"]
    at_stake = given["success_rate"] * v
    profit = p * at_stake - given["offer_cost"]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        break_even = given["offer_cost"] / at_stake
    frame = pd.DataFrame(
        {
            "probability": p,
            "value": v,
            "break_even": np.where(break_even <= 1, break_even, np.nan),
            "expected_profit": profit,
            "act": profit > 0,
            "group": np.select([profit > 0, p > p.mean(), v > v.mean()], GROUPS[:3], GROUPS[3]),
        },
        index=probability.index,
    )
    return SavingPlan(frame, float(offer_cost), float(success_rate), currency)


def profit_curve(plan: SavingPlan, left: pd.Series) -> ProfitCurve:
    """What the plan would have brought, given who `left` (True or False by customer), beside other policies.

    The customers and their values are those of the plan; `left` must have the same index.

    >>> risk, value = pd.Series([0.6, 0.5, 0.1]), pd.Series([100.0, 100.0, 100.0])
    >>> plan = saving_plan(risk, value, offer_cost=20, success_rate=0.5)
    >>> profit_curve(plan, pd.Series([True, False, False])).frame.set_index("policy")["profit"].to_dict()
    {'nobody': 0.0, 'everybody': -10.0, 'riskiest first': 10.0, 'score': 10.0, 'truth': 30.0}
    """
    frame = plan.frame
    if not left.index.equals(frame.index):
        raise DataContractError("left must have one value for each customer of the plan, in the same order (.reindex)")
    if left.isna().any():
        raise DataContractError(f"who left is missing for {count(int(left.isna().sum()), 'customer')}")
    gone = left.to_numpy(dtype=bool)
    kept = np.where(gone, plan.success_rate * frame["value"], 0.0)
    profit = kept - plan.offer_cost
    offers = int(frame["act"].sum())
    by_risk = frame["probability"].rank(ascending=False, method="first") <= offers
    chosen = dict(
        zip(POLICIES, (gone & False, gone | True, by_risk.to_numpy(), frame["act"].to_numpy(), profit > 0), strict=True)
    )
    rows = [
        {
            "policy": name,
            "customers": int(who.sum()),
            "leavers": int((who & gone).sum()),
            "cost": float(plan.offer_cost * who.sum()),
            "kept_value": float(kept[who].sum()),
            "profit": float(profit[who].sum()),
        }
        for name, who in chosen.items()
    ]
    best_first = frame["expected_profit"].to_numpy().argsort(kind="stable")[::-1]
    curve = pd.DataFrame({"offers": np.arange(len(frame) + 1), "profit": np.append(0.0, profit[best_first].cumsum())})
    return ProfitCurve(pd.DataFrame(rows), curve, plan.currency)
