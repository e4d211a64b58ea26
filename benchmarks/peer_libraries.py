"""The same questions to lifetimes, pymc-marketing and clvkit; each run answers for one of them, as JSON.

Only for `peers.py` and `fit.py`, which start it in the environment of the peers (`peers.txt`); nothing of clvhelpers
is imported here. A run is `python peer_libraries.py LIBRARY QUESTION FOLDER`. In the folder are `cdnow.parquet`,
`synthetic.parquet` (summaries in weeks), `donations.parquet`, `regular.parquet` and `high_end.parquet` (contracts),
and for predictions `ask.json` and the summaries that it names.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Answers = dict[str, Any]
PURCHASES = ("BG/NBD", "MBG/NBD", "Pareto/NBD")
NAMES = {
    "BG/NBD": ("r", "alpha", "a", "b"),
    "MBG/NBD": ("r", "alpha", "a", "b"),
    "Pareto/NBD": ("r", "alpha", "s", "beta"),
    "BG/BB": ("alpha", "beta", "gamma", "delta"),
    "Gamma-Gamma": ("p", "q", "v"),
    "sBG": ("alpha", "beta"),
}


def summary(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{name}.parquet")


class Lifetimes:
    """lifetimes: `fit` with its own defaults."""

    def fitter(self, model: str, parameters: dict[str, float] | None = None) -> Any:
        import lifetimes

        names = {
            "BG/NBD": "BetaGeoFitter",
            "MBG/NBD": "ModifiedBetaGeoFitter",
            "Pareto/NBD": "ParetoNBDFitter",
            "BG/BB": "BetaGeoBetaBinomFitter",
            "Gamma-Gamma": "GammaGammaFitter",
        }
        fitter = getattr(lifetimes, names[model])()
        if parameters:
            fitter.params_ = pd.Series(parameters)
            if model != "Gamma-Gamma":
                fitter.predict = fitter.conditional_expected_number_of_purchases_up_to_time
        return fitter

    def fit(self, model: str, rows: pd.DataFrame) -> dict[str, float]:
        if model == "Gamma-Gamma":
            rows = rows[rows["frequency"] > 0]
            columns = [rows["frequency"], rows["monetary_value"]]
        else:
            columns = [rows["frequency"], rows["recency"], rows["T"]]
        more = {"weights": rows["weight"]} if model == "BG/BB" else {}
        return dict(self.fitter(model).fit(*columns, **more).params_)

    def predict(self, model: str, parameters: dict[str, float], rows: pd.DataFrame, times: list[float]) -> Answers:
        fitter, columns = self.fitter(model, parameters), (rows["frequency"], rows["recency"], rows["T"])
        if model == "Gamma-Gamma":
            return {"spend": fitter.conditional_expected_average_profit(rows["frequency"], rows["monetary_value"])}
        alive = fitter.conditional_probability_alive
        found = {f"purchases in {t:g}": fitter.predict(t, *columns) for t in times}
        found["P(alive)"] = alive(0, *columns) if model == "BG/BB" else alive(*columns)
        if model != "BG/BB":
            found["new customer"] = [fitter.expected_number_of_purchases_up_to_time(t) for t in times]
        return found

    def value(self, purchase: tuple[str, dict[str, float]], spend: dict[str, float], rows: pd.DataFrame) -> Any:
        return self.fitter("Gamma-Gamma", spend).customer_lifetime_value(
            self.fitter(*purchase),
            *(rows[name] for name in ("frequency", "recency", "T", "monetary_value")),
            time=12,
            discount_rate=0.01,
            freq="M",
        )


class PymcMarketing:
    """pymc-marketing: MAP with flat priors, so maximum likelihood; its optimiser is told to go on to the end."""

    def model(self, model: str, parameters: dict[str, float] | None = None, rows: pd.DataFrame | None = None) -> Any:
        import arviz
        import pymc_marketing.clv as clv
        from pymc_extras.prior import Prior

        names = {
            "BG/NBD": "BetaGeoModel",
            "MBG/NBD": "ModifiedBetaGeoModel",
            "Pareto/NBD": "ParetoNBDModel",
            "BG/BB": "BetaGeoBetaBinomModel",
            "Gamma-Gamma": "GammaGammaModel",
            "sBG": "ShiftedBetaGeoModel",
        }
        flat = Prior("HalfFlat", dims="cohort") if model == "sBG" else Prior("HalfFlat")
        made = getattr(clv, names[model])(model_config=dict.fromkeys(NAMES[model], flat))
        if parameters and rows is not None:
            made.build_model(rows)
            if model == "sBG":
                values = {name: np.array([[[value]]]) for name, value in parameters.items()}
                more = {"coords": {"cohort": ["all"]}, "dims": {key: ["cohort"] for key in parameters}}
            else:
                values, more = {name: np.array([[value]]) for name, value in parameters.items()}, {}
            made.idata = arviz.from_dict(posterior=values, **more)
            made.idata.add_groups(fit_data=rows.to_xarray())
        return made

    def rows(self, model: str, rows: pd.DataFrame) -> pd.DataFrame:
        if model == "Gamma-Gamma":
            return rows.loc[rows["frequency"] > 0, ["customer_id", "frequency", "monetary_value"]]
        if model == "BG/BB":
            rows = rows.loc[rows.index.repeat(rows["weight"])].reset_index(drop=True)
            rows = rows.assign(customer_id=np.arange(len(rows)))
        columns = ["recency", "T", "cohort"] if model == "sBG" else ["frequency", "recency", "T"]
        return rows[["customer_id", *columns]]

    def fit(self, model: str, rows: pd.DataFrame) -> dict[str, float]:
        made = self.model(model)
        made.fit(self.rows(model, rows), method="map", progressbar=False, tol=1e-12, options={"maxiter": 10_000})
        return {name: float(made.idata.posterior[name].to_numpy().ravel()[0]) for name in NAMES[model]}

    def predict(self, model: str, parameters: dict[str, float], rows: pd.DataFrame, times: list[float]) -> Answers:
        rows = rows.assign(customer_id=np.arange(len(rows)))
        repeaters = rows[rows["frequency"] > 0] if model == "Gamma-Gamma" else rows
        made = self.model(model, parameters, repeaters)
        if model == "Gamma-Gamma":
            return {"spend": made.expected_customer_spend(rows)}
        if model == "sBG":
            return {
                "retention": [made.expected_retention_rate(rows, future_t=t) for t in times],
                "survival": [made.expected_probability_alive(rows, future_t=t) for t in times],
            }
        found: Answers = {f"purchases in {t:g}": made.expected_purchases(rows, future_t=t) for t in times}
        found["P(alive)"] = made.expected_probability_alive(rows, **({"future_t": 0} if model == "BG/BB" else {}))
        one = rows.head(1)
        if model != "BG/BB":
            found["new customer"] = [made.expected_purchases_new_customer(one, t=t) for t in times]
        return found

    def value(self, purchase: tuple[str, dict[str, float]], spend: dict[str, float], rows: pd.DataFrame) -> Any:
        rows = rows.assign(customer_id=np.arange(len(rows)))
        spends = self.model("Gamma-Gamma", spend, rows[rows["frequency"] > 0])
        return spends.expected_customer_lifetime_value(
            self.model(*purchase, rows), rows, future_t=12, discount_rate=0.01, time_unit="M"
        )


class Clvkit:
    """clvkit: `fit` with its own defaults, on the same summary instead of one of its own."""

    def base(self, rows: pd.DataFrame, unit: str = "W") -> Any:
        import clvkit

        return clvkit.CustomerBase(
            rows.set_index(np.arange(len(rows))),
            time_unit=unit,
            observation_period_end=pd.Timestamp("2000-01-01"),
            has_monetary=True,
            on_negative="net",
        )

    def model(self, model: str, parameters: dict[str, float] | None = None, rows: pd.DataFrame | None = None) -> Any:
        import clvkit

        made = {"BG/NBD": clvkit.BGNBD, "MBG/NBD": clvkit.MBGNBD, "Gamma-Gamma": clvkit.GammaGamma}[model]()
        if parameters and rows is not None:
            base = self.base(rows, "M")
            made._cb, made.time_unit_, made.collapse_ = base, base.time_unit, base.collapse
            if model == "Gamma-Gamma":
                made.p, made.q, made.gamma = parameters.values()
            else:
                made.params_ = pd.Series(parameters)
        return made

    def fit(self, model: str, rows: pd.DataFrame) -> dict[str, float]:
        made = self.model(model).fit(self.base(rows))
        if model == "Gamma-Gamma":
            return {"p": made.p, "q": made.q, "v": made.gamma}
        return dict(made.params_)

    def predict(self, model: str, parameters: dict[str, float], rows: pd.DataFrame, times: list[float]) -> Answers:
        made = self.model(model, parameters, rows)
        if model == "Gamma-Gamma":
            return {"spend": made.predict().to_pandas()}
        found = {f"purchases in {t:g}": made.predict(t).to_pandas() for t in times}
        return found | {"P(alive)": made.probability_alive().to_pandas()}

    def value(self, purchase: tuple[str, dict[str, float]], spend: dict[str, float], rows: pd.DataFrame) -> Any:
        import clvkit

        both = clvkit.CLV(self.model(*purchase, rows), self.model("Gamma-Gamma", spend, rows))
        both._cb, both.time_unit_ = self.base(rows, "M"), "M"
        return both.predict(horizon=12, discount_rate=0.01).to_pandas()["clv"]


LIBRARIES: dict[str, Callable[[], Any]] = {"lifetimes": Lifetimes, "pymc-marketing": PymcMarketing, "clvkit": Clvkit}
MODELS = {
    "lifetimes": (*PURCHASES, "BG/BB", "Gamma-Gamma"),
    "pymc-marketing": (*PURCHASES, "BG/BB", "Gamma-Gamma", "sBG"),
    "clvkit": ("BG/NBD", "MBG/NBD", "Gamma-Gamma"),
}
DATA = {"BG/BB": ("donations",), "sBG": ("regular", "high_end")}


def fits(library: str, folder: Path) -> Answers:
    """The parameters of each model that the library has, on each summary, with the processor time they took."""
    found, peer = {}, LIBRARIES[library]()
    for model in MODELS[library]:
        for data in DATA.get(model, ("cdnow", "synthetic")):
            rows = summary(folder, data)
            start = time.process_time()
            parameters = peer.fit(model, rows)
            seconds = time.process_time() - start
            found[f"{model}, {data}"] = {"parameters": parameters, "seconds": seconds}
    return found


def predictions(library: str, folder: Path) -> Answers:
    """The answers to what `ask.json` asks of models that the library has, or what it says instead of an answer."""
    found, peer = {}, LIBRARIES[library]()
    for ask in json.loads((folder / "ask.json").read_text(encoding="utf-8")):
        if ask["model"] not in MODELS[library]:
            continue
        rows = summary(folder, ask["rows"])
        try:
            if "spend" in ask:
                answers = {"value": peer.value((ask["model"], ask["parameters"]), ask["spend"], rows)}
            else:
                answers = peer.predict(ask["model"], ask["parameters"], rows, ask["times"])
        except Exception as error:  # what a library says instead of an answer is what is asked for
            found[ask["name"]] = {"error": f"{type(error).__name__}: {error}"[:300]}
        else:
            flat = {key: np.ravel(np.asarray(value, dtype=float)) for key, value in answers.items()}
            found[ask["name"]] = {key: value.tolist() for key, value in flat.items()}
    return found


QUESTIONS = {"fits": fits, "predictions": predictions}


def main() -> None:
    library, question, folder = sys.argv[1:]
    warnings.simplefilter("ignore")  # this process asks others' code, and answers in JSON
    print(json.dumps(QUESTIONS[question](library, Path(folder))))


if __name__ == "__main__":
    main()
