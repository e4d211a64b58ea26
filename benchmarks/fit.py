"""Speed of fits and of values: ours against lifetimes, pymc-marketing and clvkit, on the same simulated customers.

Run by hand: `python benchmarks/fit.py --peer-python PATH`, where PATH is a Python with the packages of `peers.txt`
(`make bench` prepares one). Each contender reads the same file in a process of its own; what counts is the least
processor time of its runs (all threads), without imports and reading. Ours and lifetimes find standard errors too;
pymc-marketing (the most probable parameters, flat priors) and clvkit don't, and are none the slower for it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from clvhelpers.customers import customer_summary
from clvhelpers.models.beta_geo import BetaGeoParameters
from clvhelpers.simulate import non_contractual

SEED = 20260630
ROOT = Path(__file__).resolve().parent.parent
WEEKLY_CUSTOMERS, CHUNK, WEEKS = 10_000_000, 1_000_000, 78

OURS_FIT = """
from clvhelpers import BetaGeoModel
def job(): return BetaGeoModel("D").fit(frame).standard_errors
"""
OURS_POSTERIOR = """
from clvhelpers import BetaGeoModel
model = BetaGeoModel("D").fit(frame)
def job(): return model.posterior(draws=1000)
"""
OURS_VALUE = """
from clvhelpers import BetaGeoModel, GammaGammaModel
model = BetaGeoModel("D").with_parameters(r=0.243, alpha=30.898, a=0.793, b=2.426)
spend = GammaGammaModel().with_parameters(p=6.25, q=3.74, v=15.44)
def job(): return model.expected_customer_lifetime_value(frame, spend, 12, discount_rate=0.10)
"""
OURS_COUNTS = """
from clvhelpers import BetaGeoModel
def job(): return BetaGeoModel("W").fit(frame, weights="weight").standard_errors
"""
LIFETIMES_FIT = """
from lifetimes import BetaGeoFitter
def job(): return BetaGeoFitter().fit(frame["frequency"], frame["recency"], frame["T"]).standard_errors_
"""
LIFETIMES_VALUE = """
from lifetimes import BetaGeoFitter, GammaGammaFitter
model, spend = BetaGeoFitter(), GammaGammaFitter()
model.params_ = pandas.Series({"r": 0.243, "alpha": 30.898, "a": 0.793, "b": 2.426})
model.predict = model.conditional_expected_number_of_purchases_up_to_time
spend.params_ = pandas.Series({"p": 6.25, "q": 3.74, "v": 15.44})
columns = [frame[name].fillna(0) for name in ("frequency", "recency", "T", "monetary_value")]
def job(): return spend.customer_lifetime_value(model, *columns, time=12, discount_rate=0.008, freq="D")
"""
PYMC_FIT = """
import pymc_marketing.clv as clv
from pymc_extras.prior import Prior
flat = dict.fromkeys(("r", "alpha", "a", "b"), Prior("HalfFlat"))
def job(): clv.BetaGeoModel(model_config=flat).fit(frame, method="map", progressbar=False)
"""
CLVKIT_FIT = """
import clvkit
base = clvkit.CustomerBase(frame.set_index("customer_id"), time_unit="D", has_monetary=True, on_negative="net",
                           observation_period_end=pandas.Timestamp("2000-01-01"))
def job(): return clvkit.BGNBD().fit(base)
"""
FITS = {"lifetimes": (LIFETIMES_FIT, 0.10), "pymc-marketing MAP": (PYMC_FIT, 0.07), "clvkit": (CLVKIT_FIT, 0.01)}
START = "import json, sys, time, pandas\nframe = pandas.read_parquet(sys.argv[1])\n"
TIME = """
seconds = []
for _ in range(int(sys.argv[2])):
    start = time.process_time()
    job()
    seconds.append(time.process_time() - start)
