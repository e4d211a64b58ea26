"""Did it work: from a client's experiment to a verdict in money, in the numbers of `metrics.json`.

The units are compared as they were assigned. What may not be used is not there: the results of an experiment whose
arms are not of the sizes planned have no value in money and no verdict.
"""

from typing import Any

import numpy as np

from clvhelpers.cleaning import CleanLog
from clvhelpers.experiments.decision import RISK, Decision
from clvhelpers.reporting import experiment_words as words
from clvhelpers.reporting.config import ClientConfig
from clvhelpers.reporting.config.experiment import Experiment
from clvhelpers.reporting.experiment_checks import from_log
from clvhelpers.reporting.experiment_effects import LEVEL, WINDOW, Measured, measure
from clvhelpers.reporting.experiment_metrics import ArmVerdict, ExperimentResult
from clvhelpers.reporting.experiment_sound import Sizes, sizes_of, soundness, tested_arms
from clvhelpers.reporting.experiment_units import Units, read_units
from clvhelpers.reporting.notes import Notes
from clvhelpers.reporting.part import Part
from clvhelpers.reporting.small_groups import is_few
from clvhelpers.text import percent

DIGITS = 9  # sums made in no fixed order differ beyond them
COPIED = (
    *("probability", "net", "loss_of_shipping", "loss_of_not_shipping", "break_even_cost", "value_of_information"),
)
ORDER = ("ship", "keep testing", "do not ship")


def evaluate(
    config: ClientConfig, tried: Experiment, log: CleanLog, customers: int, notes: Notes
) -> ExperimentResult | None:
    """The experiment of a client, evaluated; None with a note where it can't be yet.

    `customers` are those of the base, to whom it would be rolled out unless the client file says otherwise. Raises
    `ExperimentError` with every problem of its data.
    """
    units = read_units(config, tried, log)
    for note in units.notes:
        notes.add(f"File of the experiment: {note}")
    return notes.attempt("Experiment", lambda: _evaluate(units, config, tried, customers))


def check_experiment(config: ClientConfig, tried: Experiment, log: CleanLog) -> list[str]:
    """What `clv check` says of an experiment: its sizes, and why it can't be evaluated yet where that is so.

    Raises `ExperimentError` with every problem of its data.
    """
    notes = Notes()
    found = evaluate(config, tried, log, log.customers, notes)
    if found is None:
        return notes.texts
    return [text.plain.replace("**", "") for text in (words.tried(found), words.sound(found))]


def _evaluate(units: Units, config: ClientConfig, tried: Experiment, customers: int) -> ExperimentResult:
    least = config.privacy.minimum_group
    sizes = sizes_of(units, tried, least)
    sound = soundness(units, tried, sizes, least)
    measured = measure(units, config, tried)
    usable = sound.passed and measured.lifts is not None
    roll_out = tried.roll_out or customers
    decisions = [_decided(measured, effect.arm, tried, roll_out) for effect in measured.effects] if usable else []
    verdicts = [verdict_of(arm, tried.cost_of(arm), decision) for arm, decision in decisions]
    found = {
        **_about(units, config, tried),
        **_counts(units, tried, sizes, least),
        "arms": tested_arms(sizes, tried, least),
        "adjusted_for": measured.adjusted_for,
        "correlation": measured.correlation,
        "window": measured.window,
        "horizon": measured.horizon,
        "roll_out": roll_out,
        "soundness": sound,
        "tails": measured.tails,
        "effects": measured.effects,
        "lifts": measured.lifts if usable else None,
        "verdicts": verdicts if usable else None,
        "best": _best(verdicts),
        "rule": _rule() if verdicts else None,
    }
    return ExperimentResult.model_validate(_rounded(found))


def _about(units: Units, config: ClientConfig, tried: Experiment) -> dict[str, Any]:
    """What the client file says of the experiment, and which files it is in."""
    return {
        "name": tried.name,
        "kind": tried.outcome.kind,
        "outcome_from": "the transactions" if from_log(tried) else "the file of the experiment",
        "days": tried.outcome.days,
        "period": tried.outcome.period if tried.outcome.kind == "stay" else None,
        "price": tried.outcome.price,
        "pre_period_days": tried.pre_period_days,
        "control": tried.control,
        "level": LEVEL,
        "risk": RISK,
        "discount_rate": config.economics.discount_rate if tried.outcome.kind == "stay" else None,
        "margin": config.economics.gross_margin if tried.outcome.kind != "bought" else None,
        "fixed_cost": tried.fixed_cost,
        "value_per_success": tried.value_per_success,
        "files": {file.path.name: file.sha256 for file in units.files},
    }


def _counts(units: Units, tried: Experiment, sizes: Sizes, least: int) -> dict[str, Any]:
    """How many customers are in the experiment since when, and how many of them in which way left out or unknown."""
    assigned, mature = (sum(size[place] for size in sizes.values()) for place in (0, 1))
    first, last, strangers = units.frame.aggregate(
        "min(day), max(day), count(*) FILTER (mature AND NOT known)"
    ).fetchall()[0]
    recent = _unless_few(assigned - mature, least)
    return {
        "first_exposure": first,
        "last_exposure": last,
        "assigned": None if recent is None else assigned,
        "units": mature,
        "too_recent": recent,
        "without_orders": _unless_few(strangers, least) if from_log(tried) else None,
    }


def _unless_few(size: int, least: int) -> int | None:
    return None if is_few(np.array([size]), least)[0] else size


def _decided(measured: Measured, arm: str, tried: Experiment, roll_out: int) -> tuple[str, Decision]:
    terms = {"cost": tried.cost_of(arm), "customers": roll_out, "fixed_cost": tried.fixed_cost}
    return arm, measured.decide(arm, **terms)


def verdict_of(arm: str, cost: float, decision: Decision) -> ArmVerdict:
    """The numbers of a decision as `metrics.json` has them."""
    row = decision.numbers
    others = decision.frame[decision.frame["row"] != decision.row]
    return ArmVerdict(
        arm=arm,
        row=decision.row if len(decision.frame) > 1 else WINDOW,
        verdict=decision.verdict,
        reason=row["reason"],
        cost=cost,
        loss_probability=1 - row["probability"],
        net_low=row["low"],
        net_high=row["high"],
        other_verdicts=dict(zip(others["row"], others["verdict"], strict=True)),
        **{name: row[name] for name in COPIED},
    )


def _rule() -> str:
    """How `decide` comes to a verdict where there are no guardrails, in words."""
    return (
        f"Ship if the expected net value is above 0 and the probability of a loss is below {percent(RISK, 0)}. Keep "
        f"testing while neither a gain nor a loss has a probability above {percent(1 - RISK, 0)}. Otherwise do not "
        "ship. A test that was not sound gets no verdict."
    )


def _best(verdicts: list[ArmVerdict]) -> str | None:
    """The arm to speak of first: the one to ship that brings most, or the nearest to it."""
    ranked = sorted(verdicts, key=lambda one: (ORDER.index(one.verdict), -one.net))
    return ranked[0].arm if ranked else None


def _rounded(value: Any) -> Any:
    """A value with the noise taken off all numbers in it."""
    if isinstance(value, Part):
        return _rounded(value.model_dump())
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
