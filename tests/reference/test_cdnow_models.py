"""Published numbers of BG/NBD and Gamma-Gamma on the CDNOW sample, each with its source.

FHL 2005a: Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way", Marketing Science 24(2).
FHL 2005b: Fader, Hardie & Lee (2005), "RFM and CLV", Journal of Marketing Research 42(4).
Note 025: Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value", brucehardie.com.
Hardie's sheet: the Excel sheet that goes with FHL 2005a, as quoted in the tests of lifetimes 0.11.3.
CLVTools: tests/testthat/test_correctness_bgnbd.R of the R package CLVTools.
"""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoModel, GammaGammaModel, customer_summary, load_cdnow, split_holdout
from clvhelpers.models import frequency_table, spend_frequency_correlation, tracking_path
from clvhelpers.models.beta_geo import BetaGeoParameters

PUBLISHED = BetaGeoParameters(r=0.243, alpha=4.414, a=0.793, b=2.426)  # FHL 2005a, table 2


@pytest.fixture(scope="module")
def summary():
    return customer_summary(load_cdnow(), end="1997-09-30", unit="W")


@pytest.fixture(scope="module")
def model(summary):
    return BetaGeoModel("W").fit(summary)


@pytest.fixture(scope="module")
def spend_model(summary):
    return GammaGammaModel().fit(summary)


@pytest.fixture(scope="module")
def tutorial_customer():
    return pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86], "monetary_value": [30.0]})


def test_beta_geo_parameters(model):
    assert model.parameters == pytest.approx(asdict(PUBLISHED), abs=5e-4)  # FHL 2005a
    exact = {"r": 0.2425945, "alpha": 4.4136019, "a": 0.7929199, "b": 2.4258881}  # CLVTools
    assert model.parameters == pytest.approx(exact, rel=1e-5)
    btyd = {"r": 0.242598, "alpha": 4.413684, "a": 0.792990, "b": 2.426167}  # measured with the R package BTYD
    assert model.parameters == pytest.approx(btyd, rel=2e-4)
    assert model.customers == 2357


def test_beta_geo_log_likelihood(model):
    assert model.log_likelihood == pytest.approx(-9582.4, abs=0.05)  # FHL 2005a
    assert model.log_likelihood == pytest.approx(-9582.4292, abs=5e-5)  # CLVTools: -9582.429


def test_beta_geo_standard_errors(model):
    clvtools = {"r": 0.01256, "alpha": 0.37822, "a": 0.18573, "b": 0.70541}  # CLVTools
    assert model.standard_errors == pytest.approx(clvtools, abs=5e-6)
    assert model.covariance.to_numpy() == pytest.approx(model.covariance.to_numpy().T)


def test_beta_geo_as_lifetimes_fits_the_same_rows(summary):
    """lifetimes 0.11.3 on its CSV, whose times are rounded to 2 decimals: 0.242593, 4.413532, 0.792886, 2.425752."""
    rounded = BetaGeoModel("W").fit(summary.round({"recency": 2, "T": 2}))
    lifetimes = {"r": 0.242593, "alpha": 4.413532, "a": 0.792886, "b": 2.425752}
    assert rounded.parameters == pytest.approx(lifetimes, rel=1e-4)
    assert rounded.log_likelihood == pytest.approx(-9582.4256, abs=2e-3)


def test_the_customer_of_the_tutorial(model, tutorial_customer):
    assert model.expected_purchases(tutorial_customer, 39)[0] == pytest.approx(1.226, abs=5e-4)  # Hardie's sheet
    assert model.expected_purchases(tutorial_customer, 39)[0] == pytest.approx(1.22590, abs=1e-5)  # measured
    assert model.expected_probability_alive(tutorial_customer)[0] == pytest.approx(0.72661, abs=1e-5)  # measured


def test_purchases_of_a_new_customer(model):
    times = np.array([0.1429, 1.0, 3.0, 31.8571, 32.0, 78.0])
    sheet = [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576]  # Hardie's sheet
    assert model.expected_purchases_new_customer(times) == pytest.approx(sheet, abs=5e-4)
    assert model.expected_purchases_new_customer(52.0) == pytest.approx(1.44401, abs=1e-5)  # BTYD: 1.44400


def test_probability_of_n_purchases():
    assert PUBLISHED.probability_of_n(0, np.array([39.0])) == pytest.approx(0.5737864, abs=1e-7)  # BTYD manual
    assert PUBLISHED.probability_of_n(10, np.array([2.0])) == pytest.approx(1.07869e-07, rel=1e-5)  # BTYD manual


def test_published_parameters_give_the_published_forecast():
    one = PUBLISHED.purchases_if_alive(np.array([2.0]), np.array([38.86]), np.array([39.0]))
    gone = 0.793 / 3.426 * ((4.414 + 38.86) / (4.414 + 30.43)) ** 2.243
    assert one[0] / (1 + gone) == pytest.approx(1.22603, abs=1e-5)  # measured at the 3 decimals of FHL 2005a


