"""Published numbers of BG/BB on donations of six years, each with its source.

FHS 2010: Fader, Hardie & Shang (2010), "Customer-Base Analysis in a Discrete-Time Noncontractual Setting", Marketing
Science 29(6), 1086-1108; its data, 11,104 donors of a first gift in 1995, come with lifetimes 0.11.3 as
`load_donations` (frequency, recency, donors; 6 years each).
Hardie's sheet: the Excel sheet that goes with it, as quoted in the tests of lifetimes 0.11.3.
BTYD: the vignette "BTYD walkthrough" of the R package BTYD, and measured with its functions.
"""

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoBetaBinomModel

DONORS = (
    *((0, 0, 3464), (1, 1, 1091), (1, 2, 277), (1, 3, 129), (1, 4, 78), (1, 5, 119), (1, 6, 129), (2, 2, 613)),
    *((2, 3, 255), (2, 4, 155), (2, 5, 173), (2, 6, 234), (3, 3, 322), (3, 4, 181), (3, 5, 225), (3, 6, 357)),
    *((4, 4, 240), (4, 5, 284), (4, 6, 512), (5, 5, 335), (5, 6, 728), (6, 6, 1203)),
)


@pytest.fixture(scope="module")
def donors():
    return pd.DataFrame(DONORS, columns=["frequency", "recency", "donors"]).assign(T=6)


@pytest.fixture(scope="module")
def model(donors):
    return BetaGeoBetaBinomModel("Y").fit(donors, weights="donors")


def test_the_data_are_those_of_the_paper(donors, model):
    assert (len(donors), donors["donors"].sum(), model.customers) == (22, 11_104, 11_104)


def test_parameters(model):
    published = {"alpha": 1.204, "beta": 0.750, "gamma": 0.657, "delta": 2.783}  # FHS 2010
    assert model.parameters == pytest.approx(published, abs=1e-3)
    lifetimes = {"alpha": 1.203522, "beta": 0.749716, "gamma": 0.656718, "delta": 2.783442}
    assert model.parameters == pytest.approx(lifetimes, rel=2e-4)
    assert model.log_likelihood == pytest.approx(-33225.5813, abs=5e-5)  # measured with four programs


def test_the_next_five_years(model, donors):
    expected = model.expected_purchases(donors, 5) * donors["donors"]
    assert expected.sum() == pytest.approx(12884.2, abs=0.1)  # Hardie's sheet


def test_ten_years_ahead(model, donors):
    assert model.expected_purchases_new_customer(10) == pytest.approx(3.18, abs=5e-3)  # BTYD
    ahead = donors.assign(expected=model.expected_purchases(donors, 10)).set_index(["frequency", "recency"])["expected"]
    assert ahead[0, 0] == pytest.approx(0.13, abs=5e-3)  # BTYD
    assert ahead[4, 5] == pytest.approx(3.63, abs=5e-3)  # BTYD


def test_discounted_purchases(model, donors):
    """Measured with BTYD's DERT: 5.9098 for a donor of every year, at 10% a year."""
    always = donors.tail(1)
    assert model.expected_discounted_purchases(always, discount_rate=0.10).iloc[0] == pytest.approx(5.9098, rel=1e-3)


def test_expected_donors_by_number_of_gifts_add_up(model):
    chances = np.array([model.probability_of_n_purchases(n, 6) for n in range(7)])
    assert chances.sum() == pytest.approx(1)
