"""pymc-marketing's MCMC against our posterior: BG/NBD on the CDNOW sample, how long and what they say.

Run by hand: `python benchmarks/mcmc.py --peer-python PATH`, where PATH is a Python with the packages of `peers.txt`
(`make bench` prepares one). It writes `benchmarks/results/mcmc.csv`, which lesson 11 shows: for each way one row a
parameter, with the mean of the draws, the middle 90% of them, the effective number of draws, and the seconds that fit
and draws took together. Processor time counts all processes, compilers included; both without imports.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from clvhelpers import BetaGeoModel, customer_summary, load_cdnow

HERE = Path(__file__).resolve().parent
DRAWS = 4_000
PEER = """
import json, os, sys, time
from importlib.metadata import version
import arviz, pandas
import pymc_marketing.clv as clv
from pymc_extras.prior import Prior
rows = pandas.read_parquet(sys.argv[1])
flat = dict.fromkeys(("r", "alpha", "a", "b"), Prior("HalfFlat")) if sys.argv[2] == "flat" else None
used = lambda: sum(os.times()[:4])
wall, cpu = time.perf_counter(), used()
model = clv.BetaGeoModel(model_config=flat)
model.fit(rows, method="mcmc", chains=4, draws=1000, tune=1000, random_seed=1, progressbar=False)
wall, cpu = time.perf_counter() - wall, used() - cpu
draws = model.idata.posterior
effective = arviz.ess(model.idata, var_names=["r", "alpha", "a", "b"])
found = {name: {"mean": float(draws[name].mean()), "low": float(draws[name].quantile(0.05)),
                "high": float(draws[name].quantile(0.95)), "effective_draws": float(effective[name])}
         for name in ("r", "alpha", "a", "b")}
diverged = int(model.idata.sample_stats["diverging"].sum())
print(json.dumps({"found": found, "cpu": cpu, "wall": wall, "diverged": diverged,
                  "library": f"pymc-marketing {version('pymc-marketing')}, pymc {version('pymc')}"}))
"""
PRIORS = {"default": "the default priors of the library", "flat": "flat priors on the parameters"}


def theirs(python: str, path: Path, priors: str) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [python, "-W", "ignore", "-c", PEER, str(path), priors]
    done = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, env=environment
    )
    return json.loads(done.stdout.splitlines()[-1]) | {
        "settings": f"NUTS, 4 chains of 1,000 tuning steps and 1,000 draws, {PRIORS[priors]}"
    }


def ours(summary: pd.DataFrame) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    posterior = BetaGeoModel("W").fit(summary).posterior(draws=DRAWS)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found = posterior.interval(0.90).assign(
        mean=posterior.frame.mean(), effective_draws=posterior.effective_sample_size
    )
    return {
        "found": found.to_dict("index"),
        "cpu": cpu,
        "wall": wall,
        "diverged": 0,
        "library": f"clvhelpers {version('clvhelpers')}",
        "settings": f"{DRAWS:,} draws, importance resampling, flat priors on the logarithms of the parameters",
    }


def frame_of(run: dict[str, Any]) -> pd.DataFrame:
    rows = [
        {"library": run["library"], "settings": run["settings"], "parameter": name, **run["found"][name]}
        for name in run["found"]
    ]
    frame = pd.DataFrame(rows)[["library", "settings", "parameter", "mean", "low", "high", "effective_draws"]]
    numbers = frame.round({"mean": 4, "low": 4, "high": 4, "effective_draws": 0})
    return numbers.assign(diverged=run["diverged"], cpu_seconds=round(run["cpu"], 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", required=True, help="a Python with the packages of benchmarks/peers.txt")
    python = parser.parse_args().peer_python
    summary = customer_summary(load_cdnow(), end="1997-09-30", unit="W")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "cdnow.parquet"
        summary[["customer_id", "frequency", "recency", "T"]].to_parquet(path)
        tables = [frame_of(ours(summary))]
        for priors in PRIORS:
            tables.append(frame_of(theirs(python, path, priors)))
            write(pd.concat(tables, ignore_index=True))


def write(table: pd.DataFrame) -> None:
    """Keep what is known so far: the next run takes minutes."""
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    table.to_csv(results / "mcmc.csv", index=False)
    print(table.to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
