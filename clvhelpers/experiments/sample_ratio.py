"""Are the arms as large as they were planned? A sample ratio that chance does not explain spoils every result.

If customers were assigned 50 : 50 and one arm has clearly more of them, then something besides chance decided who is
in the data: a redirect that loses people, a bot filter, a bug that only one arm has. Those lost are rarely like those
who stayed, so a comparison of the arms is one of unlike people.
"""

import datetime as dt
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy.special import chdtrc, gammaln, xlogy

from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError, SampleRatioWarning
from clvhelpers.experiments.arms import ArmCounts, ArmSums, Array
from clvhelpers.experiments.many import adjusted_p_values
from clvhelpers.experiments.units import (
    MISSING_ARM,
    MeasuredAt,
    When,
    followed_days,
    refuse_post_treatment,
)
from clvhelpers.purchases import as_frame, one_of, rows_of
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

FAILED, DOUBTFUL = 0.001, 0.01
VERDICTS = ("passed", "look into it", "failed")
FEWEST_EXPECTED = 5  # in the smallest arm; below, chi-squared is only near the truth
MOST_OUTCOMES = 1_000_000
MOST_GROUPS = 200
METHODS = ("chi-squared", "exact")
ALL, MATURE = "all units", "mature units"


@dataclass(frozen=True, eq=False)
class SampleRatio:
    """Whether the arms have the sizes that were planned.

    `frame` has one row a check: `check` ("all units", "mature units", or a group such as "device: phone"), `units`,
    `statistic` (chi-squared), `degrees_of_freedom`, `p_value`, `adjusted_p_value` (Holm over all groups; a check of all
    or of mature units is not adjusted), `method` and `verdict`. `arms` has one row a check and arm: `check, arm, units,
    expected_units, share, expected_share`.
    """

    frame: pd.DataFrame
    arms: pd.DataFrame

    @property
    def p_value(self) -> float:
        """Of all units: the chance of so uneven a split, or one still less likely, if all went as planned."""
        return float(self.frame["p_value"].iloc[0])

    @property
    def verdict(self) -> str:
        """The worst verdict of any check: "passed", "look into it" (p below 0.01) or "failed" (below 0.001)."""
        return max(self.frame["verdict"], key=VERDICTS.index)

    @property
    def passed(self) -> bool:
        """Whether no check failed; "look into it" passes."""
        return self.verdict != "failed"

    @property
    def worst_group(self) -> str | None:
        """The group of a dimension whose split is the least likely; None without groups."""
        groups = self._groups()
        return None if groups.empty else str(groups["check"].iloc[int(groups["p_value"].argmin())])

    def sentence(self) -> str:
        """How the arms compare with the plan, what chance makes of it, and what to do."""
        parts = [self._check_sentence(row) for row in self.frame.to_dict("records") if row["check"] in (ALL, MATURE)]
        groups = self._groups()
        if not groups.empty:
            worst = next(row for row in groups.to_dict("records") if row["check"] == self.worst_group)
            looks = f"corrected for looking at {count(len(groups), 'group')}, {by_chance(worst['adjusted_p_value'])}"
            parts.append(f"The most uneven group is {worst['check']}, with {self._split(worst['check'])}: {looks}.")
        return " ".join([*parts, _ADVICE[self.verdict]])

    def plot(self) -> "Picture":
        """The units of each arm for every 100 planned, with the range that chance explains."""
        from clvhelpers.plots.experiments_soundness import arm_shares

        return arm_shares(self)

    def _groups(self) -> pd.DataFrame:
        return self.frame[~self.frame["check"].isin([ALL, MATURE])]

    def _check_sentence(self, row: Mapping[Any, Any]) -> str:
        how = "exact" if row["method"] == "exact" else f"chi-squared {number(row['statistic'], 2)}"
        return f"Of {row['check']}, {self._split(row['check'])}: {by_chance(row['p_value'])} ({how})."

    def _split(self, check: str) -> str:
        rows = self.arms[self.arms["check"] == check].to_dict("records")
        return ", ".join(
            f"{number(row['units'])} in {row['arm']} ({percent(row['share'], 2)}, planned "
            f"{percent(row['expected_share'], 2)})"
            for row in rows
        )


