"""Several changes in one test (price and message): what each does, and whether one changes what the other does.

The regression with all interactions has one parameter for each cell, so its estimates are sums and differences of
the cells' means, and its HC2 errors those of the cells. It is worked out from the cells: the data are read once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments.cells import (
    Cells,
    cells_of,
    check_one_row_a_unit,
    checked_rows,
    effect_words,
)
from clvhelpers.experiments.welch import shown_as
from clvhelpers.experiments.words import shown_p
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Array = npt.NDArray[np.float64]
Levels = dict[str, list[Any]]


@dataclass(frozen=True, eq=False)
class FactorialEffects:
    """Effects of each factor and of each combination.

    `frame` has one row a main effect: `factor`, `level`, `base`, `difference` (level minus base, averaged over the
    levels of the other factors, each counting alike), `standard_error, low, high, p_value`. `interactions` has one
    row a combination of factors: `factors, statistic` (F), `freedom, p_value`, and where the outcome is 0 or 1 also
    `p_value_odds`, the test on the scale of log odds. `contrasts` has the interactions of two factors as differences
    of differences. `cells` has `units, mean, standard_error, low, high` of each cell. `rate`: the outcome is 0 or 1.
    """

    frame: pd.DataFrame
    interactions: pd.DataFrame
    contrasts: pd.DataFrame
    cells: pd.DataFrame
    factors: tuple[str, ...]
    rate: bool
    level: float
    outcome: str
    currency: str | None

    def sentence(self) -> str:
        """The main effects, whether factors interact, and what a main effect then means."""
        effects = "; ".join(
            f"{row['factor']} {row['level']} instead of {row['base']}: {self._words(row)}"
            for row in self.frame.to_dict("records")
        )
        return (
            f"Effects on {self.outcome} with {percent(self.level, 0)} intervals, each averaged over the levels of "
            f"the other factors: {effects}. {self._about_interactions()}"
        )

    def _about_interactions(self) -> str:
        tests = self.interactions.to_dict("records")
        found = [row for row in tests if row["p_value"] < 1 - self.level]
        if not found:
            least = min(tests, key=lambda row: row["p_value"])
            row = self.contrasts.iloc[int(self.contrasts["p_value"].argmin())].to_dict()
            return (
                f"No interaction shows ({least['factors']}: {shown_p(least['p_value'])}), so each effect may be read "
                f"alone. That is no proof that there is none: {row['first']} {row['first_level']} may do "
                f"{self._words(row)} more with {row['second']} {row['second_level']} than without."
            )
        names = " and ".join(f"{row['factors']} ({shown_p(row['p_value'])})" for row in found)
        best = self.cells.to_dict("records")[int(self.cells["mean"].argmax())]
        where = ", ".join(f"{name} {best[name]}" for name in self.factors)
        shown = self.shown(best["mean"])
        return (
            f"There is an interaction of {names}: what one factor does depends on the level of another. A main effect "
            "is then an average over cells and need not hold in any of them, so choose by the means of the cells; the "
            f"highest is {where} with {shown}."
        )

    def shown(self, mean: float) -> str:
        """A mean in words: a share of a 0/1 outcome, money where a currency was given, else a number."""
        return percent(mean) if self.rate else shown_as(mean, self.currency)

    def _words(self, row: Mapping[Any, Any]) -> str:
        return effect_words(row, self.rate, self.currency)

    def plot(self, across: str | None = None, lines: str | None = None) -> "Picture":
        """Means by the levels of one factor, a line for each level of another, averaged over any others.

        By default the two factors whose interaction is the clearest. Parallel lines are no interaction.
        """
        from clvhelpers.plots.experiments_many import interaction_lines

        if across is None or lines is None:
            two = self.contrasts.iloc[int(self.contrasts["p_value"].argmin())]
            across, lines = two["first"], two["second"]
        return interaction_lines(self, across, lines)

    def means_by(self, names: Sequence[str]) -> pd.DataFrame:
        """Means by some factors, averaged over the levels of the others, each counting alike.

        Columns: the factors, `mean, standard_error, low, high`.
        """
        unknown = [name for name in names if name not in self.factors]
        if unknown or len(set(names)) < len(names) or not names:
            raise ConfigError(f"the factors are {', '.join(self.factors)}: name each at most once, not {list(names)}")
        half = (self.cells["high"] - self.cells["low"]) / 2 / self.cells["standard_error"]
        cells = self.cells.assign(variance=self.cells["standard_error"] ** 2, quantile=half)
        found = cells.groupby(list(names), sort=False, as_index=False).agg(
            mean=("mean", "mean"), variance=("variance", "sum"), n=("mean", "size"), quantile=("quantile", "first")
        )
        error = np.sqrt(found["variance"]) / found["n"]
        off = found["quantile"] * error
        return found[list(names)].assign(
            mean=found["mean"], standard_error=error, low=found["mean"] - off, high=found["mean"] + off
        )


def factorial_effects(
    data: Any,
    factors: Sequence[str],
    outcome: str,
    *,
    unit: str | None = "customer_id",
    base: Mapping[str, Any] | None = None,
    level: float = 0.95,
    currency: str | None = None,
) -> FactorialEffects:
    """Main effects and interactions of a factorial test: each unit had one level of every factor.

    `data` has one row a unit, a column for each of `factors` and `outcome` (0 or 1, or a number). `base` gives the
    level of a factor to compare with; by default "control" if there is one, else the first by name or size.
    `unit` is the column by which a unit in two cells is found, None where the rows were checked before;
    `currency` that of an outcome in money.

    The regression holds all interactions, with factors coded around the plain mean of the cells; errors are HC2,
    tests and intervals have units - cells degrees of freedom. For a 0/1 outcome the average marginal effects of the
    logistic regression with all interactions are these same differences.

    Raises `ExperimentError` for a column that is not there, missing labels or outcomes, a factor of one level, cells
    without units, factors that always change together, a unit in two cells and an outcome that never varies;
    `NotEnoughDataError` for cells of one unit or without spread; `ConfigError` for fewer than two factors.
    Sources: Box, Hunter & Hunter (2005), Statistics for Experimenters, chapter 5; MacKinnon & White (1985), Journal of
    Econometrics 29, 305-325 (HC2).

    >>> frame = pd.DataFrame({"price": ["low", "low", "high", "high"] * 3, "message": ["a", "b"] * 6})
    >>> frame["spend"] = [10.0, 12, 14, 20, 11, 13, 15, 21, 12, 14, 16, 22]
    >>> found = factorial_effects(frame, ["price", "message"], "spend", unit=None, base={"price": "low"})
    >>> found.frame["difference"].to_list(), found.contrasts["difference"].to_list()
    ([6.0, 4.0], [4.0])
    """
    check_level(level)
    _check_names(factors)
    rows = checked_rows(data, [*factors, *([] if unit is None else [unit])], outcome)
    cells = cells_of(rows, factors, outcome)
    if unit is not None:
        check_one_row_a_unit(rows, unit, factors)
    levels = _levels(cells, base or {})
    _check_design(cells, levels, outcome)
    grid = pd.DataFrame(product(*levels.values()), columns=list(levels))
    return _effects(
        Cells(grid.merge(cells.frame, how="left"), cells.by, cells.rate), levels, level, (outcome, currency)
    )


def _check_names(factors: Sequence[str]) -> None:
    if isinstance(factors, str) or len(factors) < 2 or len(set(factors)) < len(factors):
        raise ConfigError(
            f"factors is {factors!r}: expected the names of two columns or more, each once; for one factor there are "
            "compare_rates and compare_means"
        )


def _levels(cells: Cells, base: Mapping[str, Any]) -> Levels:
    """The levels of each factor, the base first."""
    problems = [f"base names {name!r}, which is no factor" for name in base if name not in cells.by]
    found: Levels = {}
    for name in cells.by:
        have = list(cells.frame[name].drop_duplicates())
        have = sorted(have, key=str) if any(isinstance(one, str) for one in have) else sorted(have)
        first = base.get(name, "control" if "control" in have else have[0])
        if first not in have:
            problems.append(f"base of {name!r} is {first!r}: expected one of {', '.join(map(str, have))}")
        found[name] = [first, *(one for one in have if one != first)]
    if problems:
        raise ConfigError(problems)
    return found


def _check_design(cells: Cells, levels: Levels, outcome: str) -> None:
    problems = [
        f"{name!r} is always {have[0]}: a factor needs two levels or more"
        for name, have in levels.items()
        if len(have) < 2
    ]
    if not problems:
        problems = _together(cells, levels) or _missing_cells(cells, levels)
    if cells.frame["mean"].nunique() == 1 and not cells.frame["variance"].fillna(0).any():
        problems.append(
            f"{outcome!r} is {number(cells.frame['mean'].iloc[0], 2)} for every unit: an outcome that never varies "
            "shows no effect of anything"
        )
    if problems:
        raise ExperimentError(problems)
    still = cells.frame[~(cells.frame["variance"] > 0)]
    if len(still):
        raise NotEnoughDataError([_still(row, cells.by) for row in still.to_dict("records")])


def _together(cells: Cells, levels: Levels) -> list[str]:
    """Pairs of factors of which one tells the other."""
    pairs = [
        (first, second)
        for first, second in combinations(levels, 2)
        if len(cells.frame[[first, second]].drop_duplicates()) == max(len(levels[first]), len(levels[second]))
    ]
    return [
        f"{first!r} and {second!r} always change together, so nobody can tell which of the two did it: a test needs "
        f"units with each level of {first!r} at each level of {second!r}"
        for first, second in pairs
    ]


def _missing_cells(cells: Cells, levels: Levels) -> list[str]:
    have = set(cells.frame[list(levels)].itertuples(index=False, name=None))
    return [
        f"no unit is in the cell {_named(dict(zip(levels, cell, strict=True)), cells.by)}: with it missing, effects "
        "could be had only by assuming that factors do not interact; add the cell, or leave out one of its levels"
        for cell in product(*levels.values())
        if cell not in have
    ]


def _still(row: Mapping[Any, Any], by: Sequence[str]) -> str:
    return (
        f"in the cell {_named(row, by)} the outcome is {number(row['mean'], 2)} for all of "
        f"{count(int(row['units']), 'unit')}: without units that differ the uncertainty of its mean is unknown; wait "
        "for more units, or leave out one of its levels"
    )


def _named(row: Mapping[Any, Any], by: Sequence[str]) -> str:
    return ", ".join(f"{name} {row[name]}" for name in by)


def _effects(cells: Cells, levels: Levels, level: float, named: tuple[str, str | None]) -> FactorialEffects:
    from scipy.stats import t

    table = cells.frame
    freedom = int(table["units"].sum()) - len(table)
    quantile = float(t.isf((1 - level) / 2, freedom))
    mean, variance = table["mean"].to_numpy(float), (table["variance"] / table["units"]).to_numpy(float)
    error = np.sqrt(variance)
    shown = table[list(levels)].assign(
        units=table["units"], mean=mean, standard_error=error, low=mean - quantile * error, high=mean + quantile * error
    )

    def estimated(rows: list[dict[str, Any]], weights: list[Array]) -> pd.DataFrame:
        matrix = np.array(weights)
        difference, errors = matrix @ mean, np.sqrt(matrix**2 @ variance)
        return pd.DataFrame(rows).assign(
            difference=difference,
            standard_error=errors,
            low=difference - quantile * errors,
            high=difference + quantile * errors,
            p_value=2 * t.sf(np.abs(difference / errors), freedom),
        )

    main = estimated(*_main(levels))
    return FactorialEffects(
        main, _tests(cells, levels, freedom), estimated(*_pairs(levels)), shown, cells.by, cells.rate, level, *named
    )


def _weights(levels: Levels, parts: Mapping[str, Array]) -> Array:
    """Of each cell its weight in a contrast: as given for some factors, and alike over the levels of the others."""
    weights: Array = np.ones(1)
    for name, have in levels.items():
        weights = np.asarray(np.kron(weights, parts.get(name, np.full(len(have), 1 / len(have)))), float)
    return weights


def _against_base(levels: Levels, name: str, place: int) -> Array:
    part = np.zeros(len(levels[name]))
    part[0], part[place] = -1, 1
    return part


def _main(levels: Levels) -> tuple[list[dict[str, Any]], list[Array]]:
    rows, weights = [], []
    for name, have in levels.items():
        for place in range(1, len(have)):
            rows.append({"factor": name, "level": have[place], "base": have[0]})
            weights.append(_weights(levels, {name: _against_base(levels, name, place)}))
    return rows, weights


def _pairs(levels: Levels) -> tuple[list[dict[str, Any]], list[Array]]:
    """The effect of one factor at a level of another, minus its effect at the base of the other."""
    rows, weights = [], []
    for first, second in combinations(levels, 2):
        for i, j in product(range(1, len(levels[first])), range(1, len(levels[second]))):
            parts = {first: _against_base(levels, first, i), second: _against_base(levels, second, j)}
            rows.append(
                {"first": first, "second": second, "first_level": levels[first][i], "second_level": levels[second][j]}
            )
            weights.append(_weights(levels, parts))
    return rows, weights


def _tests(cells: Cells, levels: Levels, freedom: int) -> pd.DataFrame:
    """The test of each interaction, on the means and for a 0/1 outcome also on the log odds."""
    from scipy.stats import chi2, f

    table = cells.frame
    mean, units = table["mean"].to_numpy(float), table["units"].to_numpy(float)
    rows = []
    for size in range(2, len(levels) + 1):
        for names in combinations(levels, size):
            matrix = _interaction(levels, names)
            statistic = _wald(matrix, mean, (table["variance"] / table["units"]).to_numpy(float)) / len(matrix)
            row = {"factors": " x ".join(names), "statistic": statistic, "freedom": len(matrix)}
            row["p_value"] = float(f.sf(statistic, len(matrix), freedom))
            if cells.rate:
                odds = _wald(matrix, np.log(mean / (1 - mean)), 1 / (units * mean * (1 - mean)))
                row["p_value_odds"] = float(chi2.sf(odds, len(matrix)))
            rows.append(row)
    return pd.DataFrame(rows)


def _interaction(levels: Levels, names: Sequence[str]) -> Array:
    """All contrasts of the levels of some factors, averaged over the others."""
    choices = product(*(range(1, len(levels[name])) for name in names))
    parts = [
        {name: _against_base(levels, name, place) for name, place in zip(names, places, strict=True)}
        for places in choices
    ]
    return np.array([_weights(levels, one) for one in parts])


def _wald(matrix: Array, estimate: Array, variance: Array) -> float:
    off = matrix @ estimate
    return float(off @ np.linalg.solve((matrix * variance) @ matrix.T, off))
