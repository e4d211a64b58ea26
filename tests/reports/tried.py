"""A shop whose customers are in an experiment, and what its report says of it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from clvhelpers.cleaning import CleanLog
from clvhelpers.reporting.analysis import clean_source, read_source
from clvhelpers.reporting.config import ClientConfig, load_config
from clvhelpers.reporting.experiment import evaluate
from clvhelpers.reporting.experiment_metrics import ExperimentResult
from clvhelpers.reporting.experiment_pages import experiment
from clvhelpers.reporting.notes import Notes
from tests.reports.made import orders

REVENUE = {"kind": "revenue", "days": 56}
BOUGHT = {"kind": "bought", "days": 56}
STAY = {"kind": "stay", "price": 10.0, "horizon": 36}
ROLL_OUT = 5_000


def client(folder: Path, units: pd.DataFrame | str | None = None, **block: Any) -> ClientConfig:
    """A client with an experiment, whose files lie in `folder`; `block` changes keys of `experiment`."""
    if units is not None:
        text = units if isinstance(units, str) else units.to_csv(index=False)
        (folder / "units.csv").write_text(text, encoding="utf-8")
    tried = {"name": "Winter <e-mail>", "source": str(folder / "units.csv"), "outcome": REVENUE, "cost": 0.5}
    return load_config(
        {
            "client": "acme",
            "name": "Acme",
            "currency": "EUR",
            "transactions": {
                "source": str(folder / "orders.csv"),
                "columns": {"customer": "id", "date": "day", "amount": "paid"},
            },
            "economics": {"gross_margin": 0.4},
            "experiment": tried | {"roll_out": ROLL_OUT} | block,
        }
    )


def orders_of(folder: Path) -> CleanLog:
    """The orders of 800 customers from January 2024 to February 2025, written into `folder` and cleaned."""
    pd.DataFrame(orders(800, 60), columns=["id", "day", "paid"]).to_csv(folder / "orders.csv", index=False)
    config = client(folder)
    return clean_source(read_source(config), config)


def assigned(arms: list[str] | None = None, exposed: str = "2024-09-02", seed: int = 5) -> pd.DataFrame:
    """The shop's customers, each in an arm by chance."""
    rng = np.random.default_rng(seed)
    names = [f"C{place:03}" for place in range(1, 801)]
    arm = rng.permutation(np.resize(arms or ["control", "email"], len(names)))
    return pd.DataFrame({"customer_id": names, "arm": arm, "exposed_at": exposed})


def result(shop: tuple[Path, CleanLog], units: pd.DataFrame | str, **block: Any) -> ExperimentResult:
    found = maybe(shop, units, **block)
    assert found[0] is not None, found[1]
    return found[0]


def maybe(
    shop: tuple[Path, CleanLog], units: pd.DataFrame | str, **block: Any
) -> tuple[ExperimentResult | None, list[str]]:
    """The experiment evaluated, or None, and the notes."""
    folder, log = shop
    config, notes = client(folder, units, **block), Notes()
    assert config.experiment is not None
    return evaluate(config, config.experiment, log, 800, notes), notes.texts


def page(found: ExperimentResult | None, notes: list[str] | None = None, currency: str = "EUR") -> str:
    """All that the section shows, in plain words: texts, tables and what the figures say."""
    config = SimpleNamespace(currency=currency)
    analysis: Any = SimpleNamespace(experiment=found, config=config, warnings=tuple(notes or ()))
    shown = experiment(analysis)
    return "\n".join(item.alt if hasattr(item, "alt") else repr(item) for item in shown)


def stays(seed: int = 3) -> pd.DataFrame:
    """Subscribers of whom the offer loses a third fewer each month; everybody is followed for 6 months."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(["control", "offer"], 800)
    months = rng.geometric(np.where(arm == "offer", 0.10, 0.15) * rng.uniform(0.4, 1.6, 1600))
    left = months <= 6
    names = [f"S{place:04}" for place in range(1600)]
    seen = {"customer_id": names, "arm": arm, "exposed_at": "2024-03-01", "months": np.minimum(months, 6)}
    return pd.DataFrame(seen | {"gone": np.where(left, "yes", "no")})


STAY_COLUMNS = {"duration": "months", "left": "gone"}
