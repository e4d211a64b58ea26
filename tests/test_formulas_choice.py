"""The formula that suits a business and its data."""

import importlib

import pytest

from clvhelpers.errors import FormulaError, NotEnoughDataError
from clvhelpers.formulas import choose_formula
from clvhelpers.formulas.choice import KNOWN_DATA, RULES

SUBSCRIPTION = ["revenue", "margin", "retention"]


@pytest.mark.parametrize(
    ("business", "data", "function"),
    [
        ("contractual", SUBSCRIPTION, "subscription_value"),
        ("contractual", [*SUBSCRIPTION, "discount"], "margin_multiple"),
        ("contractual", [*SUBSCRIPTION, "discount", "costs"], "retention_value"),
        ("contractual", [*SUBSCRIPTION, "discount", "growth", "costs", "years"], "retention_value"),
        ("contractual", ["cash_flows", "discount"], "net_present_value"),
        ("non-contractual", ["order_value", "orders_per_year", "years", "margin"], "transaction_value"),
        ("non-contractual", ["transactions", "margin", "discount"], "BetaGeoModel"),
        ("non-contractual", ["revenue", "years", "margin"], "simple_value"),
    ],
)
def test_the_finest_formula_that_the_data_allow_is_chosen(business: str, data: list[str], function: str) -> None:
    choice = choose_formula(business, data)
    assert function in choice.function
    assert choice.function in choice.sentence()
    assert choice.assumes in choice.sentence()


def test_a_churn_formula_is_never_chosen_where_leaving_is_not_seen() -> None:
    with pytest.raises(NotEnoughDataError, match="yearly revenue times years: also needs years"):
        choose_formula("non-contractual", [*SUBSCRIPTION, "discount"])


def test_the_table_says_what_every_other_formula_lacks() -> None:
    frame = choose_formula("contractual", SUBSCRIPTION).frame.set_index("formula")
    assert frame.loc["margin multiple", "lacks"] == "discount"


def test_unknown_words_are_refused_with_the_nearest() -> None:
    with pytest.raises(FormulaError) as error:
        choose_formula("shop", ["chrun", "revenue", "weather"])
    assert "business is 'shop'" in error.value.problems[0]
    assert "did you mean 'churn'?" in error.value.problems[1]
    assert "'weather' is not a kind of data: expected some of" in error.value.problems[2]


def test_every_rule_names_a_function_that_exists_and_data_that_are_known() -> None:
    for rule in RULES:
        assert set(rule.needs) <= set(KNOWN_DATA)
        for path in rule.function.replace("clv.", "clvhelpers.").split(" with "):
            module, name = path.rsplit(".", 1)
            assert callable(getattr(importlib.import_module(module), name))
