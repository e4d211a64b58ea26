"""`metrics.json`: the numbers of a report for other programs, in a versioned shape.

Whatever is built on a report (its summary, a comparison with the last one, an index) reads these
numbers and never the HTML. Money is in the client's currency, rates are fractions. A number that can't
be had is null, and `data.warnings` says why. The same shape as a JSON Schema lies in
`reports/metrics.schema.json`.
"""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from pydantic import ConfigDict, Field

import clvhelpers
from clvhelpers.cohorts import CohortTable, retention_at
from clvhelpers.reporting.comparison import Alert, Comparison
from clvhelpers.reporting.experiment_metrics import ExperimentResult
from clvhelpers.reporting.history import WITH_SPEND
from clvhelpers.reporting.part import Part
from clvhelpers.reporting.uncertainty import Precision, precision_of

if TYPE_CHECKING:
    from clvhelpers.models.validation import Validation
    from clvhelpers.reporting.analysis import Analysis
    from clvhelpers.segments import Concentration


class Data(Part):
    rows_read: int = Field(description="rows in the source")
    rows_used: int = Field(description="rows behind the numbers; rows_read = rows_used + all rows set aside")
    set_aside: dict[str, int] = Field(description="rows set aside, by reason")
    amount_set_aside: dict[str, float] | None = Field(description="their money, by reason; null without amounts")
    first_date: date = Field(description="the first day used")
    last_date: date = Field(description="the last day used")
    warnings: list[str] = Field(description="what the reader must know, and why a number is null")


class Base(Part):
    customers: int = Field(description="customers with at least one purchase up to the as-of date")
    orders: int = Field(description="purchase days: several orders of a customer on one day count once")
    revenue: float | None = Field(description="all money used, refunds subtracted")
    gross_margin: float | None = Field(description="the client's gross margin as a fraction of revenue")
    average_order_value: float | None = Field(description="revenue / orders")
    orders_per_customer: float = Field(description="orders / customers")
    repeat_rate: float = Field(description="share of customers with two orders or more")


class Retention(Part):
    definition: str = Field(description="what is counted as retained, in words")
    month_1: float | None = Field(description="retention one month after the first order; null if no cohort is so old")
    month_3: float | None = Field(description="the same for month 3")
    month_6: float | None = Field(description="the same for month 6")
    month_12: float | None = Field(description="the same for month 12")


class Holdout(Part):
    weeks: float = Field(description="length of the period that the model did not see")
    predicted: float = Field(description="repeat orders predicted for it")
    actual: float = Field(description="repeat orders that happened in it")
    error: float | None = Field(description="predicted / actual - 1; null where none happened")
    naive_error: float | None = Field(description="the same for the rule that everybody goes on as before")
    trusted: bool = Field(description="whether the prediction may be used")


class Model(Part):
    name: str
    parameters: dict[str, float]
    log_likelihood: float
    expected_orders: float | None = Field(
        description="orders expected from today's customers over the horizon; null where the model is not trusted"
    )
    holdout: Holdout | None = Field(description="null where the history is too short for a check")


class Interval(Part):
    mean: tuple[float, float]
    total: tuple[float, float]


class Clv(Part):
    horizon_months: int
    discount_rate: float | None = Field(default=None, description="per year; null in files of before it was kept")
    mean: float | None = Field(description="gross profit expected of a customer over the horizon, discounted")
    median: float | None = Field(description="the median over customers of that expectation")
    total: float | None = Field(description="the same for all of today's customers")
    interval_90: Interval | None = Field(description="90 % of the probability lies inside, if the model holds")
    historical_mean: float | None = Field(description="gross profit of a customer so far")


class Segment(Part):
    name: str
    customers: int | None = Field(description="null, like all numbers of the group, where few customers are hidden")
    share_of_customers: float | None
    revenue: float | None
    share_of_revenue: float | None
    mean_clv: float | None
    action: str


class Tier(Part):
    name: str
    customers: int | None = Field(description="null, like all numbers of the tier, where few customers are hidden")
    threshold: float | None = Field(description="predicted CLV above this; null for the lowest tier")
    mean_clv: float | None
    total_clv: float | None


class ConcentrationShares(Part):
    gini: float | None = Field(description="null where some customers stand below zero")
    top_10_share: float | None
    top_20_share: float | None


class Acquisition(Part):
    channel: str
    customers: int
    cost: float
    cac: float
    mean_clv: float
    clv_to_cac: float
    payback_months: float | None


class Metrics(Part):
    """All numbers of one report; `as_json` gives the text of `metrics.json`."""

    schema_version: Literal["1"] = Field(default="1", alias="schema", description="the version of this shape")
    client: str
    name: str
    currency: str
    as_of: date
    created_at: datetime
    clvhelpers_version: str
    data: Data
    base: Base
    retention: Retention | None
    model: Model | None
    clv: Clv
    segments: list[Segment] | None
    tiers: list[Tier] | None
    concentration: ConcentrationShares | None
    acquisition: list[Acquisition] | None = Field(default=None, description="null: no costs by channel were given")
    experiment: ExperimentResult | None = Field(
        default=None, description="null: no experiment was given, or it can't be evaluated yet"
    )
    uncertainty: dict[str, Precision] | None = Field(
        default=None, description="standard errors by figure; null in files of before they were kept"
    )
    comparison: Comparison | None = Field(default=None, description="null: there is no earlier report of the client")
    alerts: list[Alert] = Field(default=[], description="what changed by more than noise since the earlier report")

    model_config = ConfigDict(serialize_by_alias=True, validate_by_alias=True)

    def as_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"


