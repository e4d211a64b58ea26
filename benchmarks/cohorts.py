"""The cohort triangle of a log of 10 million rows: ours over DuckDB against the usual groupby of pandas.

Run by hand: `python benchmarks/cohorts.py` (or `make bench`). Each contender reads the same Parquet file in a process
of its own; what counts is the processor time of that process (user and system) and its largest memory. DuckDB has one
thread, as pandas has, and stays within 2 GB. The pandas way is that of the tutorials, written with care: months as
numbers, a first month by customer, distinct customers by cohort and age, revenue by cohort and age.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import summary

AIM = 1 / 3
OURS = """
import duckdb
duckdb.execute("SET enable_progress_bar = false; SET threads = 1; SET memory_limit = '2GB'")
from clvhelpers.cohorts import cohort_table
frame = cohort_table(duckdb.read_parquet(path), end="2025-12-31").frame
active, revenue = frame["n_active"].sum(), frame["revenue"].sum()
"""
PEER = """
import pandas
log = pandas.read_parquet(path)
log["month"] = 12 * log["date"].dt.year + log["date"].dt.month
bought = log[log["amount"] > 0]
log["cohort"] = log["customer_id"].map(bought.groupby("customer_id")["month"].min())
log["age"] = log["month"] - log["cohort"]
cells = ["cohort", "age"]
active = log[log["amount"] > 0].groupby(cells)["customer_id"].nunique().sum()
revenue = log[log["age"] >= 0].groupby(cells)["amount"].sum().sum()
"""
TELL = "\nprint(int(active), round(revenue / 1e6, 2))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=1, help="the best of so many runs counts")
    options = parser.parse_args()
    contenders = {"clvhelpers (DuckDB)": OURS, "pandas groupby": PEER}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "log.parquet")
        summary.run(sys.executable, summary.MAKE, path, str(options.rows))
        runs = {
            name: summary.best(sys.executable, code + TELL, path, options.repeats) for name, code in contenders.items()
        }
    ours, peer = runs.values()
    print(f"Cohort triangle of {options.rows:,} rows (CPU seconds and largest memory of each process)")
    print(f"{'':20}{'CPU s':>8}{'MB':>8}  customer-months, revenue in millions")
    for name, done in runs.items():
        print(f"{name:20}{done.seconds:8.2f}{done.megabytes:8.0f}  {done.said}")
    print(f"ours / pandas: {ours.seconds / peer.seconds:.2f}; aim: at most {AIM:.2f}")


if __name__ == "__main__":
    main()
