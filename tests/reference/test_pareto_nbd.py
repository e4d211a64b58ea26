"""Published numbers of Pareto/NBD on the CDNOW sample, each with its source.

FHL 2005a: Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way", Marketing Science 24(2), table 2.
CLVTools: tests/testthat/test_correctness_pnbd.R of the R package CLVTools.
BTYD: the vignette "BTYD walkthrough" of the R package BTYD, and measured with its functions.
lifetimes: fitted with lifetimes 0.11.3 to its CSV, whose times are rounded to 2 decimals.
"""

import numpy as np
import pandas as pd
import pytest

from clvhelpers import ParetoNBDModel, customer_summary, load_cdnow
from clvhelpers.models.frames import count_rows
from clvhelpers.models.pareto_nbd import ParetoNBDLikelihood

EQUAL = 1e-3  # of a log-likelihood: programs that stop so close have found the same


@pytest.fixture(scope="module")
def summary():
    return customer_summary(load_cdnow(), end="1997-09-30", unit="W")


@pytest.fixture(scope="module")
def model(summary):
    return ParetoNBDModel("W").fit(summary)


def customer(frequency, recency, T):
    return pd.DataFrame({"frequency": [frequency], "recency": [recency], "T": [T]})


def test_parameters(model):
    published = {"r": 0.553, "alpha": 10.578, "s": 0.606}  # FHL 2005a, CLVTools
    found = dict(model.parameters)
    assert found.pop("beta") == pytest.approx(11.669, abs=0.015)  # FHL 2005a; flat, so programs differ by 0.012
    assert found == pytest.approx(published, abs=1e-3)
    clvtools = {"r": 0.553270, "alpha": 10.577801, "s": 0.606020}
    assert found == pytest.approx(clvtools, rel=5e-4)


def test_log_likelihood_is_that_of_other_programs_at_least(model):
    assert model.log_likelihood == pytest.approx(-9595.0, abs=0.05)  # FHL 2005a
    assert model.log_likelihood == pytest.approx(-9594.9762, abs=5e-5)  # CLVTools: -9594.976


def test_beta_is_flat_and_others_are_no_likelier(model, summary):
    """CLVTools' and BTYD's beta differ by 0.008, and their likelihoods by nothing."""
    likelihood = ParetoNBDLikelihood(count_rows(summary, ["frequency", "recency", "T"]))
    for others in ((0.553270, 10.577801, 0.606020, 11.663915), (0.553397, 10.580199, 0.606062, 11.656224)):
        value = likelihood.value(np.log(others))
        assert -EQUAL < value - model.log_likelihood <= 1e-6


def test_standard_errors(model):
    errors = dict(model.standard_errors)
    assert errors.pop("beta") == pytest.approx(6.21, abs=0.02)  # CLVTools
    assert errors == pytest.approx({"r": 0.0476, "alpha": 0.8427, "s": 0.1873}, abs=4e-4)  # CLVTools


def test_as_lifetimes_fits_the_rounded_rows(summary):
    rounded = ParetoNBDModel("W").fit(summary.round({"recency": 2, "T": 2})).parameters
    assert rounded == pytest.approx({"r": 0.553276, "alpha": 10.577612, "s": 0.606214, "beta": 11.667912}, rel=2e-4)


def test_purchases_of_a_new_customer(model):
    assert model.expected_purchases_new_customer(52.0) == pytest.approx(1.473, abs=5e-4)  # BTYD


def test_customer_1516(model):
    busy = customer(26, 30.86, 31)
    assert model.expected_purchases(busy, 52)[0] == pytest.approx(25.46, abs=0.01)  # BTYD
    assert model.expected_probability_alive(busy)[0] == pytest.approx(0.9979, abs=5e-5)  # BTYD


def test_the_customer_of_the_tutorial(model):
    """Measured with BTYD at its own maximum: 1.45512 and 0.86912."""
    tutorial = customer(2, 30.43, 38.86)
    assert model.expected_purchases(tutorial, 39)[0] == pytest.approx(1.45512, rel=1e-4)
    assert model.expected_probability_alive(tutorial)[0] == pytest.approx(0.86912, rel=1e-4)


def test_discounted_purchases(model):
    """Measured with BTYD's DERT at a continuous rate of 0.0027 a week: 6.4829 and 86.031."""
    yearly = np.expm1(0.0027 * 365.25 / 7)
    both = pd.concat([customer(2, 30.43, 38.86), customer(26, 30.86, 31)])
    found = model.expected_discounted_purchases(both, discount_rate=yearly)
    assert found.tolist() == pytest.approx([6.4829, 86.031], rel=3e-4)
