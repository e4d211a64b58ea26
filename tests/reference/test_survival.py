"""Staying and leaving, against published numbers and those of other packages."""

import numpy as np
import pandas as pd
import pytest

from clvhelpers.churn import cumulative_incidence, kaplan_meier, log_rank, restricted_mean
from tests.published import leukaemia as published_leukaemia
from tests.published import published


@pytest.fixture(scope="module")
def waltons() -> pd.DataFrame:
    return published("waltons")


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    return published("lung")


@pytest.fixture(scope="module")
def leukaemia() -> pd.DataFrame:
    return published_leukaemia()


def test_medians_of_waltons(waltons: pd.DataFrame) -> None:
    # lifelines 0.30.3 and R survival: median 56 (53 to 58); control 58, miR-137 26
    assert len(waltons) == 163
    assert waltons["left"].sum() == 156
    assert kaplan_meier(waltons).median().loc[0, ["median", "low", "high"]].to_list() == [56, 53, 58]
    assert kaplan_meier(waltons, "group").median()["median"].to_list() == [58, 26]


@pytest.mark.parametrize(
    ("weights", "statistic"),
    [("log-rank", 122.249126), ("wilcoxon", 139.648), ("tarone-ware", 133.881), ("peto", 143.780)],
)
def test_tests_of_waltons(waltons: pd.DataFrame, weights: str, statistic: float) -> None:
    # lifelines 0.30.3 logrank_test with weightings; statsmodels survdiff gives the same
    found = log_rank(waltons, "group", weights=weights)
    assert found.statistic == pytest.approx(statistic, abs=0.0005)
    assert found.degrees_of_freedom == 1
    if weights == "log-rank":
        assert found.p_value == pytest.approx(2.0e-28, rel=0.02)


def test_restricted_means_of_waltons(waltons: pd.DataFrame) -> None:
    # survRM2 (R): 9.794 (0.123), p 0.145, as in lifelines' pull request 1526; digits by numpy
    means = restricted_mean(kaplan_meier(waltons, "group"), 10)
    assert means.by_group("mean") == pytest.approx({"control": 9.976744, "miR-137": 9.794118}, abs=1e-6)
    assert means.by_group("standard_error") == pytest.approx({"control": 0.023165, "miR-137": 0.123245}, abs=1e-6)
    difference = means.difference("miR-137", "control")
    assert difference.difference == pytest.approx(-0.182627, abs=1e-6)
    assert difference.p_value == pytest.approx(0.145305, abs=1e-6)


def test_lung(lung: pd.DataFrame) -> None:
    # R survival: 228 patients, 165 deaths, medians 270 and 426 days, log-rank 10.3 on 1 degree of freedom
    assert (len(lung), lung["left"].sum()) == (228, 165)
    curves = kaplan_meier(lung, "group", unit="day")
    assert curves.median().set_index("group")["median"].to_dict() == {"female": 426, "male": 270}
    test = log_rank(lung, "group")
    assert test.statistic == pytest.approx(10.326742, abs=1e-6)
    assert test.p_value == pytest.approx(0.0013112, abs=1e-7)


def test_restricted_means_of_lung(lung: pd.DataFrame) -> None:
    # survRM2 (R), as in survminer's pull request 827, to all digits
    means = restricted_mean(kaplan_meier(lung, "group", unit="day"), 965)
    assert means.by_group("mean") == pytest.approx({"male": 324.04842, "female": 455.90409}, abs=5e-6)
    assert means.by_group("standard_error") == pytest.approx({"male": 22.29794, "female": 32.91742}, abs=5e-6)
    found = means.difference("female", "male")
    shown = [found.difference, found.standard_error, found.low, found.high]
    assert shown == pytest.approx([131.85567, 39.75870, 53.93005, 209.78129], abs=5e-6)
    assert found.p_value == pytest.approx(0.00091186, abs=5e-9)


def test_curve_of_leukaemia(leukaemia: pd.DataFrame) -> None:
    # Kalbfleisch & Prentice (1980), table 1.1; printed in many texts, such as Cox & Oakes (1984), section 1.2
    curves = kaplan_meier(leukaemia, "group", unit="week")
    treated = curves.curve("6-MP").set_index("time")
    assert treated.loc[[6, 7, 10, 13, 16, 22, 23], "survival"].round(4).to_list() == [
        0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482,
    ]  # fmt: skip
    assert treated.loc[[6, 7, 10, 13, 16, 22, 23], "at_risk"].to_list() == [21, 17, 15, 12, 11, 7, 6]
    assert curves.median()["median"].to_list() == [23, 8]


