"""Was the experiment run as it was planned? Units, their arms, and what was known before they were exposed.

A comparison of arms is fair only if chance alone decided who is in which. Whatever happened after a customer was
exposed (sessions, orders, a segment built from them) may be an effect of the arm, so it can't be used to explain
or to split the result: that would compare unlike customers.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw

from clvhelpers.errors import ConfigError, ExperimentError, PostTreatmentCovariateError
from clvhelpers.purchases import Frame, as_day, as_frame, rows_of
from clvhelpers.text import count, number

BEFORE, AFTER = "before", "after"
When = str | dt.date
MeasuredAt = Mapping[str, When] | When | None
STAMP = nw.Datetime("us")
MEND = (
    "the arm may have changed it, so it can neither adjust nor split the comparison; take its value from before "
    "exposure, or leave it out"
)


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
