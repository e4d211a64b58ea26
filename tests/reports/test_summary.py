"""The words of the summary, on made-up numbers: what is known is said, what is null is never written around."""

from typing import Any

import pytest

from clvhelpers.reporting.metrics import Metrics
from clvhelpers.reporting.summary import summary

SEGMENT = {"share_of_customers": 0.2, "share_of_revenue": 0.6, "mean_clv": 90.0}
FULL: dict[str, Any] = {
    "schema": "1",
    "client": "acme",
    "name": "Acme",
    "currency": "GBP",
    "as_of": "2026-06-30",
    "created_at": "2026-07-01T09:00:00Z",
    "clvhelpers_version": "0.1.0",
    "data": {
        "rows_read": 1010,
        "rows_used": 1000,
        "set_aside": {"no customer": 10},
        "amount_set_aside": {"no customer": 55.5},
        "first_date": "2025-01-01",
        "last_date": "2026-06-30",
        "warnings": [],
    },
    "base": {
        "customers": 400,
        "orders": 1000,
        "revenue": 50000.0,
        "gross_margin": 0.4,
        "average_order_value": 50.0,
        "orders_per_customer": 2.5,
        "repeat_rate": 0.45,
    },
    "retention": {"definition": "on", "month_1": 0.2, "month_3": 0.15, "month_6": 0.1, "month_12": None},
    "model": {
        "name": "BG/NBD and Gamma-Gamma",
        "parameters": {"r": 0.2},
        "log_likelihood": -1234.5,
        "expected_orders": 321.0,
        "holdout": {
            "weeks": 39,
            "predicted": 88,
            "actual": 100,
            "error": -0.12,
            "naive_error": 0.557,
            "trusted": True,
        },
    },
    "clv": {
        "horizon_months": 12,
        "mean": 60.0,
        "median": 20.0,
        "total": 24000.0,
        "interval_90": {"mean": [50.0, 70.0], "total": [20000.0, 28000.0]},
        "historical_mean": 50.0,
    },
    "segments": [
        {"name": "Champions", "customers": 80, "revenue": 30000.0, "action": "Thank them.", **SEGMENT},
        {"name": "At Risk", "customers": 40, "revenue": 9000.0, "action": "Win them back.", **SEGMENT},
        {"name": "New", "customers": 1, "revenue": 5.0, "action": "Welcome.", **SEGMENT, "share_of_customers": 0.002},
    ],
    "tiers": None,
    "concentration": {"gini": 0.6, "top_10_share": 0.509, "top_20_share": 0.678},
}
NO_VALUE = {"mean": None, "median": None, "total": None, "interval_90": None}


def words(**changes: Any) -> str:
    """The whole summary of the full example with some parts replaced."""
    return "\n".join(text.plain for text in summary(Metrics.model_validate(FULL | changes)))


def part(name: str, **changes: Any) -> dict[str, Any]:
    return {**FULL[name], **changes}


def without_money() -> dict[str, Any]:
    groups = [group | {"revenue": None, "share_of_revenue": None, "mean_clv": None} for group in FULL["segments"]]
    return {
        "base": part("base", revenue=None, average_order_value=None, gross_margin=None),
        "clv": part("clv", **NO_VALUE, historical_mean=None),
        "segments": groups,
        "concentration": None,
    }


class TestWorth:
    def test_a_trusted_prediction_leads(self) -> None:
        text = words()
        assert "400 customers of Acme are expected to bring **£24,000** of gross profit over the next 12 months" in text
        assert "£60.00 a customer on average, while half of them are expected to bring less than £20.00" in text
        assert "So far they have brought £50.00 each" in text

    def test_a_prediction_that_failed_its_check_gives_way_to_what_is_known(self) -> None:
        failed = FULL["model"]["holdout"] | {"trusted": False, "error": 0.6}
        text = words(model=part("model", holdout=failed), clv=part("clv", **NO_VALUE))
        assert "its prediction is not to be used. What is known: the 400 customers" in text
        assert "£50,000 of revenue up to 2026-06-30, which is £50.00 of gross profit each" in text
        assert "so it was 60% too high" in text
        assert "**The prediction is not to be used.**" in text
        assert "£24,000" not in text

    def test_no_model_at_all(self) -> None:
        text = words(model=None, clv=part("clv", **NO_VALUE), segments=None)
        assert "a model could not be fitted to these data" in text
        assert "Nothing here looks ahead" in text

    def test_a_history_too_short_for_a_check(self) -> None:
        text = words(model=part("model", holdout=None), clv=part("clv", **NO_VALUE))
        assert "too short to check a model" in text

    def test_spend_that_could_not_be_modelled(self) -> None:
        text = words(clv=part("clv", **NO_VALUE))
        assert "the orders can be predicted, but not their money" in text
        assert "The forecast of orders may be used" in text

    def test_no_amounts_but_a_trusted_model_speaks_of_orders(self) -> None:
        text = words(**without_money())
        assert "In money this can't be said, because the data carry no amounts" in text
        assert "have placed 1,000 orders up to 2026-06-30 and are expected to place 321 more" in text
        assert "£" not in text
        assert "gross margin" not in text

    def test_no_amounts_and_no_model(self) -> None:
        text = words(**without_money(), model=None)
        assert "how many will follow can't be said: a model could not be fitted" in text


