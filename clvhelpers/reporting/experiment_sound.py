"""Was a client's experiment sound: the sizes of the arms against the plan, and what was known before exposure."""

import warnings
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np

from clvhelpers.errors import NotEnoughDataError, SampleRatioWarning
from clvhelpers.experiments.balance import balance
from clvhelpers.experiments.sample_ratio import FAILED, sample_ratio
from clvhelpers.reporting.config.experiment import Experiment
from clvhelpers.reporting.experiment_metrics import BalanceRow, Soundness, TestedArm
from clvhelpers.reporting.experiment_units import Units
from clvhelpers.reporting.small_groups import fewer_than, is_few
from clvhelpers.sources.findings import literal
from clvhelpers.text import count, day, number

BEFORE = {"pre_revenue": "revenue", "pre_orders": "orders", "before": "the same measure"}

Sizes = Mapping[str, tuple[int, int]]


def sizes_of(units: Units, tried: Experiment, least: int) -> Sizes:
    """Of each arm, control first, how many were assigned and how many seen for long enough.

    Raises `NotEnoughDataError` where of an arm nobody was yet, or so few that nothing may be shown of them.
    """
    rows = units.frame.aggregate("arm, count(*), count(*) FILTER (mature)", "arm").fetchall()
    found = {str(arm): (int(assigned), int(mature)) for arm, assigned, mature in rows}
    sizes = {arm: found[arm] for arm in (tried.control, *sorted(set(found) - {tried.control}))}
    empty = [arm for arm, (_, mature) in sizes.items() if not mature]
    if empty:
        raise NotEnoughDataError(_too_early(units, tried, empty))
    small = [arm for arm, (_, mature) in sizes.items() if mature < least]
    if small:
        raise NotEnoughDataError(
            f"{fewer_than(least)} customers of the arm {', '.join(small)} can be counted, and of so few no number is "
            "shown"
        )
    return sizes


def _too_early(units: Units, tried: Experiment, empty: list[str]) -> str:
    """Who was not seen for long enough, and when somebody will have been."""
    chosen = ", ".join(map(literal, empty))
    first = units.frame.filter(f"arm IN ({chosen})").aggregate("min(day)").fetchall()[0][0]
    days = tried.outcome.days or 0
    return (
        f"nobody in the arm {', '.join(empty)} was seen for {count(days, 'day')} by the as-of day. The first were "
        f"exposed on {day(first)}, and the {number(days)} days of theirs end on "
        f"{day(first + timedelta(days=days - 1))}: wait until then, or count fewer days"
    )


def tested_arms(sizes: Sizes, tried: Experiment, least: int) -> list[TestedArm]:
    """The arms with their sizes; those assigned are not told where the difference would tell of few customers."""
    hidden = any(is_few(np.array([assigned - mature]), least)[0] for assigned, mature in sizes.values())
    shares = _shares(tried, sizes)
    return [
        TestedArm(name=arm, planned_share=shares[arm], assigned=None if hidden else assigned, units=mature)
        for arm, (assigned, mature) in sizes.items()
    ]


def _shares(tried: Experiment, sizes: Sizes) -> dict[str, float]:
    return tried.shares or dict.fromkeys(sizes, 1 / len(sizes))


def soundness(units: Units, tried: Experiment, sizes: Sizes, least: int) -> Soundness:
    """Whether the arms are of the sizes planned, of all and of those seen for long enough; what was known before."""
    shares = _shares(tried, sizes)
    assigned = {arm: size for arm, (size, _) in sizes.items()}
    mature = {arm: size for arm, (_, size) in sizes.items()}
    with warnings.catch_warnings():  # the section says it in its own words
        warnings.simplefilter("ignore", SampleRatioWarning)
        checks = [sample_ratio(one, shares) for one in (assigned, mature)]
    known = covariates(units, least)
    before = None if not known else balance(units.mature, known, control=tried.control, measured_at="before")
    sizes_hold, alike = all(check.passed for check in checks), before is None or before.passed
    rows = [] if before is None else [_row(row) for row in before.frame.to_dict("records")]
    return Soundness(
        passed=sizes_hold and alike,
        sizes_as_planned=sizes_hold,
        sample_ratio_p_value=checks[0].p_value,
        mature_p_value=None if assigned == mature else checks[1].p_value,
        limit=FAILED,
        alike_before=None if before is None else alike,
        balance_p_value=None if before is None else before.p_value,
        balance=rows,
        largest_imbalance=max((abs(row.standardised) for row in rows), default=None),
    )


def covariates(units: Units, least: int) -> list[str]:
    """What is known of each unit from before exposure, if it differs between units and is not of few of them alone."""
    names = [name for name in BEFORE if name in units.frame.columns]
    return [name for name in names if _tells(units, name, least)]


def _tells(units: Units, name: str, least: int) -> bool:
    rows = units.mature.aggregate(f"stddev_pop({name}), count(*) FILTER ({name} <> 0)", "arm").fetchall()
    return all(spread for spread, _ in rows) and not is_few(np.array([some for _, some in rows]), least).any()


def _row(row: dict[Any, Any]) -> BalanceRow:
    return BalanceRow(
        arm=row["arm"],
        what=BEFORE[row["covariate"]],
        before=row["mean"],
        control_before=row["control_mean"],
        standardised=row["standardised_difference"],
    )
