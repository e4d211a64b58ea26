"""A call that was not randomised: the desk rang the accounts that it thought at risk.

Revenue a month is gamma distributed around a level. Complaints and visits bear on the level and on who is called,
and so does the warmth of the account towards us, which the desk hears and no column shows. Warmth does not change
over time, so it takes the same from every month: differences over time are free of it, levels are not.
"""

import numpy as np
import pandas as pd

from clvhelpers.datasets import Experiment
from clvhelpers.simulate.experiments.units import Array, chance, ids, logistic

UNITS, BEFORE, AFTER = 4_000, 6, 3
NOISE = 25.0  # shape of the gamma: a month is 20% off its level, more or less
GROWTH = 4.0  # US dollars a month, for everybody
GAIN, GAIN_PER_COMPLAINT = 20.0, 8.0  # US dollars a month of those who are called
KEPT = 0.06  # points of retention


def not_randomised(seed: int = 67) -> Experiment:
    """Business accounts, with revenue in six months before the call and in three after it.

    The truth is expected over the accounts: `_att` over those who were called, `_ate` over all.

    >>> shown = not_randomised()
    >>> naive = shown.frame.groupby("arm")["revenue"].mean()
    >>> bool(naive["call"] < naive["control"]), shown.truth["revenue_att"] > 0
    (True, True)
    """
    rng = np.random.default_rng(seed)
    complaints, visits = rng.poisson(1.0, UNITS), rng.poisson(6.0, UNITS)
    warmth, size = rng.standard_normal(UNITS), rng.choice(3, UNITS, p=[0.5, 0.35, 0.15])
    called = chance(rng, logistic(-1.2 + 0.7 * complaints - 0.15 * (visits - 6) - 0.9 * warmth))
    level = 300 + 120 * size - 25 * complaints + 8 * (visits - 6) + 45 * warmth
    gain = GAIN + GAIN_PER_COMPLAINT * complaints
    keeps = logistic(1.4 - 0.4 * complaints + 0.1 * (visits - 6) + 0.5 * warmth + 0.2 * size)
    kept = np.minimum(KEPT, 1 - keeps)
    frame = pd.DataFrame(
        {
            "customer_id": ids("B", UNITS),
            "arm": np.where(called == 1, "call", "control"),
            "called": called,
            "exposed_at": pd.Timestamp("2025-07-01").as_unit("us"),
            "size": np.array(["small", "medium", "large"])[size],
            "complaints_before": complaints,
            "visits_before": visits,
            **_months(rng, level, called * gain),
        }
    )
    before = [f"revenue_{month}_before" for month in range(BEFORE, 0, -1)]
    frame["revenue_before"] = frame[before].sum(axis=1).round(2)
    frame["revenue"] = frame[[f"revenue_{month}_after" for month in range(1, AFTER + 1)]].sum(axis=1).round(2)
    frame["retained"] = chance(rng, keeps + kept * called)
    frame["visits_after"] = rng.poisson(np.maximum(visits + 2.0 * called, 0.1))
    return Experiment("not_randomised", frame, _truth(AFTER * gain, kept, called == 1))


def _months(rng: np.random.Generator, level: Array, gain: Array) -> dict[str, Array]:
    """Revenue of each month, from six before the call to three after it."""
    names = [f"revenue_{month}_before" for month in range(BEFORE, 0, -1)]
    names += [f"revenue_{month}_after" for month in range(1, AFTER + 1)]
    months = {}
    for place, name in enumerate(names):
        expected = np.maximum(level, 40) + GROWTH * place + gain * (place >= BEFORE)
        months[name] = rng.gamma(NOISE, expected / NOISE).round(2)
    return months


def _truth(gain: Array, kept: Array, called: Array) -> dict[str, float]:
    return {
        "revenue_att": float(gain[called].mean()),
        "revenue_ate": float(gain.mean()),
        "revenue_per_month_att": float(gain[called].mean() / AFTER),
        "retained_att": float(kept[called].mean()),
        "retained_ate": float(kept.mean()),
        "growth_per_month": GROWTH,
    }
