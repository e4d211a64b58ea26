"""Do intervals hold what comes as often as they say? Companies are simulated, fitted and forecast, and then it comes.

Run by hand: `python benchmarks/coverage.py` (an hour; `--runs 20` for a first look). Each run is a company of its
own whose customers follow BG/NBD and Gamma-Gamma with the parameters of CDNOW. Its first year is fitted, and 90%
intervals of the profit of the next 12 months are made: for each customer, for two segments (bought once, bought
again), for the difference of their means, and for the whole base. The table says how many held what then came.
"""

import argparse
import warnings
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import numpy as np
import pandas as pd

from clvhelpers import BetaGeoModel, GammaGammaModel, customer_summary
from clvhelpers.errors import ClvError, ClvWarning
from clvhelpers.models import customer_intervals, segment_values
from clvhelpers.simulate import Simulated, non_contractual

SIZES = {500: 400, 5_000: 400, 50_000: 200}  # customers, and how many companies of that size
MONTH_DAYS, MONTHS, DISCOUNT, MARGIN, LEVEL = 365.25 / 12, 12, 0.10, 0.4, 0.90
DRAWS = 400
MOST_CUSTOMERS = 2_000  # of a company, whose own intervals are looked at


def profit_that_came(company: Simulated) -> pd.Series:
    """Discounted profit of each customer in the 12 months after the end, by the definition of lifetime value."""
    days = (company.future["date"] - company.end).dt.days.to_numpy()
    month = np.ceil(days / MONTH_DAYS)
    worth = np.where(month <= MONTHS, (1 + DISCOUNT) ** (-month / 12), 0.0)
    profit = (MARGIN * company.future["amount"] * worth).groupby(company.future["customer_id"]).sum()
    return profit.reindex(company.truth["customer_id"], fill_value=0.0)


def one_company(size_and_seed: tuple[int, int]) -> dict[str, float]:
    """For one company: 1 or 0 for each interval of a sum, and the share of the customers' that hold."""
    customers, seed = size_and_seed
    company = non_contractual(customers, weeks=52, seed=10_000 + seed, future_weeks=53)
    summary = customer_summary(company.transactions, end=company.end)
    came = profit_that_came(company).reindex(summary["customer_id"]).to_numpy()
    again = np.where(summary["frequency"] > 0, "again", "once")
    terms = {"horizon_months": MONTHS, "discount_rate": DISCOUNT, "margin": MARGIN, "level": LEVEL}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClvWarning)
        try:
            models = BetaGeoModel().fit(summary), GammaGammaModel().fit(summary)
            everybody = segment_values(*models, summary, np.full(len(summary), "all"), draws=DRAWS, seed=seed, **terms)
            parts = segment_values(*models, summary, again, draws=DRAWS, seed=seed, **terms)
            some = summary.sample(min(MOST_CUSTOMERS, len(summary)), random_state=seed)
            each = customer_intervals(*models, some, draws=DRAWS, seed=seed, **terms)
        except ClvError as error:
            return {"customers": customers, "refused": 1.0, "why": str(error)[:80]}
    difference = came[again == "again"].mean() - came[again == "once"].mean()
    low, high = parts.difference("again", "once").interval
    found = {
        "customers": customers,
        "base": _holds(everybody.frame.iloc[0], came.sum()),
        "segment: once": _holds(parts.frame.iloc[1], came[again == "once"].sum()),
        "segment: again": _holds(parts.frame.iloc[0], came[again == "again"].sum()),
        "difference": float(low <= difference <= high),
    }
    own = came[some.index]
    inside = (each["low"] <= own + 1e-9) & (own <= each["high"] + 1e-9)
    return found | {"customer": inside.mean(), "customer who bought again": inside[(some["frequency"] > 0)].mean()}


def _holds(row: pd.Series, came: float) -> float:
    return float(row["total_low"] <= came <= row["total_high"])


def table(found: pd.DataFrame) -> str:
    """The shares in Markdown, a row for each size; intervals of sums with the error of a share of so many runs."""
    shares = found.drop(columns="why", errors="ignore").groupby("customers").agg(["mean", "count"])
    names = [name for name in found if name not in ("customers", "refused", "why")]
    lines = ["| customers | companies | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for size, row in shares.iterrows():
        cells = [f"{row[name, 'mean']:.1%}" for name in names]
        lines.append(f"| {size:,} | {int(row['base', 'count']):,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, help="companies of each size, instead of 400, 400 and 200")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    runs = [job for size in options.sizes for job in product([size], range(options.runs or SIZES.get(size, 100)))]
    with ProcessPoolExecutor(options.jobs) as pool:
        found = pd.DataFrame(pool.map(one_company, runs))
    print(f"How many {LEVEL:.0%} intervals held what came in the next {MONTHS} months (aim: 88% to 92%)\n")
    print(table(found))
    if "refused" in found:
        print("\nRefused:", found[found["refused"] == 1].groupby(["customers", "why"]).size().to_string())


if __name__ == "__main__":
    main()
