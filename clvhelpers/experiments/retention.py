"""Who came back by day k: retention of each arm, counted from exposure, over those who have had the time.

"Retention" means three things, and the same data give three different numbers: active *on* day k, *on or after* it, or
in a *bracket* of days. So the definition is part of the result. A unit that was exposed five days ago can't have come
back on day 7: it is left out, in numbers that are told, and not counted as lost.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.cohorts.interval import wilson_interval
from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments.arms import ArmCounts, arm_counts, arm_sums
from clvhelpers.experiments.rates import RateComparison, compare_rates
from clvhelpers.purchases import Day, Frame, as_day, as_frame, day_number, one_of, rows_of
from clvhelpers.text import count, day, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

KINDS = ("on", "on_or_after", "bracket")
Window = int | tuple[int, int]
Rows = nw.LazyFrame[Any]
TOO_UNLIKE = 0.1  # standard deviations by which the arms' days of exposure may differ
SURE = 3.29  # standard errors: one in a thousand by chance


@dataclass(frozen=True, eq=False)
class Retention:
    """How many of each arm came back by day, of those who have had the time.

    `frame` has one row a window and arm, control first: `window` (in words), `arm`, `units` (had the time),
    `too_short` (had not, and are left out), `retained`, `rate`, `low`, `high` (Wilson's interval). `windows` are the
    days or brackets asked for; `end` is the last day that was seen.
    """

    frame: pd.DataFrame
    windows: tuple[Window, ...]
    kind: str
    end: dt.date
    level: float

    def counts(self, window: Window) -> ArmCounts:
        """The counts of one of the `windows`, for whatever compares rates."""
        if window not in self.windows:
            raise ConfigError(f"{window} was not counted: expected one of {', '.join(map(str, self.windows))}")
        rows = self.frame[self.frame["window"] == _named(window, self.kind)]
        retained, units = (dict(zip(rows["arm"], rows[name].tolist(), strict=True)) for name in ("retained", "units"))
        return ArmCounts(retained, units)

    def comparison(self, window: Window) -> RateComparison:
        """Each arm against the control in one of the `windows`."""
        return compare_rates(self.counts(window), f"Back {_named(window, self.kind)}", level=self.level)

    @property
    def definition(self) -> str:
        """What counts as retained, and over whom."""
        how = {
            "on": "on day k itself",
            "on_or_after": f"on day k or later, up to {day(self.end)} (who was exposed early had longer to come back)",
            "bracket": "on any day of the bracket",
        }[self.kind]
        return (
            f"Retained is who was active {how}; day 0 is the day of exposure, and whatever came before does not count. "
            f"The share is of those who have had that many days by {day(self.end)}."
        )

    def sentence(self) -> str:
        """The definition, the share of each arm and how many were left out."""
        parts = [self.definition]
        for name, rows in self.frame.groupby("window", sort=False):
            told = [
                f"{percent(row['rate'])} of {number(row['units'])} in {row['arm']}" for row in rows.to_dict("records")
            ]
            parts.append(f"Back {name}: {', '.join(told)}.")
            if rows["too_short"].any():
                left = "; ".join(f"{number(n)} in {arm}" for arm, n in zip(rows["arm"], rows["too_short"], strict=True))
                parts.append(f"Left out, as their time was too short: {left}.")
        return " ".join(parts)

    def plot(self) -> "Picture":
        """The share of each arm that came back, by day, with its interval."""
        from clvhelpers.plots.experiments_rates import retention_points

        return retention_points(self)


def retention_by_day(
    assignments: Any,
    activity: Any,
    days: Sequence[Window] = (1, 7),
    *,
    kind: str = "on",
    end: Day = None,
    arm: str = "arm",
    control: str = "control",
    customer_id: str = "customer_id",
    exposed_at: str = "exposed_at",
    date: str = "date",
    level: float = 0.95,
) -> Retention:
    """Count who came back by day k after exposure, for each arm, over those who have had the time.

    `assignments` has one row a unit (`customer_id, arm, exposed_at`), `activity` any number of rows a unit
    (`customer_id, date`): frames of one engine, in which the counting is done. `kind` is "on" (active on day k),
    "on_or_after", or "bracket" (`days` are then pairs such as (8, 30), both ends included). Days are calendar days; the
    day of exposure is day 0. `end` is the last day that was seen in full (by default the last one with activity);
    what is after it is ignored. Activity of customers who were not assigned plays no part.

    Raises `ExperimentError` with every problem: columns, missing values, a unit twice or in two arms, an arm without
    units, and for "on_or_after" arms exposed at different times; `NotEnoughDataError` where nobody of an arm has had
    the time, with the longest that works; `ConfigError` for days or a kind that can't be.

    >>> people = pd.DataFrame({"customer_id": [1, 2, 3, 4], "arm": ["control", "control", "offer", "offer"],
    ...                        "exposed_at": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-01-01", "2026-01-06"])})
    >>> visits = pd.DataFrame({"customer_id": [1, 3, 3, 4], "date": pd.to_datetime(
    ...     ["2025-12-30", "2026-01-04", "2026-01-08", "2026-01-07"])})
    >>> retention_by_day(people, visits, [1, 3], end="2026-01-08").frame[["window", "arm", "units", "retained"]]
         window      arm  units  retained
    0  on day 1  control      2         0
    1  on day 1    offer      2         1
    2  on day 3  control      2         0
    3  on day 3    offer      1         1
    """
    check_level(level)
    windows = _windows(days, one_of(kind, KINDS, "kind"))
    units, visits = _read(assignments, activity, {"customer_id": customer_id, "arm": arm, "day": exposed_at}, date)
    last = as_day(end, "end") or _last_day(visits)
    had_time = _had_time(units, windows, last, control)
    if kind == "on_or_after":
        _check_equal_time(units, last, control)
    retained = _retained(units, visits, windows, kind, last)
    frame = _table([_named(window, kind) for window in windows], had_time, retained, level)
    return Retention(frame, tuple(windows), kind, last, level)


def _table(
    names: list[str], had_time: dict[str, list[int]], retained: dict[str, list[int]], level: float
) -> pd.DataFrame:
    rows = [
        (name, arm, enough[i], total - enough[i], retained.get(arm, [0] * len(names))[i])
        for i, name in enumerate(names)
        for arm, (total, *enough) in had_time.items()
    ]
    frame = pd.DataFrame(rows, columns=["window", "arm", "units", "too_short", "retained"])
    frame["rate"] = frame["retained"] / frame["units"]
    frame["low"], frame["high"] = wilson_interval(frame["rate"], frame["units"], level)
    return frame


def _windows(days: Sequence[Window], kind: str) -> list[Window]:
    pairs = kind == "bracket"
    wrong = [window for window in days if isinstance(window, tuple | list) != pairs or not _possible(window)]
    if wrong or not days:
        wanted = "pairs such as (8, 30), the first and last day" if pairs else "whole days such as 1 and 7"
        raise ConfigError(
            f"days are {list(days)}: expected {wanted}, from 1 on, as on day 0, the day of exposure, all were there"
        )
    return [(window[0], window[1]) if isinstance(window, tuple | list) else window for window in days]


def _possible(window: Window) -> bool:
    first, last = window if isinstance(window, tuple | list) and len(window) == 2 else (window, window)
    return isinstance(first, int) and isinstance(last, int) and 1 <= first <= last


def _named(window: Window, kind: str) -> str:
    if isinstance(window, tuple):
        return f"on days {window[0]} to {window[1]}"
    return f"on day {window}" + (" or later" if kind == "on_or_after" else "")


def _needed(window: Window) -> int:
    """The days that a unit must have had."""
    return window[1] if isinstance(window, tuple) else window


def _read(assignments: Any, activity: Any, names: dict[str, str], date: str) -> tuple[Rows, Rows]:
    """`customer_id, arm, exposed` of the units and `customer_id, seen` of their activity, days as numbers."""
    people, log = as_frame(assignments, "the frame of assignments"), as_frame(activity, "the frame of activity")
    if people.implementation != log.implementation:
        raise ConfigError(
            f"the assignments are a frame of {people.implementation.name.lower()} and the activity one of "
            f"{log.implementation.name.lower()}: both must be of one engine, so that it can join them"
        )
    log_names = {"customer_id": names["customer_id"], "day": date}
    problems = _column_problems(people, names, "assignments") + _column_problems(log, log_names, "activity")
    if problems:
        raise ExperimentError(problems)
    id_type = _shared_type(people, log, names["customer_id"])
    customer = nw.col(names["customer_id"]).cast(id_type).alias("customer_id")
    exposed, seen = day_number(nw.col(names["day"])).alias("exposed"), day_number(nw.col(date)).alias("seen")
    units = people.lazy().select(customer, nw.col(names["arm"]).alias("arm"), exposed)
    visits = log.lazy().select(customer, seen)
    problems = _row_problems(units, visits, names | {"date": date})
    if problems:
        raise ExperimentError(problems)
    return units, visits


def _column_problems(frame: Frame, names: dict[str, str], what: str) -> list[str]:
    schema = frame.collect_schema()
    problems = [
        f"no column {name!r} in the {what}: they have {', '.join(map(repr, schema))}"
        for name in names.values()
        if name not in schema
    ]
    kind = schema.get(names["day"])
    if kind is not None and not isinstance(kind, nw.Datetime | nw.Date):
        problems.append(f"{names['day']!r} of the {what} holds {kind}, not dates: parse it first (pd.to_datetime)")
    if isinstance(kind, nw.Datetime) and kind.time_zone is not None:
        problems.append(
            f"{names['day']!r} of the {what} has the time zone {kind.time_zone}: whose midnight ends a day? Turn it "
            "into local time without a zone first"
        )
    return problems


def _shared_type(people: Frame, log: Frame, name: str) -> type[nw.Int64] | type[nw.String]:
    """Customer ids must be of one kind to be found in both frames."""
    kinds = [frame.collect_schema()[name] for frame in (people, log)]
    numeric = [kind.is_integer() for kind in kinds]
    if any(numeric) != all(numeric):
        raise ExperimentError(
            f"{name!r} holds {kinds[0]} in the assignments and {kinds[1]} in the activity, so nobody would be found: "
            "make both text or both whole numbers"
        )
    return nw.Int64 if all(numeric) else nw.String


def _row_problems(units: Rows, visits: Rows, names: dict[str, str]) -> list[str]:
    empty = {name: nw.col(name).is_null().cast(nw.Int64).sum() for name in ("customer_id", "arm", "exposed")}
    missing = rows_of(units.select(**empty))[0]
    missing["seen"] = rows_of(visits.select(nw.col("seen").is_null().cast(nw.Int64).sum()))[0]["seen"]
    told = {
        "customer_id": "a unit without a name can't be found in the activity",
        "arm": "find it in the assignment log, for leaving them out would undo the randomisation",
        "exposed": "days are counted from it; give those who were not treated the day on which they would have been",
        "seen": "an activity without a day is of no use; find out why it has none",
    }
    called = {"exposed": names["day"], "seen": names["date"]}
    problems = [
        f"{called.get(name, names.get(name))!r} is missing in {count(int(n), 'row')}: {told[name]}"
        for name, n in missing.items()
        if n
    ]
    return problems + _twice(units)


def _twice(units: Rows) -> list[str]:
    by_unit = units.group_by("customer_id").agg(n=nw.col("exposed").count(), arms=nw.col("arm").n_unique())
    found = by_unit.filter(nw.col("n") > 1).select(
        twice=nw.col("n").count(), in_two=(nw.col("arms") > 1).cast(nw.Int64).sum()
    )
    row = rows_of(found)[0]
    if not row["twice"]:
        return []
    return [
        f"{count(row['twice'], 'customer')} more than once in the assignments, {number(row['in_two'])} of them in more "
        "than one arm: an assignment is one row a customer, and check_units says how many moved and when"
    ]


def _last_day(visits: Rows) -> dt.date:
    last = rows_of(visits.select(nw.col("seen").max()))[0]["seen"]
    if last is None or last != last:
        raise NotEnoughDataError("the frame of activity has no rows: nobody came back, or nothing was logged")
    return dt.date.fromordinal(int(last))


def _had_time(units: Rows, windows: list[Window], last: dt.date, control: str) -> dict[str, list[int]]:
    """Of each arm, control first, all its units and those who have had the time for each window."""
    end = last.toordinal()
    enough = {f"had_{i}": nw.col("exposed") + _needed(window) <= end for i, window in enumerate(windows)}
    flags = {name: test.cast(nw.Int64) for name, test in enough.items()}
    by_arm = units.with_columns(n=nw.lit(1), **flags).group_by("arm")
    found = rows_of(by_arm.agg(nw.col("n", *flags).sum(), first=nw.col("exposed").min()))
    order = arm_counts({row["arm"]: (0, int(row["n"])) for row in found}, control=control).arms
    longest = end - max(int(row["first"]) for row in found)
    late = [_needed(window) for i, window in enumerate(windows) if not all(row[f"had_{i}"] for row in found)]
    if late:
        raise NotEnoughDataError(
            f"in some arm nobody has had {max(late)} days by {day(last)}: take at most "
            f"{count(max(longest, 0), 'day')}, or wait"
        )
    rows = {row["arm"]: row for row in found}
    return {name: [int(rows[name][column]) for column in ("n", *flags)] for name in order}


def _check_equal_time(units: Rows, last: dt.date, control: str) -> None:
    """Coming back on or after a day is a matter of time, which must be the same for all arms."""
    sums = arm_sums(units.with_columns(time=last.toordinal() - nw.col("exposed")), ["time"], control=control)
    for name in sums.arms[1:]:
        times = {arm: (sums.mean(arm, "time"), sums.covariance(arm, "time", "time")) for arm in (name, control)}
        (mean, variance), (other_mean, other_variance) = times.values()
        deviation = ((variance + other_variance) / 2) ** 0.5
        error = (variance / sums.units[name] + other_variance / sums.units[control]) ** 0.5
        if abs(mean - other_mean) > max(TOO_UNLIKE * deviation, SURE * error):
            raise ExperimentError(
                f"units of {name} had {number(mean, 1)} days to come back and those of {control} "
                f"{number(other_mean, 1)}: with unequal follow-up 'on_or_after' compares time, so take kind='on' or "
                "'bracket', which give all the same days"
            )


def _retained(units: Rows, visits: Rows, windows: list[Window], kind: str, last: dt.date) -> dict[str, list[int]]:
    """Of each arm with any activity, how many came back in each window, of those who have had the time."""
    end, age = last.toordinal(), nw.col("age")
    tests = {}
    for i, window in enumerate(windows):
        first, latest = window if isinstance(window, tuple) else (window, window)
        inside = (age >= first) if kind == "on_or_after" else (age >= first) & (age <= latest)
        tests[f"back_{i}"] = (inside & (nw.col("exposed") + latest <= end)).cast(nw.Int64)
    joined = visits.filter(nw.col("seen") <= end).join(units, on="customer_id", how="inner")
    ages = joined.with_columns(age=nw.col("seen") - nw.col("exposed")).filter(age >= 1).with_columns(**tests)
    by_unit = ages.group_by("customer_id", "arm").agg(nw.col(*tests).max())
    found = rows_of(by_unit.group_by("arm").agg(nw.col(*tests).sum()))
    return {row["arm"]: [int(row[name]) for name in tests] for row in found}