def test_frequencies_of_the_sample(model, summary):
    """FHL 2005a, figure 3 (drawn, no numbers); actual counts as counted from the file."""
    table = frequency_table(model, summary)
    assert table["actual"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert table["expected"].sum() == pytest.approx(2357)
    assert (table["expected"] - table["actual"]).abs().max() < 25


def test_holdout_of_39_weeks():
    check = BetaGeoModel("W").validate(split_holdout(load_cdnow(), "1997-09-30"))
    assert check.weeks == 39
    assert check.predicted == pytest.approx(1653.4, abs=0.05)  # measured
    assert check.actual == 1882  # measured
    assert check.naive == pytest.approx(2930, abs=0.5)  # measured
    assert (check.error, check.naive_error) == pytest.approx((-0.121, 0.557), abs=5e-4)
    assert (check.rmse, check.naive_rmse) == pytest.approx((1.608, 2.212), abs=5e-4)
    assert check.trusted


def test_tracking_ends_four_percent_below(model):
    """FHL 2005a: at week 78 BG/NBD is 4% below the actual cumulative repeat purchases."""
    last = tracking_path(model, load_cdnow(), "1997-09-30").iloc[-1]
    assert last["cumulative_actual"] == 2457 + 1882
    assert last["cumulative_expected"] / last["cumulative_actual"] - 1 == pytest.approx(-0.04, abs=0.005)


def test_gamma_gamma_parameters(spend_model):
    assert spend_model.parameters == pytest.approx({"p": 6.25, "q": 3.74, "v": 15.44}, abs=5e-3)  # note 025
    exact = {"p": 6.24957, "q": 3.74422, "v": 15.44352}  # measured on exact values
    assert spend_model.parameters == pytest.approx(exact, abs=1e-5)
    others = {"p": 6.24935, "q": 3.74426, "v": 15.44431}  # CLVTools and BTYD, which stop a little earlier
    assert spend_model.parameters == pytest.approx(others, rel=1e-4)
    assert spend_model.log_likelihood == pytest.approx(-4055.9177, abs=5e-5)  # CLVTools
    assert spend_model.customers == 946


def test_expected_spend_of_the_first_ten_customers(spend_model, summary):
    """The note counts customers by the day of their first purchase, then by id."""
    first_ten = summary.sort_values(["first_date", "customer_id"]).head(10)
    spend = spend_model.expected_customer_spend(first_ten)
    note = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]  # note 025
    assert spend.to_numpy() == pytest.approx(note, abs=0.01)


def test_expected_spend_of_somebody_unknown(spend_model):
    unknown = pd.DataFrame({"frequency": [0], "monetary_value": [np.nan]})
    assert spend_model.expected_customer_spend(unknown)[0] == pytest.approx(35.17, abs=0.005)  # note 025


def test_spend_hardly_goes_with_frequency(summary):
    assert spend_frequency_correlation(summary) == pytest.approx(0.11, abs=0.005)  # FHL 2005b
    assert spend_frequency_correlation(summary) == pytest.approx(0.1139, abs=5e-5)  # measured


def test_a_month_of_30_days_is_too_short(model, tutorial_customer):
    """Measured: 12 months are 1.5630 purchases; 12 times 30 days, as others count, 1.5445."""
    weeks = np.array([365.25, 12 * 30, 364]) / 7
    purchases = [model.expected_purchases(tutorial_customer, t)[0] for t in weeks]
    assert purchases == pytest.approx([1.5630, 1.5445, 1.559], abs=5e-4)


def test_a_discount_per_year_is_not_one_per_week(model, tutorial_customer):
    """Measured over 52 weeks, paid at the end of each: 1.490 at 10% a year, 1.474 at 1% a month, 1.233 at 1% a week."""
    so_far = [model.expected_purchases(tutorial_customer, week)[0] for week in range(53)]
    weeks = np.arange(1, 53)

    def discounted(yearly):
        return float(np.diff(so_far) @ (1 + yearly) ** (-weeks * 7 / 365.25))

    assert discounted(0.10) == pytest.approx(1.490, abs=1e-3)
    assert discounted(1.01**12 - 1) == pytest.approx(1.474, abs=1e-3)
    assert discounted(1.01 ** (365.25 / 7) - 1) == pytest.approx(1.233, abs=1e-3)


def test_value_is_discounted_once_per_year(model, spend_model, tutorial_customer):
    """The same 12 months by hand: month ends of 365.25 / 12 days, 10% a year."""
    value = model.expected_customer_lifetime_value(tutorial_customer, spend_model, 12, discount_rate=0.10, margin=0.5)
    months = np.arange(13)
    so_far = [model.expected_purchases(tutorial_customer, month * 365.25 / 12 / 7)[0] for month in months]
    spend = spend_model.expected_customer_spend(tutorial_customer)[0]
    by_hand = 0.5 * spend * float(np.diff(so_far) @ 1.10 ** (-months[1:] / 12))
    assert value[0] == pytest.approx(by_hand, rel=1e-9)


def test_weeks_cut_by_the_calendar_give_other_parameters(summary):
    """Measured trap: whole calendar weeks instead of days / 7 give 0.283, 6.591, 0.779, 2.553 and x of 2,216."""
    log = load_cdnow()
    log = log[log["date"] <= "1997-09-30"]
    weeks = log["date"].dt.to_period("W").astype("int64")
    seen = log.assign(week=weeks).groupby("customer_id")["week"]
    bucketed = pd.DataFrame(
        {
            "frequency": seen.nunique() - 1,
            "recency": seen.max() - seen.min(),
            "T": pd.Period("1997-09-30", "W").ordinal - seen.min(),
        }
    )
    assert bucketed["frequency"].sum() == 2216
    found = BetaGeoModel("W").fit(bucketed).parameters
    assert list(found.values()) == pytest.approx([0.283, 6.591, 0.779, 2.553], abs=5e-3)
