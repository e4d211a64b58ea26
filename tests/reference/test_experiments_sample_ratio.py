"""Sample ratios against published numbers."""

import warnings

import pytest

from clvhelpers.errors import SampleRatioWarning
from clvhelpers.experiments import SampleRatio, sample_ratio


def checked(units: dict[str, int], **options: str) -> SampleRatio:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SampleRatioWarning)
        return sample_ratio(units, **options)


@pytest.mark.parametrize(
    ("units", "statistic", "p_value", "verdict"),
    [
        # Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, ch. 3: p 1.8e-6
        ({"control": 821588, "treatment": 815482}, 22.774369, 1.8218e-6, "failed"),
        # Statsig's documentation of its check, three arms
        ({"a": 166080, "b": 171180, "c": 166300}, 99.0404, 3.1e-22, "failed"),
        # Cookie Cats: rare enough to look into, above the 0.001 that Eppo and GrowthBook fail at
        ({"gate_30": 44700, "gate_40": 45489}, 6.902405, 0.008608, "look into it"),
        ({"a": 50000, "b": 50123}, 0.151104, 0.69748, "passed"),
        ({"a": 10000, "b": 10300}, 4.433498, 0.03524, "passed"),
    ],
)
def test_published_splits(units: dict[str, int], statistic: float, p_value: float, verdict: str) -> None:
    found = checked(units)
    assert found.frame["statistic"].iloc[0] == pytest.approx(statistic, abs=1e-4)
    assert found.p_value == pytest.approx(p_value, rel=0.01 if p_value < 1e-20 else 1e-4)
    assert (found.verdict, found.passed) == (verdict, verdict != "failed")


def test_cookie_cats_exactly() -> None:
    found = checked({"gate_30": 44700, "gate_40": 45489}, method="exact")  # scipy's and R's binom.test: 0.008692
    assert found.p_value == pytest.approx(0.008692, abs=5e-7)
