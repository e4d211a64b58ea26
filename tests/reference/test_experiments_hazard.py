"""Hazard ratios against published Cox regressions and the log-rank test."""

import numpy as np
import pytest

from clvhelpers.churn import log_rank
from clvhelpers.experiments import HazardRatio, hazard_ratio
from tests.published import leukaemia, published, rossi

BEFORE = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]


def rossi_by(column: str) -> HazardRatio:
    """The regression on all seven columns, seen from one of them as the arm."""
    others = [name for name in BEFORE if name != column]
    return hazard_ratio(rossi(), arm=column, control="0", covariates=others, measured_at="before")


def test_rossi() -> None:
    # lifelines 0.30.3, CoxPHFitter().fit(rossi, "week", "arrest"); R survival gives the same digits
    found = rossi_by("fin")
    row = found.frame.iloc[0]
    assert (found.units, found.events) == (432, 114)
    assert row["log_hazard_ratio"] == pytest.approx(-0.379422, abs=5e-7)
    assert row["hazard_ratio"] == pytest.approx(0.684257, abs=5e-7)
    assert row["p_value"] == pytest.approx(0.047416, abs=5e-7)
    others = found.coefficients.set_index("covariate")["coefficient"]
    assert others[["age", "prio"]].to_list() == pytest.approx([-0.057438, 0.091497], abs=5e-7)
    assert found.log_likelihood == pytest.approx(-658.747660, abs=1e-6)
    assert (found.likelihood_ratio, found.degrees_of_freedom) == (pytest.approx(33.26595, abs=5e-6), 7)


def test_concordance_of_rossi() -> None:
    """lifelines 0.30.3, `concordance_index_`: of pairs of whom one is known to have left first, how many it ranks so.

    Two who left in one week are no pair, and a pair of equal risk counts half.
    """
    found, rows = rossi_by("fin"), rossi()
    coefficients = [found.frame.loc[0, "log_hazard_ratio"], *found.coefficients["coefficient"]]
    risk = rows[["fin", *found.coefficients["covariate"].str.removesuffix(" 1")]].to_numpy() @ coefficients
    time, left = rows["duration"].to_numpy(), rows["left"].to_numpy() == 1
    later = (time[:, None] < time) | ((time[:, None] == time) & ~left)
    one, other = np.nonzero(left[:, None] & later)
    ranked = (risk[one] > risk[other]) + (risk[one] == risk[other]) / 2
    assert ranked.mean() == pytest.approx(0.640329, abs=5e-7)


@pytest.mark.parametrize(
    ("column", "statistic"), [("fin", 0.02), ("race", 1.43), ("wexp", 7.31), ("mar", 0.71), ("paro", 0.13)]
)
def test_whether_the_ratio_changes_in_rossi(column: str, statistic: float) -> None:
    """lifelines 0.30.3, proportional_hazard_test with ranks.

    It numbers leavers of the same week in the order of the rows and we give them their mean rank, so the second digit
    may differ.
    """
    found = rossi_by(column)
    assert found.proportional.loc[0, "statistic"] == pytest.approx(statistic, abs=0.08)
    assert found.changing == (["1"] if column == "wexp" else [])


def test_leukaemia() -> None:
    # Kalbfleisch & Prentice (1980); with Efron's ties 1.572 (R survival coxph), with Breslow's 1.509
    row = hazard_ratio(leukaemia(), arm="group", control="6-MP").frame.iloc[0]
    assert (row["log_hazard_ratio"], row["standard_error"]) == pytest.approx((1.572, 0.412), abs=5e-4)
    turned = hazard_ratio(leukaemia(), arm="group", control="placebo").frame.iloc[0]
    assert turned["hazard_ratio"] == pytest.approx(1 / row["hazard_ratio"])


@pytest.mark.parametrize(("data", "control"), [("rossi", "no aid"), ("lung", "male")])
def test_without_covariates_it_agrees_with_the_log_rank_test(data: str, control: str) -> None:
    """Which is the score test of the same model, so near but not the same."""
    stays = published(data)
    found = hazard_ratio(stays, arm="group", control=control)
    assert found.likelihood_ratio == pytest.approx(log_rank(stays, "group").statistic, rel=0.05)
