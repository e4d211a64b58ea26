"""A report uses the model that its held-out orders speak for, says so, and compares like with like."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvhelpers.models.pareto_nbd import ParetoNBDParameters
from clvhelpers.reporting import analyse, pages, provenance
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.compare import compare
from clvhelpers.reporting.comparison import Comparison
from clvhelpers.reporting.customer_list import customer_list
from clvhelpers.reporting.history import key_figures
from clvhelpers.reporting.trust import further_checks
from tests.reports.made import Row, client


def leavers(customers: int = 700, weeks: int = 78) -> list[Row]:
    """A shop whose customers follow Pareto/NBD: they leave at any moment, not only after an order."""
    rng = np.random.default_rng(5)
    new = np.zeros(customers)
    who, time, _ = ParetoNBDParameters(1.5, 8.0, 1.2, 20.0).play(rng, new, new, float(weeks))
    start = rng.integers(0, 91, customers)
    day = np.append(start, start[who] + np.floor(7 * time))
    whose = np.append(np.arange(customers), who)
    seen = day < 7 * weeks
    amount = rng.gamma(6.0, 5.0, len(day)).round(2)
    dates = [str(dt.date(2024, 1, 1) + dt.timedelta(days=int(number))) for number in day[seen]]
    return [(f"c{one}", date, cash) for one, date, cash in zip(whose[seen], dates, amount[seen], strict=True)]


@pytest.fixture(scope="module")
def pareto(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return analyse(client(tmp_path_factory.mktemp("pareto"), leavers()))


def compared(analysis: Analysis, **altered: object) -> Comparison:
    """An analysis against a report of a month before that said the same, but for what is altered."""
    figures = key_figures(analysis.metrics.model_dump(mode="json", by_alias=True))
    then = str(analysis.log.as_of - dt.timedelta(days=30))
    found = compare(analysis, [{**figures, "as_of": then, "orders": 1, **altered}])
    assert found is not None
    return found


def test_the_chosen_model_makes_every_number(pareto: Analysis) -> None:
    model = pareto.metrics.model
    assert model is not None
    assert model.name == "Pareto/NBD and Gamma-Gamma"
    assert set(model.parameters) == {"r", "alpha", "s", "beta", "p", "q", "v"}
    assert model.holdout is not None
    assert model.holdout.trusted
    fitted = pareto.forecast.model
    assert fitted is not None
    assert fitted.customers == pareto.metrics.base.customers
    alive = customer_list(pareto).table.frame["probability_alive"].to_numpy()
    assert alive == pytest.approx(fitted.expected_probability_alive(pareto.summary).to_numpy(), abs=1e-4)


def test_the_page_says_which_model_and_why(pareto: Analysis) -> None:
    text = "\n".join(map(repr, pages.prediction(pareto)))
    assert "Pareto/NBD is used: it explains the past clearly better than BG/NBD" in text
    assert "The 20% of customers whom the model puts first made" in text
    assert "By the model " in text
    assert "counts as alive until a second one" not in text
    assert "Schmittlein, Morrison & Colombo (1987)" in repr(provenance.method(pareto)[-1])


def test_the_same_model_values_the_same_customers_alike(pareto: Analysis) -> None:
    rows = compared(pareto).frame.set_index("figure")
    row = rows.loc["clv_like_for_like"]
    assert row["before"] == pytest.approx(row["now"], rel=1e-9)
    assert row["verdict"] == "within_noise"


def test_values_of_different_models_are_not_compared(pareto: Analysis) -> None:
    """A report of before the models were compared does not name its model: it was BG/NBD."""
    old = key_figures(pareto.metrics.model_dump(mode="json", by_alias=True))
    old.pop("model")
    then = str(pareto.log.as_of - dt.timedelta(days=30))
    unnamed = compare(pareto, [{**old, "as_of": then, "orders": 1}])
    for found in (unnamed, compared(pareto, model="BG/NBD")):
        assert found is not None
        assert found.not_comparable == [
            "Predicted value can't be compared: it came from the model BG/NBD and comes from Pareto/NBD now."
        ]
        rows = found.frame.set_index("figure")
        assert "clv_like_for_like" not in rows.index
        assert rows.loc["clv_mean", "verdict"] == "not_comparable"
    unknown = compared(pareto, model="Tea leaves")
    assert "came from the model Tea leaves" in unknown.not_comparable[0]


def test_shares_of_few_customers_are_not_told(pareto: Analysis) -> None:
    check = pareto.forecast.check
    assert check is not None
    assert len(further_checks(check.verdict, 5)) == 2
    assert further_checks(check.verdict, check.verdict.active.customers // 10 + 1) == []
    nobody = replace(check.verdict, active=replace(check.verdict.active, actual=0.0))
    assert further_checks(nobody, 5) == []


def test_few_in_a_group_are_hidden_in_the_calibration(pareto: Analysis) -> None:
    from clvhelpers.reporting.small_groups import hide_check

    check = pareto.forecast.check
    assert check is not None
    groups = pd.DataFrame({"customers": [40, 3, 12], "expected": [0.1, 0.2, 0.3], "actual": [0.1, 0.3, 0.3]})
    verdict = replace(check.verdict, active=replace(check.verdict.active, frame=groups))
    shown = hide_check(verdict, 5).active.frame
    assert shown["actual"].isna().tolist() == [False, True, True]
