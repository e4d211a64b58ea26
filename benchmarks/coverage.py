"""Do intervals hold what comes as often as they say? Companies are simulated, fitted and forecast, and then it comes.

Run by hand: `python benchmarks/coverage.py` (half an hour; `--runs 20` for a first look). Each run is a company of its
own whose customers follow BG/NBD and Gamma-Gamma with the parameters of CDNOW. Its first year is fitted, and 90%
intervals of the profit of the next 12 months are made: for each customer, for two segments (bought once, bought
again), for the difference of their means, and for the whole base. The table says how many held what then came.

With `--by-day` the companies are those of `simulate.non_contractual`, whose log has dates: purchases of one day are
one purchase, as in any real log, so the model is not quite right any more.
"""

import argparse
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from clvhelpers import BetaGeoModel, GammaGammaModel, customer_summary
from clvhelpers.errors import ClvError, ClvWarning
from clvhelpers.models import customer_intervals, segment_values
from clvhelpers.models.beta_geo import BetaGeoParameters
from clvhelpers.simulate import non_contractual

SIZES = {500: 600, 5_000: 400, 50_000: 200}  # customers, and how many companies of that size
PURCHASES, SPEND = BetaGeoParameters(0.243, 4.414, 0.793, 2.426), (6.25, 3.74, 15.44)
WEEKS, NEWCOMERS_WEEKS, MONTH = 52, 13, 365.25 / 12 / 7
MONTHS, DISCOUNT, MARGIN, LEVEL = 12, 0.10, 0.4, 0.90
DRAWS = 400
MOST_CUSTOMERS = 2_000  # of a company, whose own intervals are looked at


def exact_company(customers: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """A summary in exact time, and the discounted profit that each customer brings in the 12 months after it."""
    rng = np.random.default_rng(seed)
    p, q, v = SPEND
    nobody, T = np.zeros(customers), WEEKS - NEWCOMERS_WEEKS * rng.random(customers)
    repeats = PURCHASES.play(rng, nobody, nobody, WEEKS + MONTHS * MONTH)
    who, time = repeats.customer, repeats.time
    amount = rng.gamma(p, 1 / (rng.gamma(q, 1 / v, customers)[who]))
    seen = time <= T[who]
    x, spent = (np.bincount(who[seen], weights, customers) for weights in (None, amount[seen]))
    recency = np.zeros(customers)
    np.maximum.at(recency, who[seen], time[seen])
    summary = pd.DataFrame({"frequency": x, "recency": recency, "T": T, "monetary_value": spent / np.maximum(x, 1)})
    return summary, came(who[~seen], (time - T[who])[~seen] / MONTH, amount[~seen], customers)


def company_of_days(customers: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The same of a company whose log has dates."""
    company = non_contractual(customers, WEEKS, NEWCOMERS_WEEKS, seed, future_weeks=WEEKS + 1)
    summary = customer_summary(company.transactions, end=company.end)
    who = pd.Index(summary["customer_id"]).get_indexer(company.future["customer_id"])
    months = (company.future["date"] - company.end).dt.days.to_numpy() / 7 / MONTH
    return summary, came(who, months, company.future["amount"].to_numpy(), customers)


def came(who: np.ndarray, months: np.ndarray, amount: np.ndarray, customers: int) -> np.ndarray:
    """Discounted profit of each customer, by the definition of lifetime value: at the end of each month."""
    month = np.ceil(months)
    worth = np.where(month <= MONTHS, (1 + DISCOUNT) ** (-month / 12), 0.0)
    return np.bincount(who, MARGIN * amount * worth, customers)


def one_company(size_and_seed: tuple[int, int], by_day: bool = False) -> dict[str, float]:
    """For one company: 1 or 0 for each interval of a sum, and the share of the customers' that hold."""
    customers, seed = size_and_seed
    summary, profit = (company_of_days if by_day else exact_company)(customers, 10_000 + seed)
    again = np.where(summary["frequency"] > 0, "again", "once")
    terms = {"horizon_months": MONTHS, "discount_rate": DISCOUNT, "margin": MARGIN, "level": LEVEL}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClvWarning)
        try:
            models = BetaGeoModel().fit(summary), GammaGammaModel().fit(summary)
            parts = segment_values(*models, summary, again, draws=DRAWS, seed=seed, **terms)
            some = summary.sample(min(MOST_CUSTOMERS, len(summary)), random_state=seed)
            each = customer_intervals(*models, some, draws=DRAWS, seed=seed, **terms)
        except ClvError as error:
            return {"customers": customers, "refused": 1.0, "why": str(error)[:80]}
    difference = profit[again == "again"].mean() - profit[again == "once"].mean()
    low, high = parts.difference("again", "once").interval
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    base = np.quantile(parts.futures.sum(axis=1), tails, method="weibull")  # as base_value does
    found = {
        "customers": customers,
        "base": float(base[0] <= profit.sum() <= base[1]),
        "segment: once": _holds(parts.frame.iloc[1], profit[again == "once"].sum()),
        "segment: again": _holds(parts.frame.iloc[0], profit[again == "again"].sum()),
        "difference": float(low <= difference <= high),
    }
    own = profit[some.index]
    inside = (each["low"] <= own + 1e-9) & (own <= each["high"] + 1e-9)
    return found | {"customer": inside.mean(), "customer who bought again": inside[(some["frequency"] > 0)].mean()}


def _holds(row: pd.Series, profit: float) -> float:
    return float(row["total_low"] <= profit <= row["total_high"])


def table(found: pd.DataFrame) -> str:
    """The shares in Markdown, a row for each size."""
    shares = found.drop(columns="why", errors="ignore").groupby("customers").agg(["mean", "count"])
    names = [name for name in found if name not in ("customers", "refused", "why")]
    lines = ["| customers | companies | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for size, row in shares.iterrows():
        cells = [f"{row[name, 'mean']:.1%}" for name in names]
        lines.append(f"| {size:,} | {int(row['base', 'count']):,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, help="companies of each size, instead of 600, 400 and 200")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--by-day", action="store_true", help="companies whose log has dates")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    runs = [job for size in options.sizes for job in product([size], range(options.runs or SIZES.get(size, 100)))]
    with ProcessPoolExecutor(options.jobs) as pool:
        found = pd.DataFrame(pool.map(partial(one_company, by_day=options.by_day), runs))
    print(f"How many {LEVEL:.0%} intervals held what came in the next {MONTHS} months (aim: 88% to 92%)\n")
    print(table(found))
    if "refused" in found:
        print("\nRefused:", found[found["refused"] == 1].groupby(["customers", "why"]).size().to_string())


if __name__ == "__main__":
    main()
