"""Many comparisons, factorial designs and differences between segments, against published numbers."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from clvhelpers.experiments import compare_many, factorial_effects
from clvhelpers.experiments.subgroups import cochran


@pytest.mark.parametrize(
    ("method", "found", "adjusted"),
    [
        ("bonferroni", 3, [0.0015, 0.0060, 0.0285, 0.1425, 0.3015]),
        ("holm", 3, [0.0015, 0.0056, 0.0247, 0.1140, 0.2211]),
        ("benjamini-hochberg", 4, [0.0015, 0.0030, 0.0095, 0.0356, 0.0603]),
    ],
)
def test_fifteen_p_values(method: str, found: int, adjusted: list[float]) -> None:
    # Benjamini & Hochberg (1995), JRSS B 57, 289-300, section 4: Bonferroni and Hochberg's (here Holm's, which is the
    # same on these) find 3 of 15, theirs 4; adjusted ones as in statsmodels 0.14 multipletests and R p.adjust
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    p_values += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    shuffled = dict(sorted(((f"endpoint {i}", p) for i, p in enumerate(p_values)), key=lambda pair: pair[0][::-1]))
    many = compare_many(shuffled, method)
    assert many.frame["rejected"].sum() == found
    rows = many.frame.sort_values("p_value")
    assert rows["adjusted"].head(5).to_list() == pytest.approx(adjusted, abs=5e-5)
    assert rows["rejected"].head(found).all()


def test_pilot_plant() -> None:
    """Box, Hunter & Hunter (2005), Statistics for Experimenters, 2nd edition, section 5.3: two runs in each cell.

    An interaction there is half a difference of differences, which `contrasts` gives whole.
    """
    runs = {  # temperature, concentration, catalyst
        (0, 0, 0): (59, 61), (1, 0, 0): (74, 70), (0, 1, 0): (50, 58), (1, 1, 0): (69, 67),
        (0, 0, 1): (50, 54), (1, 0, 1): (81, 85), (0, 1, 1): (46, 44), (1, 1, 1): (79, 81),
    }  # fmt: skip
    rows = [(*cell, made) for cell, pair in runs.items() for made in pair]
    frame = pd.DataFrame(rows, columns=["temperature", "concentration", "catalyst", "yield"])
    found = factorial_effects(frame, ["temperature", "concentration", "catalyst"], "yield", unit=None)
    assert found.frame["difference"].to_list() == pytest.approx([23.0, -5.0, 1.5])
    assert found.frame["standard_error"].to_list() == pytest.approx([1.4] * 3, abs=0.05)
    assert (found.contrasts["difference"] / 2).to_list() == pytest.approx([1.5, 10.0, 0.0])
    tests = found.interactions.set_index("factors")
    assert tests.loc["temperature x concentration x catalyst", "statistic"] == pytest.approx((0.5 / 2**0.5) ** 2)
    assert "catalyst 1" in found.sentence()


def test_vaccine_trials() -> None:
    """Colditz et al. (1994), JAMA 271, 698-702: log risk ratios of 13 trials.

    metafor (R) rma(yi, vi) of dat.bcg: Q 152.2330 on 12 degrees of freedom, in its tests against Stata's metan.
    """
    counts = np.array(
        [
            [4, 119, 11, 128], [6, 300, 29, 274], [3, 228, 11, 209], [62, 13536, 248, 12619], [33, 5036, 47, 5761],
            [180, 1361, 372, 1079], [8, 2537, 10, 619], [505, 87886, 499, 87892], [29, 7470, 45, 7232],
            [17, 1699, 65, 1600], [186, 50448, 141, 27197], [5, 2493, 3, 2338], [27, 16886, 29, 17825],
        ],
        dtype=float,
    )  # fmt: skip
    ill, units = counts[:, [0, 2]], counts[:, [0, 2]] + counts[:, [1, 3]]
    log_rates, variance = np.log(ill / units), 1 / ill - 1 / units
    rows = {"difference": log_rates[:, 0] - log_rates[:, 1], "standard_error": np.sqrt(variance.sum(axis=1))}
    found = cochran(pd.DataFrame(rows))
    assert found["statistic"] == pytest.approx(152.2330, abs=5e-5)
    assert found["freedom"] == 12


def saturated(frame: pd.DataFrame) -> np.ndarray:
    """The columns of a regression with all interactions: coded -1 for the first level, 1 for the own one, else 0."""
    columns = []
    for name, have in (("price", ["low", "high"]), ("message", ["a", "b", "c"])):
        codes = np.vstack([-np.ones(len(have) - 1), np.eye(len(have) - 1)])
        columns.append(codes[[have.index(one) for one in frame[name]]])
    return np.hstack([np.ones((len(frame), 1)), *columns, columns[0] * columns[1]])


def test_regressions_of_statsmodels() -> None:
    """statsmodels OLS with HC2 errors and all interactions, and the marginal effects of its Logit."""
    from statsmodels.discrete.discrete_model import Logit
    from statsmodels.regression.linear_model import OLS

    random = np.random.default_rng(13)
    n = 900
    frame = pd.DataFrame(
        {"price": random.choice(["low", "high"], n, p=[0.7, 0.3]), "message": random.choice(["a", "b", "c"], n)}
    )
    dear = (frame["price"] == "high").to_numpy(float)
    frame["kept"] = (random.random(n) < 0.5 - 0.1 * dear + 0.2 * dear * (frame["message"] == "c")).astype(int)
    ours = factorial_effects(frame, ["price", "message"], "kept", unit=None, base={"price": "low"})
    design = saturated(frame)
    theirs = OLS(frame["kept"].to_numpy(float), design).fit(cov_type="HC2", use_t=True)
    effect = theirs.t_test(np.array([[0, 2, 0, 0, 0, 0]]))  # high is 1 and low is -1
    row = ours.frame.iloc[0]
    assert [row["difference"], row["standard_error"], row["p_value"]] == pytest.approx(
        [float(np.squeeze(one)) for one in (effect.effect, effect.sd, effect.pvalue)]
    )
    assert [row["low"], row["high"]] == pytest.approx(effect.conf_int().ravel())
    test = theirs.f_test(np.eye(6)[4:])
    assert ours.interactions["statistic"][0] == pytest.approx(float(np.squeeze(test.fvalue)))
    assert ours.interactions["p_value"][0] == pytest.approx(float(test.pvalue))
    logistic = Logit(frame["kept"].to_numpy(float), design).fit(disp=False)
    odds = logistic.wald_test(np.eye(6)[4:], scalar=True)
    assert ours.interactions["p_value_odds"][0] == pytest.approx(float(odds.pvalue), rel=1e-6)
    cells = pd.DataFrame(list(product(["low", "high"], ["a", "b", "c"])), columns=["price", "message"])
    points = logistic.predict(saturated(cells))
    assert row["difference"] == pytest.approx(points[3:].mean() - points[:3].mean())
