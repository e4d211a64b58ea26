"""The key `experiment` of `metrics.json`: every number that the section of the experiment shows."""

from datetime import date
from typing import Literal

from pydantic import Field

from clvhelpers.reporting.part import Part


class TestedArm(Part):
    name: str
    planned_share: float = Field(description="of all customers, by the plan")
    assigned: int | None = Field(description="customers assigned; null where that would tell of few customers")
    units: int = Field(description="customers seen for long enough, on whom the results rest")


class BalanceRow(Part):
    arm: str
    what: str = Field(description="revenue or orders of the pre-period, or what the client's column holds")
    before: float = Field(description="a customer of the arm")
    control_before: float = Field(description="a customer of the control")
    standardised: float = Field(description="their difference in standard deviations")


class Soundness(Part):
    passed: bool = Field(description="whether the results may be used")
    sizes_as_planned: bool = Field(description="whether the arms have the planned sizes")
    sample_ratio_p_value: float = Field(description="of all assigned, against the planned shares")
    mature_p_value: float | None = Field(description="of those seen for long enough; null where that is everybody")
    limit: float = Field(description="below this p-value it is not chance")
    alike_before: bool | None = Field(
        description="whether the arms were alike before exposure; null without a pre-period"
    )
    balance_p_value: float | None = Field(description="of all that was known before, together")
    balance: list[BalanceRow] = Field(description="what was known before exposure; empty without a pre-period")
    largest_imbalance: float | None = Field(description="of those, in standard deviations; null where there are none")


class ArmEffect(Part):
    arm: str
    control_value: float = Field(description="money a customer, or the share with the outcome")
    value: float = Field(description="the same in the arm")
    difference: float = Field(description="arm minus control")
    low: float = Field(description="the lower end of the interval of the difference")
    high: float
    p_value: float = Field(description="of no difference")
    adjusted_p_value: float | None = Field(description="by Holm for the number of arms; null for one arm")
    relative: float | None = Field(description="difference / control_value; null where it has no interval")
    raw_difference: float | None = Field(description="not adjusted for the pre-period; null where nothing was")
    raw_low: float | None
    raw_high: float | None
    variance_ratio: float | None = Field(description="of adjusted to raw: what the adjustment leaves")
    bootstrap_low: float | None = Field(
        description="of the difference as seen, by a bootstrap, which minds that few spend much; null where `tails` is"
    )
    bootstrap_high: float | None
    break_even_value: float | None = Field(
        description="for bought: what one more buyer must be worth for the roll-out to pay for itself; null where the "
        "arm has no more of them"
    )


class Tails(Part):
    rests_on_few: bool = Field(description="whether spend is so uneven that the averages rest on few customers")
    top: float = Field(description="the share of customers, best first, of whom `top_share` tells")
    top_share: float | None = Field(
        description="of an arm's money, at the most in any arm; null where it is one of few customers"
    )
    needed: int = Field(description="customers an arm for whom the average would be nearly normal, with such a skew")
    draws: int = Field(description="of the bootstrap")


class LiftRow(Part):
    arm: str
    row: str = Field(description="window, common tail or separate tails: what is taken to come after the window")
    lift: float | None = Field(description="gross profit a customer, before the cost; null where it can't be had")
    standard_error: float | None
    low: float | None
    high: float | None
    after_cost: float | None = Field(description="lift less the cost per treated customer, before the fixed cost")
    after_cost_low: float | None
    after_cost_high: float | None
    assumption: str
    problem: str = Field(description="why there is no number; empty where there is one")


class ArmVerdict(Part):
    arm: str
    row: str = Field(description="the row of `lifts` that decides")
    verdict: Literal["ship", "do not ship", "keep testing"]
    reason: str
    cost: float = Field(description="per treated customer")
    probability: float = Field(description="that rolling it out pays for itself")
    loss_probability: float = Field(description="1 - probability")
    net: float = Field(description="expected gross profit of the roll-out after all costs")
    net_low: float
    net_high: float
    loss_of_shipping: float = Field(description="what shipping is expected to lose where it is wrong")
    loss_of_not_shipping: float
    break_even_cost: float = Field(description="per treated customer, at which the expected net value is 0")
    value_of_information: float = Field(description="the most that any further test is worth")
    other_verdicts: dict[str, str] = Field(description="under the other rows of `lifts`")


class ExperimentResult(Part):
    """What was tried, whether it was sound, what happened, and what it is worth."""

    name: str
    kind: Literal["revenue", "bought", "stay"]
    outcome_from: str = Field(description="where what each customer did is known from")
    days: int | None = Field(description="from exposure on, its own day first; null for stay")
    period: str | None = Field(description="what the window and the horizon count; null but for stay")
    window: int | None = Field(description="periods looked at; null but for stay")
    horizon: int | None = Field(description="payments counted; null but for stay")
    pre_period_days: int | None
    adjusted_for: str | None = Field(description="what is known from before exposure and was adjusted for")
    correlation: float | None = Field(description="of the outcome with that")
    control: str
    level: float = Field(description="of all intervals")
    risk: float = Field(description="the largest probability of a loss at which one ships")
    first_exposure: date
    last_exposure: date
    assigned: int | None = Field(description="all customers; null where that would tell of few customers")
    units: int = Field(description="those seen for long enough")
    too_recent: int | None = Field(description="those who were not; null where they are few")
    without_orders: int | None = Field(
        description="of `units`, customers without any order in the log, who count as 0; null where they are few, or "
        "where the outcome is in the file of the experiment"
    )
    margin: float | None = Field(description="the client's gross margin; null for bought")
    price: float | None = Field(description="what a customer pays a period; null but for stay")
    discount_rate: float | None = Field(description="per year; null but for stay, as the other kinds look at days only")
    roll_out: int = Field(description="customers who would get it")
    fixed_cost: float
    value_per_success: float | None
    arms: list[TestedArm] = Field(description="control first")
    soundness: Soundness
    tails: Tails | None = Field(description="null but for revenue, and where the customers are too many to draw them")
    effects: list[ArmEffect] = Field(description="one for each arm but the control")
    lifts: list[LiftRow] | None = Field(description="null where the results may not be used or have no value in money")
    verdicts: list[ArmVerdict] | None = Field(description="null where `lifts` is")
    best: str | None = Field(description="the arm of which the section speaks first")
    rule: str | None = Field(description="how the verdicts come about")
    files: dict[str, str] = Field(description="the SHA-256 of each file of the experiment")
