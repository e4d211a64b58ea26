"""What customers did before a day, and who of them left after it: the table that a churn score learns from.

Time is cut in two. Everything up to the `cut` (that day included) may be a feature, everything after it only
the label. A month counts once it is over, so the windows end before the label begins.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.churn.leakage import refuse_leakage
from clvhelpers.churn.spells import PLAN_CHANGES, customer_spells
from clvhelpers.churn.stays import check_pandas
from clvhelpers.customers import to_pandas
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.purchases import Day, as_day, as_frame
from clvhelpers.text import count, day, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

OF_THE_SPELL = ("plan", "price")


@dataclass(frozen=True, eq=False)
class ChurnSet:
    """The customers of one day: what they had done, and whether they left in the months after.

    `frame` has one row a customer, in order of `customer_id` (the index): the `features`, then `left` (True or
    False). `cut` is the last day of the features, `label_end` the last day of the label.
    """

    frame: pd.DataFrame = field(repr=False)
    features: tuple[str, ...]
    cut: dt.date
    label_end: dt.date

    @property
    def base_rate(self) -> float:
        """The share that left."""
        return float(self.frame["left"].mean())

    def sentence(self) -> str:
        """Who is in it and how many left, in words."""
        leavers = int(self.frame["left"].sum())
        return (
            f"Of {count(len(self.frame), 'customer')} on {day(self.cut)}, {count(leavers, 'customer')} "
            f"({percent(self.base_rate)}) had left by {day(self.label_end)}; {count(len(self.features), 'feature')} "
            f"tell what was known on {day(self.cut)}."
        )

    def contrast(self) -> pd.DataFrame:
        """Each numeric feature for those who left and those who stayed: `feature, leavers, stayers, difference`.

        The first two are means, `difference` is in standard deviations of the feature, largest first.
        """
        numbers = self.frame[list(self.features)].select_dtypes("number")
        left, spread = self.frame["left"], numbers.std().replace(0, np.nan)
        means = {"leavers": numbers[left].mean(), "stayers": numbers[~left].mean()}
        found = pd.DataFrame(means).assign(difference=lambda f: (f["leavers"] - f["stayers"]) / spread)
        found = found.rename_axis("feature").reset_index()
        return found.sort_values("difference", key=abs, ascending=False, kind="stable", ignore_index=True)

    def plot(self) -> "Picture":
        """The features in which those who left differ most from those who stayed."""
        from clvhelpers.plots.churn import feature_contrast

        return feature_contrast(self)


def churn_set(
    spells: pd.DataFrame,
    cut: Day,
    horizon_months: int = 3,
    tables: Mapping[str, Any] | None = None,
    attributes: Any = None,
    windows: Sequence[int] = (1, 3),
    end: Day = None,
    seasonal: Sequence[str] = (),
) -> ChurnSet:
    """The customers at `cut` with their features, and as label who leaves within `horizon_months` after it.

    Features are those of `behaviour_features`. `end` is the last day that the spells were watched (default: the
    last date in them). A change of plan is no leaving; who comes back later has left all the same.

    Raises `ConfigError` where the label would run past `end`, `LeakageError` that names each feature known only
    afterwards, `NotEnoughDataError` where nobody is a customer at `cut`.

    >>> spells = pd.DataFrame({"customer_id": ["a", "b"], "plan": ["Basic", "Basic"],
    ...     "start_date": pd.to_datetime(["2025-01-01", "2025-02-01"]),
    ...     "end_date": pd.to_datetime(["2025-04-10", None]), "end_reason": ["competition", None]})
    >>> churn_set(spells, "2025-03-31", horizon_months=3, end="2025-12-31").sentence()
    'Of 2 customers on 2025-03-31, 1 customer (50.0%) had left by 2025-06-30; 4 features tell what was known on \
2025-03-31.'
    """
    last = _timestamp(cut, "cut")
    if horizon_months < 1 or horizon_months % 1:
        raise ConfigError(f"horizon_months is {horizon_months}: expected a whole number of months, 1 or more")
    label_end = months_later(last, int(horizon_months))
    watched = pd.Timestamp(as_day(end, "end") or last_date(spells))
    if label_end > watched:
        raise ConfigError(
            f"cut is {day(last)}, and who leaves in the {count(horizon_months, 'month')} after it is known on "
            f"{day(label_end)}; the spells were watched to {day(watched)}: take an earlier cut or a shorter horizon, "
            "or say with `end` until when they were watched"
        )
    features = behaviour_features(spells, cut, tables, attributes, windows, seasonal)
    stays = customer_spells(spells, watched)
    ends = stays.loc[stays["end_date"] > last, ["customer_id", "end_date"]].groupby("customer_id")["end_date"].min()
    left = ends.reindex(features.index) <= label_end
    refuse_leakage(features, last, left)
    return ChurnSet(features.assign(left=left), tuple(features.columns), last.date(), label_end.date())


def behaviour_features(
    spells: pd.DataFrame,
    cut: Day,
    tables: Mapping[str, Any] | None = None,
    attributes: Any = None,
    windows: Sequence[int] = (1, 3),
    seasonal: Sequence[str] = (),
) -> pd.DataFrame:
    """What was known on the day `cut` of everybody who was a customer at its end; `customer_id` is the index.

    `spells` is what `customer_spells` takes. From it come `age_months` (since this stay began), `earlier_stays`,
    `plan_changes`, `plan`, and `price` where there is one. `tables` holds what customers did, by name, with
    `customer_id` and numbers:

    - with a column `month` (such as usage): for each number its mean over the last 1 and 3 (`windows`) months that
      were over at the cut, as `hours_1m` and `hours_3m`, and `hours_change`, the shortest window less the longest;
    - with a column `date` (such as satisfaction scores): the last value up to the cut, as `score_last`, and how
      many rows there were in the longest window, as `satisfaction_rows_3m`.

    Numbers of months that are named in `seasonal` are divided by the mean of all customers in that month. Without
    it, a score that learned in summer takes the long evenings of December for loyalty.

    `attributes` has one row a customer; dates in it become days before the cut. Rows after the cut are not looked
    at. These frames may be of any engine that `customer_summary` takes.

    Raises `LeakageError`, `DataContractError`, `ConfigError`, `NotEnoughDataError`.

    >>> spells = pd.DataFrame({"customer_id": ["a"], "plan": ["Basic"], "start_date": pd.to_datetime(["2025-01-01"]),
    ...     "end_date": pd.to_datetime([None]), "end_reason": [None]})
    >>> usage = pd.DataFrame({"customer_id": "a", "month": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"]),
    ...     "hours": [9.0, 6.0, 3.0]})
    >>> behaviour_features(spells, "2025-03-31", {"usage": usage}).filter(like="hours").iloc[0].to_dict()
    {'hours_1m': 3.0, 'hours_3m': 6.0, 'hours_change': -3.0}
    """
    last = _timestamp(cut, "cut")
    _check_windows(windows)
    running = _running(spells, last)
    parts = [_of_the_stay(running), _of_the_spell(spells, running.index, last)]
    read = {name: to_pandas(as_frame(given, f"the table {name!r}")) for name, given in (tables or {}).items()}
    _check_seasonal(seasonal, read)
    parts += [_of_the_table(name, table, running, last, sorted(windows), seasonal) for name, table in read.items()]
    if attributes is not None:
        parts.append(_attribute_features(attributes, running.index, last))
    features = pd.concat(parts, axis="columns")
    twice = features.columns[features.columns.duplicated()].unique().tolist()
    if twice:
        raise DataContractError(f"several tables give a feature named {', '.join(map(repr, twice))}: rename a column")
    return features


def last_date(spells: pd.DataFrame) -> pd.Timestamp:
    """The last date in the spells; missing where they have none."""
    check_pandas(spells, "spells", "use its .to_pandas() or .df() first")
    dates = spells.reindex(columns=["start_date", "end_date"]).select_dtypes("datetime")
    return pd.Timestamp(dates.max().max()).normalize()


def date_problem(values: pd.Series) -> str | None:
    """Why a column can't be used as days, if it can't."""
    if not pd.api.types.is_datetime64_any_dtype(values):
        return f"column {values.name!r} holds {values.dtype}, not dates: parse it first (pd.to_datetime)"
    if values.dt.tz is not None:
        return (
            f"column {values.name!r} has the time zone {values.dt.tz}: turn it into local time without a zone first "
            "(.dt.tz_convert(zone).dt.tz_localize(None))"
        )
    return None


def months_later(cut: pd.Timestamp, months: int) -> pd.Timestamp:
    """The day `months` after a day; from the last day of a month to the last of another.

    >>> str(months_later(pd.Timestamp("2025-06-30"), 1).date())
    '2025-07-31'
    """
    at_end = cut.is_month_end
    return cut + (pd.offsets.MonthEnd(months) if at_end else pd.DateOffset(months=months))


def _timestamp(value: Day, name: str) -> pd.Timestamp:
    found = as_day(value, name)
    if found is None:
        raise ConfigError(f"{name} is missing: give the last day that is known, such as 2025-06-30")
    return pd.Timestamp(found)


def _running(spells: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
    """The stay of each customer that goes on after the day of the cut, as far as was known on that day."""
    stays = customer_spells(spells, cut)
    running = stays[stays["end_date"].isna()].set_index("customer_id").sort_index()
    if running.empty:
        raise NotEnoughDataError(f"nobody is a customer on {day(cut)}: take a day on which the company had customers")
    return running


def _of_the_stay(running: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"age_months": running["duration"].round(3), "earlier_stays": running["stay"] - 1})


def _of_the_spell(spells: pd.DataFrame, customers: pd.Index, cut: pd.Timestamp) -> pd.DataFrame:
    """The plan of the day, and how often it had been changed; ends after the cut are not known yet."""
    begun = spells["start_date"].dt.normalize() <= cut
    known = spells[begun].sort_values("start_date", kind="stable").set_index("customer_id")
    columns = [name for name in OF_THE_SPELL if name in known]
    now = known[~known.index.duplicated(keep="last")][columns].reindex(customers)
    changes = known["end_reason"].isin(PLAN_CHANGES) & (known["end_date"].dt.normalize() <= cut)
    return now.assign(plan_changes=changes.groupby(level=0).sum().reindex(customers).astype(float))


def _of_the_table(
    name: str,
    table: pd.DataFrame,
    running: pd.DataFrame,
    cut: pd.Timestamp,
    windows: Sequence[int],
    seasonal: Sequence[str],
) -> pd.DataFrame:
    _check_table(name, table)
    refuse_leakage(table[[one for one in table if one not in ("month", "date")]], cut)
    if "date" in table:
        return _dated_features(name, table, running, cut, windows)
    return _month_features(_without_season(table, [one for one in seasonal if one in table]), running, cut, windows)


def _without_season(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The columns as multiples of the mean of all customers in that month."""
    mean = table.groupby("month")[columns].transform("mean")
    return table.assign(**{name: table[name] / mean[name].where(mean[name] > 0, 1.0) for name in columns})


