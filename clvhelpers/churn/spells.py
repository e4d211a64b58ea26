"""From spells of a subscription to stays of customers: how long, ended or not, and why.

A spell ends when the plan changes, a stay when the customer leaves. Both are counted in months of the
customer's own calendar: who signs up on the 15th has stayed one month when the 14th of the next is over.
"""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from clvhelpers.churn.stays import UNITS, check_pandas
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.purchases import EXAMPLES, Day, as_day, one_of
from clvhelpers.text import day, number

PLAN_CHANGES = ("upgrade", "downgrade")
COLUMNS = ["customer_id", "plan", "start_date", "end_date", "end_reason"]
DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def customer_spells(
    spells: pd.DataFrame, end: Day, *, returners: str = "each", since: Day = None, unit: str = "month"
) -> pd.DataFrame:
    """One row a stay of a customer, whatever plans it went through: what `kaplan_meier` and the like take.

    `spells` has the columns of Lumen's: `customer_id, plan, start_date, end_date` (last day included, missing
    while it runs) and `end_reason` ("upgrade" and "downgrade" change the plan and do not end the stay). `end` is the
    last day that was seen: spells that begin later are not there yet, and one that ends later still runs.

    A customer who left and came back has one row for each stay (`returners="each"`), numbered in `stay`, or the
    first alone (`"first"`). With `since`, only what was seen from that day on is told: customers of
    before come in at the age they had (`entry`), and who had left before is not there, as in a log that began
    on that day.

    The result has `customer_id, stay, plan` (at its start), `last_plan, start_date, end_date, duration, entry,
    left, reason`; `duration` and `entry` are in `unit`s, with months counted by the calendar.

    Raises `DataContractError` that names every spell that overlaps another, ends before it begins, has an end
    without a reason (or the reverse) or a plan change that leads nowhere; `NotEnoughDataError` if none is left.

    >>> days = pd.to_datetime(["2023-01-15", "2023-07-15", "2025-07-01"]), ["2023-07-14", "2024-01-14", None]
    >>> spells = pd.DataFrame({"customer_id": "A", "plan": ["Basic", "Standard", "Basic"], "start_date": days[0]})
    >>> spells = spells.assign(end_date=pd.to_datetime(days[1]), end_reason=["upgrade", "change", None])
    >>> rows = customer_spells(spells, end="2025-12-31")
    >>> rows[["plan", "last_plan", "duration", "left"]].values.tolist()
    [['Basic', 'Standard', 12.0, True], ['Basic', 'Basic', 6.0, False]]
    """
    one_of(returners, ("each", "first"), "returners")
    rows = _seen_spells(spells, end)
    keys = ["customer_id", "stay"]
    stays = rows.drop_duplicates(keys)[[*keys, "plan", "start_date"]].reset_index(drop=True)
    lasts = rows.drop_duplicates(keys, keep="last").reset_index(drop=True)
    stays = stays.assign(last_plan=lasts["plan"], end_date=lasts["end_date"], reason=lasts["end_reason"])
    stays["end_date"] = stays["end_date"].mask(stays["reason"].isin(PLAN_CHANGES))
    if returners == "first":
        stays = stays[stays["stay"] == 1].reset_index(drop=True)
    return _with_times(stays.assign(begun=stays["start_date"]), end, since, unit, ["plan", "last_plan"])


