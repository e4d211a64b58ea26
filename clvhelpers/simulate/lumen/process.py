"""Lumen, a video streaming service: customers sign up for a plan, pay by the month, and say when they leave.

The process, month by month (`data/README.md` has the same in words, for readers of the data):

1. Three channels win customers for what is spent on them, with rising marginal cost; some customers are
   referred by others. Each customer has two latent traits, viewing (how much they like to watch) and
   contentment, both standard normal; attitudes and satisfaction scores are noisy readings of these.
2. On each day of payment a customer leaves with a personal, constant probability. It is beta distributed with
   parameters by plan and channel (the shifted beta-geometric world of Fader & Hardie 2007, Journal of Interactive
   Marketing 21(1)), and depends on the traits through a normal copula; it is never below `LEAST_CANCEL`.
3. Who leaves has one of four reasons, which compete for the customer with personal weights. Who stays may change
   the plan. Who has left may come back, each month, until they have forgotten Lumen.
4. One price rise, for everybody, in `PRICE_RISE`; in that month and the next more customers leave.
5. Usage, contacts and scores follow the traits, and change in the last months before a customer leaves
   (`behaviour`). What is true of each customer is in `truth`.

A customer pays on the same day of every month, so everything runs on a grid of customers and months.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtr

from clvhelpers.errors import FormulaError

Array = np.ndarray
START, MONTHS, FUTURE = pd.Timestamp("2023-01-01"), 36, 12
END = pd.Timestamp("2025-12-31")
GROSS_MARGIN = 0.60
PRICE_RISE = pd.Timestamp("2025-02-01")
RISE_MONTH = 25  # of the grid: February 2025

CHANNELS, PLANS = ("web", "mobile", "tv"), ("Basic", "Standard", "Premium")
REASONS = ("dissatisfaction", "competition", "change", "inactivity")
PRICES = np.array([[7.99, 11.99, 16.99], [8.99, 13.49, 18.99]])  # US dollars a month: before and after the rise
SPEND = np.array([3200.0, 1900.0, 2600.0])  # US dollars in the first month, by channel
WON = np.array([64.0, 55.0, 25.0])  # customers that this wins
SPEND_GROWTH = np.array([1.022, 1.030, 1.025])  # a month
ELASTICITY = np.array([0.72, 0.60, 0.70])  # 1% more spend wins so many % more customers
PLAN_SHARES = np.array([[0.40, 0.40, 0.20], [0.55, 0.33, 0.12], [0.25, 0.45, 0.30]])  # by channel
CANCEL_MEAN = np.array([[0.080, 0.058, 0.044], [0.110, 0.080, 0.060], [0.058, 0.042, 0.032]])  # channel x plan
CANCEL_SHAPE = np.array([[1.25, 1.30, 1.35], [1.05, 1.10, 1.15], [1.50, 1.55, 1.60]])  # a of the beta distributions
LEAST_CANCEL = 0.004
UPGRADE, DOWNGRADE = np.array([0.009, 0.006, 0.0]), np.array([0.0, 0.005, 0.008])  # a month, by plan
RETURN, FORGET = 0.022, 0.12  # a month
REFERRED_SHARE, REFERRAL_REWARD = 0.09, 10.0
AGES = ("18-24", "25-34", "35-49", "50-64", "65+")


@dataclass(frozen=True, eq=False)
class LumenCompany:
    """Lumen's tables by name, as in `data/lumen/`, and the truth about each customer."""

    tables: dict[str, pd.DataFrame]
    truth: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Path:
    """What every customer does in every month, past and future: arrays of customers x months.

    `plan`: the plan paid for, or -1. `lead`: how many payments follow before the customer leaves (0: the last one;
    -1 where nothing is paid). `reason`: why the stay ends, an index of REASONS. `left`: leaves in this month.
    `may_return`: gone at the end of the past, and has not forgotten Lumen.
    """

    plan: Array
    lead: Array
    reason: Array
    left: Array
    may_return: Array


def lumen(size: float = 1.0, seed: int = 2023) -> LumenCompany:
    """Lumen with about 8,000 x `size` customers over three years; one `seed` always gives one company.

    Raises FormulaError for a size that is not between 0.01 and 10.

    >>> small = lumen(size=0.02)
    >>> list(small.tables)
    ['customers', 'spells', 'usage', 'satisfaction', 'payments', 'marketing']
    >>> len(small.truth) == len(small.tables["customers"])
    True
    """
    from clvhelpers.simulate.lumen import behaviour, tables, truth

    if not 0.01 <= size <= 10:
        raise FormulaError(f"size is {size}: expected 0.01 to 10 (1 gives about 8,000 customers)")
    rng = np.random.default_rng(seed)
    marketing, won = _marketing(rng, size)
    people = _people(rng, won)
    path = _path(rng, people)
    frames = {
        "customers": tables.customers(people, marketing),
        "spells": tables.spells(people, path),
        "usage": behaviour.usage(rng, people, path),
        "satisfaction": behaviour.satisfaction(rng, people, path),
        "payments": tables.payments(people, path),
        "marketing": marketing,
    }
    return LumenCompany(frames, truth.truth(people, path))


