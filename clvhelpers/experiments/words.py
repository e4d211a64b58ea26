"""How results of experiments are worded: differences in points, p-values, and intervals that may have no end."""

import math
from collections.abc import Sequence

from clvhelpers.text import number, percent

SMALLEST_P = 0.001


def shown_p(p_value: float) -> str:
    """A p-value in words; a tiny one is not worth its digits.

    >>> shown_p(0.0744), shown_p(1e-9), shown_p(float("nan"))
    ('p 0.074', 'p below 0.001', 'no p-value')
    """
    if math.isnan(p_value):
        return "no p-value"
    return f"p below {SMALLEST_P}" if p_value < SMALLEST_P else f"p {number(p_value, 3)}"


def repeated(names: Sequence[str]) -> str:
    """The names that are there more than once, in words; empty if there are none.

    >>> repeated(["plan", "age", "plan"]), repeated(["plan", "age"])
    ("'plan'", '')
    """
    return ", ".join(map(repr, sorted({name for name in names if names.count(name) > 1})))


def points(difference: float, decimals: int = 1, *, signed: bool = False) -> str:
    """A difference of two shares in percentage points.

    >>> points(-0.0059, 2), points(0.05, 0), points(0.05, 0, signed=True)
    ('-0.59 points', '5 points', '+5 points')
    """
    sign = "+" if signed and difference > 0 else ""
    return f"{sign}{number(100 * difference, decimals)} points"


def decimals_for(half_width: float) -> int:
    """As many decimals of a percentage as its interval leaves any meaning, from 0 to 4.

    >>> decimals_for(0.2), decimals_for(0.0065), decimals_for(0.0001)
    (0, 2, 3)
    """
    if not 0 < half_width < math.inf:
        return 1
    return min(max(math.ceil(-math.log10(100 * half_width)) + 1, 0), 4)


def relative_range(low: float, high: float) -> str:
    """An interval of a relative lift, also one without ends.

    >>> relative_range(-0.027, 0.001), relative_range(-math.inf, math.inf)
    ('-2.7% to +0.1%', 'an interval without ends')
    """
    if math.isinf(low) or math.isinf(high):
        return "an interval without ends"
    return f"{percent(low, signed=True)} to {percent(high, signed=True)}"
