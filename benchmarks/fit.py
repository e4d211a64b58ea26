"""BG/NBD with standard errors on 100,000 customers by the day: ours against lifetimes.

Run by hand: `python benchmarks/fit.py --peer-python PATH`, where PATH is a Python that has lifetimes and pyarrow
(`make bench` prepares one). Both read the same summary in a process of their own and fit it three times; what
counts is the least processor time of the fit (all threads), without imports and reading.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from clvhelpers.customers import customer_summary
from clvhelpers.simulate import non_contractual

SEED = 20260630
ROOT = Path(__file__).resolve().parent.parent
AIM = 0.10

OURS = """
from clvhelpers import BetaGeoModel
def fit(frame):
    model = BetaGeoModel("D").fit(frame)
    return model.parameters, model.standard_errors
"""
PEER = """
from lifetimes import BetaGeoFitter
def fit(frame):
    model = BetaGeoFitter().fit(frame["frequency"], frame["recency"], frame["T"])
    return dict(model.params_), dict(model.standard_errors_)
"""
TIME = """
import json, sys, time
import pandas
frame = pandas.read_parquet(sys.argv[1])
seconds = []
for _ in range(3):
    start = time.process_time()
    parameters, errors = fit(frame)
    seconds.append(time.process_time() - start)
print(json.dumps({"seconds": min(seconds), "parameters": parameters, "errors": errors}))
"""


def run(python: str, code: str, path: Path) -> dict[str, Any]:
    """Fit in a process of its own, and tell what it took and found."""
    done = subprocess.run(
        [python, "-W", "ignore", "-c", code + TIME, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return json.loads(done.stdout)


def tell(name: str, found: dict[str, Any]) -> None:
    values = ", ".join(f"{key} {value:.6f} ({found['errors'][key]:.6f})" for key, value in found["parameters"].items())
    print(f"{name:12}{found['seconds']:8.2f} CPU s   {values}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", help="a Python with lifetimes and pyarrow; without it lifetimes is left out")
    parser.add_argument("--customers", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "summary.parquet"
        company = non_contractual(options.customers, seed=SEED, future_weeks=0)
        customer_summary(company.transactions, end=company.end, unit="D").to_parquet(path)
        ours = run(sys.executable, OURS, path)
        peer = run(options.peer_python, PEER, path) if options.peer_python else None
    print(f"BG/NBD with standard errors (in brackets) on {options.customers:,} customers, least of three fits")
    tell("clvhelpers", ours)
    if peer:
        tell("lifetimes", peer)
        print(f"ours / lifetimes: {ours['seconds'] / peer['seconds']:.3f}; aim: at most {AIM:.2f}")


if __name__ == "__main__":
    main()
