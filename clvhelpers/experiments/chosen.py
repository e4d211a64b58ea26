"""What the methods without randomisation share: units that somebody chose to treat, and what was known of them before.

Nothing here is an experiment, so nothing makes the treated and the others alike but the columns that are adjusted for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments.welch import shown_as
from clvhelpers.experiments.words import points, repeated
from clvhelpers.purchases import as_frame
from clvhelpers.text import count, number

Array = npt.NDArray[np.float64]
On = Literal["treated", "all"]
WHOM = {"treated": "on those who were treated", "all": "on all units, were they treated"}
LEAST_UNITS = 30  # in each group, and for each column of the design
LEAST_VARIANCE = 1e-10  # share of a column's variance that the others must leave
MOST_LABELS = 20


@dataclass(frozen=True, eq=False)
class Chosen:
    """Units with numbers only: `outcome` and `treated` (shape: units), and `covariates` (units x columns of a design).

    A covariate of text is a column for each label but the first. `rate`: the outcome is 0 or 1 for everybody.
    """

    outcome: Array
    treated: npt.NDArray[np.bool_]
    covariates: pd.DataFrame

    @property
    def rate(self) -> bool:
        return bool(np.isin(self.outcome, (0, 1)).all())

    def design(self) -> Array:
        """The covariates in units of their spread, around the mean of all units."""
        values = self.covariates.to_numpy(float)
        return np.asarray((values - values.mean(axis=0)) / values.std(axis=0))


@dataclass(frozen=True, eq=False)
class ChosenEffect:
    """The effect of `treated` on `outcome` where somebody chose the treated, as every method tells it.

    `frame` has two rows, of the difference as it is and of the effect by the method: `method, difference` (treated
    minus others), `standard_error, low, high, p_value`. `on` says for whom the effect is.
    """

    frame: pd.DataFrame
    outcome: str
    treated: str
    covariates: tuple[str, ...]
    on: On
    rate: bool
    level: float
    currency: str | None

    def shown(self, value: float) -> str:
        """An effect in words."""
        return shown(value, self.rate, self.currency)

    def _told(self, without: str, by: str, also: str = "") -> str:
        """Both numbers, and what the second takes on trust; `also` is what it assumes beside that."""
        raw, found = (
            interval_words(row, self.rate, self.currency, self.level) for row in self.frame.to_dict("records")
        )
        return (
            f"Nobody was randomised. {without}, {self.treated} goes with a difference of {raw} in {self.outcome}; "
            f"{by} {', '.join(self.covariates)} the effect {WHOM[self.on]} is {found}. This assumes that among "
            f"customers alike in these columns chance decided who was treated{also}"
        )


def difference_of_means(one: Array, other: Array) -> tuple[float, float]:
    """The mean of one group less that of another, and its error.

    >>> difference_of_means(np.array([1.0, 3.0]), np.array([0.0, 0.0]))
    (2.0, 1.0)
    """
    error = np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    return float(one.mean() - other.mean()), float(error)


def chosen_units(frame: Any, outcome: str, treated: str, covariates: Sequence[str]) -> Chosen:
    """Outcome, treatment and covariates of a frame of any engine; or every problem with them at once.

    Raises `ConfigError` for names that are given twice or none at all; `ExperimentError` for a column that is not
    there, missing values, a `treated` that is not 0 and 1, and covariates without spread or that say the same twice;
    `NotEnoughDataError` for fewer than 30 treated or other units, or too few for so many covariates.

    >>> units = pd.DataFrame({"called": [0, 1] * 40, "spend": range(80), "plan": ["a", "b", "c", "a"] * 20})
    >>> list(chosen_units(units, "spend", "called", ["plan"]).covariates)
    ['plan b', 'plan c']
    """
    names = [treated, outcome, *covariates]
    twice = repeated(names)
    if isinstance(covariates, str) or not len(covariates) or twice:
        raise ConfigError(
            f"{twice} is named twice: outcome, treated and each covariate are different columns"
            if twice
            else f"covariates is {covariates!r}: expected a list of columns that were known before the treatment"
        )
    rows = rows_with(frame, names)
    problems = _treatment_problems(rows[treated], treated) + number_problems(rows, [outcome])
    problems += covariate_problems(rows[list(covariates)])
    if problems:
        raise ExperimentError(problems)
    design = design_columns(rows[list(covariates)])
    found = Chosen(rows[outcome].to_numpy(float), rows[treated].to_numpy(float) == 1, design)
    _check_size(found, treated)
    refuse_collinear(found.covariates)
    return found


def treated_rows(frame: Any, treated: str, outcomes: Sequence[str]) -> pd.DataFrame:
    """`treated` and numeric outcomes of a frame of any engine, checked as `chosen_units` does."""
    rows = rows_with(frame, [treated, *outcomes])
    problems = _treatment_problems(rows[treated], treated) + number_problems(rows, outcomes)
    if problems:
        raise ExperimentError(problems)
    return rows.astype(float)


def rows_with(frame: Any, names: Sequence[str]) -> pd.DataFrame:
    """Columns of a frame of any engine, in pandas."""
    seen = as_frame(frame, "the customers")
    schema = seen.collect_schema()
    missing = [name for name in names if name not in schema]
    if missing:
        have = ", ".join(map(repr, schema))
        raise ExperimentError([f"no column {name!r}: the frame has {have}" for name in missing])
    chosen = seen.select(*names)
    return (chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen).to_pandas()


def number_problems(rows: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """What is wrong with columns that have to hold a number for every unit."""
    problems = []
    for name in names:
        if not pd.api.types.is_numeric_dtype(rows[name]):
            problems.append(f"column {name!r} holds {rows[name].dtype}, not numbers or true and false")
            continue
        bad = int((~np.isfinite(rows[name].to_numpy(float, na_value=np.nan))).sum())
        if bad:
            problems.append(
                f"{name!r} is missing or infinite for {count(bad, 'unit')}: who did nothing has a 0, and who was not "
                "followed for long enough does not belong in the comparison"
            )
        elif rows[name].nunique() < 2:
            problems.append(f"{name!r} is {rows[name].iloc[0]} for every unit: what never varies can't be compared")
    return problems


def _treatment_problems(treated: "pd.Series[Any]", name: str) -> list[str]:
    missing = int(treated.isna().sum())
    if missing:
        return [f"{name!r} is missing for {count(missing, 'unit')}: find out whether they were treated"]
    others = sorted({str(value) for value in treated.unique() if value not in (0, 1)})
    if others:
        return [f"{name!r} holds {', '.join(others[:5])}: expected 1 for who was treated and 0 for who was not"]
    if treated.nunique() < 2:
        return [f"{name!r} is {treated.iloc[0]} for every unit: a comparison needs treated and other units"]
    return []


def covariate_problems(rows: pd.DataFrame) -> list[str]:
    """What is wrong with columns that are to adjust a comparison; they hold numbers or few labels."""
    problems = []
    for name, values in rows.items():
        missing, labels = int(values.isna().sum()), values.nunique()
        if missing:
            problems.append(
                f"the covariate {name!r} is missing for {count(missing, 'unit')}: make 'unknown' a label of its own, "
                "or fill it and add a column that says so"
            )
        elif pd.api.types.is_numeric_dtype(values) and not np.isfinite(values.to_numpy(float)).all():
            problems.append(f"the covariate {name!r} is infinite for some units: a division by 0, maybe; give a number")
        elif labels < 2:
            problems.append(f"the covariate {name!r} is {values.iloc[0]} for every unit: leave it out")
        elif not pd.api.types.is_numeric_dtype(values) and (_is_time(values) or labels > MOST_LABELS):
            what = "dates" if _is_time(values) else f"{number(labels)} labels"
            problems.append(f"the covariate {name!r} holds {what}: turn it into a number, or into few labels")
    return problems


def _is_time(values: "pd.Series[Any]") -> bool:
    return pd.api.types.is_datetime64_any_dtype(values)


def design_columns(covariates: pd.DataFrame) -> pd.DataFrame:
    """Checked covariates as columns of numbers: of text, one for each label but the first.

    >>> design_columns(pd.DataFrame({"age": [30, 41, 25], "plan": ["b", "a", "c"]})).to_numpy().tolist()
    [[30.0, 1.0, 0.0], [41.0, 0.0, 0.0], [25.0, 0.0, 1.0]]
    """
    return pd.get_dummies(_labelled(covariates), drop_first=True, prefix_sep=" ", dtype=float).astype(float)


def _labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """Numbers as floats, and all else as labels."""
    numeric = [name for name in rows if pd.api.types.is_numeric_dtype(rows[name])]
    return rows.astype({name: float if name in numeric else str for name in rows})


def _check_size(units: Chosen, treated: str) -> None:
    columns = units.covariates.shape[1]
    least = max(LEAST_UNITS, 3 * columns)
    few = {1: int(units.treated.sum()), 0: int((~units.treated).sum())}
    problems = [
        f"only {count(n, 'unit')} with {treated} {value}: adjusting for {count(columns, 'column')} takes {least} each"
        for value, n in few.items()
        if n < least
    ]
    if problems:
        raise NotEnoughDataError(problems)


def refuse_collinear(columns: pd.DataFrame) -> None:
    """Raise `ExperimentError` where one of the columns of a design follows from the others."""
    alike = np.corrcoef(columns.to_numpy(float), rowvar=False).reshape(columns.shape[1], -1)
    if np.linalg.eigvalsh(alike)[0] < LEAST_VARIANCE:
        names = ", ".join(map(repr, columns))
        raise ExperimentError(f"of the columns {names} one follows from the others: leave one of them out")


def shown(value: float, rate: bool, currency: str | None) -> str:
    """An effect in words: points of a rate, money, or a number.

    >>> shown(0.05, True, None), shown(12.5, False, "EUR")
    ('5.0 points', '€12.50')
    """
    return points(value) if rate else shown_as(value, currency)


def interval_words(row: Any, rate: bool, currency: str | None, level: float) -> str:
    """An effect with its interval.

    >>> interval_words({"difference": 2.0, "low": 1.0, "high": 3.0}, False, "USD", 0.95)
    '$2.00 (95% interval $1.00 to $3.00)'
    """
    ends = " to ".join(shown(row[name], rate, currency) for name in ("low", "high"))
    return f"{shown(row['difference'], rate, currency)} ({number(100 * level)}% interval {ends})"