def price(plan: Array, month: Array | int) -> Array:
    """US dollars a month for the plans (their numbers) in months of the grid."""
    return PRICES[(np.asarray(month) >= RISE_MONTH).astype(int), plan]


def dates(month: Array, day: Array) -> pd.DatetimeIndex:
    """The calendar days of months of the grid; `day` counts from 1."""
    first = np.datetime64("2023-01", "M") + np.asarray(month).astype("timedelta64[M]")
    return pd.DatetimeIndex(first.astype("datetime64[D]") + (np.asarray(day) - 1).astype("timedelta64[D]")).as_unit(
        "us"
    )


def _marketing(rng: np.random.Generator, size: float) -> tuple[pd.DataFrame, Array]:
    """What is spent in each month and channel, and how many customers that wins (months x channels)."""
    month = np.arange(MONTHS)
    season = 1 + 0.18 * np.cos(2 * np.pi * (month - 10.5) / 12)  # most in late autumn
    noise = np.exp(rng.normal(0, 0.22, (MONTHS, 3)))  # a campaign more or less
    spend = (size * SPEND * SPEND_GROWTH ** month[:, None] * season[:, None] * noise).round(-1)
    won = np.maximum(rng.poisson(size * WON * (spend / (size * SPEND)) ** ELASTICITY), 1)
    frame = pd.DataFrame(
        {
            "month": np.repeat(dates(month, np.ones(MONTHS, int)), 3),
            "channel": list(CHANNELS) * MONTHS,
            "spend": spend.ravel(),
            "new_customers": won.ravel(),
        }
    )
    return frame, won


def _people(rng: np.random.Generator, won: Array) -> pd.DataFrame:
    """One row a customer, in the order of sign-up: what the tables show, and what nobody sees."""
    total = won + rng.binomial(won, REFERRED_SHARE / (1 - REFERRED_SHARE))
    month = np.repeat(np.repeat(np.arange(MONTHS), 3), total.ravel())
    channel = np.repeat(np.tile(np.arange(3), MONTHS), total.ravel())
    referred = np.concatenate([np.arange(t) >= w for t, w in zip(total.ravel(), won.ravel(), strict=True)])
    n = len(month)
    people = pd.DataFrame({"month": month, "day": rng.integers(1, 29, n), "channel": channel, "referred": referred})
    people = people.sort_values(["month", "day"], kind="stable", ignore_index=True)
    people.insert(0, "customer_id", [f"L{number:05d}" for number in range(1, n + 1)])
    people["viewing"], people["contentment"] = rng.standard_normal(n), rng.standard_normal(n)
    _refer(rng, people)
    people["plan"] = (rng.random(n)[:, None] > PLAN_SHARES[people["channel"]].cumsum(axis=1)[:, :2]).sum(axis=1)
    people["country"] = rng.choice(["US", "CA", "GB"], n, p=[0.68, 0.14, 0.18])
    people["age"] = rng.choice(len(AGES), n, p=[0.17, 0.27, 0.29, 0.18, 0.09])
    people["household"] = 1 + rng.binomial(4, 0.35, n)
    people["viewing_attitude"] = _attitude(rng, people["viewing"].to_numpy(), 0.8)
    people["thrift"] = rng.standard_normal(n)
    people["price_attitude"] = _attitude(rng, people["thrift"].to_numpy(), 0.85)
    return _rates(rng, people)


def _attitude(rng: np.random.Generator, trait: Array, truth: float) -> Array:
    """A trait as a person states it, from 1 to 5."""
    stated = truth * trait + np.sqrt(1 - truth**2) * rng.standard_normal(len(trait))
    return 1 + np.searchsorted([-1.3, -0.5, 0.4, 1.2], stated)


def _refer(rng: np.random.Generator, people: pd.DataFrame) -> None:
    """Referred customers get a referrer of an earlier month, a content one more often, and are a little like them."""
    people["referrer"] = -1
    weight = np.exp(0.6 * people["contentment"].to_numpy())
    running = weight.cumsum()
    known = np.searchsorted(people["month"], people["month"], side="left")
    chosen = np.flatnonzero(people["referred"] & (known > 0))
    referrer = np.searchsorted(running, rng.random(len(chosen)) * running[known[chosen] - 1])
    people.loc[chosen, "referrer"] = referrer
    people["referred"] = people["referrer"] >= 0
    for trait in ("viewing", "contentment"):
        values = people[trait].to_numpy().copy()
        for one, other in zip(chosen, referrer, strict=True):  # in order, for a referrer may be referred too
            values[one] = 0.4 * values[other] + np.sqrt(1 - 0.4**2) * values[one]
        people[trait] = values