_ADVICE = {
    "passed": "The sizes of the arms give no reason for doubt.",
    "look into it": (
        "That is rare enough to look into: ask how customers were assigned and which rows were left out, before you "
        "trust the result."
    ),
    "failed": (
        "The split is broken: find out who is missing from which arm before you read any result; a correction "
        "afterwards can't bring back who is missing."
    ),
}


def sample_ratio(
    data: Any,
    expected: Mapping[str, float] | None = None,
    by: str | Sequence[str] | None = None,
    *,
    arm: str = "arm",
    exposed_at: str | None = None,
    end: When | None = None,
    follow_up: int | None = None,
    measured_at: MeasuredAt = None,
    method: str | None = None,
) -> SampleRatio:
    """Compare the units of each arm with the shares that were planned, for any number of arms.

    `data` is a frame of any engine with one row a unit, or counts by hand: units by arm, or (successes, units) by arm.
    `expected` are shares or weights by arm (default: equal), such as {"control": 9, "offer": 1}. With `exposed_at`,
    `end` (last day with data) and `follow_up` (days) the units that were followed for so long are checked too, as they
    are the ones compared. `by` names columns: the split in each of their groups is checked, with Holm's correction for
    the number of groups. A group that the arm can change (a column measured after exposure) tells nothing; with
    `measured_at` such a column is refused (see `refuse_post_treatment`).

    `method` is "chi-squared" or "exact"; left out, it is exact where an arm has fewer than 5 units planned. Exact: the
    summed chance of every split that is at most as likely as the one seen. A p-value below 0.001 fails and gives a
    `SampleRatioWarning`, one below 0.01 is to be looked into.

    Raises `ExperimentError` with every problem (missing labels, one arm, arms that `expected` does not know),
    `NotEnoughDataError` where no unit was followed for long enough, `ConfigError` for wrong arguments.
    Source: Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled experiments, KDD, 2156-2164.

    >>> found = sample_ratio({"gate_30": 44700, "gate_40": 45489})
    >>> round(found.p_value, 6), found.verdict, found.passed
    (0.008608, 'look into it', True)
    >>> print(sample_ratio({"control": 50000, "offer": 50123}).sentence()[:57])
    Of all units, 50,000 in control (49.94%, planned 50.00%),
    """
    _check_arguments(expected, method, exposed_at, end, follow_up)
    dimensions = [by] if isinstance(by, str) else list(by or [])
    counted = _checks(data, dimensions, arm, (exposed_at, end, follow_up), measured_at)
    shares = _shares(counted[ALL], expected)
    arms = pd.concat([_arm_rows(check, units, shares) for check, units in counted.items()], ignore_index=True)
    found = SampleRatio(_frame(counted, shares, method), arms)
    if not found.passed:
        warnings.warn(found.sentence(), SampleRatioWarning, stacklevel=2)
    return found


def _frame(counted: Mapping[str, Mapping[Any, int]], shares: Mapping[Any, float], method: str | None) -> pd.DataFrame:
    rows = [{"check": check} | _test(check, units, shares, method) for check, units in counted.items()]
    frame = pd.DataFrame(rows)
    grouped = ~frame["check"].isin([ALL, MATURE])
    adjusted = frame["p_value"].copy()
    if grouped.any():
        adjusted[grouped] = adjusted_p_values(frame.loc[grouped, "p_value"], "holm")
    frame.insert(list(frame).index("p_value") + 1, "adjusted_p_value", adjusted)
    frame["verdict"] = [VERDICTS[int(p < DOUBTFUL) + int(p < FAILED)] for p in adjusted]
    return frame