class TestCertainty:
    def test_the_check_and_the_range_are_given_together(self) -> None:
        text = words()
        assert "the last 39 weeks and then asked for them: it predicted 88 repeat orders, 100 happened" in text
        assert "so it was 12% too low. The rule that everybody goes on as before was 56% too high" in text
        assert "between **£20,000** and **£28,000** with a probability of 90%" in text
        assert "A miss as large as that of the check would move it by £2,880." in text

    def test_a_hit_is_not_called_too_low(self) -> None:
        exact = FULL["model"]["holdout"] | {"error": -0.001}
        assert "so it was right to within half a percent" in words(model=part("model", holdout=exact))

    def test_nobody_bought_in_the_part_held_out(self) -> None:
        nobody = FULL["model"]["holdout"] | {"actual": 0, "error": None, "naive_error": None, "trusted": False}
        text = words(model=part("model", holdout=nobody), clv=part("clv", **NO_VALUE))
        assert "it predicted 88 repeat orders, 0 happened. So few orders can't tell. **The prediction is not" in text

    def test_too_few_orders_to_tell_are_not_called_a_failure(self) -> None:
        few = FULL["model"]["holdout"] | {"actual": 25, "error": -0.05, "trusted": False}
        text = words(model=part("model", holdout=few), clv=part("clv", **NO_VALUE))
        assert "to tell whether a model is right (25; at least 30 are needed)" in text
        assert "failed" not in text


class TestWhoAndWhat:
    def test_the_best_group_comes_first_and_then_those_at_risk(self) -> None:
        text = words()
        assert "The group Champions, 20% of customers, brought 60% of revenue" in text
        assert "best tenth of customers made 51% of all revenue, the best fifth 68%" in text
        assert "1. **Champions**, 80 customers, who brought £30,000 so far and are expected to bring £90.00" in text
        assert "2. **At Risk**, 40 customers, who brought £9,000 so far and" in text
        assert "if nothing changes. Win them back.\n3. **The second order**: 55% of customers have ordered" in text

    def test_a_handful_of_customers_is_no_place_to_start(self) -> None:
        groups = [FULL["segments"][2], FULL["segments"][0]]
        assert "1. **Champions**" in words(segments=groups)

    def test_an_empty_group_is_never_named(self) -> None:
        groups = [group | {"customers": 0, "share_of_customers": 0.0} for group in FULL["segments"][:2]]
        assert "Champions" not in words(segments=groups)

    def test_at_risk_is_named_once_when_it_also_leads(self) -> None:
        groups = [group for group in FULL["segments"] if group["name"] == "At Risk"]
        assert words(segments=groups).count("Win them back.") == 1

    def test_without_money_the_largest_group_is_named_but_the_best_still_comes_first(self) -> None:
        changes = without_money()
        changes["segments"].append(
            changes["segments"][0] | {"name": "Lost", "customers": 280, "action": "Spend little."}
        )
        text = words(**changes)
        assert "The largest group is Lost" in text
        assert "1. **Champions**, 80 customers. Thank them." in text
        assert "Spend little." not in text

    def test_nothing_to_single_out(self) -> None:
        assert "single out no group" in words(segments=None, base=part("base", repeat_rate=0.8))


class TestLimits:
    def test_the_margin_and_missing_costs_are_said(self) -> None:
        text = words()
        assert "The gross margin of 40% is the client file's" in text
        assert "no acquisition costs in the data" in text

    @pytest.mark.parametrize(("notes", "said"), [(["a"], "One note under"), (["a", "b"], "2 notes under")])
    def test_warnings_are_counted(self, notes: list[str], said: str) -> None:
        assert said in words(data=part("data", warnings=notes))
        assert "Data audit" not in words()


def test_a_hostile_name_stays_text() -> None:
    name = "<script>alert(1)</script> [x](javascript:1) $a{$"
    shown = summary(Metrics.model_validate(FULL | {"name": name}))
    assert name in shown[0].plain
    assert not set("<>[]${}").intersection(shown[0].markdown)
