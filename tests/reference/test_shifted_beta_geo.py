"""Published numbers of the shifted beta-geometric model, each with its source.

FH 2007: Fader & Hardie, "How to project customer retention", Journal of Interactive Marketing 21(1), 76-90, table 1.
FH 2010: Fader & Hardie, "Customer-base valuation in a contractual setting", Marketing Science 29(1), table 3.
FH 2014: Fader & Hardie, "A spreadsheet-literate non-statistician's guide to the beta-geometric model",
a note on brucehardie.com.
customer-analytics: tests of the Python package of that name, on FH 2007 with 1,000 customers.
"""

import numpy as np
import pytest

from clvhelpers import ShiftedBetaGeoModel

HIGH_END = [100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4]  # FH 2007, years 0 to 12
REGULAR = [100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1, 22.3, 20.7, 19.4, 18.3, 17.3]
CASES = {
    "high end": (HIGH_END, 0.668088, 3.806095, -1611.158),
    "regular": (REGULAR, 0.704077, 1.182043, -1680.265),
}


def fitted(survival):
    return ShiftedBetaGeoModel("Y").fit_survivors(10 * np.array(survival[:8]))


@pytest.mark.parametrize("case", CASES)
def test_parameters_and_log_likelihood(case):
    survival, alpha, beta, log_likelihood = CASES[case]
    model = fitted(survival)
    published = {"alpha": round(alpha, 3), "beta": round(beta, 3)}  # FH 2007: 0.668, 3.806; 0.704, 1.182
    assert model.parameters == pytest.approx(published, abs=5e-4)
    assert model.parameters == pytest.approx({"alpha": alpha, "beta": beta}, abs=2e-6)
    assert model.log_likelihood == pytest.approx(log_likelihood, abs=5e-4)  # customer-analytics
    assert model.customers == 1000


def test_forecast_of_years_8_to_12():
    high_end, regular = (100 * fitted(survival).survival(np.arange(8, 13)) for survival in (HIGH_END, REGULAR))
    assert regular == pytest.approx([22.01, 20.44, 19.12, 17.99, 17.00], abs=0.006)
    assert high_end == pytest.approx([46.04, 43.58, 41.42, 39.51, 37.80], abs=0.006)
    assert regular == pytest.approx(REGULAR[8:], abs=0.4)  # what happened, FH 2007
    assert high_end == pytest.approx(HIGH_END[8:], abs=1.7)


def test_retention_rates():
    high_end, regular = (fitted(survival).expected_retention_rate(range(1, 8)) for survival in (HIGH_END, REGULAR))
    assert high_end == pytest.approx([0.851, 0.878, 0.897, 0.911, 0.921, 0.929, 0.936], abs=6e-4)
    assert regular == pytest.approx([0.627, 0.756, 0.819, 0.856, 0.880, 0.898, 0.911], abs=6e-4)


def test_discounted_expected_lifetime():
    assert fitted(HIGH_END).expected_lifetime(0.10) == pytest.approx(5.922254, abs=2e-6)
    assert fitted(REGULAR).expected_lifetime(0.10) == pytest.approx(3.694908, abs=2e-6)


def test_note_of_2014():
    model = ShiftedBetaGeoModel("Y").fit_survivors([1000, 631, 468, 382, 326])
    assert model.parameters == pytest.approx({"alpha": 0.763665, "beta": 1.295830}, abs=2e-6)  # its gamma and delta
    assert model.log_likelihood == pytest.approx(-1401.5594, abs=5e-5)
    shown = [629, 472, 383, 325, 284, 254, 230, 210, 194, 181, 169, 160]
    assert (1000 * model.survival(range(1, 13))).round().tolist() == shown


@pytest.mark.parametrize(
    ("parameters", "published", "measured"),
    [
        ((3.80, 15.20), [3.31, 3.45, 3.59, 3.72, 3.84], [3.310, 3.451, 3.587, 3.717, 3.842]),
        ((0.067, 0.267), [7.68, 9.46, 9.86, 10.06, 10.19], [7.671, 9.455, 9.851, 10.056, 10.189]),
    ],
)
def test_residual_lifetime_of_two_unlike_bases(parameters, published, measured):
    """FH 2010, table 3: the same mean retention of 0.8, and quite another value of those who have stayed.

    The published parameters are rounded, which the second case shows in the last digit.
    """
    model = ShiftedBetaGeoModel("Y").with_parameters(**dict(zip(("alpha", "beta"), parameters, strict=True)))
    assert model.expected_retention_rate(1) == pytest.approx(0.8, abs=1e-3)
    found = model.expected_residual_lifetime(np.arange(1, 6), 0.10)
    assert found == pytest.approx(published, abs=0.011)
    assert found == pytest.approx(measured, abs=6e-4)
    worth = model.expected_customer_lifetime_value(np.arange(1, 6), price=100, discount_rate=0.10)
    assert worth == pytest.approx(100 * np.array(measured), abs=0.06)


def test_a_second_program_with_flat_priors_finds_the_same():
    """pymc-marketing with HalfFlat priors, maximum a posteriori: 0.66809, 3.80611 and 0.70408, 1.18204."""
    assert list(fitted(HIGH_END).parameters.values()) == pytest.approx([0.66809, 3.80611], abs=2.5e-5)
    assert list(fitted(REGULAR).parameters.values()) == pytest.approx([0.70408, 1.18204], abs=1e-5)