def by_chance(p_value: float) -> str:
    """What a p-value of this check means, in words.

    >>> by_chance(0.697), by_chance(0.0086)
    ('70% of sound tests are as far off', '1 in 116 sound tests is as far off')
    """
    if p_value >= DOUBTFUL:
        return f"{percent(p_value, 0)} of sound tests are as far off"
    if p_value < 1e-9:
        return "fewer than 1 in a billion sound tests is as far off"
    return f"1 in {number(1 / p_value)} sound tests is as far off"


def _check_arguments(
    expected: Mapping[str, float] | None, method: str | None, exposed_at: Any, end: Any, follow_up: int | None
) -> None:
    problems = [
        f"expected gives {name} the share {share}: expected a number above 0"
        for name, share in (expected or {}).items()
        if not (math.isfinite(share) and share > 0)
    ]
    given = {"exposed_at": exposed_at, "end": end, "follow_up": follow_up}
    missing = [name for name, value in given.items() if value is None]
    if missing and len(missing) < len(given):
        problems.append(f"{', '.join(missing)} is missing: the mature units need exposed_at, end and follow_up")
    if follow_up is not None and follow_up < 0:
        problems.append(f"follow_up is {follow_up}: expected a number of days")
    if problems:
        raise ConfigError(problems)
    if method is not None:
        one_of(method, METHODS, "method")


def _checks(
    data: Any, by: list[str], arm: str, mature: tuple[Any, Any, Any], measured_at: MeasuredAt
) -> dict[str, dict[Any, int]]:
    """The units by arm of every check."""
    if isinstance(data, (ArmCounts, ArmSums, Mapping)):
        if by or mature[0] is not None:
            raise ConfigError("counts have no columns: by and exposed_at need a frame with one row a unit")
        units = data if isinstance(data, Mapping) else data.units
        return {ALL: {name: int(n[1] if isinstance(n, Sequence) else n) for name, n in units.items()}}
    frame = as_frame(data, "the experiment")
    missing = [name for name in [arm, *by] if name not in frame.collect_schema()]
    if missing:
        known = ", ".join(map(repr, frame.collect_schema()))
        raise ExperimentError([f"no column {name!r}: the frame has {known}" for name in missing])
    if measured_at is not None:
        refuse_post_treatment(data, by, measured_at, mature[0] or "exposed_at")
    return _counted(frame, by, arm, mature)


def _counted(frame: Any, by: list[str], arm: str, mature: tuple[Any, Any, Any]) -> dict[str, dict[Any, int]]:
    exposed_at, end, follow_up = mature
    one = {"clv_n": nw.lit(1)}
    if exposed_at is not None:
        enough = followed_days(frame, exposed_at, end) >= follow_up
        one["clv_mature"] = nw.when(enough).then(nw.lit(1)).otherwise(nw.lit(0))
    rows = frame.with_columns(**one)
    found = sorted(
        rows_of(rows.group_by(arm).agg(*(nw.col(name).sum() for name in one))), key=lambda row: str(row[arm])
    )
    unlabelled = sum(row["clv_n"] for row in found if _is_missing(row[arm]))
    if unlabelled:
        raise ExperimentError(f"{count(unlabelled, 'unit')} {MISSING_ARM}")
    checks = {ALL: {row[arm]: int(row["clv_n"]) for row in found}}
    if exposed_at is not None:
        checks[MATURE] = {row[arm]: int(row["clv_mature"]) for row in found}
        if not sum(checks[MATURE].values()):
            raise NotEnoughDataError(f"no unit was followed for {follow_up} days by {end}: wait, or take fewer days")
    for name in by:
        checks |= _by_group(rows_of(rows.group_by(arm, name).agg(nw.col("clv_n").sum())), arm, name)
    return checks


