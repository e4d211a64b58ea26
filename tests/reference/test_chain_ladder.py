"""The two triangles on which every chain ladder is tried, with Mack's published reserves and standard errors.

Taylor & Ashe (1983), Second moments of estimates of outstanding claims, Journal of Econometrics 23, 37-61; incremental
there, cumulative here, as in Mack (1993), ASTIN Bulletin 23(2), 213-225, table 1. RAA: Historical Loss Development
Study, Reinsurance Association of America (1991), as in Mack (1994), Casualty Actuarial Society Forum, Spring, 101-182.
"""

import numpy as np
import pandas as pd
import pytest

from clvhelpers.cohorts import chain_ladder

TAYLOR_ASHE = [
    [357848, 1124788, 1735330, 2218270, 2745596, 3319994, 3466336, 3606286, 3833515, 3901463],
    [352118, 1236139, 2170033, 3353322, 3799067, 4120063, 4647867, 4914039, 5339085],
    [290507, 1292306, 2218525, 3235179, 3985995, 4132918, 4628910, 4909315],
    [310608, 1418858, 2195047, 3757447, 4029929, 4381982, 4588268],
    [443160, 1136350, 2128333, 2897821, 3402672, 3873311],
    [396132, 1333217, 2180715, 2985752, 3691712],
    [440832, 1288463, 2419861, 3483130],
    [359480, 1421128, 2864498],
    [376686, 1363294],
    [344014],
]
RAA = [
    [5012, 8269, 10907, 11805, 13539, 16181, 18009, 18608, 18662, 18834],
    [106, 4285, 5396, 10666, 13782, 15599, 15496, 16169, 16704],
    [3410, 8992, 13873, 16141, 18735, 22214, 22863, 23466],
    [5655, 11555, 15766, 21266, 23425, 26083, 27067],
    [1092, 9565, 15836, 22169, 25955, 26180],
    [1513, 6445, 11702, 12935, 15852],
    [557, 4020, 10946, 12314],
    [1351, 6947, 13112],
    [3133, 5395],
    [2063],
]


def triangle(rows: list[list[int]]) -> pd.DataFrame:
    return pd.DataFrame([row + [np.nan] * (len(rows) - len(row)) for row in rows], index=range(1, len(rows) + 1))


@pytest.mark.parametrize(
    ("rows", "reserve", "error"), [(TAYLOR_ASHE, 18_680_856, 2_447_095), (RAA, 52_135, 26_909)], ids=["genins", "RAA"]
)
def test_total_reserve_and_macks_standard_error(rows: list[list[int]], reserve: int, error: int) -> None:
    found = chain_ladder(triangle(rows))
    assert round(found.total) == reserve
    assert round(found.total_standard_error) == error


def test_standard_errors_of_single_years() -> None:
    # Mack (1993), table 3: reserves in thousands, and standard errors as a percentage of them
    frame = chain_ladder(triangle(TAYLOR_ASHE)).frame.loc[2:]
    assert (frame["reserve"] / 1000).round().to_list() == [95, 470, 710, 985, 1419, 2178, 3920, 4279, 4626]
    assert (100 * frame["standard_error"] / frame["reserve"]).round().to_list() == [80, 26, 19, 27, 29, 26, 22, 23, 29]