def json_schema() -> dict[str, Any]:
    """The shape of `metrics.json` as a JSON Schema."""
    return Metrics.model_json_schema(mode="serialization")


def metrics_of(analysis: "Analysis") -> Metrics:
    """The numbers of an analysis, made now."""
    config = analysis.config
    return Metrics(
        client=config.client,
        name=config.name,
        currency=config.currency,
        as_of=analysis.log.as_of,
        created_at=datetime.now(UTC).replace(microsecond=0),
        clvhelpers_version=clvhelpers.__version__,
        data=_data(analysis),
        base=_base(analysis),
        retention=analysis.retention,
        model=_model(analysis),
        clv=_clv(analysis),
        segments=_segments(analysis),
        tiers=_tiers(analysis),
        concentration=_concentration(analysis.concentration),
        experiment=analysis.experiment,
        uncertainty=precision_of(analysis),
        comparison=analysis.comparison,
        alerts=[] if analysis.comparison is None else analysis.comparison.alerts(),
    )


def _data(analysis: "Analysis") -> Data:
    log = analysis.log
    return Data(
        rows_read=log.rows_read,
        rows_used=log.rows_used,
        set_aside=log.rows_set_aside,
        amount_set_aside=_rounded(log.money_set_aside) if analysis.has_money else None,
        first_date=log.first_date,
        last_date=log.last_date,
        warnings=list(analysis.warnings),
    )


def _rounded(money: dict[str, float]) -> dict[str, float]:
    return {reason: round(amount, 2) for reason, amount in money.items()}


def _base(analysis: "Analysis") -> Base:
    summary = analysis.summary
    customers, orders = len(summary), int(summary["orders"].sum())
    revenue = None if analysis.log.money_used is None else round(analysis.log.money_used, 2)
    return Base(
        customers=customers,
        orders=orders,
        revenue=revenue,
        gross_margin=analysis.config.economics.gross_margin,
        average_order_value=None if revenue is None else revenue / orders,
        orders_per_customer=orders / customers,
        repeat_rate=float((summary["frequency"] > 0).mean()),
    )


def retention_of(cohorts: CohortTable) -> Retention:
    """The retention of a table of monthly cohorts, with its definition."""
    months = retention_at(cohorts, (1, 3, 6, 12))
    return Retention(definition=cohorts.definition, **{f"month_{month}": share for month, share in months.items()})


def _model(analysis: "Analysis") -> Model | None:
    model, check = analysis.forecast.model, analysis.forecast.check
    if model is None:
        return None
    return Model(
        name=model.title if analysis.forecast.value is None else f"{model.title}{WITH_SPEND}",
        parameters=analysis.forecast.parameters,
        log_likelihood=model.log_likelihood,
        expected_orders=analysis.forecast.expected_orders,
        holdout=None if check is None else _holdout(check.verdict),
    )


def _holdout(check: "Validation") -> Holdout:
    return Holdout(
        weeks=check.weeks,
        predicted=check.predicted,
        actual=check.actual,
        error=_or_none(check.error),
        naive_error=_or_none(check.naive_error),
        trusted=check.trusted,
    )


def _clv(analysis: "Analysis") -> Clv:
    economics, value = analysis.config.economics, analysis.forecast.value
    margin = economics.gross_margin
    past = None
    if analysis.has_money and margin is not None:
        past = float(analysis.summary["total"].mean()) * margin
    if value is None:
        return Clv(
            horizon_months=economics.horizon_months,
            discount_rate=economics.discount_rate,
            mean=None,
            median=None,
            total=None,
            interval_90=None,
            historical_mean=past,
        )
    worth = value.base
    return Clv(
        horizon_months=economics.horizon_months,
        discount_rate=economics.discount_rate,
        mean=worth.mean,
        median=worth.median,
        total=worth.total,
        interval_90=Interval(mean=worth.mean_interval, total=worth.total_interval),
        historical_mean=past,
    )


def _segments(analysis: "Analysis") -> list[Segment] | None:
    groups, value = analysis.groups, analysis.forecast.value
    if groups is None:
        return None
    means = {} if value is None else value.clv.groupby(groups.labels).mean().to_dict()
    return [
        Segment(
            name=row["group"],
            customers=_count_or_none(row["customers"]),
            share_of_customers=_or_none(row["share_of_customers"]),
            revenue=_or_none(row.get("revenue")),
            share_of_revenue=_or_none(row.get("share_of_revenue")),
            mean_clv=None if pd.isna(row["customers"]) else _or_none(means.get(row["group"])),
            action=row["action"],
        )
        for row in groups.frame.to_dict("records")
    ]


def _tiers(analysis: "Analysis") -> list[Tier] | None:
    if analysis.tiers is None:
        return None
    return [
        Tier(
            name=row["tier"],
            customers=_count_or_none(row["customers"]),
            threshold=_or_none(row["threshold"]),
            mean_clv=_or_none(row["mean"]),
            total_clv=_or_none(row["total"]),
        )
        for row in analysis.tiers.frame.to_dict("records")
    ]


def _concentration(result: "Concentration | None") -> ConcentrationShares | None:
    if result is None:
        return None
    return ConcentrationShares(gini=result.gini, top_10_share=result.top_10_share, top_20_share=result.top_20_share)


def _count_or_none(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _or_none(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