def test_comparison_of_leukaemia(leukaemia: pd.DataFrame) -> None:
    # R survival survdiff: chi-squared 16.8 on 1 degree of freedom, p 4e-05; observed 9 and 21, expected 19.3 and 10.7
    test = log_rank(leukaemia, "group")
    assert test.statistic == pytest.approx(16.792941, abs=1e-6)
    assert test.p_value == pytest.approx(4.169e-5, rel=1e-3)
    assert test.frame["events"].to_list() == [9, 21]
    assert test.frame["expected"].round(1).to_list() == [19.3, 10.7]
    means = restricted_mean(kaplan_meier(leukaemia, "group", unit="week"), 23)
    assert means.by_group("mean") == pytest.approx({"6-MP": 17.9092, "placebo": 8.6667}, abs=5e-5)
    found = means.difference("6-MP", "placebo")
    assert (found.difference, found.standard_error) == pytest.approx((9.2426, 2.0760), abs=5e-5)


def test_rossi() -> None:
    # lifelines 0.30.3 logrank_test on fin; restricted means by numpy, as in survRM2
    rossi = published("rossi")
    assert (len(rossi), rossi["left"].sum()) == (432, 114)
    test = log_rank(rossi, "group")
    assert (test.statistic, test.p_value) == pytest.approx((3.837570, 0.050116), abs=1e-6)
    means = restricted_mean(kaplan_meier(rossi, "group", unit="week"), 52)
    assert means.by_group("mean") == pytest.approx({"aid": 46.875, "no aid": 44.8333}, abs=5e-5)
    assert means.by_group("standard_error") == pytest.approx({"aid": 0.7933, "no aid": 0.9177}, abs=5e-5)
    found = means.difference("aid", "no aid")
    assert (found.difference, found.p_value) == pytest.approx((2.0417, 0.0924), abs=5e-5)


@pytest.fixture(scope="module")
def telco() -> dict[str, pd.DataFrame]:
    """The customers by one column at a time, for that is all that is kept of them."""
    columns = ("contract", "gender", "senior", "partner", "payment", "internet")
    return {name: published(f"telco {name}") for name in columns}


def test_telco(telco: dict[str, pd.DataFrame]) -> None:
    # lifelines 0.30.3; the interval at 12 months also in scikit-survival 0.28
    for rows in telco.values():
        assert (len(rows), rows["left"].sum()) == (7043, 1869)
        assert (rows["duration"] == 0).sum() == 11
    rows = telco["contract"]
    at = kaplan_meier(rows).at([12, 24, 36, 48, 60, 72])
    assert at["survival"].to_list() == pytest.approx(
        [0.843200, 0.788736, 0.748545, 0.708840, 0.664404, 0.592790], abs=5e-7
    )
    assert at.loc[0, ["low", "high"]].to_list() == pytest.approx([0.834169, 0.851783], abs=5e-7)
    began = rows[rows["duration"] > 0]  # who signed up this month is no month at risk
    pd.testing.assert_frame_equal(kaplan_meier(began).at([12, 72]), kaplan_meier(rows).at([12, 72]))


@pytest.mark.parametrize(
    ("contract", "customers", "events", "mean", "error"),
    [
        ("Month-to-month", 3875, 1655, 36.298, 0.560),
        ("One year", 1473, 166, 66.417, 0.400),
        ("Two year", 1695, 48, 71.540, 0.082),
    ],
)
def test_telco_by_contract(
    telco: dict[str, pd.DataFrame], contract: str, customers: int, events: int, mean: float, error: float
) -> None:
    # lifelines 0.30.3; restricted means by numpy, as in survRM2
    rows = telco["contract"].query("group == @contract")
    assert (len(rows), rows["left"].sum()) == (customers, events)
    means = restricted_mean(kaplan_meier(telco["contract"], "group"), 72)
    found = (means.by_group("mean")[contract], means.by_group("standard_error")[contract])
    assert found == pytest.approx((mean, error), abs=5e-4)


