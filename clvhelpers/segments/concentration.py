"""How unevenly a total is spread over customers: shares of the best, the Gini coefficient, the whale curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.segments.rfm import DOMINANT
from clvhelpers.segments.values import finite, owners
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

FEWEST = 10  # customers of a channel: the best tenth of fewer is not even one


@dataclass(frozen=True, eq=False)
class Concentration:
    """The answer of `concentration`. Shares are fractions of the total; None where they have no meaning.

    `share_for_80` is the smallest share of customers that makes 80 % of the total. `frame` is the curve:
    `share_of_customers` (best first) and `share_of_value`.
    """

    gini: float | None
    top_1_share: float | None
    top_10_share: float | None
    top_20_share: float | None
    share_for_80: float | None
    customers: int
    total: float
    negatives: int
    negative_total: float
    frame: pd.DataFrame

    def sentence(self) -> str:
        """What the best customers make of the total, in words."""
        if self.top_10_share is None:
            return f"The values of {count(self.customers, 'customer')} do not add up to more than 0: no shares to give."
        words = (
            f"The best {percent(0.1, 0)} of customers make {percent(self.top_10_share)} of the total, the best "
            f"{percent(0.2, 0)} {percent(self.top_20_share)}; {percent(self.share_for_80)} of customers make "
            f"{percent(0.8, 0)} of it."
        )
        if self.negatives:
            words += (
                f" {count(self.negatives, 'customer')} below zero, together at "
                f"{number(self.negative_total, 2)}, and so no Gini coefficient: the curve rises to "
                f"{percent(self.peak)} of the total before they take it back."
            )
        return words + self._on_the_largest()

    @property
    def peak(self) -> float:
        """The highest point of the curve, a share of the total: above 1 where values below zero take some back."""
        return float(self.frame["share_of_value"].max())

    def _on_the_largest(self) -> str:
        """A sentence where one customer holds half of the total, unless the curve was thinned to hide it."""
        first = self.frame.iloc[1]
        alone = round(first["share_of_customers"] * self.customers) == 1 < self.customers
        if not alone or first["share_of_value"] < DOMINANT:
            return ""
        return f" One customer alone makes {percent(first['share_of_value'])}: look at the others without."

    def plot(self) -> "Picture":
        """The share of the total by share of customers, best first."""
        from clvhelpers.plots.segments import concentration_curve

        return concentration_curve(self)


def concentration(values: Sequence[float] | pd.Series) -> Concentration:
    """How unevenly a total (revenue, or margin, in money) is spread over customers.

    The best 10 % of n customers are the best n // 10, and at least one. The Gini coefficient is
    sum((2 i - n - 1) x_i) / (n sum(x)) over the values in rising order; it needs values of 0 or more, so
    with negative ones (more refunded than bought) it is None and they are counted.
    An observed Gini over a short time is larger than that of the customers' true rates: chance adds to it.

    >>> result = concentration([0, 0, 10, 90])
    >>> round(result.gini, 3), result.top_10_share, result.share_for_80
    (0.7, 0.9, 0.25)
    """
    worth = np.sort(finite(values).to_numpy())[::-1]
    n, whole = len(worth), float(worth.sum())
    below = worth[worth < 0]
    running = np.cumsum(worth)
    top_1 = top_10 = top_20 = for_80 = gini = None
    curve = pd.DataFrame({"share_of_customers": np.arange(n + 1) / n, "share_of_value": np.nan})
    if whole > 0:
        curve["share_of_value"] = np.append(0.0, running / whole)
        top_1, top_10, top_20 = (float(running[max(1, n * share // 100) - 1] / whole) for share in (1, 10, 20))
        for_80 = float((np.argmax(running >= 0.8 * whole) + 1) / n)
        weights = n + 1 - 2 * np.arange(1, n + 1)
        gini = None if len(below) else float(np.sum(weights * worth) / (n * whole))
    return Concentration(gini, top_1, top_10, top_20, for_80, n, whole, len(below), float(below.sum()), curve)


@dataclass(frozen=True, eq=False)
class ConcentrationBy:
    """The answer of `concentration_by`: `parts` by name, and `frame` with a row for each, largest total first.

    `frame`: the name, `customers`, `total`, `share_of_total`, `gini`, `top_10_share`, `top_20_share`,
    `share_for_80`, `negatives` and `peak`. Shares are missing for parts of fewer than ten customers.
    """

    parts: dict[str, Concentration]
    frame: pd.DataFrame

    def sentence(self) -> str:
        """Where the total is in the fewest hands and where it is spread most evenly, in words."""
        name = self.frame.columns[0]
        told = self.frame.dropna(subset="top_20_share")
        words = f"No {name} has the {FEWEST} customers that it takes to speak of the best tenth."
        if len(told):
            shares = told["top_20_share"].astype(float)
            most, least = told.iloc[int(shares.argmax())], told.iloc[int(shares.argmin())]
            words = (
                f"The best {percent(0.2, 0)} of customers make {percent(most['top_20_share'], 0)} of the total "
                f"of {most[name]} and {percent(least['top_20_share'], 0)} of {least[name]}."
            )
        few = self.frame.loc[self.frame["customers"] < FEWEST, name]
        if len(few) and len(told):
            words += f" Too few customers to say: {', '.join(map(str, few))}."
        return words

    def plot(self) -> "Picture":
        """One whale curve for each part that is large enough."""
        from clvhelpers.plots.segments import whale_curves

        return whale_curves(self)


def concentration_by(values: pd.Series, by: pd.Series) -> ConcentrationBy:
    """How unevenly each channel's (category's, tier's) total is spread over its customers.

    `values` (money) and `by` have one value a customer and the same index; customers of whom `by` says nothing
    are a part "unknown". Everything is as in `concentration`, within each part.

    Raises `DataContractError` where the two are not about the same customers or a value is missing.

    >>> money = pd.Series([0.0, 100.0, 50.0, 50.0] * 10)
    >>> result = concentration_by(money, pd.Series(["search", "search", "email", "email"] * 10, name="channel"))
    >>> result.frame[["channel", "gini"]].values.tolist()
    [['email', 0.0], ['search', 0.5]]
    """
    worth = finite(values)
    name, owner = str(by.name or "by"), owners(by, worth.index)
    parts = {str(part): concentration(some) for part, some in worth.groupby(owner.to_numpy())}
    rows = [{name: part, **_row(one, worth.sum())} for part, one in parts.items()]
    frame = pd.DataFrame(rows).sort_values("total", ascending=False, kind="stable", ignore_index=True)
    return ConcentrationBy({part: parts[part] for part in frame[name]}, frame)


def _row(one: Concentration, whole: float) -> dict[str, float | None]:
    enough = one.customers >= FEWEST and one.total > 0
    shares = {
        "gini": one.gini,
        "top_10_share": one.top_10_share,
        "top_20_share": one.top_20_share,
        "share_for_80": one.share_for_80,
        "negatives": one.negatives,
        "peak": one.peak,
    }
    kept = {label: value if enough or label == "negatives" else None for label, value in shares.items()}
    return {
        "customers": one.customers,
        "total": one.total,
        "share_of_total": one.total / whole if whole > 0 else None,
        **kept,
    }
