"""Cross-check with lifetimes, pymc-marketing and clvkit: parameters on the same data, predictions at equal parameters.

Run by hand: `python benchmarks/peers.py --peer-python PATH`, where PATH is a Python with the packages of `peers.txt`
(`make bench` prepares one). Each library answers in a process of its own (`peer_libraries.py`). Parameters should
agree to 1e-4, or, where the likelihood is so flat that they don't, its value should: programs stop where little is
left to gain. Predictions should agree to 1e-6. What a library can't answer, or answers absurdly, has its own table.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clvhelpers import (
    BetaGeoBetaBinomModel,
    BetaGeoModel,
    GammaGammaModel,
    ModifiedBetaGeoModel,
    ParetoNBDModel,
    ShiftedBetaGeoModel,
    customer_summary,
    load_cdnow,
)
from clvhelpers.errors import ClvError
from clvhelpers.models import gamma_gamma
from clvhelpers.models.frames import count_rows
from clvhelpers.models.gamma_gamma import check_spend
from clvhelpers.models.purchase_model import COLUMNS
from clvhelpers.simulate import non_contractual

HERE = Path(__file__).resolve().parent
LIBRARIES = ("lifetimes", "pymc-marketing", "clvkit")
MODELS: dict[str, Any] = {
    "BG/NBD": BetaGeoModel,
    "MBG/NBD": ModifiedBetaGeoModel,
    "Pareto/NBD": ParetoNBDModel,
    "BG/BB": BetaGeoBetaBinomModel,
    "Gamma-Gamma": GammaGammaModel,
    "sBG": ShiftedBetaGeoModel,
}
PURCHASES = ("BG/NBD", "MBG/NBD", "Pareto/NBD")
PARAMETERS_AIM, PREDICTIONS_AIM = 1e-4, 1e-6
EQUAL_LIKELIHOOD = 1e-3  # of the logarithm of the likelihood of all customers
WEEKS_PER_MONTH = 365.25 / 12 / 7
CUSTOMERS = 5_000
CONTRACT_AGE = 2  # periods: the least that pymc-marketing takes
SURVIVORS = {  # Fader & Hardie (2007), table 1: of 1,000 customers, years 0 to 7
    "regular": [1000, 631, 468, 382, 326, 289, 262, 241],
    "high_end": [1000, 869, 743, 653, 593, 551, 517, 491],
}
DONATIONS = "import sys; from lifetimes.datasets import load_donations as load; load().to_parquet(sys.argv[1])"
EXTREME = pd.DataFrame(  # weeks: often and lately, often and long ago, ten years of days, silent for ten years
    {
        "frequency": [131.0, 132.0, 400.0, 400.0, 2500.0, 0.0],
        "recency": [199.0, 199.0, 199.0, 100.0, 3600.0, 0.0],
        "T": [200.0, 200.0, 200.0, 200.0, 3650.0, 3650.0],
        "monetary_value": 30.0,
    }
)
ENDLESS_MEAN = {"p": 4.0, "q": 0.79, "v": 15.0}  # of Gamma-Gamma: for q of 1 or less there is no mean


def run(python: str, *arguments: str | Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-W", "ignore", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        env=environment,
    )
    return done.stdout


def ask_peer(python: str, library: str, question: str, folder: Path) -> dict[str, Any]:
    said = run(python, HERE / "peer_libraries.py", library, question, folder)
    return json.loads(said.splitlines()[-1])


def make_data(folder: Path, peer_python: str) -> dict[str, pd.DataFrame]:
    """The summaries that all libraries fit, by name; written to the folder too."""
    company = non_contractual(CUSTOMERS, seed=20260630, future_weeks=0)
    donations = folder / "donations.parquet"
    run(peer_python, "-c", DONATIONS, donations)
    data = {
        "cdnow": customer_summary(load_cdnow(), end="1997-09-30", unit="W"),
        "synthetic": customer_summary(company.transactions, end=company.end, unit="W"),
        "donations": pd.read_parquet(donations).rename(columns={"periods": "T", "weights": "weight"}),
        **{name: contracts(survivors) for name, survivors in SURVIVORS.items()},
    }
    for name, frame in data.items():
        write(frame, folder / f"{name}.parquet")
    return data


def contracts(survivors: list[int]) -> pd.DataFrame:
    """One row a customer, as pymc-marketing wants it: the period of leaving, or (stays) the one after the last."""
    last = len(survivors)
    gone = np.repeat(np.arange(1, last), -np.diff(survivors))
    recency = np.concatenate([gone, np.full(survivors[-1], last)])
    return pd.DataFrame({"customer_id": np.arange(len(recency)), "recency": recency, "T": last, "cohort": "all"})


def write(frame: pd.DataFrame, path: Path) -> None:
    """Missing money is 0 for them."""
    frame.fillna({"monetary_value": 0.0} if "monetary_value" in frame else {}).to_parquet(path)


def our_fits(data: dict[str, pd.DataFrame]) -> dict[str, Any]:
    fits = {}
    for name, model in MODELS.items():
        if name == "sBG":
            fits |= {f"sBG, {base}": model("Y").fit_survivors(survivors) for base, survivors in SURVIVORS.items()}
        elif name == "BG/BB":
            fits["BG/BB, donations"] = model("Y").fit(data["donations"], weights="weight")
        else:
            fits |= {f"{name}, {base}": model().fit(data[base]) for base in ("cdnow", "synthetic")}
    return fits


def parameter_rows(
    library: str, theirs: dict[str, Any], ours: dict[str, Any], data: dict[str, pd.DataFrame]
) -> list[list[Any]]:
    rows = []
    for fit, found in theirs.items():
        model = ours[fit]
        values = [found["parameters"][name] for name in model.parameters]
        gain = model.log_likelihood - likelihood_at(model, data[fit.split(", ")[1]], values)
        for name, theirs_, ours_ in zip(model.parameters, values, model.parameters.values(), strict=True):
            off = theirs_ / ours_ - 1
            rows.append([fit, library, name, theirs_, ours_, off, verdict(off, gain), gain])
    return rows


def likelihood_at(model: Any, rows: pd.DataFrame, values: list[float]) -> float:
    """Our exact log-likelihood of a summary at their parameters."""
    if isinstance(model, ShiftedBetaGeoModel):
        return float(model._objective.value(np.log(values)))
    weights = "weight" if "weight" in rows else None
    if isinstance(model, GammaGammaModel):
        return gamma_gamma._Likelihood(check_spend(count_rows(rows, gamma_gamma.COLUMNS))).value(np.log(values))
    return float(model.likelihood(count_rows(rows, COLUMNS, weights)).value(np.log(values)))


def verdict(off: float, gain: float) -> str:
    if abs(off) <= PARAMETERS_AIM:
        return "equal"
    if abs(gain) <= EQUAL_LIKELIHOOD:
        return "flat: equal likelihood"
    return f"{'ours' if gain > 0 else 'theirs'} is likelier"


def asks(ours: dict[str, Any], data: dict[str, pd.DataFrame], folder: Path) -> list[dict[str, Any]]:
    """What to predict with our parameters: all customers of CDNOW, in months, and donors and contracts."""
    months = data["cdnow"].assign(**{name: data["cdnow"][name] / WEEKS_PER_MONTH for name in ("recency", "T")})
    write(months, folder / "months.parquet")
    one = pd.DataFrame({"customer_id": [0], "recency": 1, "T": CONTRACT_AGE, "cohort": "all"})
    write(one, folder / "contract.parquet")
    spend = ours["Gamma-Gamma, cdnow"].parameters
    found = []
    for model in PURCHASES:
        given = in_months(ours[f"{model}, cdnow"].parameters)
        ask = {"model": model, "parameters": given, "rows": "months", "times": [1.0, 6.0, 18.0]}
        found += [{"name": model, **ask}, {"name": f"{model}, CLV", "spend": spend, **ask}]
    donors = ours["BG/BB, donations"].parameters
    contract = ours["sBG, regular"].parameters
    return [
        *found,
        {"name": "BG/BB", "model": "BG/BB", "parameters": donors, "rows": "donations", "times": [1, 5, 10]},
        {"name": "Gamma-Gamma", "model": "Gamma-Gamma", "parameters": spend, "rows": "months", "times": []},
        {"name": "sBG", "model": "sBG", "parameters": contract, "rows": "contract", "times": [0, 1, 4, 11]},
    ]


def in_months(parameters: dict[str, float]) -> dict[str, float]:
    return {name: value / WEEKS_PER_MONTH if name in ("alpha", "beta") else value for name, value in parameters.items()}


def our_answers(ask: dict[str, Any], folder: Path) -> dict[str, np.ndarray]:
    model, rows = MODELS[ask["model"]], pd.read_parquet(folder / f"{ask['rows']}.parquet")
    times = ask["times"]
    if ask["model"] == "Gamma-Gamma":
        return {"spend": model().with_parameters(**ask["parameters"]).expected_customer_spend(rows).to_numpy()}
    given = model("Y" if ask["model"] in ("BG/BB", "sBG") else "M").with_parameters(**ask["parameters"])
    if ask["model"] == "sBG":
        renewals = CONTRACT_AGE + np.array(times)
        return {"retention": given.expected_retention_rate(renewals), "survival": given.survival(renewals)}
    if "spend" in ask:
        spends = GammaGammaModel().with_parameters(**ask["spend"])
        yearly = 1.01**12 - 1
        return {"value": given.expected_customer_lifetime_value(rows, spends, 12, discount_rate=yearly).to_numpy()}
    found = {f"purchases in {t:g}": given.expected_purchases(rows, t).to_numpy() for t in times}
    return found | {
        "P(alive)": given.expected_probability_alive(rows).to_numpy(),
        "new customer": given.expected_purchases_new_customer(np.array(times)),
    }


def prediction_rows(library: str, theirs: dict[str, Any], ours: dict[str, Any]) -> list[list[Any]]:
    rows = []
    for name, answers in theirs.items():
        if "error" in answers:
            rows.append([name, library, "", 0, np.nan, answers["error"]])
            continue
        for what, values in answers.items():
            expected = ours[name][what]
            off = np.abs(np.array(values) - expected) / np.abs(expected)
            worst = float(np.nanmax(off)) if np.isfinite(off).any() else np.nan
            missing = int((~np.isfinite(np.array(values))).sum())
            said = "equal" if worst <= PREDICTIONS_AIM and not missing else "DIFFERENT"
            rows.append([name, library, what, len(values), worst, said + (f", {missing} no number" if missing else "")])
    return rows


def absurd_asks(ours: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Customers and parameters at which formulas break; `absurd_rows` tells what each library says."""
    write(EXTREME.assign(customer_id=np.arange(len(EXTREME))), folder / "extreme.parquet")
    found = []
    for model in PURCHASES:
        ask = {"model": model, "rows": "extreme", "times": [39.0]}
        given = ours[f"{model}, cdnow"].parameters
        found.append({"name": f"{model} of extreme customers", "parameters": given, **ask})
        at_one = given | ({"s": 1.0} if "s" in given else {"a": 1.0})
        found.append({"name": f"{model} at {'s' if 's' in given else 'a'} = 1", "parameters": at_one, **ask})
    no_mean = {"name": "Gamma-Gamma at q = 0.79", "model": "Gamma-Gamma", "parameters": ENDLESS_MEAN}
    return [*found, {**no_mean, "rows": "extreme", "times": []}]


