"""Rates from one period to another, and lifetimes."""

import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvhelpers.errors import FormulaError
from clvhelpers.formulas import churn_from_lifetime, convert_rate, lifetime_from_churn, median_lifetime

PERIODS = st.sampled_from(["D", "W", "M", "Q", "Y"])


def test_a_yearly_discount_rate_per_month_week_and_day_compounds_back_to_itself() -> None:
    assert (1 + convert_rate(0.10, "Y", "M")) ** 12 == pytest.approx(1.10)
    assert (1 + convert_rate(0.10, "Y", "W")) ** (365.25 / 7) == pytest.approx(1.10)
    assert (1 + convert_rate(0.10, "Y", "D")) ** 365.25 == pytest.approx(1.10)


def test_one_percent_a_month_is_12_68_percent_a_year_in_effect_and_12_as_quoted() -> None:
    assert convert_rate(0.01, "M", "Y") == pytest.approx(0.126825, abs=1e-6)
    assert convert_rate(0.01, "M", "Y", kind="nominal") == pytest.approx(0.12)


def test_monthly_retention_is_the_twelfth_root_and_churn_its_complement() -> None:
    retention = convert_rate(0.8, "Y", "M", kind="retention")
    assert retention == pytest.approx(0.8 ** (1 / 12))
    assert convert_rate(0.2, "Y", "M", kind="churn") == pytest.approx(1 - retention)
    assert convert_rate(0.05, "M", "Y", kind="churn") == pytest.approx(1 - 0.95**12)


def test_the_ends_of_the_range_stay_where_they_are() -> None:
    assert convert_rate(0.0, "Y", "M", kind="churn") == 0
    assert convert_rate(1.0, "Y", "M", kind="churn") == 1
    assert convert_rate(1.0, "M", "Y", kind="retention") == 1


@given(st.floats(0, 1), PERIODS, PERIODS, st.sampled_from(["effective", "nominal"]))
def test_there_and_back_is_where_one_was(rate: float, frm: str, to: str, kind: str) -> None:
    assert convert_rate(convert_rate(rate, frm, to, kind), to, frm, kind) == pytest.approx(rate, abs=1e-9)


@given(st.floats(0, 1), PERIODS, PERIODS)
def test_churn_and_retention_stay_complements(churn: float, frm: str, to: str) -> None:
    kept = convert_rate(1 - churn, frm, to, kind="retention")
    assert convert_rate(churn, frm, to, kind="churn") == pytest.approx(1 - kept, abs=1e-9)


@pytest.mark.parametrize("name", ["month", "Month", "m", "M"])
def test_a_period_may_be_named_in_words(name: str) -> None:
    assert convert_rate(0.10, "year", name) == convert_rate(0.10, "Y", "M")


def test_the_answer_has_the_kind_of_the_input() -> None:
    assert isinstance(convert_rate(np.float64(0.1), "Y", "M"), float)
    assert isinstance(convert_rate([0.1, 0.2], "Y", "M"), np.ndarray)
    series = convert_rate(pd.Series({"US": 0.1, "UK": 0.2}), "Y", "M")
    assert list(series.index) == ["US", "UK"]
    assert convert_rate(Decimal("0.1"), "Y", "M") == pytest.approx(convert_rate(0.1, "Y", "M"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.1, "Y", "fortnight"), r"'fortnight' is not a period: expected one of 'D' \(day\), 'W' \(week\)"),
        ((0.1, "Y", "M", "simple"), "kind is 'simple': expected one of effective, nominal, churn, retention"),
        ((5, "M", "Y", "churn"), "rate is 5: more customers would leave than there were; give a fraction"),
        ((-0.1, "M", "Y", "retention"), "rate is -0.1: fewer than none can't stay"),
        ((-1, "M", "Y"), "rate is -1: money would lose all its value"),
        (([0.1, np.nan], "M", "Y"), r"rate\[1\] is nan: it must be a finite number"),
        (("10%", "M", "Y"), "rate must be a number or numbers, not '10%'"),
        (([[0.1, 0.2], [0.3]], "M", "Y"), r"rate must be a number or numbers, not \[\[0.1, 0.2\], \[0.3\]\]"),
        (([0.1, True], "M", "Y"), r"rate must be a number or numbers, not \[0.1, True\]"),
        ((True, "M", "Y"), "rate must be a number or numbers, not True"),
        ((pd.Series({"Web": 0.1, "TV": 1.2}), "M", "Y", "churn"), "rate at 'TV' is 1.2"),
        ((pd.Series([1, None], dtype="Int64"), "M", "Y"), "rate at 1 is nan"),
    ],
)
def test_what_can_not_be_a_rate_is_refused_and_named(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        convert_rate(*arguments)  # type: ignore[arg-type]


def test_mean_lifetime_is_one_over_churn_and_the_median_is_shorter() -> None:
    draws = np.random.default_rng(7).geometric(0.2, 200_000)
    assert lifetime_from_churn(0.2) == pytest.approx(draws.mean(), rel=0.01)
    assert np.mean(draws > math.floor(median_lifetime(0.2))) > 0.5 > np.mean(draws > math.ceil(median_lifetime(0.2)))
    assert churn_from_lifetime(lifetime_from_churn(0.03)) == pytest.approx(0.03)


def test_a_churn_of_zero_is_a_lifetime_without_end_and_refused() -> None:
    with pytest.raises(FormulaError, match=r"churn\[1\] is 0: nobody would ever leave"):
        lifetime_from_churn([0.1, 0.0])
    with pytest.raises(FormulaError, match="churn is 0: nobody would ever leave"):
        median_lifetime(0)
    with pytest.raises(FormulaError, match="churn is 1: everybody leaves"):
        median_lifetime(1)
    with pytest.raises(FormulaError, match=r"periods is 0\.5: a customer is served for one period at least"):
        churn_from_lifetime(0.5)
