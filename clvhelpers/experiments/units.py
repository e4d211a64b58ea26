"""Was the experiment run as it was planned? Units, their arms, and what was known before they were exposed.

A comparison of arms is fair only if chance alone decided who is in which. Whatever happened after a customer was
exposed (sessions, orders, a segment built from them) may be an effect of the arm, so it can't be used to explain
or to split the result: that would compare unlike customers.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy.special import chdtrc

from clvhelpers.errors import ConfigError, ExperimentError, PostTreatmentCovariateError
from clvhelpers.purchases import EXAMPLES, Frame, as_day, as_frame, day_number, rows_of
from clvhelpers.text import count, number

BEFORE, AFTER = "before", "after"
When = str | dt.date
MeasuredAt = Mapping[str, When] | When | None
STAMP = nw.Datetime("us")
UNEQUAL = 0.001  # chance alone makes mean follow-up differ so much less often than this
MISSING_ARM = (
    "without an arm: find out from the assignment log which arm they were in, for leaving them out would undo the "
    "randomisation"
)
MEND = (
    "the arm may have changed it, so it can neither adjust nor split the comparison; take its value from before "
    "exposure, or leave it out"
)


@dataclass(frozen=True, eq=False)
class UnitCheck:
    """What was checked of the units of an experiment, and found to be in order.

    `frame` has one row a check: `check` in words, and `units`, how many were looked at.
    """

    frame: pd.DataFrame

    def sentence(self) -> str:
        """How many units were checked, and for what."""
        checks = "; ".join(self.frame["check"])
        return f"{count(int(self.frame['units'].iloc[0]), 'unit')} checked and in order: {checks}."


def check_units(
    frame: Any,
    unit: str = "customer_id",
    arm: str = "arm",
    *,
    exposed_at: str | None = None,
    outcome_at: str | None = None,
    durations: Sequence[str] = (),
    end: When | None = None,
    window: int | None = None,
    pre_period_until: When | None = None,
    assignments: Any = None,
) -> UnitCheck:
    """Check a frame of an experiment, of any engine and with one row a unit, and raise every problem at once.

    Always: no unit without id or arm, none in two arms, none twice. With `assignments`, a log of assignments with the
    columns `unit` and `arm`: none that changed its arm. With `exposed_at` (column): none without it, and no
    `outcome_at` (column; missing where nothing happened) before it. `durations` are columns that can't be below 0. With
    `end` (the last day that was observed, or a column of such days): none exposed after it, and all followed for the
    `window` of days in which the outcome counts, or without a window as long in each arm. With `pre_period_until` (the
    moment, or a column): no data of the pre-period from after exposure; a day counts as its midnight.

    Raises `ExperimentError` with the number of units, examples and how to mend it; `ConfigError` where a check lacks
    what it needs.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"customer_id": ["a", "b", "b"], "arm": ["old", "old", "new"], "stay": [3, 1, -2]})
    >>> check_units(frame, durations=["stay"])
    Traceback (most recent call last):
    clvhelpers.errors.ExperimentError: 2 problems:
    - 1 unit in two arms or more (b): ...
    - 1 unit with 'stay' below 0 (b): ...
    >>> print(check_units(frame.head(2)).sentence())
    2 units checked and in order: every unit has an id and an arm; every unit is in one arm and once in the frame.
    """
    _check_needs(exposed_at, window, end, outcome_at, pre_period_until)
    rows = as_frame(frame, "the experiment")
    _check_columns(rows, [unit, arm, *durations], [when for when in (exposed_at, outcome_at) if when is not None])
    found = _one_arm(rows, unit, arm)
    found |= {} if assignments is None else _moved(as_frame(assignments, "the log of assignments"), unit, arm)
    tests = {f"no {name!r} is below 0": (nw.col(name) < 0, _BELOW.format(name=name)) for name in durations}
    if exposed_at is not None:
        tests |= _exposure_tests(rows, exposed_at, outcome_at, end, window, pre_period_until)
    found |= {check: _failing(rows, test, unit, problem) for check, (test, problem) in tests.items()}
    if end is not None and window is None:
        found["every arm was followed for as long"] = _unequal(rows, arm, exposed_at or "", end)
    problems = [problem for some in found.values() for problem in some]
    if problems:
        raise ExperimentError(problems)
    total = rows_of(rows.select(nw.len().alias("n")))[0]["n"]
    return UnitCheck(pd.DataFrame({"check": list(found), "units": total}))


_BELOW = "with {name!r} below 0 (EXAMPLES): a duration runs from start to end, so look for dates that were swapped"


def _check_needs(exposed_at: str | None, window: int | None, end: When | None, *others: When | None) -> None:
    if exposed_at is None and any(value is not None for value in (window, end, *others)):
        raise ConfigError("exposed_at is missing: outcomes, follow-up and pre-period are counted from the exposure")
    if window is not None and end is None:
        raise ConfigError("end is missing: without the last observed day nobody knows who was followed for the window")


def _check_columns(rows: Frame, needed: Sequence[str], dates: Sequence[str]) -> None:
    schema = rows.collect_schema()
    problems = [
        f"no column {name!r}: the frame has {_names(schema)}" for name in [*needed, *dates] if name not in schema
    ]
    problems += [problem for name in dates if name in schema for problem in _date_problems(rows, name)]
    if problems:
        raise ExperimentError(problems)


def _one_arm(rows: Frame, unit: str, arm: str) -> dict[str, list[str]]:
    """Of the two checks that every experiment needs, what is wrong."""
    facts = _how_many(rows, {"unit": nw.col(unit).is_null(), "arm": nw.col(arm).is_null()})
    unnamed = [f"{count(facts['unit'], 'row')} without {unit!r}: nobody knows whose they are"] if facts["unit"] else []
    unlabelled = [f"{count(facts['arm'], 'unit')} {MISSING_ARM}"] if facts["arm"] else []
    by_unit = _arms_of(rows, unit, arm)
    moved = _failing(
        by_unit,
        nw.col("clv_arms") > 1,
        unit,
        "in two arms or more (EXAMPLES): such a unit saw both; find out how, and leave it out only if both arms lose "
        "such units alike",
    )
    twice = _failing(
        by_unit,
        (nw.col("clv_arms") == 1) & (nw.col("clv_rows") > 1),
        unit,
        "with more than one row (EXAMPLES): rows of one unit are alike, so counting each makes intervals too narrow; "
        "sum them to one row a unit",
    )
    return {
        "every unit has an id and an arm": unnamed + unlabelled,
        "every unit is in one arm and once in the frame": moved + twice,
    }


def _moved(log: Frame, unit: str, arm: str) -> dict[str, list[str]]:
    _check_columns(log, [unit, arm], [])
    moved = _failing(
        _arms_of(log, unit, arm),
        nw.col("clv_arms") > 1,
        unit,
        "changed arm over time by the log of assignments (EXAMPLES): compare units by the arm that they were first "
        "assigned to, and mend the assignment",
    )
    return {"no unit changed its arm over time": moved}


def _arms_of(rows: Frame, unit: str, arm: str) -> Frame:
    """Of each unit, in how many arms and how many rows it is."""
    known = rows.filter(~nw.col(unit).is_null(), ~nw.col(arm).is_null()).with_columns(clv_n=nw.lit(1))
    pairs = known.group_by(unit, arm).agg(clv_rows=nw.col("clv_n").sum()).with_columns(clv_one=nw.lit(1))
    return pairs.group_by(unit).agg(clv_arms=nw.col("clv_one").sum(), clv_rows=nw.col("clv_rows").sum())


def _exposure_tests(
    rows: Frame, exposed_at: str, outcome_at: str | None, end: When | None, window: int | None, until: When | None
) -> dict[str, tuple[nw.Expr, str]]:
    """What must not be, of dates and the exposure: by the check in words, the test and the problem."""
    problems = [problem for when in (end, until) if when is not None for problem in _date_problems(rows, when)]
    if problems:
        raise ExperimentError(problems)
    exposed = _stamp(rows, exposed_at)
    no_date = "without a date of exposure (EXAMPLES): give those who were not treated the date at which they would be"
    tests = {"every unit has a date of exposure": (nw.col(exposed_at).is_null(), no_date)}
    if outcome_at is not None:
        early = (
            "with an outcome before exposure (EXAMPLES): the arm can't have caused it; look for exposures logged late"
        )
        tests["no outcome is from before exposure"] = (_stamp(rows, outcome_at) < exposed, early)
    if end is not None:
        followed = followed_days(rows, exposed_at, end)
        late = f"exposed after the last observed day ({end}; EXAMPLES): nothing of them was seen"
        tests["every unit was exposed by the end"] = (followed < 0, late)
        if window is not None:
            short = (
                f"followed for less than the window of {count(window, 'day')} (EXAMPLES): leave out all units exposed "
                "too late, of every arm, or take a shorter window"
            )
            tests["every unit was followed for the window"] = ((followed >= 0) & (followed < window), short)
    if until is not None:
        overlap = (
            "with a pre-period that goes on after exposure (EXAMPLES): the arm may have changed it; end the pre-period "
            "before the first exposure"
        )
        tests["the pre-period ends before exposure"] = (_stamp(rows, until) > exposed, overlap)
    return tests


def _failing(rows: Frame, test: nw.Expr, unit: str, problem: str) -> list[str]:
    """A problem with the number of units that have it and the first few of them, or nothing."""
    bad = rows.filter(test.fill_null(False))
    n = int(rows_of(bad.select(nw.len().alias("n")))[0]["n"])
    if not n:
        return []
    some = rows_of(bad.select(unit).sort(unit).head(EXAMPLES))
    examples = ", ".join(str(row[unit]) for row in some) + (", ..." if n > EXAMPLES else "")
    return [f"{count(n, 'unit')} {problem.replace('EXAMPLES', examples)}"]


def _unequal(rows: Frame, arm: str, exposed_at: str, end: When) -> list[str]:
    """Whether the arms were followed for unlike times on average, by more than chance explains."""
    days = rows.select(nw.col(arm).alias("arm"), followed_days(rows, exposed_at, end).cast(nw.Float64).alias("days"))
    facts = days.filter(~nw.col("arm").is_null(), ~nw.col("days").is_null()).with_columns(n=nw.lit(1))
    by_arm = rows_of(
        facts.with_columns(square=nw.col("days") ** 2)
        .group_by("arm")
        .agg(nw.col("n").sum(), nw.col("days").mean(), nw.col("square").mean())
    )
    n, mean, square = (np.array([row[name] for row in by_arm], dtype=float) for name in ("n", "days", "square"))
    within = n @ np.maximum(square - mean**2, 0)
    between = n @ (mean - n @ mean / n.sum()) ** 2
    if between == 0 or (within > 0 and chdtrc(len(n) - 1, between / within * (n.sum() - len(n))) >= UNEQUAL):
        return []
    told = ", ".join(
        f"{row['arm']} {number(row['days'], 1)}" for row in sorted(by_arm, key=lambda row: str(row["arm"]))
    )
    return [
        f"the arms were followed for unlike times (mean days: {told}): whoever is followed for longer has more time "
        "for the outcome; count outcomes in a window that all had, with window=, or compare curves of survival"
    ]


def followed_days(rows: Frame, exposed_at: str, end: When) -> nw.Expr:
    """Days from the day of exposure to the last observed day, which is a day or a column.

    Raises `ExperimentError` where one of them is no date.
    """
    problems = [problem for when in (exposed_at, end) for problem in _date_problems(rows, when)]
    if problems:
        raise ExperimentError(problems)
    last = day_number(nw.col(end)) if isinstance(end, str) and end in rows.collect_schema() else _ordinal(end)
    return last - day_number(nw.col(exposed_at))


def _ordinal(end: When) -> nw.Expr:
    day = as_day(end, "end")
    return nw.lit(day.toordinal() if day is not None else None)


def refuse_post_treatment(
    frame: Any, names: Sequence[str], measured_at: MeasuredAt, exposed_at: When = "exposed_at"
) -> None:
    """Refuse covariates or segments that were measured after exposure, or of which nobody says when they were.

    `measured_at` gives for each of `names` (a mapping), or for all (one value), when it was measured: a column of
    `frame` with dates, a day, or the analyst's word "before" or "after" where there are no dates (then `frame` may
    be None). `exposed_at` is the column or the day of the exposure. What was measured at the moment of exposure
    counts as known before it; a day counts as its midnight.

    Raises `PostTreatmentCovariateError` with every covariate of which a unit was measured after its exposure;
    `ExperimentError` for columns that are not there or hold no dates, and for units without a date;
    `ConfigError` where it is not said when a covariate was measured.
    Source: Rosenbaum (1984), Journal of the Royal Statistical Society A 147, 656-666.

    >>> import pandas as pd
    >>> players = pd.DataFrame({"exposed_at": pd.to_datetime(["2026-01-05", "2026-01-07"])})
    >>> refuse_post_treatment(players, ["spend_before"], "2026-01-05")
    >>> refuse_post_treatment(players, ["rounds"], {"rounds": "2026-01-06"})
    Traceback (most recent call last):
    clvhelpers.errors.PostTreatmentCovariateError: 'rounds' was measured after the exposure of 1 of 2 units...
    """
    stated = _stated(names, measured_at)
    late = [name for name in names if stated[name] == AFTER]
    problems = [f"{name!r} was measured after exposure, as you say: {MEND}" for name in late]
    dated = {name: when for name, when in stated.items() if when not in (BEFORE, AFTER)}
    if dated:
        found_late, others = _late_units(frame, dated, exposed_at)
        late += found_late
        problems += [*found_late.values(), *others]
    if problems:
        raise (PostTreatmentCovariateError if late else ExperimentError)(problems)


def _stated(names: Sequence[str], measured_at: MeasuredAt) -> dict[str, When]:
    """When each covariate was measured, or an error that says of which it is not known."""
    if measured_at is not None and not isinstance(measured_at, Mapping):
        return dict.fromkeys(names, measured_at)
    silent = [name for name in names if name not in (measured_at or {})]
    if silent:
        raise ConfigError(
            f"when were {', '.join(map(repr, silent))} measured? Say so with measured_at: a column with dates, a day, "
            'or "before" if you know that it was before exposure. Only such columns may adjust or split a comparison'
        )
    return {name: (measured_at or {})[name] for name in names}


def _late_units(frame: Any, dated: dict[str, When], exposed_at: When) -> tuple[dict[str, str], list[str]]:
    """Of each covariate that was measured too late a sentence, and all other problems."""
    rows = as_frame(frame, "the experiment")
    whens = {**{f"measured_{i}": when for i, when in enumerate(dated.values())}, "exposed": exposed_at}
    problems = [problem for when in dict.fromkeys(whens.values()) for problem in _date_problems(rows, when)]
    if problems:
        return {}, problems
    stamps = rows.with_columns(**{name: _stamp(rows, when) for name, when in whens.items()}).select(*whens)
    tests = {"total": nw.lit(True), "no_exposure": nw.col("exposed").is_null()}
    for i in range(len(dated)):
        tests[f"missing_{i}"] = nw.col(f"measured_{i}").is_null()
        tests[f"late_{i}"] = (nw.col(f"measured_{i}") > nw.col("exposed")).fill_null(False)
    facts = _how_many(stamps, tests)
    late = {
        name: f"{name!r} was measured after the exposure of {number(facts[f'late_{i}'])} of "
        f"{count(facts['total'], 'unit')}: {MEND}"
        for i, name in enumerate(dated)
        if facts[f"late_{i}"]
    }
    unknown = [
        f"{count(facts[f'missing_{i}'], 'unit')} without the date at which {name!r} was measured: find it, for a "
        "covariate is of use only if it is known to be from before exposure"
        for i, name in enumerate(dated)
        if facts[f"missing_{i}"]
    ]
    if facts["no_exposure"]:
        unknown.append(
            f"{count(facts['no_exposure'], 'unit')} without a date of exposure in {exposed_at!r}: give those who were "
            "not treated the date at which they would have been"
        )
    return late, unknown


def _how_many(rows: Frame, tests: Mapping[str, nw.Expr]) -> dict[str, int]:
    """How many rows pass each test, in one pass."""
    ones = rows.select(**{name: nw.when(test).then(nw.lit(1)).otherwise(nw.lit(0)) for name, test in tests.items()})
    return {name: int(n or 0) for name, n in rows_of(ones.select(nw.col(name).sum() for name in tests))[0].items()}


def _date_problems(rows: Frame, when: When) -> list[str]:
    """What is wrong with a column of dates, or with a day given for all units."""
    schema = rows.collect_schema()
    if not isinstance(when, str) or when not in schema:
        return [] if _is_day(when) else [f"no column {when!r}, and it is no day: the frame has {_names(schema)}"]
    dtype = schema[when]
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is not None:
        return [f"column {when!r} has the time zone {dtype.time_zone}: turn all dates into local time without a zone"]
    if not isinstance(dtype, (nw.Datetime, nw.Date)):
        return [f"column {when!r} holds {dtype}, not dates: parse it first (pandas: pd.to_datetime)"]
    return []


def _is_day(when: When) -> bool:
    try:
        return as_day(when, "day") is not None
    except ConfigError:
        return False


def _names(schema: Any) -> str:
    return ", ".join(map(repr, schema))


def _stamp(rows: Frame, when: When) -> nw.Expr:
    """A column of dates, or one day, as time stamps."""
    if isinstance(when, str) and when in rows.collect_schema():
        return nw.col(when).cast(STAMP)
    moment = dt.datetime.fromisoformat(when) if isinstance(when, str) else when
    moment = moment if isinstance(moment, dt.datetime) else dt.datetime.combine(moment, dt.time())
    return nw.lit(moment).cast(STAMP)