def plan_spells(spells: pd.DataFrame, end: Day, *, since: Day = None, unit: str = "month") -> pd.DataFrame:
    """One row a spell on one plan, at the ages that the customer had: to compare plans by who was on them when.

    As `customer_spells`, but a customer who changes plan after 6 months gives 6 months to the first plan, where
    the row ends with `left` False, and comes into the second with `entry` 6. Who leaves counts for the plan that
    they left. The result has `customer_id, stay, plan, start_date, end_date, duration, entry, left, reason`.

    >>> days = pd.to_datetime(["2023-01-15", "2023-07-15", "2025-07-01"]), ["2023-07-14", "2024-01-14", None]
    >>> spells = pd.DataFrame({"customer_id": "A", "plan": ["Basic", "Standard", "Basic"], "start_date": days[0]})
    >>> spells = spells.assign(end_date=pd.to_datetime(days[1]), end_reason=["upgrade", "change", None])
    >>> rows = plan_spells(spells, end="2025-12-31")
    >>> rows[["plan", "entry", "duration", "left"]].values.tolist()
    [['Basic', 0.0, 6.0, False], ['Standard', 6.0, 12.0, True], ['Basic', 0.0, 6.0, False]]
    """
    rows = _seen_spells(spells, end)
    begun = rows.groupby(["customer_id", "stay"])["start_date"].transform("first")
    rows = rows.rename(columns={"end_reason": "reason"}).assign(begun=begun)
    return _with_times(rows, end, since, unit, ["plan"])


def _seen_spells(spells: pd.DataFrame, end: Day) -> pd.DataFrame:
    """The spells known on the day `end`, in order, with the number of the stay that each belongs to."""
    rows = _checked(spells)
    last = pd.Timestamp(_day(end, "end"))
    rows = rows[rows["start_date"] <= last].copy()
    if rows.empty:
        raise NotEnoughDataError(f"no spell begins by {day(last)}, the last day: choose a later end")
    later = rows["end_date"] > last
    rows["end_date"] = rows["end_date"].mask(later)
    rows["end_reason"] = rows["end_reason"].mask(later)
    goes_on = rows["end_reason"].isin(PLAN_CHANGES).groupby(rows["customer_id"]).shift(fill_value=False)
    rows["stay"] = (~goes_on).groupby(rows["customer_id"]).cumsum()
    return rows.reset_index(drop=True)


def _with_times(rows: pd.DataFrame, end: Day, since: Day, unit: str, plans: list[str]) -> pd.DataFrame:
    """Ages at the start and end of each row, and whether the customer left; `begun` is the start of the stay."""
    if unit not in UNITS:
        raise ConfigError(f"unit is {unit!r}: expected one of {', '.join(UNITS)}")
    left = rows["reason"].notna() & ~rows["reason"].isin(PLAN_CHANGES)
    until = rows["end_date"].fillna(pd.Timestamp(_day(end, "end")))
    opened = rows["start_date"]
    if since is not None:
        first = pd.Timestamp(_day(since, "since"))
        seen = until >= first
        rows, left, until, opened = (
            rows[seen],
            left[seen],
            until[seen],
            opened[seen].where(lambda day: day > first, first),
        )
        if rows.empty:
            raise NotEnoughDataError(
                f"no customer was still there on {day(first)} or came later: choose an earlier since"
            )
    times: dict[str, Any] = {
        "duration": _age(rows["begun"], until + pd.Timedelta(days=1), unit),
        "entry": _age(rows["begun"], opened, unit),
        "left": left,
        "reason": rows["reason"].where(left),
    }
    columns = ["customer_id", "stay", *plans, "start_date", "end_date", "duration", "entry", "left", "reason"]
    return rows.drop(columns="reason").assign(**times)[columns].reset_index(drop=True)


def _age(begun: pd.Series, until: pd.Series, unit: str) -> np.ndarray:
    """Time from one day to another: in days and weeks, or in calendar months with their fraction of days."""
    if unit in DAYS:
        return ((until - begun).dt.days / DAYS[unit]).to_numpy()
    months = 12 * (until.dt.year - begun.dt.year) + until.dt.month - begun.dt.month
    months -= _months_later(begun, months) > until
    whole, following = _months_later(begun, months), _months_later(begun, months + 1)
    part = (until - whole).dt.days / (following - whole).dt.days
    return ((months + part) / MONTHS[unit]).to_numpy()


