"""Published numbers of MBG/NBD on the CDNOW sample, each with its source.

BTYDplus: the vignette and tests of the R package BTYDplus, as quoted in the tests of lifetimes 0.11.3.
lifetimes: fitted with lifetimes 0.11.3 to its CSV, whose times are rounded to 2 decimals.
"""

import pandas as pd
import pytest

from clvhelpers import ModifiedBetaGeoModel, customer_summary, load_cdnow


@pytest.fixture(scope="module")
def rounded():
    summary = customer_summary(load_cdnow(), end="1997-09-30", unit="W").round({"recency": 2, "T": 2})
    return ModifiedBetaGeoModel("W").fit(summary)


def test_parameters(rounded):
    published = {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}  # BTYDplus
    assert rounded.parameters == pytest.approx(published, abs=5e-4)
    lifetimes = {"r": 0.524838, "alpha": 6.182988, "a": 0.891356, "b": 1.614000}
    assert rounded.parameters == pytest.approx(lifetimes, rel=1e-4)


def test_log_likelihood(rounded):
    assert rounded.log_likelihood == pytest.approx(-9582.1327, abs=2e-3)  # lifetimes


def test_the_customer_of_the_tutorial(rounded):
    """Measured with lifetimes: 1.26267 purchases in 39 weeks, alive with 0.70613."""
    tutorial = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    assert rounded.expected_purchases(tutorial, 39)[0] == pytest.approx(1.26267, rel=1e-4)
    assert rounded.expected_probability_alive(tutorial)[0] == pytest.approx(0.70613, rel=1e-4)
