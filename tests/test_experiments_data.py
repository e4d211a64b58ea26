"""The simulated experiments are what `data/README.md` says, and their truth is the truth."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import beta, chisquare

from clvhelpers import datasets
from clvhelpers.datasets import EXPERIMENTS, Experiment, load_experiment, load_harbor_and_pine, load_lumen
from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.simulate import experiments
from clvhelpers.simulate.experiments import newcomers
from tests.data import held, script

FOLDER = datasets.DATA / "experiments"
README = (datasets.DATA / "README.md").read_text().partition("## `experiments/`")[2].partition("\n## ")[0]


@pytest.fixture(scope="module")
def loaded() -> dict[str, Experiment]:
    return {name: load_experiment(name) for name in EXPERIMENTS}


def gap(frame: pd.DataFrame, outcome: str, arm: str) -> tuple[float, float]:
    """The difference of an arm's mean to the control's, and its standard error."""
    one, other = (frame.loc[frame["arm"] == name, outcome] for name in (arm, "control"))
    return one.mean() - other.mean(), np.sqrt(one.var() / len(one) + other.var() / len(other))


def test_the_script_makes_the_same_bytes_again(tmp_path: Path) -> None:
    script(FOLDER / "simulate.py").main(tmp_path)
    made = {path.name: held(path) for path in tmp_path.iterdir()}
    assert made.keys() == {f"{name}.parquet" for name in (*EXPERIMENTS, "truth")}
    assert [name for name in made if made[name] != held(FOLDER / name)] == []
    assert sum(len(content) for content in made.values()) < 700_000


def test_estimates_of_randomised_experiments_are_near_their_truth(loaded: dict[str, Experiment]) -> None:
    named = {
        "first_renewal": [("offer", "renewed", "rate_difference_1"), ("offer", "revenue", "revenue")],
        "permanent": [("offer", "renewed", "rate_difference_1"), ("offer", "revenue", "revenue")],
        "price_and_message": [
            (arm, outcome, f"{outcome}_{arm}")
            for arm in ("message", "price", "both")
            for outcome in ("renewed", "revenue")
        ],
        "email": [("email", outcome, outcome) for outcome in ("revenue", "orders", "unsubscribed")],
    }
    for name, rows in named.items():
        for arm, outcome, measure in rows:
            found, error = gap(loaded[name].frame, outcome, arm)
            assert abs(found - loaded[name].truth[measure]) < 2.5 * error, (name, outcome, arm)


@pytest.fixture(scope="module")
def draws() -> dict[str, pd.DataFrame]:
    """Other draws of the two offers to newcomers, one under the other."""
    return {
        name: pd.concat(getattr(experiments, name)(seed).frame for seed in range(1000, 1005))
        for name in ("first_renewal", "permanent")
    }


@pytest.mark.parametrize("name", ["first_renewal", "permanent"])
def test_over_more_draws_the_offer_lifts_months_as_the_closed_form_says(
    draws: dict[str, pd.DataFrame], name: str
) -> None:
    truth, seen = load_experiment(name).truth, draws[name]
    found, error = gap(seen.assign(paid=seen["duration"].clip(upper=newcomers.WINDOW)), "paid", "offer")
    expected = truth["lift_months_6"] - truth["rate_difference_6"]  # the month after the sixth renewal was not paid yet
    assert found == pytest.approx(expected, abs=2.5 * error)
    assert truth["lift_money_36"] < truth["margin_per_month"] * truth["lift_months_36"]  # discounted


def test_after_the_first_renewal_nothing_differs_where_the_offer_is_for_the_first(
    draws: dict[str, pd.DataFrame],
) -> None:
    for name, differs in (("first_renewal", False), ("permanent", True)):
        stayed = draws[name][draws[name]["renewed"] == 1]
        found, error = gap(stayed.assign(third=(stayed["duration"] > 2).astype(int)), "third", "offer")
        assert bool(abs(found) > 2.5 * error) is differs


def test_the_lift_of_months_is_that_of_numerical_integration(loaded: dict[str, Experiment]) -> None:
    def months(b: float) -> float:
        later = np.arange(1, newcomers.HORIZON)
        return quad(lambda leaves: beta.pdf(leaves, newcomers.A, b) * ((1 - leaves) ** later).sum(), 0, 1)[0]

    lift = months(newcomers.B_LOCKED) - months(newcomers.B)
    assert loaded["permanent"].truth["lift_months_36"] == pytest.approx(lift, abs=1e-6)


def test_the_spend_after_the_email_has_a_heavy_tail_and_follows_what_was_spent_before(
    loaded: dict[str, Experiment],
) -> None:
    frame = loaded["email"].frame
    ordered = frame["revenue"].sort_values(ascending=False)
    assert ordered.head(120).sum() > 0.3 * ordered.sum()
    assert 0.25 < np.corrcoef(frame["revenue"], frame["revenue_before"])[0, 1] < 0.6


def test_the_broken_split_loses_heavy_viewers_and_hides_the_effect(loaded: dict[str, Experiment]) -> None:
    frame, truth = loaded["broken_split"].frame, loaded["broken_split"].truth
    assert chisquare(frame["arm"].value_counts()).pvalue < 0.001
    assert len(frame) == truth["assigned_control"] + truth["assigned_offer"] - truth["lost_offer"]
    found, error = gap(frame, "rentals", "offer")
    assert found < truth["rentals"] - 3 * error
    before, error = gap(frame, "hours_before", "offer")
    assert before < -3 * error


def test_who_was_called_looks_worse_though_the_call_helps(loaded: dict[str, Experiment]) -> None:
    frame, truth = loaded["not_randomised"].frame, loaded["not_randomised"].truth
    assert gap(frame, "revenue", "call")[0] < 0 < truth["revenue_att"]
    assert gap(frame, "retained", "call")[0] < 0 < truth["retained_att"]


def test_customers_of_the_companies_are_theirs_and_the_others_are_not(loaded: dict[str, Experiment]) -> None:
    harbor, lumen = (set(load("customers")["customer_id"]) for load in (load_harbor_and_pine, load_lumen))
    assert set(loaded["email"].frame["customer_id"]) == harbor
    assert set(loaded["broken_split"].frame["customer_id"]) < lumen
    for name in set(EXPERIMENTS) - {"email", "broken_split"}:
        assert set(loaded[name].frame["customer_id"]).isdisjoint(harbor | lumen)
    for one in loaded.values():
        assert one.frame["customer_id"].is_unique
        assert "control" in set(one.frame["arm"])
        assert not one.frame.isna().any(axis=None)


def test_what_was_spent_and_viewed_before_is_what_the_logs_say(loaded: dict[str, Experiment]) -> None:
    orders, usage = load_harbor_and_pine("orders"), load_lumen("usage")
    late = orders[orders["date"] >= "2025-07-03"]
    assert loaded["email"].frame["revenue_before"].sum() == pytest.approx(late["amount"].sum(), abs=1)
    one = loaded["broken_split"].frame.iloc[0]
    hours = usage[(usage["customer_id"] == one["customer_id"]) & (usage["month"] >= "2025-10-01")]["hours"]
    assert one["hours_before"] == pytest.approx(hours.mean(), abs=0.06)


def test_the_data_dictionary_names_every_column_and_every_truth(loaded: dict[str, Experiment]) -> None:
    for name, one in loaded.items():
        part = README.partition(f"`{'first_renewal' if name == 'permanent' else name}.parquet`, one row")[2]
        part = re.split(r"^`\w+\.parquet`(?:, one row|:)", part, maxsplit=1, flags=re.MULTILINE)[0]
        assert re.findall(r"^\| `(\w+)` \|", part, flags=re.MULTILINE) == list(one.frame.columns), name
    assert set(re.findall(r"`(\w+)\.(?:parquet|csv)`", README)) == {
        path.stem for path in FOLDER.iterdir() if path.suffix in (".parquet", ".csv")
    }


def test_the_counts_of_cookie_cats_are_those_published() -> None:
    """Reference numbers, part D 4.3."""
    counts = pd.read_csv(FOLDER / "cookie_cats.csv").set_index("arm")
    assert counts["players"].sum() == 90_189
    assert (counts["retained_1"] / counts["players"]).tolist() == pytest.approx([0.448188, 0.442283], abs=5e-7)
    assert (counts["retained_7"] / counts["players"]).tolist() == pytest.approx([0.190201, 0.182000], abs=5e-7)


def test_a_missing_file_says_how_to_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "DATA", tmp_path)
    with pytest.raises(DataContractError, match=r"python data/experiments/simulate\.py"):
        load_experiment("email")


def test_another_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="no experiment 'emails': did you mean 'email'"):
        load_experiment("emails")