def _months_later(start: pd.Series, months: pd.Series) -> pd.Series:
    """The same day so many months later, or the last of the month where it has no such day."""
    first = pd.Series((start.dt.to_period("M") + months).dt.to_timestamp(), index=start.index)
    return first + pd.to_timedelta(np.minimum(start.dt.day, first.dt.days_in_month) - 1, unit="D")


def _day(value: Day, name: str) -> dt.date:
    found = as_day(value, name)
    if found is None:
        raise ConfigError(f"{name} is missing: give a day, such as 2025-12-31")
    return found


def _checked(spells: pd.DataFrame) -> pd.DataFrame:
    """The spells by customer and start; raises one error that names every spell that can't be."""
    check_pandas(spells, "spells", "use its .to_pandas() or .df() first")
    missing = [name for name in COLUMNS if name not in spells]
    if missing:
        raise DataContractError(
            f"the spells have no column {', '.join(missing)}; they have {', '.join(map(str, spells.columns))}"
        )
    wrong = [problem for name in ("start_date", "end_date") if (problem := _date_problem(spells[name]))]
    if wrong:
        raise DataContractError(wrong)
    if spells.empty:
        raise NotEnoughDataError("there is no spell: at least one customer is needed")
    days = {name: spells[name].dt.normalize() for name in ("start_date", "end_date")}
    rows = spells[COLUMNS].assign(**days).sort_values(["customer_id", "start_date"], kind="stable")
    problems = [_problem(rows[bad], what, mend) for what, bad, mend in _impossible(rows) if bad.any()]
    if problems:
        raise DataContractError(problems)
    return rows


def _date_problem(values: pd.Series) -> str | None:
    if not pd.api.types.is_datetime64_any_dtype(values):
        return f"the column {values.name} holds no dates: use pd.to_datetime first"
    if values.dt.tz is not None:
        mend = ".dt.tz_convert(zone of the company).dt.tz_localize(None)"
        return f"the column {values.name} has a time zone, so its days are not settled: use {mend}"
    return None


def _impossible(rows: pd.DataFrame) -> list[tuple[str, pd.Series, str]]:
    open_, reason = rows["end_date"].isna(), rows["end_reason"]
    following = rows.groupby("customer_id")["start_date"].shift(-1)
    changes = reason.isin(PLAN_CHANGES) & ~open_
    next_day = rows["end_date"] + pd.Timedelta(days=1)
    return [
        ("no customer_id", rows["customer_id"].isna(), "give each spell its customer"),
        ("no start_date", rows["start_date"].isna(), "give the day on which the plan began"),
        ("no plan", rows["plan"].isna(), "give each spell its plan"),
        ("an end before the start", rows["end_date"] < rows["start_date"], "swap or correct the two dates"),
        ("an end_date without an end_reason", ~open_ & reason.isna(), "say why it ended, or 'unknown'"),
        ("an end_reason without an end_date", open_ & reason.notna(), "give the last day, or remove the reason"),
        (
            "a start before the customer's spell before it was over",
            (following <= rows["end_date"].fillna(pd.Timestamp("2200-01-01")))
            .groupby(rows["customer_id"])
            .shift(fill_value=False),
            "a customer has one plan at a time: end the earlier spell the day before, or remove a copy",
        ),
        (
            "a change of plan after which no spell begins on the next day",
            changes & (following.isna() | (following > next_day)),
            "add the spell on the new plan, or give the reason for leaving",
        ),
    ]


def _problem(bad: pd.DataFrame, what: str, mend: str) -> str:
    told = "; ".join(
        f"row {place}, customer {row['customer_id']}, from {_shown(row['start_date'])} to {_shown(row['end_date'])}"
        for place, row in zip(bad.index[:EXAMPLES], bad.head(EXAMPLES).to_dict("records"), strict=True)
    )
    verb = "spell has" if len(bad) == 1 else "spells have"
    return f"{number(len(bad))} {verb} {what} ({told}): {mend}"


def _shown(value: pd.Timestamp) -> str:
    return "?" if pd.isna(value) else day(value)
