"""Lumen's customers, spells and payments, as an analyst sees them, from what happened on the grid."""

import numpy as np
import pandas as pd

from clvhelpers.simulate.lumen.process import (
    AGES,
    CHANNELS,
    MONTHS,
    PLANS,
    REASONS,
    REFERRAL_REWARD,
    Path,
    dates,
    price,
)


def customers(people: pd.DataFrame, marketing: pd.DataFrame) -> pd.DataFrame:
    """One row a customer; who was referred cost the reward, anybody else the mean cost of the month and channel."""
    cost = (marketing["spend"] / marketing["new_customers"]).round(2).to_numpy().reshape(MONTHS, len(CHANNELS))
    referrer, ids = people["referrer"].to_numpy(), people["customer_id"].to_numpy()
    return pd.DataFrame(
        {
            "customer_id": ids,
            "signup_date": dates(people["month"].to_numpy(), people["day"].to_numpy()),
            "channel": np.array(CHANNELS)[people["channel"]],
            "plan": np.array(PLANS)[people["plan"]],
            "country": people["country"].to_numpy(),
            "age_group": np.array(AGES)[people["age"]],
            "household_size": people["household"].to_numpy(),
            "viewing_attitude": people["viewing_attitude"].to_numpy(),
            "price_attitude": people["price_attitude"].to_numpy(),
            "referred_by": pd.Series(ids[referrer]).where(referrer >= 0, None),
            "acquisition_cost": np.where(referrer >= 0, REFERRAL_REWARD, cost[people["month"], people["channel"]]),
        }
    ).astype({"channel": "str", "plan": "str", "country": "str", "age_group": "str", "referred_by": "str"})


def spells(people: pd.DataFrame, path: Path) -> pd.DataFrame:
    """One row for each time that a customer had one plan without a break; `end_date` is its last day."""
    plan = path.plan[:, :MONTHS]
    before = np.column_stack([np.full(len(plan), -1), plan[:, :-1]])
    after = np.column_stack([plan[:, 1:], plan[:, -1]])  # what runs on the last day runs on
    who, first = np.nonzero((plan >= 0) & (plan != before))
    _, last = np.nonzero((plan >= 0) & ((plan != after) | (np.arange(MONTHS) == MONTHS - 1)))
    had, then, day = plan[who, first], after[who, last], people["day"].to_numpy()[who]
    over = (last < MONTHS - 1) & (then != had)
    ended = np.where(over, last + 1, 0)
    why = np.array(REASONS)[path.reason[who, ended]]
    reason = np.where(then < 0, why, np.where(then > had, "upgrade", "downgrade"))
    end = dates(ended, day) - pd.Timedelta(days=1)
    frame = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[who],
            "plan": np.array(PLANS)[had],
            "price": price(had, first),
            "start_date": dates(first, day),
            "end_date": pd.Series(end).where(over),
            "end_reason": pd.Series(reason).where(over, None),
        }
    ).astype({"plan": "str", "end_reason": "str"})
    frame.insert(1, "spell", frame.groupby("customer_id").cumcount() + 1)
    return frame


def payments(people: pd.DataFrame, path: Path) -> pd.DataFrame:
    """One row for each month paid, by date: the price of the plan at that time."""
    who, month = np.nonzero(path.plan[:, :MONTHS] >= 0)
    frame = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[who],
            "date": dates(month, people["day"].to_numpy()[who]),
            "amount": price(path.plan[who, month], month),
        }
    )
    return frame.sort_values(["date", "customer_id"], kind="stable", ignore_index=True)
