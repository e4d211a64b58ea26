"""Staying by arm against published numbers, those of other packages, and the binomial where nobody is censored."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from clvhelpers.errors import FollowUpWarning
from clvhelpers.experiments import StayComparison, compare_stays
from tests.published import published


@pytest.fixture(scope="module")
def compared() -> Callable[..., StayComparison]:
    """A comparison of the arms of a published data set."""

    def compare(data: str, control: str, **options: object) -> StayComparison:
        return compare_stays(published(data), arm="group", control=control, **options)  # type: ignore[arg-type]

    return compare


@pytest.mark.parametrize(
    ("data", "control", "horizon", "log_rank", "means", "difference", "error", "p"),
    [
        # waltons: lifelines 0.30.3; survRM2 (R) 9.794 (0.123), p 0.145, as in lifelines' pull request 1526
        ("waltons", "control", 10, 122.249126, (9.976744, 9.794118), -0.182627, 0.125403, 0.145305),
        # lung: R survival; survRM2 (R), as in survminer's pull request 827
        ("lung", "male", 965, 10.326742, (324.04842, 455.90409), 131.85567, 39.75870, 0.00091186),
        # Rossi: lifelines 0.30.3 on fin
        ("rossi", "no aid", 52, 3.837570, (44.8333, 46.875), 2.0417, 1.2130, 0.0924),
    ],
)
def test_restricted_means_and_log_rank_by_arm(
    compared: Callable[..., StayComparison],
    data: str,
    control: str,
    horizon: float,
    log_rank: float,
    means: tuple[float, float],
    difference: float,
    error: float,
    p: float,
) -> None:
    found = compared(data, control, horizon=horizon, unit="day")
    row = found.frame.iloc[0]
    assert found.test.statistic == pytest.approx(log_rank, abs=1e-6)
    assert (row["control_mean"], row["mean"]) == pytest.approx(means, abs=5e-5)
    assert (row["difference"], row["standard_error"]) == pytest.approx((difference, error), abs=1e-4)
    assert row["p_value"] == pytest.approx(p, abs=5e-5)


def test_telco_by_partner(compared: Callable[..., StayComparison]) -> None:
    # lifelines 0.30.3; restricted means by numpy, as in survRM2. Whoever has a partner signed up longer ago
    with pytest.warns(FollowUpWarning, match="no 31 months, yes 55 months"):
        found = compared("telco partner", "no", horizon=72)
    row = found.frame.iloc[0]
    assert found.test.statistic == pytest.approx(423.543, abs=5e-4)
    shown = [row[name] for name in ("control_mean", "mean", "difference", "standard_error")]
    assert shown == pytest.approx([46.950, 61.311, 14.360, 0.687], abs=5e-4)


def test_log_rank_and_errors_are_those_of_scipy_and_statsmodels(compared: Callable[..., StayComparison]) -> None:
    lung = published("lung")
    found = compared("lung", "male", ages=[180, 365], scale="plain", unit="day")
    parts = dict(list(lung.groupby("group")))
    samples = [scipy_stats.CensoredData.right_censored(rows["duration"], rows["left"] == 0) for rows in parts.values()]
    theirs = scipy_stats.logrank(*samples)
    assert (theirs.statistic**2, theirs.pvalue) == pytest.approx((found.test.statistic, found.test.p_value), rel=1e-6)
    assert survdiff(lung["duration"], lung["left"], lung["group"])[0] == pytest.approx(found.test.statistic, rel=1e-6)
    curves = {name: SurvfuncRight(rows["duration"], rows["left"]) for name, rows in parts.items()}
    for row in found.retention.to_dict("records"):
        at = {name: np.searchsorted(curve.surv_times, row["age"], side="right") - 1 for name, curve in curves.items()}
        shares = {name: curve.surv_prob[at[name]] for name, curve in curves.items()}
        errors = [curve.surv_prob_se[at[name]] for name, curve in curves.items()]
        assert (row["control_rate"], row["rate"]) == pytest.approx((shares["male"], shares["female"]), rel=1e-9)
        assert row["standard_error"] == pytest.approx(np.hypot(*errors), rel=1e-9)
        z = (row["rate"] - row["control_rate"]) / row["standard_error"]
        assert row["p_value"] == pytest.approx(2 * scipy_stats.norm.sf(abs(z)), rel=1e-9)


def test_log_log_scale_by_hand(compared: Callable[..., StayComparison]) -> None:
    """Klein et al. (2007), Statistics in Medicine 26, 4505-4519: the formulas of the line "complementary log-log"."""
    curves = compared("lung", "male", unit="day").curves
    (row,) = compared("lung", "male", ages=[365], unit="day").retention.to_dict("records")
    logs, variances = [], []
    for name in ("female", "male"):
        rows = curves.curve(name)
        rows = rows[rows["time"] <= 365]
        share = rows["survival"].iloc[-1]
        greenwood = (rows["events"] / (rows["at_risk"] * (rows["at_risk"] - rows["events"]))).sum()
        logs.append(np.log(-np.log(share)))
        variances.append(greenwood / np.log(share) ** 2)
    z = (logs[0] - logs[1]) / np.sqrt(sum(variances))
    assert row["p_value"] == pytest.approx(2 * scipy_stats.norm.sf(abs(z)), rel=1e-9)
    ends = [1.959964 * np.sqrt(v) for v in variances]
    (low, high), (other_low, other_high) = (
        (np.exp(-np.exp(log + end)), np.exp(-np.exp(log - end))) for log, end in zip(logs, ends, strict=True)
    )
    one, other = row["rate"], row["control_rate"]
    assert row["low"] == pytest.approx(one - other - np.hypot(one - low, other_high - other), abs=1e-7)
    assert row["high"] == pytest.approx(one - other + np.hypot(high - one, other - other_low), abs=1e-7)
