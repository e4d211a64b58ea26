"""Who was in which arm of a client's experiment, and what each did: one row a unit, made in DuckDB.

The file of the experiment is read as the transactions are. What a unit spent or ordered comes from the clean log,
counted in days: the day of exposure is the first of those that count, and the day before it the last of the
pre-period. A unit without an order has 0. Refunds count on the day on which they were made.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import duckdb

from clvhelpers.cleaning import CleanLog
from clvhelpers.errors import DataContractError, ExperimentError
from clvhelpers.reporting.config import ClientConfig
from clvhelpers.reporting.config.experiment import Experiment
from clvhelpers.reporting.experiment_checks import TRUE, from_log, problems_of_units
from clvhelpers.reporting.fetch import experiment_files
from clvhelpers.sources import Source, SourceFile, SourceOptions, open_transactions
from clvhelpers.sources.engine import engine_settings
from clvhelpers.sources.findings import literal
from clvhelpers.text import count

DECIMALS = 6  # DuckDB adds up in no fixed order: rounding takes the noise off
ROOM = 4  # times what a log of as many rows needs: ids are joined
PREFIX = "the experiment: "


class _Options(SourceOptions):
    """How the file of an experiment is written: with the arm, and who has left."""

    texts: ClassVar[tuple[str, ...]] = ("customer", "arm", "churned")


@dataclass(frozen=True, eq=False)
class Units:
    """The units of an experiment, one row each.

    `frame` is a DuckDB relation of all who were assigned: `customer_id, arm, day` (of exposure), whether the unit is
    `known` to the transactions and had time enough (`mature`), and what it did: `outcome` (money, or 1 for success), or
    `duration` and `left`; with a pre-period `pre_orders` and, where there are amounts, `pre_revenue`, or else `before`
    if the file has it.
    """

    frame: duckdb.DuckDBPyRelation
    files: tuple[SourceFile, ...]
    notes: tuple[str, ...] = ()

    @property
    def mature(self) -> duckdb.DuckDBPyRelation:
        """Those who were seen for as long as the outcome takes."""
        return self.frame.filter("mature")


def read_units(config: ClientConfig, tried: Experiment, log: CleanLog) -> Units:
    """Read the experiment of a client and join what its units did.

    Raises `ExperimentError` with every problem of the data.
    """
    source = _open(config, tried)
    rows = log.rows_used + sum(file.lines or 0 for file in source.files)
    connection = duckdb.connect(config=engine_settings(ROOM * rows))
    _take(connection, "rows", source.relation)
    problems = problems_of_units(connection, tried, log)
    if problems:
        raise ExperimentError([f"{PREFIX}{problem}" for problem in problems])
    wanted = [name for name in ("customer_id", "day", "visit", "money") if name in log.purchase_days.frame.columns]
    _take(connection, "days", log.purchase_days.frame.select(*wanted).to_native())
    connection.execute(f"CREATE TEMP TABLE units AS {_joined(tried, log)}")
    connection.execute("DROP TABLE rows; DROP TABLE days")
    units = Units(connection.table("units"), source.files, source.notes)
    _refuse_strangers(units, tried)
    return units


def _open(config: ClientConfig, tried: Experiment) -> Source:
    written = tried.model_dump(include={"encoding", "separator", "date_format", "decimal", "thousands", "sheet"})
    columns = tried.columns
    ours = {
        "customer": columns.unit,
        "date": columns.exposed_at,
        "arm": columns.arm,
        "churned": columns.left,
        "amount": columns.outcome or columns.duration,
        "cost": columns.before,
    }
    options = _Options(ours, timezone=config.timezone, source_timezone=tried.source_timezone, **written)
    files = experiment_files(config)
    try:
        return open_transactions(files, options)
    except DataContractError as error:
        raise ExperimentError([f"{PREFIX}{problem}" for problem in error.problems]) from None


def _take(connection: duckdb.DuckDBPyConnection, name: str, rows: Any) -> None:
    """Copy what lies in another database, batch by batch."""
    connection.register("incoming", rows.to_arrow_reader())
    connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM incoming")
    connection.unregister("incoming")


def _joined(tried: Experiment, log: CleanLog) -> str:
    """SQL: one row a unit with what it did before exposure and after."""
    pre, post = tried.pre_period_days or 0, tried.outcome.days or 0
    before, after = f"d.day >= u.day - {pre} AND d.day < u.day", f"d.day >= u.day AND d.day < u.day + {post}"
    sums: dict[str, str] = {}
    fields = {"known": "did.customer_id IS NOT NULL", "mature": "true"}
    if tried.pre_period_days is not None:
        sums["pre_orders"] = f"count(d.visit) FILTER ({before})::DOUBLE"
        sums |= {"pre_revenue": _sum(before)} if log.purchase_days.has_money else {}
    if tried.columns.before is not None:
        fields["before"] = "u.cost"
    if tried.outcome.kind == "stay":
        fields |= {"duration": "u.amount", '"left"': f"(lower(u.churned) IN ({', '.join(map(literal, TRUE))}))::INT"}
    elif not from_log(tried):
        fields["outcome"] = "u.amount"
    else:
        bought = f"(count(d.visit) FILTER ({after}) > 0)::INT"
        sums["outcome"] = _sum(after) if tried.outcome.kind == "revenue" else bought
        fields["mature"] = f"u.day + {post - 1} <= DATE {literal(log.as_of.isoformat())}"
    fields |= {name: f"coalesce(did.{name}, 0)" for name in sums}
    summed = ", ".join(["customer_id", *(f"{sql} AS {name}" for name, sql in sums.items())])
    chosen = ", ".join(["customer_id", "u.arm", "u.day", *(f"{sql} AS {name}" for name, sql in fields.items())])
    return (
        "WITH u AS (SELECT *, date::DATE AS day FROM rows), "
        f"did AS (SELECT {summed} FROM u JOIN days d USING (customer_id) GROUP BY 1) "
        f"SELECT {chosen} FROM u LEFT JOIN did USING (customer_id)"
    )


def _sum(days: str) -> str:
    return f"round(coalesce(sum(d.money) FILTER ({days}), 0), {DECIMALS})"


def _refuse_strangers(units: Units, tried: Experiment) -> None:
    """Where no unit is in the transactions, the ids are not the same."""
    total, known = units.frame.aggregate("count(*), count(*) FILTER (known)").fetchall()[0]
    if not known and from_log(tried):
        raise ExperimentError(
            f"{PREFIX}none of its {count(total, 'customer')} is in the transactions: is {tried.columns.unit} the "
            "column with the same ids as there?"
        )
