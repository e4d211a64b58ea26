"""The interval of a share, for the bands of averages."""

from statistics import NormalDist
from typing import Any

import numpy as np

from clvhelpers.errors import ConfigError


def wilson_interval(share: Any, n: Any, level: float = 0.95) -> tuple[Any, Any]:
    """Wilson's interval for a proportion, which holds near 0 and 1 and for few customers too.

    Source: Wilson (1927), Journal of the American Statistical Association 22, 209-212.

    >>> low, high = wilson_interval(15 / 148, 148)
    >>> f"{low:.4f} {high:.4f}"
    '0.0624 0.1605'
    """
    if not 0 < level < 1:
        raise ConfigError(f"level is {level}: expected a share between 0 and 1, such as 0.95")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
