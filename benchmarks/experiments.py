"""Four metrics of an experiment on 10 million customers: ours over DuckDB against pandas with scipy.

Run by hand: `python benchmarks/experiments.py` (or `make bench`). Each contender reads the same Parquet file in a
process of its own. What counts is the processor time (user and system, all threads) of its work, reading included and
imports not: before, it has done the same on a few customers. That of the whole process, and its largest memory, stand
beside. The metrics: whether the arms have the sizes that were planned, the rate retained, revenue per customer
adjusted for the time before (CUPED), and revenue per order. Ours sums every column once and works from the sums;
DuckDB has one thread, as pandas has, and stays within 2 GB. The pandas way is written with care: an arm's rows are
taken once, and whole arrays are worked on.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import summary

SEED, AIM, CHUNK, FEW = 20261128, 0.2, 1_000_000, 1_000
MAKE = "import sys; sys.path.insert(0, 'benchmarks'); import experiments; experiments.make_test(path, int(sys.argv[2]))"
OURS = """
import duckdb
from clvhelpers.experiments import arm_sums, compare_means, compare_rates, compare_ratios, sample_ratio

duckdb.execute("SET enable_progress_bar = false; SET threads = 1; SET memory_limit = '2GB'")

def metrics(path):
    sums = arm_sums(
        duckdb.read_parquet(path),
        ["retained", "revenue", "before", "orders"],
        pairs=[("revenue", "before"), ("revenue", "orders")],
    )
    split = sample_ratio(sums).p_value
    rate = compare_rates(sums, "retained").frame
    mean = compare_means(sums, "revenue", "before", measured_at="before").frame
    ratio = compare_ratios(sums, "revenue", "orders").frame
    rows = [frame.loc[0, ["difference", "low", "p_value"]] for frame in (rate, mean, ratio)]
    return [split, *(value for row in rows for value in row)]
"""
PEER = """
import numpy, pandas
from scipy import stats

def compare(values):
    test = stats.ttest_ind(*values, equal_var=False)
    return [values[0].mean() - values[1].mean(), test.confidence_interval().low, test.pvalue]

def metrics(path):
    frame = pandas.read_parquet(path)
    arms = [frame[frame["arm"] == arm] for arm in ("offer", "control")]
    n = [len(arm) for arm in arms]
    split = stats.chisquare(n).pvalue

    kept = [arm["retained"].sum() for arm in arms]
    ends = [stats.binomtest(int(k), m).proportion_ci(method="wilson") for k, m in zip(kept, n)]
    p, q = kept[0] / n[0], kept[1] / n[1]
    low = p - q - ((p - ends[0].low) ** 2 + (ends[1].high - q) ** 2) ** 0.5
    test = stats.chi2_contingency([[k, m - k] for k, m in zip(kept, n)], correction=False)
    rate = [p - q, low, test.pvalue]

    covariance = numpy.cov(frame["revenue"], frame["before"])
    theta, centre = covariance[0, 1] / covariance[1, 1], frame["before"].mean()
    mean = compare([arm["revenue"] - theta * (arm["before"] - centre) for arm in arms])

    ratios = [arm["revenue"].sum() / arm["orders"].sum() for arm in arms]
    ratio = compare([(arm["revenue"] - r * arm["orders"]) / arm["orders"].mean() + r for arm, r in zip(arms, ratios)])
    return [split, *rate, *mean, *ratio]
"""
TELL = """
import time
metrics(path.replace(".parquet", "-few.parquet"))
begin = time.process_time()
found = metrics(path)
print(f"{time.process_time() - begin:.2f}", *(f"{value:.6g}" for value in found))
"""


def make_test(path: str, customers: int) -> None:
    """A seeded experiment, one row a customer: the offer keeps more of them, and their orders are a little larger."""
    random = np.random.default_rng(SEED)
    parts = [make_part(random, start, min(CHUNK, customers - start)) for start in range(0, customers, CHUNK)]
    pd.concat(parts, ignore_index=True).to_parquet(path)


def make_part(random: np.random.Generator, start: int, n: int) -> pd.DataFrame:
    treated = random.random(n) < 0.5
    rate = random.gamma(1.5, 2.0, n)
    orders = random.poisson(rate)
    revenue = np.round(orders * random.gamma(4, 9, n) * (1 + 0.001 * treated), 2)
    return pd.DataFrame(
        {
            "customer_id": np.arange(start, start + n),
            "arm": np.where(treated, "offer", "control"),
            "retained": random.random(n) < 0.2 + 0.001 * treated,
            "before": np.round(random.poisson(rate) * random.gamma(4, 9, n), 2),
            "orders": orders,
            "revenue": revenue,
        }
    )


def work_of(done: summary.Run) -> float:
    """The seconds that count, which a contender says first."""
    return float(done.said.partition(" ")[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=8, help="the best of so many runs counts")
    parser.add_argument("--folder", type=Path, help="keep the simulated customers here, for another run")
    options = parser.parse_args()
    contenders = {"clvhelpers (DuckDB)": OURS, "pandas with scipy": PEER}
    with tempfile.TemporaryDirectory() as name:
        path = (options.folder or Path(name)) / f"{options.customers}.parquet"
        few = path.with_stem(f"{path.stem}-few")
        for place, customers in ((path, options.customers), (few, FEW)):
            if not place.exists():
                summary.run(sys.executable, MAKE, str(place), str(customers))
        runs = {
            name: min(
                (summary.run(sys.executable, code + TELL, str(path)) for _ in range(options.repeats)), key=work_of
            )
            for name, code in contenders.items()
        }
    print(f"Four metrics of an experiment on {options.customers:,} customers (CPU seconds and largest memory)")
    print(f"{'':20}{'work':>8}{'process':>8}{'MB':>8}  sample ratio p; difference, low, p of rate, mean and ratio")
    for name, done in runs.items():
        numbers = done.said.partition(" ")[2]
        print(f"{name:20}{work_of(done):8.2f}{done.seconds:8.2f}{done.megabytes:8.0f}  {numbers}")
    ours, peer = map(work_of, runs.values())
    ratio = ours / peer
    print(f"work, ours / pandas: {ratio:.2f}; aim: at most {AIM:.2f} {'reached' if ratio <= AIM else 'MISSED'}")


if __name__ == "__main__":
    main()