def _by_group(found: list[dict[str, Any]], arm: str, name: str) -> dict[str, dict[Any, int]]:
    groups: dict[str, dict[Any, int]] = {}
    for row in sorted(found, key=lambda row: str(row[name])):
        value = row[name]
        shown = "(missing)" if _is_missing(value) else value.date() if isinstance(value, dt.datetime) else value
        groups.setdefault(f"{name}: {shown}", {})[row[arm]] = int(row["clv_n"])
    if len(groups) > MOST_GROUPS:
        raise ConfigError(
            f"by {name!r} makes {number(len(groups))} groups, too many to find anything: join them to {MOST_GROUPS} or "
            "fewer (a day in place of a time, a country in place of a city)"
        )
    return groups


def _is_missing(value: Any) -> bool:
    return value is None or value != value or value is pd.NaT


def _shares(units: Mapping[Any, int], expected: Mapping[str, float] | None) -> dict[Any, float]:
    """The planned share of each arm, in the order of the plan, or every problem at once."""
    weights = dict(expected) if expected else dict.fromkeys(units, 1.0)
    problems = [
        f"the arm {name} has {count(units[name], 'unit')} and is not in expected, which plans {', '.join(weights)}"
        for name in units
        if name not in weights
    ]
    problems += [f"the arm {name} has {n} units, which can't be" for name, n in units.items() if n < 0]
    if len(weights) < 2:
        problems.append(f"only the arm {', '.join(map(str, weights)) or '(none)'} is there: a split needs two")
    if not any(n > 0 for n in units.values()):
        problems.append("nobody is in any arm: there is no split to check")
    if problems:
        raise ExperimentError(problems)
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def _arm_rows(check: str, units: Mapping[Any, int], shares: Mapping[Any, float]) -> pd.DataFrame:
    seen = np.array([units.get(name, 0) for name in shares])
    total, planned = seen.sum(), np.array(list(shares.values()))
    columns = {"arm": list(shares), "units": seen, "expected_units": total * planned, "share": seen / total}
    return pd.DataFrame({"check": check, **columns, "expected_share": planned})


def _test(check: str, units: Mapping[Any, int], shares: Mapping[Any, float], method: str | None) -> dict[str, Any]:
    seen = np.array([units.get(name, 0) for name in shares], dtype=float)
    planned = np.array(list(shares.values()))
    expected = seen.sum() * planned
    statistic = float(((seen - expected) ** 2 / expected).sum())
    chosen = method or ("exact" if expected.min() < FEWEST_EXPECTED else "chi-squared")
    freedom = len(seen) - 1
    p_value = _exact(check, seen, planned) if chosen == "exact" else float(chdtrc(freedom, statistic))
    return {
        "units": int(seen.sum()),
        "statistic": statistic,
        "degrees_of_freedom": freedom,
        "p_value": p_value,
        "method": chosen,
    }


def _exact(check: str, seen: Array, planned: Array) -> float:
    """The chance of all splits that are at most as likely as the one seen."""
    n, arms = int(seen.sum()), len(seen)
    outcomes = math.comb(n + arms - 1, arms - 1)
    if outcomes > MOST_OUTCOMES:
        raise NotEnoughDataError(
            f"{check}: the smallest arm has {number(n * planned.min(), 1)} units planned, too few for chi-squared, and "
            f"{count(n, 'unit')} in {arms} arms have too many splits for the exact test: wait "
            f"until {FEWEST_EXPECTED} are planned in each"
        )
    bars = np.array(list(combinations(range(n + arms - 1), arms - 1)))  # n stars, and bars that part them into arms
    ends = np.full((len(bars), 1), n + arms - 1)
    splits = np.diff(np.hstack([0 * ends - 1, bars, ends])) - 1
    log_chance = _log_chance(splits, planned)
    at_most = log_chance <= float(_log_chance(seen[None, :], planned)[0]) + 1e-7  # the same up to rounding
    return min(1.0, float(np.exp(log_chance[at_most]).sum()))


def _log_chance(splits: Array, planned: Array) -> Array:
    n = splits.sum(axis=1)
    return np.asarray(gammaln(n + 1) - gammaln(splits + 1).sum(axis=1) + xlogy(splits, planned).sum(axis=1))
