"""Two proportions against published numbers, and against statsmodels and scipy."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact
from statsmodels.stats import proportion

from clvhelpers.cohorts.interval import wilson_interval
from clvhelpers.experiments import compare_rates
from clvhelpers.experiments.rates import fieller_interval, newcombe_interval, pooled_z

# Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10
NEWCOMBE = [
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ((0, 10), (0, 10), (-0.2775, 0.2775)),
    ((10, 10), (0, 20), (0.6791, 1.0)),
    ((10, 10), (0, 10), (0.6075, 1.0)),
]
COOKIE_CATS = {  # as published; gate_30 is the control
    "retention_1": {"gate_30": (20034, 44700), "gate_40": (20119, 45489)},
    "retention_7": {"gate_30": (8502, 44700), "gate_40": (8279, 45489)},
}


@pytest.mark.parametrize(
    ("ones", "n", "ends"),
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_wilsons_interval_of_one_share(ones: int, n: int, ends: tuple[float, float]) -> None:
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I
    assert wilson_interval(ones / n, n) == pytest.approx(ends, abs=5e-5)


@pytest.mark.parametrize(("first", "second", "ends"), NEWCOMBE)
def test_newcombes_eight_tables(first: tuple[int, int], second: tuple[int, int], ends: tuple[float, float]) -> None:
    found = newcombe_interval(first, second)
    assert found == pytest.approx(ends, abs=5e-5)
    assert found == pytest.approx(proportion.confint_proportions_2indep(*first, *second, method="newcomb"), abs=1e-12)


@pytest.mark.parametrize(("first", "second"), [(first, second) for first, second, _ in NEWCOMBE[1:]])
def test_the_score_interval_of_statsmodels_fails_on_seven_of_them(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    """Why the interval is ours: so it is with statsmodels 0.15, and a version that mends it shows here."""
    by_zero = np.errstate(divide="ignore", invalid="ignore")  # it makes the ratio too, which nobody asked for
    with by_zero, pytest.raises(ValueError, match=r"must have different signs|solver cannot continue"):
        proportion.confint_proportions_2indep(*first, *second, method="score", compare="diff")


def test_the_score_interval_of_statsmodels_answers_the_first_table_alone() -> None:
    found = proportion.confint_proportions_2indep(56, 70, 48, 80, method="score", compare="diff")
    assert found == pytest.approx((0.0526, 0.3440), abs=5e-5)


@pytest.mark.parametrize(
    ("metric", "rates", "z", "p", "difference", "ends", "relative"),
    [
        ("retention_1", (0.448188, 0.442283), -1.784086, 0.074410, -0.005905, (-0.012392, 0.000582),
         (-0.013176, -0.027451, 0.001308)),
        ("retention_7", (0.190201, 0.182000), -3.164359, 0.001554, -0.008201, (-0.013282, -0.003121),
         (-0.043119, -0.068901, -0.016636)),
    ],
)  # fmt: skip
def test_cookie_cats(
    metric: str,
    rates: tuple[float, float],
    z: float,
    p: float,
    difference: float,
    ends: tuple[float, float],
    relative: tuple[float, float, float],
) -> None:
    """Counts of the public set; the numbers were worked out with numpy, scipy and statsmodels."""
    counts = COOKIE_CATS[metric]
    row = compare_rates(counts, metric, control="gate_30").frame.iloc[0]
    assert (row["control_rate"], row["rate"]) == pytest.approx(rates, abs=5e-7)
    assert row["difference"] == pytest.approx(difference, abs=5e-7)
    assert (row["low"], row["high"]) == pytest.approx(ends, abs=5e-7)
    assert (row["relative"], row["relative_low"], row["relative_high"]) == pytest.approx(relative, abs=5e-7)
    assert (row["p_value"], row["method"]) == (pytest.approx(p, abs=5e-7), "z-test")
    assert pooled_z(counts["gate_40"], counts["gate_30"]) == pytest.approx((z, p), abs=5e-7)


@pytest.mark.parametrize(
    ("metric", "wilson", "chi2", "corrected", "fisher"),
    [
        ("retention_1", [(0.443582, 0.452802), (0.437724, 0.446851)], 3.182964, 0.075505, 0.074707),
        ("retention_7", [(0.186590, 0.193866), (0.178481, 0.185573)], 10.013167, 0.001601, 0.001591),
    ],
)
def test_other_tests_of_cookie_cats_tell_the_same(
    metric: str, wilson: list[tuple[float, float]], chi2: float, corrected: float, fisher: float
) -> None:
    """z squared is chi-squared without a continuity correction; with one, or exact, the p-values hardly differ."""
    pairs = list(COOKIE_CATS[metric].values())
    for (ones, n), ends in zip(pairs, wilson, strict=True):
        assert wilson_interval(ones / n, n) == pytest.approx(ends, abs=5e-7)
    table = [[ones, n - ones] for ones, n in pairs]
    z, p = pooled_z(pairs[1], pairs[0])
    plain = chi2_contingency(table, correction=False)
    assert (z**2, p) == pytest.approx((plain.statistic, plain.pvalue), rel=1e-9)
    assert z**2 == pytest.approx(chi2, abs=5e-7)
    assert chi2_contingency(table).pvalue == pytest.approx(corrected, abs=5e-7)
    assert fisher_exact(table).pvalue == pytest.approx(fisher, abs=5e-7)


def test_the_pooled_z_test_is_that_of_statsmodels() -> None:
    for first, second, _ in NEWCOMBE[:3]:
        theirs = proportion.test_proportions_2indep(*first, *second, compare="diff", method="score", correction=False)
        assert pooled_z(first, second) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-9)


def test_fisher_is_taken_where_counts_are_small_and_is_that_of_scipy() -> None:
    # Fisher (1935), The Design of Experiments, chapter II: eight cups, three of four right, p 0.486
    row = compare_rates({"control": (1, 4), "offer": (3, 4)}).frame.iloc[0]
    assert (round(row["p_value"], 3), row["method"]) == (0.486, "Fisher's exact test")


def test_fieller_holds_the_ratios_that_its_test_does_not_reject() -> None:
    """The definition: at an end r of the interval, first - r * second is exactly 1.959964 standard errors from 0."""
    rates = [((0.04, 500), (0.02, 500)), ((0.10, 200), (0.05, 200)), ((0.9, 60), (0.2, 40))]
    for (one, n), (other, m) in rates:
        variances = one * (1 - one) / n, other * (1 - other) / m
        ends = np.array(fieller_interval((one, variances[0]), (other, variances[1])))
        z = (one - ends * other) / np.sqrt(variances[0] + ends**2 * variances[1])
        assert z == pytest.approx([1.959964, -1.959964], abs=1e-6)
