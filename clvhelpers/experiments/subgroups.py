"""Does it work better for some? The interaction test first, then the effect in each segment.

Who looks at twenty segments finds one in which the test "won", also where it did nothing to anybody. So the question
is not whether a segment's own effect differs from 0, but whether the segments differ from each other by more than
chance. And a segment must have been known before the exposure: one that the treatment may have moved people into
compares unlike customers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.experiments.cells import (
    Cells,
    cells_of,
    check_arms,
    check_one_row_a_unit,
    checked_rows,
    differences,
    effect_words,
)
from clvhelpers.experiments.many import adjusted_p_values
from clvhelpers.experiments.units import MeasuredAt, When, refuse_post_treatment
from clvhelpers.experiments.words import shown_p
from clvhelpers.text import count, number

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

FEWEST_OF_A_KIND = 5  # units with and without a 0/1 outcome, in each arm


@dataclass(frozen=True, eq=False)
class SegmentEffects:
    """Effects of the arms by segment.

    `frame` has one row a segment and arm: `segment, arm, control_units, units, control_mean, mean, difference,
    standard_error, low, high, p_value, adjusted` (for all rows together). `interaction` has one row an arm, with the
    test that its effect is the same in all segments: `arm, statistic` (Cochran's Q), `freedom, p_value`.
    `overall` has one row an arm: `arm, difference, standard_error, low, high, p_value`, the effects of the segments
    weighted by their units. `small` are the segments with too few units for an effect of their own; they are in none
    of these. `rate`: the outcome is 0 or 1, so differences are shares (0.01 is a point).
    """

    frame: pd.DataFrame
    interaction: pd.DataFrame
    overall: pd.DataFrame
    small: tuple[str, ...]
    segment: str
    outcome: str
    rate: bool
    level: float
    method: str
    currency: str | None

    def sentence(self) -> str:
        """Whether the segments differ by more than chance, and the effects that may be told then."""
        told = " ".join(self._of_arm(row) for row in self.interaction.to_dict("records"))
        if not self.small:
            return told
        return (
            f"{told} Too small to have an effect of their own, and left out: {', '.join(self.small)}; put them "
            "together with others by a rule made before looking."
        )

    def _of_arm(self, test: Mapping[Any, Any]) -> str:
        rows = self.frame[self.frame["arm"] == test["arm"]]
        whole = self.overall.set_index("arm").loc[test["arm"]].to_dict()
        every = self._words(whole)
        how = f"Cochran's Q {number(test['statistic'], 1)}, {shown_p(test['p_value'])}"
        largest = rows.iloc[int(rows["difference"].argmax())].to_dict()
        if test["p_value"] >= 1 - self.level:
            alone = int((rows["p_value"] < 1 - self.level).sum())
            return (
                f"The effect of {test['arm']} on {self.outcome} does not differ between the {number(len(rows))} "
                f"segments of {self.segment} by more than chance ({how}): take the one for all, {every}. "
                f"{self._alone(alone, len(rows))} The highest, {largest['segment']} with "
                f"{self._words(largest)}, is the luckiest of {number(len(rows))}."
            )
        least = rows.iloc[int(rows["difference"].argmin())].to_dict()
        own = [str(row["segment"]) for row in rows.to_dict("records") if row["adjusted"] < 1 - self.level]
        return (
            f"The effect of {test['arm']} on {self.outcome} differs between the segments of {self.segment} by more "
            f"than chance ({how}): from {self._words(least)} in {least['segment']} to "
            f"{self._words(largest)} in {largest['segment']}; {every} over all. After the adjustment by "
            f"{self.method.title()} for all segments, an effect of their own have: {', '.join(own) or 'none'}. The "
            "highest and the lowest are also the luckiest and the unluckiest: test again before treating them unlike."
        )

    def _alone(self, alone: int, segments: int) -> str:
        expected = number((1 - self.level) * segments, 1)
        return (
            f"By itself the interval of {number(alone)} of the {number(segments)} lies off 0; were nothing to work "
            f"for anybody, {expected} would."
        )

    def _words(self, row: Mapping[Any, Any]) -> str:
        return effect_words(row, self.rate, self.currency)

    def plot(self, arm: str | None = None) -> "Picture":
        """The effect of an arm in each segment with its interval, and over all; by default of the first arm."""
        from clvhelpers.plots.experiments_many import segment_points

        arms = self.interaction["arm"].to_list()
        if arm is not None and arm not in arms:
            raise ConfigError(f"arm is {arm!r}: expected one of {', '.join(map(repr, arms))}")
        return segment_points(self, arms[0] if arm is None else arm)


def segment_effects(
    data: Any,
    segment: str,
    outcome: str,
    *,
    measured_at: MeasuredAt,
    exposed_at: When = "exposed_at",
    unit: str | None = "customer_id",
    arm: str = "arm",
    control: str = "control",
    level: float = 0.95,
    method: str = "holm",
    smallest: int = 30,
    currency: str | None = None,
) -> SegmentEffects:
    """Effects by a segment that was known before the exposure, and the test that they differ at all.

    `data` has one row a unit of any engine; `segment` is a column of labels, `outcome` 0/1 or a number. When the
    segment was measured is to be said: `measured_at` is a column of dates, a day, or "before" (see
    `refuse_post_treatment`); `exposed_at` the column or day of the exposure. Segments with fewer than `smallest`
    units in an arm (or, of a 0/1 outcome, fewer than 5 with or without it) are named and left out. `unit` is
    the column by which one user in two rows is found, None where that was checked before; `currency` that of
    an outcome in money.

    Raises `PostTreatmentCovariateError` for a segment measured after exposure, `ExperimentError` for data that can't
    be, `NotEnoughDataError` where fewer than two segments are left.
    Source: Cochran (1954), Biometrics 10, 101-129 (the test Q: the Wald test that all effects are one).

    >>> random = np.random.default_rng(6)
    >>> frame = pd.DataFrame({"arm": ["control", "offer"] * 400, "country": ["DE", "DE", "FR", "FR"] * 200})
    >>> frame["spend"] = random.normal(20, 5, 800) + 3 * ((frame["arm"] == "offer") & (frame["country"] == "FR"))
    >>> found = segment_effects(frame, "country", "spend", measured_at="before", unit=None)
    >>> found.frame[["segment", "difference"]].round(1).to_numpy().tolist()
    [['DE', -0.3], ['FR', 3.2]]
    >>> bool(found.interaction["p_value"][0] < 0.01)
    True
    """
    check_level(level)
    refuse_post_treatment(data, [segment], measured_at, exposed_at)
    rows = checked_rows(data, [segment, arm, *([] if unit is None else [unit])], outcome)
    cells = cells_of(rows, [segment, arm], outcome)
    check_arms(cells.frame[arm].drop_duplicates().to_list(), control)
    if unit is not None:
        check_one_row_a_unit(rows, unit, [segment, arm])
    large, small = _by_size(cells, segment, smallest, cells.frame[arm].nunique())
    frame = differences(large, arm, control, level).rename(columns={segment: "segment"})
    frame = frame.assign(adjusted=adjusted_p_values(frame["p_value"], method))
    by_arm = [(name, rows) for name, rows in frame.groupby("arm", sort=False)]
    tests = pd.DataFrame([{"arm": name, **cochran(own)} for name, own in by_arm])
    overall = pd.DataFrame([{"arm": name, **over_all(own, level)} for name, own in by_arm])
    return SegmentEffects(frame, tests, overall, small, segment, outcome, cells.rate, level, method, currency)


def _by_size(cells: Cells, segment: str, smallest: int, arms: int) -> tuple[Cells, tuple[str, ...]]:
    """The cells of segments that are large enough in every arm, and the names of the others."""
    table = cells.frame
    enough = (table["units"] >= smallest) & (table["variance"] > 0)
    if cells.rate:
        ones = table["mean"] * table["units"]
        enough &= (ones > FEWEST_OF_A_KIND - 0.5) & (table["units"] - ones > FEWEST_OF_A_KIND - 0.5)
    large = enough.groupby(table[segment], sort=False).sum() == arms
    names = tuple(str(name) for name in large.index[~large])
    if large.sum() < 2:
        raise NotEnoughDataError(
            f"{count(int(large.sum()), 'segment')} of {segment!r} with {smallest} units or more in every arm that "
            f"differ in the outcome (too small: {', '.join(names) or 'none'}): a comparison of segments needs two"
        )
    return Cells(table[table[segment].map(large)].reset_index(drop=True), cells.by, cells.rate), names


def cochran(rows: pd.DataFrame) -> dict[str, Any]:
    """Cochran's Q, the test that differences with their standard errors are all the same.

    >>> found = cochran(pd.DataFrame({"difference": [0.0, 4.0], "standard_error": [1.0, 1.0]}))
    >>> found["statistic"], found["freedom"], round(found["p_value"], 4)
    (8.0, 1, 0.0047)
    """
    from scipy.special import chdtrc

    weight = 1 / rows["standard_error"] ** 2
    centre = (weight * rows["difference"]).sum() / weight.sum()
    statistic = float((weight * (rows["difference"] - centre) ** 2).sum())
    return {"statistic": statistic, "freedom": len(rows) - 1, "p_value": float(chdtrc(len(rows) - 1, statistic))}


def over_all(rows: pd.DataFrame, level: float, by: str = "units") -> dict[str, float]:
    """The mean of differences: each counts by its units in both arms, or by how exactly it is known (`by="error"`)."""
    from scipy.stats import norm

    weight = rows["control_units"] + rows["units"] if by == "units" else 1 / rows["standard_error"] ** 2
    weight = weight / weight.sum()
    difference = float((weight * rows["difference"]).sum())
    error = float(np.sqrt((weight**2 * rows["standard_error"] ** 2).sum()))
    half = float(norm.isf((1 - level) / 2)) * error
    return {
        "difference": difference,
        "standard_error": error,
        "low": difference - half,
        "high": difference + half,
        "p_value": float(2 * norm.sf(abs(difference) / error)),
    }
