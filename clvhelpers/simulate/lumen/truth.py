"""What is true of each Lumen customer: latent rates, and expected months and value after the last day.

From then on nothing changes with time, so a customer is a Markov chain of seven states: paying for one of three
plans, gone but with one of three plans in mind, and gone for good. Powers of its matrix give what is expected over
some months, and a linear system gives what is expected for life (Kemeny & Snell 1960, Finite Markov Chains,
chapter 3). No simulation, so no noise.
"""

import numpy as np
import pandas as pd

from clvhelpers.simulate.lumen.process import (
    FORGET,
    FUTURE,
    GROSS_MARGIN,
    MONTHS,
    PLANS,
    REASONS,
    Array,
    Path,
    plan_changes,
    price,
)

HORIZONS = (12, 36)


def truth(people: pd.DataFrame, path: Path) -> pd.DataFrame:
    """One row a customer, with rates a month, USD of margin, and months paid; see `data/README.md`."""
    now = path.plan[:, MONTHS - 1]
    ahead, last = path.plan[:, MONTHS : MONTHS + FUTURE], last_plan(path)
    up, down = plan_changes(people, last)
    frame = people[["customer_id"]].assign(world="lumen")
    frame["cancel_probability"], frame["return_probability"] = (
        people["cancel_probability"],
        people["return_probability"],
    )
    frame["upgrade_probability"], frame["downgrade_probability"] = up, down
    for trait in ("viewing", "contentment", *(f"share_{reason}" for reason in REASONS)):
        frame[trait] = people[trait]
    frame["alive"], frame["may_return"] = now >= 0, path.may_return
    frame["plan_now"] = pd.Series(np.array(PLANS)[last]).where(now >= 0, None).astype("str")
    frame["leaves_within_3m"] = (now >= 0) & (path.lead[:, MONTHS - 1] < 3)
    frame = frame.assign(**expectations(people, state(now, last, path.may_return)))
    frame["realised_months_12m"] = (ahead >= 0).sum(axis=1)
    margin = np.where(ahead >= 0, GROSS_MARGIN * price(ahead, MONTHS), 0.0)
    frame["realised_value_12m"] = margin.sum(axis=1)
    floats = frame.select_dtypes("float").columns
    decimals = {name: 4 if "value" in name or "months" in name else 6 for name in floats}
    return frame.round(decimals)


def last_plan(path: Path) -> Array:
    """The plan that a customer had last, up to the last day."""
    plan = path.plan[:, :MONTHS]
    latest = MONTHS - 1 - (plan[:, ::-1] >= 0).argmax(axis=1)
    return plan[np.arange(len(plan)), latest]


def state(now: Array, last: Array, may_return: Array) -> Array:
    """The state of each customer on the last day: 0 to 2 pays, 3 to 5 may return, -1 gone for good."""
    return np.where(now >= 0, now, np.where(may_return, 3 + last, -1))


def transitions(people: pd.DataFrame) -> Array:
    """Probabilities to go from one of the six states to another in a month, one matrix a customer."""
    stay = 1 - people["cancel_probability"].to_numpy()
    back = np.minimum(people["return_probability"].to_numpy(), 1)
    matrix = np.zeros((len(people), 6, 6))
    for plan in range(3):
        up, down = plan_changes(people, plan)
        matrix[:, plan, plan] = stay * (1 - up - down)
        if plan < 2:
            matrix[:, plan, plan + 1] = stay * up
        if plan > 0:
            matrix[:, plan, plan - 1] = stay * down
        matrix[:, plan, 3 + plan] = 1 - stay
        matrix[:, 3 + plan, plan] = back
        matrix[:, 3 + plan, 3 + plan] = (1 - back) * (1 - FORGET)
    return matrix


def expectations(people: pd.DataFrame, states: Array) -> dict[str, Array]:
    """Expected months paid and margin after the last day: over 12 and 36 months, and for life."""
    matrix = transitions(people)
    pays = np.zeros((6, 2))
    pays[:3, 0], pays[:3, 1] = 1.0, GROSS_MARGIN * price(np.arange(3), MONTHS)
    ahead, answers = np.zeros((len(people), 6, 2)), {}
    for month in range(1, max(HORIZONS) + 1):
        ahead = np.einsum("ijk,ikl->ijl", matrix, pays + ahead)
        if month in HORIZONS:
            answers[f"{month}m"] = ahead
    answers["life"] = np.linalg.solve(np.eye(6) - matrix, np.einsum("ijk,kl->ijl", matrix, pays))
    rows = np.arange(len(people))
    return {
        f"expected_{what}_{horizon}": np.where(states >= 0, values[rows, np.maximum(states, 0), place], 0.0)
        for place, what in enumerate(("months", "value"))
        for horizon, values in answers.items()
    }