def _rates(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """The latent probabilities a month of each customer, and the weights of the reasons for leaving."""
    viewing, contentment, thrift = (people[name].to_numpy() for name in ("viewing", "contentment", "thrift"))
    score = -0.45 * viewing - 0.40 * contentment + np.sqrt(1 - 0.45**2 - 0.40**2) * rng.standard_normal(len(people))
    a, mean = (table[people["channel"], people["plan"]] for table in (CANCEL_SHAPE, CANCEL_MEAN))
    weights = [
        1.1 * np.exp(-0.8 * contentment),
        0.8 * np.exp(0.5 * thrift),
        np.where(people["age"] == 0, 1.1, 0.6),
        0.7 * np.exp(-0.9 * viewing),
    ]
    shares = np.column_stack(weights) / np.sum(weights, axis=0)[:, None]
    return people.assign(
        cancel_probability=np.maximum(betaincinv(a, a * (1 - mean) / mean, ndtr(score)), LEAST_CANCEL),
        upgrade_factor=np.exp(0.5 * viewing - 0.3 * thrift - 0.17),
        downgrade_factor=np.exp(0.5 * thrift - 0.125),
        return_probability=RETURN * np.exp(0.4 * viewing - 0.08),
        **{f"share_{reason}": shares[:, place] for place, reason in enumerate(REASONS)},
    )


def plan_changes(people: pd.DataFrame, plan: Array | int) -> tuple[Array, Array]:
    """Probabilities a month to move one plan up and one down, for customers who stay and have the `plan`."""
    up = UPGRADE[plan] * people["upgrade_factor"].to_numpy()
    return np.minimum(up, 0.2), np.minimum(DOWNGRADE[plan] * people["downgrade_factor"].to_numpy(), 0.2)


def _path(rng: np.random.Generator, people: pd.DataFrame) -> Path:
    n, months = len(people), MONTHS + FUTURE
    plan, reason = np.full((n, months), -1), np.full((n, months), -1)
    left = np.zeros((n, months), dtype=bool)
    last, here, waiting = people["plan"].to_numpy().copy(), np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    may_return = waiting
    for month in range(months):
        draw, second = rng.random(n), rng.random(n)
        leaves = here & (draw < _cancel_now(people, month))
        returns = waiting & (draw < people["return_probability"])
        forgets = waiting & ~returns & (second < FORGET)
        up, down = plan_changes(people, last)
        changes = here & ~leaves
        last = last + (changes & (second < up)) - (changes & (second > 1 - down))
        left[:, month] = leaves
        here = (here & ~leaves) | returns | (people["month"].to_numpy() == month)
        waiting = (waiting & ~returns & ~forgets) | leaves
        plan[:, month] = np.where(here, last, -1)
        if month == MONTHS - 1:
            may_return = waiting
    _reasons(rng, people, left, reason)
    return Path(plan, _lead(plan, left), reason, left, may_return)


def _cancel_now(people: pd.DataFrame, month: int) -> Array:
    """The probability to leave in this month: more after the price rise, the more the more price counts."""
    usual = people["cancel_probability"].to_numpy()
    if month not in (RISE_MONTH, RISE_MONTH + 1):
        return usual
    return np.minimum(usual * (1 + 0.15 * people["price_attitude"].to_numpy()), 1.0)


def _reasons(rng: np.random.Generator, people: pd.DataFrame, left: Array, reason: Array) -> None:
    """A reason for each leaving; price rise: more go to the competition."""
    who, month = np.nonzero(left)
    weight = people[[f"share_{name}" for name in REASONS]].to_numpy()[who]
    weight[:, 1] *= np.where(np.isin(month, (RISE_MONTH, RISE_MONTH + 1)), 2.5, 1.0)
    bounds = weight.cumsum(axis=1) / weight.sum(axis=1, keepdims=True)
    reason[who, month] = np.minimum((rng.random(len(who))[:, None] > bounds).sum(axis=1), len(REASONS) - 1)
    ahead = np.full(len(reason), -1)
    for column in range(reason.shape[1] - 1, -1, -1):  # each month of a stay knows why it will end
        ahead = np.where(left[:, column], reason[:, column], ahead)
        reason[:, column] = ahead


def _lead(plan: Array, left: Array) -> Array:
    """Payments that follow before the customer leaves; a large number if that is beyond the grid."""
    lead, ahead = np.full(plan.shape, -1), np.full(len(plan), 99)
    for month in range(plan.shape[1] - 1, -1, -1):
        lead[:, month] = np.where(plan[:, month] >= 0, ahead, -1)
        ahead = np.where(left[:, month], 0, ahead + 1)
    return lead