def _month_features(
    table: pd.DataFrame, running: pd.DataFrame, cut: pd.Timestamp, windows: Sequence[int]
) -> pd.DataFrame:
    last_over = (cut + pd.Timedelta(days=1)).to_period("M") - 1
    month = table["month"].dt.to_period("M")
    ago = last_over.ordinal - month.astype("int64")
    start = table["customer_id"].map(running["start_date"]).dt.to_period("M")
    rows = table.assign(ago=ago)[(ago >= 0) & (ago < windows[-1]) & (month >= start)]
    numbers = _numbers_of(table)
    means = {w: rows[rows["ago"] < w].groupby("customer_id")[numbers].mean().reindex(running.index) for w in windows}
    parts = {f"{one}_{w}m": means[w][one] for one in numbers for w in windows}
    if len(windows) > 1:
        parts |= {f"{one}_change": means[windows[0]][one] - means[windows[-1]][one] for one in numbers}
    return pd.DataFrame(parts, index=running.index)


def _dated_features(
    name: str, table: pd.DataFrame, running: pd.DataFrame, cut: pd.Timestamp, windows: Sequence[int]
) -> pd.DataFrame:
    midnight = cut + pd.Timedelta(days=1)
    rows = table[table["date"] < midnight].sort_values("date", kind="stable")
    last = rows.groupby("customer_id")[_numbers_of(table)].last().reindex(running.index).add_suffix("_last")
    recent = rows[rows["date"] >= midnight - pd.DateOffset(months=windows[-1])]
    counts = recent.groupby("customer_id").size().reindex(running.index, fill_value=0)
    return last.assign(**{f"{name}_rows_{windows[-1]}m": counts})