def test_telco_by_the_month(telco: dict[str, pd.DataFrame]) -> None:
    # lifelines 0.30.3
    curves = kaplan_meier(telco["contract"], "group")
    monthly = curves.at([12, 24]).query("group == 'Month-to-month'")["survival"].to_list()
    assert monthly == pytest.approx([0.7031, 0.5859], abs=5e-5)
    assert curves.median().set_index("group").loc["Month-to-month", "median"] == 35


@pytest.mark.parametrize(
    ("column", "statistic", "digits"),
    [
        ("contract", 2352.872538, 6),  # lifelines 0.30.3, and statsmodels and scikit-survival too
        ("gender", 0.525707, 6),
        ("senior", 109.490, 3),
        ("partner", 423.543, 3),
        ("payment", 865.239, 3),
        ("internet", 520.121, 3),
    ],
)
def test_log_rank_of_telco(telco: dict[str, pd.DataFrame], column: str, statistic: float, digits: int) -> None:
    test = log_rank(telco[column], "group")
    assert test.statistic == pytest.approx(statistic, abs=0.5 * 10**-digits)
    if column == "gender":
        assert test.p_value == pytest.approx(0.4684, abs=5e-5)


def test_worked_example_of_competing_risks() -> None:
    """Satagopan et al. (2004), British Journal of Cancer 91, 1229-1235, table 2: the first nine of 305 patients.

    The paper rounds each step to a tenth of a percent.
    """
    first = pd.DataFrame(
        {
            "duration": [7, 10, 14, 16, 18, 23, 24, 26, 27],
            "reason": [None, "cancer", None, "cancer", "other", "cancer", None, "other", "cancer"],
        }
    )
    others = pd.DataFrame({"duration": [28] * 296, "reason": [None] * 296})
    patients = pd.concat([first, others], ignore_index=True)
    patients["left"] = patients["reason"].notna()
    events = [10, 16, 18, 23, 26, 27]
    overall = kaplan_meier(patients).curve("all customers").set_index("time").loc[events]
    assert overall["at_risk"].to_list() == [304, 302, 301, 300, 298, 297]
    assert (100 * overall["survival"]).to_list() == pytest.approx([99.7, 99.3, 99.0, 98.7, 98.3, 98.0], abs=0.06)
    cancer = cumulative_incidence(patients).curve("cancer").set_index("time")
    steps = 100 * cancer["incidence"].diff().loc[[10, 16, 23, 27]]
    assert steps.to_list() == pytest.approx([0.3] * 4, abs=0.05)


def test_incidence_and_left_truncation_as_in_lifelines() -> None:
    """300 seeded customers, measured with lifelines 0.30.3 (AalenJohansenFitter, KaplanMeierFitter with entry)."""
    rng = np.random.default_rng(3)
    duration = rng.exponential(10, 300).round(6)
    cause = rng.choice([0, 1, 2], 300, p=[0.4, 0.35, 0.25])
    entry = (rng.random(300) * 2 * (rng.random(300) < 0.5)).round(6)
    reason = pd.Series(cause).map({1: "a", 2: "b"})
    stays = pd.DataFrame({"duration": duration, "left": cause > 0, "reason": reason})[entry < duration]
    rows = cumulative_incidence(stays).curve("a").set_index("time").loc[[2.734076, 5.501583, 13.508168, 50.029039]]
    assert rows["incidence"].to_list() == pytest.approx([0.071669, 0.130225, 0.278643, 0.534817], abs=1e-6)
    assert rows["standard_error"].to_list() == pytest.approx([0.015454, 0.020592, 0.029244, 0.045753], abs=1e-6)
    assert rows["low"].to_list() == pytest.approx([0.045317, 0.093181, 0.222905, 0.441264], abs=1e-6)
    assert rows["high"].to_list() == pytest.approx([0.105904, 0.173603, 0.336949, 0.619563], abs=1e-6)
    late = kaplan_meier(stays.assign(entry=entry[entry < duration])).frame.set_index("time")
    late = late.loc[[0.605655, 1.138621, 3.896569]]
    assert late["survival"].to_list() == pytest.approx([0.988832, 0.961843, 0.841193], abs=1e-6)
    assert late["low"].to_list() == pytest.approx([0.955849, 0.924876, 0.789740], abs=1e-6)
    assert late["high"].to_list() == pytest.approx([0.997210, 0.980806, 0.881003], abs=1e-6)
