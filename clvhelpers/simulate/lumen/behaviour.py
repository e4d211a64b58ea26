"""What Lumen's customers do while they are there: hours watched, contacts, failed payments, satisfaction scores.

Somebody who is about to leave watches less in the last three months (not when they leave because their life
changes), writes to support more often when dissatisfied, and has more failed payments when inactive or moving.
Anybody may have a dull month too, so a fall is a sign and no proof.
"""

import numpy as np
import pandas as pd

from clvhelpers.simulate.lumen.process import MONTHS, REASONS, RISE_MONTH, Array, Path, dates

NO_END = len(REASONS)  # the row for those who are not about to leave
FADE = np.array([[0.45, 0.65, 0.85], [0.55, 0.75, 0.90], [1.0, 1.0, 1.0], [0.20, 0.40, 0.65], [1.0, 1.0, 1.0]])
CONTACTS = np.array([[3.0, 2.5, 1.6], [1.3, 1.2, 1.0], [1.2, 1.0, 1.0], [0.8, 1.0, 1.0], [1.0, 1.0, 1.0]])
FAILURES = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [3.0, 1.5, 1.0], [3.0, 2.0, 1.5], [1.0, 1.0, 1.0]])
DULL_MONTH, DULL = 0.06, 0.45
SURVEY_MONTHS, SURVEYED = (4, 10), 0.35  # May and November, counted from 0


def usage(rng: np.random.Generator, people: pd.DataFrame, path: Path) -> pd.DataFrame:
    """One row for each calendar month in which a customer had service, if only for some days of it."""
    days = _days_covered(people, path)
    who, month = np.nonzero(days > 0)
    days, kind, lead = days[who, month], *_ending(path, who, month)
    length = dates(month, np.ones(len(month), int)).days_in_month.to_numpy()
    hours = _hours(rng, people, who, month) * days / length * FADE[kind, lead]
    hours = np.round(hours * rng.gamma(4.0, 0.25, len(who)), 1)
    active = rng.binomial(days, -np.expm1(-hours / (1.6 * days)))
    contentment = people["contentment"].to_numpy()[who]
    contacts = 0.10 * np.exp(-0.45 * contentment) * CONTACTS[kind, lead] * days / length
    frame = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[who],
            "month": dates(month, np.ones(len(month), int)),
            "hours": hours,
            "days_active": np.where(hours > 0, np.maximum(active, 1), 0),
            "support_contacts": rng.poisson(contacts),
            "payment_failures": rng.poisson(0.02 * FAILURES[kind, lead]),
        }
    )
    return frame.astype(dict.fromkeys(["days_active", "support_contacts", "payment_failures"], "int16"))


def satisfaction(rng: np.random.Generator, people: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Scores from 0 to 10 of a sample of the customers, twice a year; lower before a dissatisfied one leaves."""
    asked = np.isin(np.arange(MONTHS) % 12, SURVEY_MONTHS)
    who, month = np.nonzero((path.plan[:, :MONTHS] >= 0) & asked & (rng.random((len(people), MONTHS)) < SURVEYED))
    kind, lead = _ending(path, who, month)
    mood = 7.3 + 1.5 * people["contentment"].to_numpy()[who] + 0.4 * people["viewing"].to_numpy()[who]
    mood -= np.where((kind == 0) & (FADE[kind, lead] < 1), 1.8, 0.0) + 0.5 * (np.abs(month - RISE_MONTH - 2) <= 3)
    frame = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[who],
            "date": dates(month, rng.integers(5, 26, len(who))),
            "score": np.clip(np.round(mood + rng.normal(0, 1.3, len(who))), 0, 10).astype("int16"),
        }
    )
    day_of_payment = dates(month, people["day"].to_numpy()[who])
    frame["date"] = frame["date"].where(frame["date"] >= day_of_payment, day_of_payment)
    return frame.sort_values(["date", "customer_id"], kind="stable", ignore_index=True)


def _days_covered(people: pd.DataFrame, path: Path) -> Array:
    """Days of each calendar month with service: up to the day of payment by the last payment, then by this one."""
    paid = path.plan[:, :MONTHS] >= 0
    before = np.column_stack([np.zeros(len(paid), dtype=bool), paid[:, :-1]])
    length = dates(np.arange(MONTHS), np.ones(MONTHS, int)).days_in_month.to_numpy()
    start = people["day"].to_numpy()[:, None]
    return before * (start - 1) + paid * (length - start + 1)


def _ending(path: Path, who: Array, month: Array) -> tuple[Array, Array]:
    """Why each customer will leave (NO_END: not within three payments) and how many payments are still to come."""
    lead = np.maximum(path.lead[who, month], 0)  # service of an earlier payment only: the last days
    soon = lead < 3
    return np.where(soon, path.reason[who, month], NO_END), np.where(soon, lead, 0)


def _hours(rng: np.random.Generator, people: pd.DataFrame, who: Array, month: Array) -> Array:
    """Hours that a customer would watch in a full month, before noise."""
    household = people["household"].to_numpy()[who]
    level = 2.55 + 0.55 * people["viewing"].to_numpy() + 0.25 * rng.standard_normal(len(people))
    season = 1 + 0.15 * np.cos(2 * np.pi * (month % 12) / 12)
    dull = np.where(rng.random(len(who)) < DULL_MONTH, DULL, 1.0)
    return np.exp(level[who] + 0.10 * (household - 2)) * season * dull