def _attribute_features(attributes: Any, customers: pd.Index, cut: pd.Timestamp) -> pd.DataFrame:
    attributes = to_pandas(as_frame(attributes, "the table of attributes"))
    if "customer_id" not in attributes or attributes["customer_id"].duplicated().any():
        raise DataContractError("the attributes need a column 'customer_id' with one row a customer")
    found = attributes.set_index("customer_id").reindex(customers)
    refuse_leakage(found, cut)
    for name in found.select_dtypes("datetime").columns:
        found[f"days_since_{name}"] = (cut - found.pop(name)).dt.days
    return found


def _numbers_of(table: pd.DataFrame) -> list[str]:
    return table.drop(columns=["customer_id"]).select_dtypes(["number", "bool"]).columns.tolist()


def _check_windows(windows: Sequence[int]) -> None:
    if not windows or any(one < 1 or one % 1 for one in windows) or len({*windows}) != len(windows):
        raise ConfigError(f"windows are {list(windows)}: expected different whole numbers of months, such as [1, 3]")


def _check_seasonal(seasonal: Sequence[str], tables: Mapping[str, pd.DataFrame]) -> None:
    known = {
        one for table in tables.values() if "month" in table and "customer_id" in table for one in _numbers_of(table)
    }
    if unknown := [one for one in seasonal if one not in known]:
        raise ConfigError(
            f"seasonal names {', '.join(map(repr, unknown))}: expected numbers of tables with a column 'month', which "
            f"are {', '.join(sorted(known)) or 'none'}"
        )


def _check_table(name: str, table: pd.DataFrame) -> None:
    when = [one for one in ("month", "date") if one in table]
    problems = []
    if "customer_id" not in table:
        problems.append(f"the table {name!r} has no column 'customer_id'")
    if len(when) != 1:
        problems.append(f"the table {name!r} needs a column 'month' or 'date' (one of them) that says when")
    elif problem := date_problem(table[when[0]]):
        problems.append(f"the table {name!r}: {problem}")
    elif "customer_id" in table and not _numbers_of(table):
        problems.append(f"the table {name!r} has no column of numbers")
    if problems:
        raise DataContractError(problems)
