"""Customer summary of a log of 5 million rows: ours against lifetimes and against the bare query.

Run by hand: `python benchmarks/summary.py --peer-python PATH`, where PATH is a Python that has lifetimes and
pyarrow (`make bench` prepares one). Each contender reads the same Parquet file in a process of its own; what
counts is the processor time of that process (user and system, all threads) and its largest memory. DuckDB is
told to stay within 400 MB and to spill the rest to disk, for ours and for the bare query alike.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

SEED = 20260630
ROOT = Path(__file__).resolve().parent.parent

START = "import sys; path = sys.argv[1]\n"
MAKE = "import sys; sys.path.insert(0, 'benchmarks'); import summary; summary.make_log(path, int(sys.argv[2]))"
SETTINGS = """
import duckdb
duckdb.execute("SET enable_progress_bar = false; SET memory_limit = '400MB'")
"""
OURS = (
    SETTINGS
    + """
from clvhelpers.customers import customer_summary
frame = customer_summary(duckdb.read_parquet(path), end="2025-12-31").df()
"""
)
BARE = (
    SETTINGS
    + """
frame = duckdb.sql(f'''
    WITH days AS (
        SELECT customer_id, CAST(date AS DATE) AS day, sum(amount) AS spend
        FROM '{path}' GROUP BY customer_id, day)
    SELECT customer_id, count(*) - 1 AS frequency, (max(day) - min(day)) / 7 AS recency,
           (DATE '2025-12-31' - min(day)) / 7 AS T,
           (sum(spend) - arg_min(spend, day)) / nullif(count(*) - 1, 0) AS monetary_value
    FROM days GROUP BY customer_id
''').df()
"""
)
PEER = """
import pandas
from lifetimes.utils import summary_data_from_transaction_data
log = pandas.read_parquet(path)
frame = summary_data_from_transaction_data(
    log, "customer_id", "date", monetary_value_col="amount", observation_period_end="2025-12-31", freq="D")
"""
TELL = "\nprint(len(frame), int(frame['frequency'].sum()))"


@dataclass(frozen=True)
class Run:
    """What one process took, and what it said about its result."""

    seconds: float
    megabytes: float
    said: str


def make_log(path: Path, rows: int) -> None:
    """A seeded log over two years: some customers buy often, most seldom, a few refunds."""
    random = np.random.default_rng(SEED)
    customers = max(rows // 10, 1)
    weight = random.gamma(0.5, size=customers)
    who = random.choice(customers, size=rows, p=weight / weight.sum())
    minutes = random.integers(0, 730 * 24 * 60, size=rows)
    amount = np.round(random.gamma(2.0, 18.0, size=rows), 2) * np.where(random.random(rows) < 0.02, -1, 1)
    pd.DataFrame(
        {
            "customer_id": pd.Series(who).map("C{:07d}".format),
            "date": pd.Timestamp("2024-01-02") + pd.to_timedelta(minutes, unit="min"),
            "amount": amount,
        }
    ).to_parquet(path)


def run(python: str, code: str, *arguments: str) -> Run:
    """Run one contender in its own process and ask the system what that process took."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [python, "-W", "ignore", "-c", START + code, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    assert process.stdout is not None
    said = process.stdout.read().strip()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"a contender ended with code {process.returncode}: {python}")
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said)


def best(python: str, code: str, path: str, repeats: int) -> Run:
    """The run with the least processor time: what else the machine does can only add to it."""
    return min((run(python, code, path) for _ in range(repeats)), key=lambda done: done.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", help="a Python with lifetimes and pyarrow; without it lifetimes is left out")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=3, help="the best of so many runs counts")
    options = parser.parse_args()
    contenders = {"bare DuckDB query": (sys.executable, BARE), "clvhelpers": (sys.executable, OURS)}
    if options.peer_python:
        contenders["lifetimes"] = (options.peer_python, PEER)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "log.parquet")
        # the log is made in a process of its own: a child starts with the peak memory of its parent
        run(sys.executable, MAKE, path, str(options.rows))
        runs = {name: best(python, code + TELL, path, options.repeats) for name, (python, code) in contenders.items()}
    ours = runs["clvhelpers"]
    print(f"Customer summary of {options.rows:,} rows (CPU seconds and largest memory of each process)")
    print(f"{'':20}{'CPU s':>8}{'MB':>8}{'ours / it':>11}  customers, repeat purchases")
    for name, done in runs.items():
        print(f"{name:20}{done.seconds:8.2f}{done.megabytes:8.0f}{ours.seconds / done.seconds:11.2f}  {done.said}")
    print("Aims: at most 1.30 times the bare query, 0.20 times lifetimes, and under 700 MB.")


if __name__ == "__main__":
    main()
