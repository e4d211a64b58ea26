"""What happened in an experiment, and what it is worth a customer: one way for each kind of outcome.

Money a customer and the share who bought are compared over the days that count and no longer, so the lift in value
is that of the window alone. For how long customers stay there are the three rows of `clv_lift`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clvhelpers.errors import NotEnoughDataError
from clvhelpers.experiments import (
    arm_counts,
    bootstrap_difference,
    clv_lift,
    compare_many,
    compare_means,
    compare_rates,
    compare_stays,
    decide,
)
from clvhelpers.experiments.decision import Decision
from clvhelpers.experiments.effect import difference_and_error
from clvhelpers.experiments.heavy_tail import TOP, BootstrapDifference
from clvhelpers.experiments.lift import DEFAULT_ROW, ClvLift
from clvhelpers.formulas import convert_rate
from clvhelpers.reporting.config import ClientConfig
from clvhelpers.reporting.config.experiment import Experiment
from clvhelpers.reporting.experiment_metrics import ArmEffect, LiftRow, Tails
from clvhelpers.reporting.experiment_sound import BEFORE, covariates
from clvhelpers.reporting.experiment_units import Units
from clvhelpers.reporting.small_groups import fewer_than, is_few

LEVEL = 0.95
WINDOW = "window"
MOST_DRAWN = 200_000  # customers; to draw these 2,000 times takes 5 seconds
MONEY_BEFORE = ("pre_revenue", "before")


@dataclass(frozen=True, eq=False)
class Measured:
    """The effects of all arms, their lifts in money (none where a success has no value), and how each is decided."""

    effects: list[ArmEffect]
    lifts: list[LiftRow] | None
    decide: Callable[..., Decision]
    adjusted_for: str | None = None
    correlation: float | None = None
    window: int | None = None
    horizon: int | None = None
    tails: Tails | None = None


def measure(units: Units, config: ClientConfig, tried: Experiment) -> Measured:
    """The effects and lifts of an experiment. Raises `NotEnoughDataError` where the data are too few for them."""
    ways = {"revenue": _revenue, "bought": _bought, "stay": _stay}
    return ways[tried.outcome.kind](units, config, tried)


def _revenue(units: Units, config: ClientConfig, tried: Experiment) -> Measured:
    least = config.privacy.minimum_group
    _refuse_few(units, "outcome <> 0", "brought money", least)
    covariate = next((name for name in covariates(units, least) if name in MONEY_BEFORE), None)
    found = compare_means(
        units.mature,
        "outcome",
        covariate,
        measured_at="before",
        control=tried.control,
        level=LEVEL,
        currency=config.currency,
    )
    margin = config.economics.gross_margin or 0.0
    rows = found.frame.rename(columns={"control_mean": "control_value", "mean": "value"})
    tails = _tails(units, config, tried)
    if tails is not None:
        ends = tails.frame.set_index("arm")[["low", "high"]].add_prefix("bootstrap_")
        rows = rows.join(ends, on="arm")
    return Measured(
        _effects(rows),
        [_window_row(found, arm, margin, tried) for arm in rows["arm"]],
        lambda arm, **terms: decide(found, arm=arm, value=margin, currency=config.currency, level=LEVEL, **terms),
        None if covariate is None else BEFORE[covariate],
        None if covariate is None else found.correlation,
        tails=None if tails is None else _spread(tails, least),
    )


def _tails(units: Units, config: ClientConfig, tried: Experiment) -> BootstrapDifference | None:
    """What large spenders do to the comparison; nothing where so many customers are in it that drawing takes long."""
    if units.mature.aggregate("count(*)").fetchall()[0][0] > MOST_DRAWN:
        return None
    return bootstrap_difference(
        units.mature, "outcome", seed=config.seed, control=tried.control, level=LEVEL, currency=config.currency
    )


def _spread(tails: BootstrapDifference, least: int) -> Tails:
    """How much rests on few customers; a share of the money is told where it is one of enough of them."""
    shares = [one["top_share"] for one in tails.tails.to_dict("records") if TOP * one["units"] >= least]
    return Tails(
        rests_on_few=tails.rests_on_few,
        top_share=max(shares, default=None),
        top=TOP,
        needed=round(float(tails.tails["needed"].max())),
        draws=tails.draws,
    )


def _bought(units: Units, config: ClientConfig, tried: Experiment) -> Measured:
    counts = arm_counts(units.mature, "outcome", control=tried.control)
    total = sum(counts.successes.values())
    if total in (0, sum(counts.units.values())):
        raise NotEnoughDataError(f"{'everybody' if total else 'nobody'} bought in any arm: there is nothing to compare")
    _refuse_few(units, "outcome = 1", "bought", config.privacy.minimum_group)
    _refuse_few(units, "outcome = 0", "did not buy", config.privacy.minimum_group)
    found = compare_rates(counts, control=tried.control, level=LEVEL)
    rows = found.frame.rename(columns={"control_rate": "control_value", "rate": "value"})
    worth = tried.value_per_success
    rows["break_even_value"] = [_break_even(*one, tried) for one in zip(rows["arm"], rows["difference"], strict=True)]
    return Measured(
        _effects(rows),
        None if not worth else [_window_row(found, arm, worth, tried) for arm in rows["arm"]],
        lambda arm, **terms: decide(found, arm=arm, value=worth or 0.0, currency=config.currency, level=LEVEL, **terms),
    )


def _break_even(arm: str, difference: float, tried: Experiment) -> float | None:
    return tried.cost_of(arm) / difference if difference > 0 else None


def _refuse_few(units: Units, condition: str, did: str, least: int) -> None:
    """Show nothing of which the number of an arm would be one of few customers."""
    found = units.mature.aggregate(f"count(*) FILTER ({condition})", "arm").fetchall()
    if is_few(np.array([customers for (customers,) in found]), least).any():
        raise NotEnoughDataError(
            f"{fewer_than(least)} customers of an arm {did}, and of so few no number is shown: wait for more"
        )


def _window_row(found: Any, arm: str, worth: float, tried: Experiment) -> LiftRow:
    """The lift of the days that count: the difference, at what one of it is worth."""
    row = found.frame.set_index("arm").loc[arm]
    _, error = difference_and_error(found, arm)
    lift, low, high = (worth * float(row[name]) for name in ("difference", "low", "high"))
    assumption = f"nothing after day {tried.outcome.days} is counted"
    numbers = {"lift": lift, "standard_error": worth * error, "low": low, "high": high}
    return _lift_row({"arm": arm, "row": WINDOW, **numbers, "assumption": assumption, "problem": ""}, tried)


def _lift_row(row: dict[str, Any], tried: Experiment) -> LiftRow:
    known = {name: _known(value) for name, value in row.items()}
    cost = tried.cost_of(row["arm"])
    after = {name: None if known[name] is None else known[name] - cost for name in ("lift", "low", "high")}
    return LiftRow(after_cost=after["lift"], after_cost_low=after["low"], after_cost_high=after["high"], **known)


def _stay(units: Units, config: ClientConfig, tried: Experiment) -> Measured:
    outcome, economics = tried.outcome, config.economics
    per_period = float(convert_rate(1.0, "year", outcome.period, kind="nominal"))
    horizon = outcome.horizon or round(economics.horizon_months / 12 / per_period)
    lift = clv_lift(
        units.mature,
        margin=(outcome.price or 0.0) * (economics.gross_margin or 0.0),
        discount_rate=economics.discount_rate,
        horizon=horizon,
        window=outcome.window,
        unit=outcome.period,
        control=tried.control,
        level=LEVEL,
        currency=config.currency,
    )
    gone = f'"left" = 1 AND duration <= {lift.window}'
    _refuse_few(units, gone, "left", config.privacy.minimum_group)
    _refuse_few(units, f"NOT ({gone})", "stayed", config.privacy.minimum_group)
    stays = compare_stays(
        units.mature, ages=[lift.window], horizon=lift.window, control=tried.control, level=LEVEL, unit=outcome.period
    )
    return Measured(
        _effects(stays.retention.rename(columns={"control_rate": "control_value", "rate": "value"})),
        [_lift_row({str(name): value for name, value in row.items()}, tried) for row in lift.frame.to_dict("records")],
        lambda arm, **terms: lift.decide(arm=arm, row=_deciding_row(lift, arm), **terms),
        window=lift.window,
        horizon=lift.horizon,
    )


def _deciding_row(lift: ClvLift, arm: str) -> str:
    return WINDOW if lift.of(arm)[DEFAULT_ROW]["problem"] else DEFAULT_ROW


def _effects(rows: pd.DataFrame) -> list[ArmEffect]:
    """The rows of a comparison, with p-values for their number where there are several."""
    adjusted = [None] * len(rows) if len(rows) == 1 else compare_many(_Rows(rows)).frame["adjusted"].tolist()
    return [
        ArmEffect(
            adjusted_p_value=adjusted[place],
            **{name: _known(row.get(name)) for name in ArmEffect.model_fields if name != "adjusted_p_value"},
        )
        for place, row in enumerate(rows.to_dict("records"))
    ]


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of a comparison as `compare_many` takes them."""

    frame: pd.DataFrame


def _known(value: Any) -> Any:
    """A value as JSON knows it: none where it is missing or has no end."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