def absurd_rows(asked: list[dict[str, Any]], theirs: dict[str, dict[str, Any]], folder: Path) -> list[list[Any]]:
    rows = []
    for ask in asked:
        what = "spend" if ask["model"] == "Gamma-Gamma" else f"purchases in {ask['times'][0]:g}"
        try:
            said = shown(our_answers(ask, folder)[what])
        except ClvError as error:
            said = f"refused: {error}"[:110]
        rows.append([ask["name"], "clvhelpers", said])
        for library in LIBRARIES:
            answers = theirs[library].get(ask["name"])
            if answers:
                rows.append(["", library, answers["error"][:110] if "error" in answers else shown(answers[what])])
    return rows


def shown(values: Any) -> str:
    return "  ".join(f"{value:.5g}" for value in values)


def table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    print(f"\n{title}")
    print(pd.DataFrame(rows, columns=columns).to_string(index=False, float_format=lambda value: f"{value:.7g}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", required=True, help="a Python with the packages of benchmarks/peers.txt")
    python = parser.parse_args().peer_python
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = make_data(folder, python)
        fits = our_fits(data)
        same, absurd = asks(fits, data, folder), absurd_asks(fits, folder)
        (folder / "ask.json").write_text(json.dumps(same + absurd), encoding="utf-8")
        fitted = {library: ask_peer(python, library, "fits", folder) for library in LIBRARIES}
        predicted = {library: ask_peer(python, library, "predictions", folder) for library in LIBRARIES}
        ours = {ask["name"]: our_answers(ask, folder) for ask in same}
        broken = absurd_rows(absurd, predicted, folder)
    columns = ["fit", "library", "parameter", "theirs", "ours", "theirs/ours-1", "verdict", "our gain in lnL"]
    rows = [row for library in LIBRARIES for row in parameter_rows(library, fitted[library], fits, data)]
    table(f"Parameters; aim: equal to {PARAMETERS_AIM:g}, or equally likely", columns, rows)
    named = {key: {name: said for name, said in found.items() if name in ours} for key, found in predicted.items()}
    rows = [row for library in LIBRARIES for row in prediction_rows(library, named[library], ours)]
    columns = ["model", "library", "prediction", "numbers", "largest relative difference", "verdict"]
    table(f"Predictions with our parameters; aim: equal to {PREDICTIONS_AIM:g}", columns, rows)
    table("Where formulas break", ["case", "library", "answer for each customer"], broken)


if __name__ == "__main__":
    main()
