"""The block `experiment:` of a client file: who was in which arm, what counts as success, and what it costs."""

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from clvhelpers.reporting.config.section import Section
from clvhelpers.reporting.config.transactions import ADDRESS, ColumnName, Sources, Written

EVERY_ARM = "*"


def _for_every_arm(value: object) -> object:
    return {EVERY_ARM: value} if isinstance(value, int | float) and not isinstance(value, bool) else value


Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Costs = Annotated[
    dict[str, Money],
    BeforeValidator(_for_every_arm, json_schema_input_type=Money | dict[str, Money]),
    Field(min_length=1),
]
Share = Annotated[float, Field(gt=0, lt=1)]


class ExperimentColumns(Section):
    """Our names for the columns of the experiment, and theirs."""

    unit: ColumnName = Field(
        default="customer_id", description="the name of the column with the customer's id, as in the transactions"
    )
    arm: ColumnName = Field(default="arm", description="the name of the column with the arm")
    exposed_at: ColumnName = Field(
        default="exposed_at", description="the name of the column with the day or time from which the arm was felt"
    )
    outcome: ColumnName | None = Field(
        default=None,
        description="the name of a column with the money, or 1 for success and 0 for none; left out, it is worked "
        "out from the transactions",
        examples=["spend"],
    )
    before: ColumnName | None = Field(
        default=None,
        description="the name of a column with the same as `outcome` before exposure, in place of `pre_period_days`",
        examples=["spend_before"],
    )
    duration: ColumnName | None = Field(
        default=None, description="for stay: the name of the column with the periods seen", examples=["months"]
    )
    left: ColumnName | None = Field(
        default=None,
        description="for stay: the name of the column with 1 or true for who has left, else 0 or false",
        examples=["left"],
    )


class Outcome(Section):
    """What counts as success."""

    kind: Literal["revenue", "bought", "stay"] = Field(
        description="revenue (money a customer), bought (whether they ordered) or stay (how long they are customers)",
        examples=["revenue"],
    )
    days: int | None = Field(
        default=None,
        ge=1,
        le=3660,
        description="for revenue and bought: a whole number of days from exposure on that count, its own day first",
        examples=[56],
    )
    price: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="for stay: what a customer pays a period", examples=[12.0]
    )
    period: Literal["day", "week", "month", "quarter", "year"] = Field(
        default="month", description="for stay: day, week, month, quarter or year: what `duration` counts"
    )
    window: int | None = Field(
        default=None,
        ge=1,
        description="for stay: a whole number of periods looked at; left out, those to which everybody was followed",
        examples=[6],
    )
    horizon: int | None = Field(
        default=None,
        ge=2,
        le=10_000,
        description="for stay: a whole number of payments counted, the first one included; left out, those of "
        "`economics.horizon_months`",
        examples=[36],
    )


class _Question(Section):
    """What was tried on whom."""

    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="what was tried, as it is shown", examples=["Winter e-mail"]
    )
    source: Sources = Field(
        description="a file with one row a customer of the experiment, a folder, a path with * or a list of these; "
        "relative to this file",
        examples=["experiment.csv"],
    )
    columns: ExperimentColumns = Field(
        default=ExperimentColumns.model_construct(),
        description="a block of lines such as `unit: CustomerID` (ours: theirs)",
    )
    control: Annotated[str, Field(min_length=1)] = Field(
        default="control", description="the arm that got nothing new, with which the others are compared"
    )
    shares: Annotated[dict[str, Share], Field(min_length=2)] | None = Field(
        default=None,
        description="the planned share of each arm, such as {control: 0.5, email: 0.5}; left out, all are equal",
        examples=[{"control": 0.5, "email": 0.5}],
    )
    outcome: Outcome = Field(description="a block with `kind`")
    pre_period_days: int | None = Field(
        default=None,
        ge=1,
        le=3660,
        description="a whole number of days before exposure whose orders make the arms comparable and the result "
        "sharper; left out, none",
        examples=[84],
    )
    cost: Costs = Field(
        description="a number, or one for each arm: what the treatment costs per customer who gets it, 0 if nothing",
        examples=[0.8],
    )
    fixed_cost: Money = Field(default=0, description="a number: what rolling it out costs once, however many get it")
    value_per_success: Money | None = Field(
        default=None,
        description="for bought: a number, the gross profit that one more buyer is worth; without it no verdict in "
        "money is given",
        examples=[25.0],
    )
    roll_out: int | None = Field(
        default=None,
        ge=1,
        description="a whole number of customers who would get it; left out, the customers of the report",
        examples=[20000],
    )


class Experiment(Written, _Question):
    """An experiment on customers, for a section that ends in a verdict."""

    @model_validator(mode="after")
    def _local(self) -> "Experiment":
        remote = [one for one in self.source if ADDRESS.match(one)]
        if remote:
            raise ValueError(f"names {remote[0].partition('?')[0]}: the file of an experiment must be a local one.")
        return self

    @model_validator(mode="after")
    def _whole_plan(self) -> "Experiment":
        problems = [*self._outcome_problems(), *self._arm_problems()]
        if problems:
            raise ValueError("; ".join(problems) + ".")
        return self

    def _outcome_problems(self) -> list[str]:
        columns, outcome = self.columns, self.outcome
        needed: dict[str, Any] = {}
        foreign: dict[str, Any] = {}
        stay = {"columns.duration": columns.duration, "columns.left": columns.left, "outcome.price": outcome.price}
        optional = {"outcome.window": outcome.window, "outcome.horizon": outcome.horizon}
        if outcome.kind == "stay":
            needed = stay
            foreign = {
                "outcome.days": outcome.days,
                "columns.outcome": columns.outcome,
                "columns.before": columns.before,
            }
        else:
            needed = {"outcome.days": outcome.days}
            foreign = stay | optional
        if outcome.kind != "bought":
            foreign["value_per_success"] = self.value_per_success
        lacking = [key for key, value in needed.items() if value is None]
        useless = [key for key, value in foreign.items() if value is not None]
        problems = [f"needs `{key}` for `kind: {outcome.kind}`" for key in lacking]
        problems += [f"has `{key}`, which `kind: {outcome.kind}` has no use for" for key in useless]
        if columns.before is not None and self.pre_period_days is not None:
            problems.append("has `columns.before` and `pre_period_days`, of which one is enough")
        return problems

    def _arm_problems(self) -> list[str]:
        if self.shares is None:
            return []
        problems = []
        total = sum(self.shares.values())
        if not math.isclose(total, 1, abs_tol=1e-6):
            problems.append(f"has `shares` that add up to {total:g} and not to 1")
        if self.control not in self.shares:
            problems.append(f"has the control {self.control}, which is not in `shares` ({', '.join(self.shares)})")
        strange = [arm for arm in self.cost if arm != EVERY_ARM and arm not in self.shares]
        return problems + [f"has a cost for {arm}, which is not in `shares`" for arm in strange]

    def cost_of(self, arm: str) -> float:
        """What the treatment of an arm costs per customer. Raises `KeyError` for an arm without a cost."""
        return self.cost[arm] if arm in self.cost else self.cost[EVERY_ARM]
