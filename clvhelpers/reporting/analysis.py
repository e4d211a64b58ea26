"""From a client's settings to every number of the report.

`analyse` runs the steps in order. A step that does not apply to the data gives None, and its reason is
among the warnings: the report is made of what can be had. The prediction of value is given only if the
model passed its check on orders that it had not seen.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from clvhelpers.cohorts import CohortTable, cohort_table
from clvhelpers.customers import customer_summary, orders_over_time
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.reporting import small_groups
from clvhelpers.reporting.compare import compare
from clvhelpers.reporting.comparison import Comparison
from clvhelpers.reporting.config import ClientConfig
from clvhelpers.reporting.experiment_metrics import ExperimentResult
from clvhelpers.reporting.fetch import fetch, needs_fetching, notes_of
from clvhelpers.reporting.forecast import Forecast, look_ahead
from clvhelpers.reporting.history import earlier
from clvhelpers.reporting.metrics import Metrics, Retention, metrics_of, retention_of
from clvhelpers.reporting.notes import Notes
from clvhelpers.reporting.small_groups import hide_cohorts
from clvhelpers.segments import Concentration, Groups, Tiers, concentration, rfm_groups, rfm_scores, value_tiers
from clvhelpers.sources import Source, SourceOptions, open_transactions
from clvhelpers.text import day, language, money, number, percent
from clvhelpers.transactions import CleanLog, Rules, clean_transactions

MOST_MONTHS = 30
LONGEST_SILENCE_DAYS = 28
FEWEST_TO_STAND_OUT, LARGEST_SHARE_OF_ONE = 100, 0.1
DECIMALS = {"total": 6, "monetary_value": 6}


@dataclass(frozen=True, eq=False)
class Analysis:
    """All results behind one report. `metrics` has the numbers, `warnings` the reasons where something is None.

    `periods` and `cohorts` go by month, and by quarter where the history is long; `retention` always by month.
    `history` has the key figures of the earlier reports, oldest first, and `comparison` what changed since the last.
    Frames that go by group are without the numbers of groups below the client's `privacy.minimum_group`;
    `summary`, `scores` and the labels of groups and tiers have a row for each customer, and are never shown; nor are
    `months`, the cohorts by month with nothing hidden.
    """

    config: ClientConfig
    source: Source
    log: CleanLog
    summary: pd.DataFrame
    periods: pd.DataFrame
    cohorts: CohortTable | None
    months: CohortTable | None
    retention: Retention | None
    scores: pd.DataFrame | None
    groups: Groups | None
    concentration: Concentration | None
    forecast: Forecast
    tiers: Tiers | None
    warnings: tuple[str, ...]
    experiment: ExperimentResult | None = None
    history: tuple[Mapping[str, Any], ...] = ()
    comparison: Comparison | None = None

    @property
    def has_money(self) -> bool:
        return "total" in self.summary

    @cached_property
    def metrics(self) -> Metrics:
        """The numbers in the shape of `metrics.json`."""
        return metrics_of(self)


def analyse(
    config: ClientConfig, data: Sequence[str | Path] = (), history: Sequence[Mapping[str, Any]] = ()
) -> Analysis:
    """Read, clean, count, segment, model and value the customers of a client, and compare them with the last report.

    `data` are files fetched before; `history` is what `read_history` gives, of which earlier days count.

    Raises `DataContractError` where the data can't be read and `NotEnoughDataError` where no purchase
    is left, or only one customer or one day; whatever else can't be had is None in the result, with its reason
    in `warnings`, written in the client's language.
    """
    with language(config.language):
        analysis = _all_steps(config, data)
        past = tuple(earlier(history, analysis.log.as_of))
        return replace(analysis, history=past, comparison=compare(analysis, past))


def _all_steps(config: ClientConfig, data: Sequence[str | Path]) -> Analysis:
    source = read_source(config, data)
    log = clean_source(source, config)
    notes = Notes(log.notes)
    # DuckDB adds up in no fixed order: rounding takes the noise off, so that two runs give the same numbers
    summary = customer_summary(log.purchase_days, end=log.as_of).order("customer_id").df().round(DECIMALS)
    _note_refunds_only(log, summary, config, notes)
    _note_silent_end(log, summary, notes)
    _note_one_for_all(summary, notes)
    experiment = _experiment(config, log, len(summary), notes)  # before the models, for it may refuse its data
    cohorts = notes.attempt("Cohorts", lambda: cohort_table(log.purchase_days, end=log.as_of))
    period = "M" if cohorts is None or cohorts.frame["age"].max() < MOST_MONTHS else "Q"
    scores = notes.attempt("RFM groups", lambda: rfm_scores(summary))
    forecast = look_ahead(config, log, summary, notes)
    has_money = "total" in summary
    if not has_money:
        notes.add("The data have no amounts: nothing is said in money, only in customers and orders.")
    least = config.privacy.minimum_group
    periods = small_groups.hide_periods(orders_over_time(log.purchase_days, period, log.as_of), least)
    by_month = None if cohorts is None else hide_cohorts(cohorts, least, periods if period == "M" else None)
    groups = None if scores is None else rfm_groups(scores)
    groups = None if groups is None else small_groups.hide_groups(groups, least, log.customers - len(summary))
    tiers = None if forecast.value is None else value_tiers(forecast.value.clv)
    tiers = None if tiers is None else small_groups.hide_tiers(tiers, least)
    if any(part is not None and part.frame["customers"].isna().any() for part in (groups, tiers)):
        notes.add(f"Numbers of groups or tiers of fewer than {number(least)} customers are not given.")
    return Analysis(
        config=config,
        source=source,
        log=log,
        summary=summary,
        periods=periods,
        cohorts=by_month
        if period == "M"
        else hide_cohorts(cohort_table(log.purchase_days, log.as_of, period), least, periods),
        months=cohorts,
        retention=None if by_month is None else retention_of(by_month),
        scores=scores,
        groups=groups,
        concentration=small_groups.hide_concentration(concentration(summary["total"]), least) if has_money else None,
        forecast=_without_small_groups(forecast, least),
        tiers=tiers,
        warnings=tuple(notes.texts),
        experiment=experiment,
    )


def _experiment(config: ClientConfig, log: CleanLog, customers: int, notes: Notes) -> ExperimentResult | None:
    if config.experiment is None:
        return None
    from clvhelpers.reporting.experiment import evaluate  # what compares arms is imported only where there are some

    return evaluate(config, config.experiment, log, customers, notes)


def _without_small_groups(forecast: Forecast, least: int) -> Forecast:
    """A forecast whose check shows no numbers of few customers."""
    check = forecast.check
    if check is None:
        return forecast
    verdict = small_groups.hide_check(check.verdict, least)
    return replace(forecast, check=replace(check, verdict=verdict, path=small_groups.hide_path(check.path, least)))


def _note_refunds_only(log: CleanLog, summary: pd.DataFrame, config: ClientConfig, notes: Notes) -> None:
    """Revenue counts all refunds, also of customers without a purchase, who are in no group."""
    without = log.customers - len(summary)
    if log.money_used is None or not without:
        return
    least = config.privacy.minimum_group
    if without < least:
        notes.add(
            f"Customer ids with refunds and no purchase that stands: {small_groups.fewer_than(least)}. Revenue counts "
            "their money; customers and groups do not."
        )
        return
    refunds = money(log.money_used - float(summary["total"].sum()), config.currency)
    notes.add(
        f"Customer ids with refunds and no purchase that stands: {number(without)}, with {refunds} in all. Revenue "
        "counts that money; customers and groups do not."
    )


def _note_silent_end(log: CleanLog, summary: pd.DataFrame, notes: Notes) -> None:
    """An as-of day after the data end, or one date typed wrong, makes everybody look lost."""
    dates = summary["last_date"].sort_values()
    last = pd.Timestamp(dates.iloc[int(0.99 * (len(dates) - 1))]).date()
    silent = (log.as_of - last).days
    if silent > LONGEST_SILENCE_DAYS:
        notes.add(
            f"{percent(0.99, 0)} of customers placed their last order by {day(last)}, {number(silent)} days before "
            f"the as-of day {day(log.as_of)}. "
            "If the export ends early or a date is wrong, customers look lost who are not: set as_of to the last "
            "day that the data cover."
        )


def _note_one_for_all(summary: pd.DataFrame, notes: Notes) -> None:
    """One amount typed wrong, or one buyer unlike all others, carries every average; how much it is stays private."""
    if "total" not in summary or len(summary) < FEWEST_TO_STAND_OUT:
        return
    if summary["total"].max() > LARGEST_SHARE_OF_ONE * summary["total"].sum():
        notes.add(
            f"One of {number(len(summary))} customers has brought more than {percent(LARGEST_SHARE_OF_ONE, 0)} of all "
            "revenue. If an amount is wrong, mend it in the data; if not, averages say little about everybody else."
        )


def read_source(config: ClientConfig, files: Sequence[str | Path] = ()) -> Source:
    """The client's transactions as they are, typed: from files fetched before, or fetched now into a passing folder."""
    how = config.transactions
    if not files and needs_fetching(config):
        with tempfile.TemporaryDirectory() as folder:
            return read_source(config, fetch(config, Path(folder)))
    written = how.model_dump(include={"encoding", "separator", "date_format", "decimal", "thousands", "sheet"})
    options = SourceOptions(
        how.columns.model_dump(), timezone=config.timezone, source_timezone=how.source_timezone, **written
    )
    source = open_transactions(files or fetch(config, Path()), options, how.row_limit)
    return replace(source, notes=(*notes_of(config, files), *source.notes))


def clean_source(source: Source, config: ClientConfig) -> CleanLog:
    """The client's transactions, cleaned by the rules of the client file; one customer or one day is refused."""
    rules = Rules(**config.rules.model_dump())
    log = clean_transactions(source, rules, config.as_of, currency=config.currency)
    columns = config.transactions.columns
    problems = []
    if log.customers == 1:
        problems.append(
            f"the log has one customer in {log.rows_used:,} rows: a report tells of many; is {columns.customer} the "
            "column with the customer's id?"
        )
    if log.first_date == log.last_date:
        problems.append(
            f"the log has one day, {log.first_date}: a report tells what customers do over time and needs two days "
            f"or more; is {columns.date} the column with the date of the order?"
        )
    if problems:
        raise NotEnoughDataError(problems)
    return log