print(json.dumps(min(seconds)))
"""


def seconds(python: str, code: str, path: Path, repeats: int) -> float:
    """The least processor time of the job, in a process of its own."""
    done = subprocess.run(
        [python, "-W", "ignore", "-c", START + code + TIME, str(path), str(repeats)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT) if python == sys.executable else ""},
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def make_daily(path: Path, customers: int) -> None:
    company = non_contractual(customers, seed=SEED, future_weeks=0)
    customer_summary(company.transactions, end=company.end, unit="D").to_parquet(path)


def make_weekly(path: Path) -> None:
    """Counts of customers by frequency, recency and T in whole weeks, as a database would give them."""
    rng = np.random.default_rng(SEED)
    rows = np.concatenate([weekly_rows(rng) for _ in range(WEEKLY_CUSTOMERS // CHUNK)])
    key, weight = np.unique(rows, return_counts=True)
    others, recency = np.divmod(key, WEEKS + 1)
    frequency, T = np.divmod(others, WEEKS + 1)
    pd.DataFrame({"frequency": frequency, "recency": recency, "T": T, "weight": weight}).to_parquet(path)


def weekly_rows(rng: np.random.Generator) -> np.ndarray:
    """frequency, T and recency of each customer in one number, as BG/NBD with the parameters of CDNOW has them.

    Purchases of one week are one.
    """
    T, nothing = rng.integers(WEEKS // 2, WEEKS + 1, CHUNK), np.zeros(CHUNK)
    repeats = BetaGeoParameters(0.243, 4.414, 0.793, 2.426).play(rng, nothing, nothing, float(WEEKS))
    week = np.ceil(repeats.time).astype(np.int64)
    seen = week <= T[repeats.customer]
    who, week = np.divmod(np.unique(repeats.customer[seen] * (WEEKS + 1) + week[seen]), WEEKS + 1)
    last, recency = np.append(who[1:] != who[:-1], True), np.zeros(CHUNK, dtype=np.int64)
    recency[who[last]] = week[last]
    return (np.bincount(who, minlength=CHUNK) * (WEEKS + 1) + T) * (WEEKS + 1) + recency


def tell(what: str, taken: float, against: float | None, aim: float) -> None:
    """One line; without `against` the aim is in CPU seconds."""
    reached = taken if against is None else taken / against
    shown = f"{taken:9.3f}" + (" " * 20 if against is None else f"{against:10.3f}{reached:10.3f}")
    print(f"{what:56}{shown}  aim {aim:<5g} {'reached' if reached <= aim else 'MISSED'}", flush=True)


def our_lines(folder: Path) -> tuple[float, float]:
    """What needs no other library; returns the seconds of a fit of 100,000 and of the values of a million."""
    daily, million, weekly = (folder / f"{name}.parquet" for name in ("daily", "million", "weekly"))
    fit = seconds(sys.executable, OURS_FIT, daily, 5)
    tell("posterior of 1,000 draws, against the fit", seconds(sys.executable, OURS_POSTERIOR, daily, 5), fit, 3)
    tell("fit of 1 million customers, against 100,000", seconds(sys.executable, OURS_FIT, million, 3), fit, 12)
    tell("fit of 10 million by the week, from counts", seconds(sys.executable, OURS_COUNTS, weekly, 5), None, 2)
    return fit, seconds(sys.executable, OURS_VALUE, million, 2)


def compare(python: str, folder: Path, fit: float, value: float, repeats: int) -> None:
    for name, (code, aim) in FITS.items():
        theirs = seconds(python, code, folder / "daily.parquet", repeats)
        tell(f"fit of 100,000 by the day, against {name}", fit, theirs, aim)
    theirs = seconds(python, LIFETIMES_VALUE, folder / "million.parquet", 1)
    tell("12-month CLV of 1 million, against lifetimes", value, theirs, 0.3)


def make_data(folder: Path) -> None:
    made = {
        "daily": lambda path: make_daily(path, 100_000),
        "million": lambda path: make_daily(path, 1_000_000),
        "weekly": make_weekly,
    }
    for name, make in made.items():
        if not (folder / f"{name}.parquet").exists():
            make(folder / f"{name}.parquet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", help="a Python with the packages of peers.txt; without it they are left out")
    parser.add_argument("--peer-repeats", type=int, default=2, help="the least of so many runs counts for the peers")
    parser.add_argument("--folder", type=Path, help="keep the simulated customers here, for another run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        make_data(folder)
        print(f"{'BG/NBD, CPU seconds':56}{'ours':>9}{'it':>10}{'ours / it':>10}", flush=True)
        fit, value = our_lines(folder)
        if options.peer_python:
            compare(options.peer_python, folder, fit, value, options.peer_repeats)


if __name__ == "__main__":
    main()
