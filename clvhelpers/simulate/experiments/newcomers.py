"""Two offers to new subscribers: what happens after the window differs, and with it what the effect is worth.

Newcomers of a country pay by the month from the day on which they sign up, which is the day of exposure. Each leaves at
each renewal with a personal probability, beta distributed: the shifted beta-geometric (Fader & Hardie 2007, Journal
of Interactive Marketing 21(1)), so the true effects have closed forms. Plan and channel have nothing to do with it.
"""

import numpy as np
import pandas as pd
from scipy.special import betaincinv, betaln, ndtr

from clvhelpers.datasets import Experiment
from clvhelpers.formulas import convert_rate
from clvhelpers.simulate.experiments.units import Array, chance, days, ids, split

UNITS = 12_000
FIRST_DAY, LAST_DAY, END = "2025-04-01", "2025-06-30", pd.Timestamp("2025-12-31")
WINDOW, HORIZON = 6, 36  # renewals that everybody is seen for, and payments with the first one
A, B = 0.7, 2.2
FIRST_CUT = 0.20  # of the hazard at the first renewal
B_LOCKED = 2.8
PLANS, SHARES = ("Basic", "Standard", "Premium"), (0.45, 0.37, 0.18)
PRICES = {"Basic": 8.99, "Standard": 13.49, "Premium": 18.99}
MARGIN, DISCOUNT = 0.60, 0.10  # of revenue; a year
OFFER_COST, LOCK_COST = 2.00, 4.00  # US dollars for each customer who was treated


def first_renewal(seed: int = 64) -> Experiment:
    """An offer that keeps a fifth of those who would have left at the first renewal; then nothing differs.

    Whom it keeps is from then on like the others who renewed.

    >>> shown = first_renewal()
    >>> len(shown.frame), round(shown.truth["rate_difference_1"], 4)
    (12000, 0.0483)
    """
    rng = np.random.default_rng(seed)
    people, treated, leaning = _people(rng, "AU")
    probability = betaincinv(A, B, ndtr(leaning))
    stay = rng.geometric(np.maximum(probability, 1e-9))
    kept = treated & (stay == 1) & (rng.random(UNITS) < FIRST_CUT)
    stay[kept] = 1 + rng.geometric(rng.beta(A, B + 1, kept.sum()))
    survival = surviving(A, B)
    hazard = 1 - survival[1]
    offered = np.append(1.0, survival[1:] * (1 - (1 - FIRST_CUT) * hazard) / (1 - hazard))
    truth = {"hazard_ratio_1": 1 - FIRST_CUT, **_truth(survival, offered, OFFER_COST)}
    return Experiment("first_renewal", _with_stays(rng, people, treated, leaning, stay), truth)


def permanent(seed: int = 63) -> Experiment:
    """A price lock for as long as the customer stays: the whole distribution of propensities to leave is lower.

    >>> round(permanent().truth["lift_months_36"], 3)
    1.296
    """
    rng = np.random.default_rng(seed)
    people, treated, leaning = _people(rng, "NZ")
    probability = betaincinv(A, np.where(treated, B_LOCKED, B), ndtr(leaning))
    stay = rng.geometric(np.maximum(probability, 1e-9))
    truth = {"a": A, "b_control": B, "b_offer": B_LOCKED}
    truth |= _truth(surviving(A, B), surviving(A, B_LOCKED), LOCK_COST)
    return Experiment("permanent", _with_stays(rng, people, treated, leaning, stay), truth)


def surviving(a: float, b: float) -> Array:
    """The expected share of customers still there after 0, 1, … `HORIZON` renewals."""
    return np.asarray(np.exp(betaln(a, b + np.arange(HORIZON + 1)) - betaln(a, b)))


def _people(rng: np.random.Generator, letters: str) -> tuple[pd.DataFrame, Array, Array]:
    """The customers as they were on the day of exposure, who is treated, and how much each leans to leaving."""
    treated, leaning = split(rng, UNITS), rng.standard_normal(UNITS)
    likes = -0.6 * leaning + 0.8 * rng.standard_normal(UNITS)
    frame = pd.DataFrame(
        {
            "customer_id": ids(letters, UNITS),
            "arm": np.where(treated, "offer", "control"),
            "exposed_at": np.sort(days(rng, FIRST_DAY, LAST_DAY, UNITS)),
            "plan": rng.choice(PLANS, UNITS, p=SHARES),
            "channel": rng.choice(["web", "mobile", "tv"], UNITS, p=[0.45, 0.35, 0.20]),
            "trial_hours_before": (4 * np.exp(0.6 * likes)).round(1),
        }
    )
    return frame, treated, leaning


def _with_stays(
    rng: np.random.Generator, people: pd.DataFrame, treated: Array, leaning: Array, stay: Array
) -> pd.DataFrame:
    seen = _full_months(people["exposed_at"])
    price = people["plan"].map(PRICES).to_numpy()
    left, duration = stay <= seen, np.minimum(stay, seen)
    paid = np.minimum(duration, WINDOW)
    return people.assign(
        duration=duration,
        left=left.astype(int),
        renewed=(stay > 1).astype(int),
        revenue=(paid * price).round(2),
        opened=chance(rng, np.where(treated, ndtr(0.2 - 0.5 * leaning), 0.0)),
        sessions_after=rng.poisson(np.exp(1.6 - 0.4 * leaning + 0.15 * treated)),
    )


def _full_months(exposed_at: pd.Series) -> Array:
    """Months that are complete by the last day, with that day; by the calendar."""
    after = END + pd.Timedelta(days=1)
    months = 12 * (after.year - exposed_at.dt.year) + after.month - exposed_at.dt.month
    return np.asarray(months - (exposed_at.dt.day > after.day))


def _truth(control: Array, offer: Array, cost: float) -> dict[str, float]:
    """What part A of a decision asks: months and money within the window and over the horizon."""
    gain = offer - control
    month = convert_rate(DISCOUNT, "year", "month")
    discounted = gain / (1 + month) ** np.arange(HORIZON + 1)
    price = sum(share * PRICES[plan] for plan, share in zip(PLANS, SHARES, strict=True))
    truth = {
        "rate_difference_1": gain[1],
        f"rate_difference_{WINDOW}": gain[WINDOW],
        f"lift_months_{WINDOW}": gain[: WINDOW + 1].sum(),
        f"lift_months_{HORIZON}": gain[:HORIZON].sum(),
        f"lift_money_{WINDOW}": MARGIN * price * discounted[: WINDOW + 1].sum(),
        f"lift_money_{HORIZON}": MARGIN * price * discounted[:HORIZON].sum(),
        "revenue": price * gain[:WINDOW].sum(),
        "margin_per_month": MARGIN * price,
        "discount_rate_per_year": DISCOUNT,
        "cost_per_customer": cost,
    }
    return {name: float(value) for name, value in truth.items()}
