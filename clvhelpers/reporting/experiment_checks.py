"""What is wrong with the data of a client's experiment: all of it at once, and where to look.

The checks read the table `rows` (one row a line of the file) of the database in which the units are put together.
"""

from collections.abc import Iterator
from datetime import timedelta

import duckdb

from clvhelpers.cleaning import CleanLog
from clvhelpers.reporting.config.experiment import EVERY_ARM, Experiment
from clvhelpers.sources.findings import literal, nearest
from clvhelpers.text import count, number

EXAMPLES = 5
REPEATED = (
    "CREATE TEMP TABLE repeated AS SELECT customer_id, min(arm) AS first_arm, max(arm) AS last_arm FROM rows "
    "WHERE customer_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
)
TRUE, FALSE = ("1", "true", "yes"), ("0", "false", "no")


def problems_of_units(connection: duckdb.DuckDBPyConnection, tried: Experiment, log: CleanLog) -> list[str]:
    """Every problem of the rows, of the arms against the plan, and of the dates against the transactions."""
    return [*_of_rows(connection, tried), *_of_arms(connection, tried), *_of_dates(connection, tried, log)]


def _of_rows(connection: duckdb.DuckDBPyConnection, tried: Experiment) -> Iterator[str]:
    """Rows of which nobody can tell who was in which arm, since when, or what came of it."""
    connection.execute(REPEATED)
    tests = {**_who_and_when(tried), **_what_came_of_it(tried)}
    counts = ", ".join(f"count(*) FILTER ({condition})" for condition in tests)
    found = connection.execute(f"SELECT {counts} FROM rows").fetchall()[0]
    for (condition, words), rows in zip(tests.items(), found, strict=True):
        if rows:
            verb = "is" if rows == 1 else "are"
            yield f"{count(rows, 'row')} ({_places(connection, condition)}) {verb} {words}"
    connection.execute("DROP TABLE repeated")


def _places(connection: duckdb.DuckDBPyConnection, condition: str) -> str:
    """Where the first few rows are, and never what they hold, which may be a customer's id."""
    found = connection.execute(
        f"SELECT source_file, source_row FROM rows WHERE {condition} ORDER BY 1, 2 LIMIT {EXAMPLES}"
    ).fetchall()
    return "; ".join(f"{file} row {row}" for file, row in found)


def _who_and_when(tried: Experiment) -> dict[str, str]:
    columns = tried.columns
    known = "unreadable IS NULL AND"
    of = "coalesce(customer_id IN (SELECT customer_id FROM repeated WHERE {}), false)"
    moved, several = of.format("first_arm <> last_arm"), of.format("first_arm IS NOT DISTINCT FROM last_arm")
    return {
        "unreadable IS NOT NULL": "without the columns of the header: mend the file",
        f"{known} customer_id IS NULL": f"without a customer in {columns.unit}: find out who it was",
        f"{known} arm IS NULL": f"without an arm in {columns.arm}: find it in the log of the assignment, for leaving "
        "them out would undo the randomisation",
        f"{known} date IS NULL": f"without a date in {columns.exposed_at}: give customers of the control the day on "
        "which they would have been treated",
        moved: "of customers who are in more than one arm: find out which came first, and why they were moved",
        several: "of customers with several rows: give one row a customer, its first exposure",
    }


def _what_came_of_it(tried: Experiment) -> dict[str, str]:
    columns = tried.columns
    tests = {}
    if value := columns.outcome or columns.duration:
        tests["unreadable IS NULL AND (amount IS NULL OR NOT isfinite(amount))"] = (
            f"without a number in {value}: who did nothing has a 0"
        )
    if columns.before:
        tests["unreadable IS NULL AND (cost IS NULL OR NOT isfinite(cost))"] = (
            f"without a number in {columns.before}: who did nothing has a 0"
        )
    if columns.duration:
        tests["amount < 0"] = f"below 0 in {columns.duration}: nobody stays for less than no time"
    if columns.outcome and tried.outcome.kind == "bought":
        tests["amount NOT IN (0, 1)"] = f"neither 0 nor 1 in {columns.outcome}: who bought has a 1"
    if columns.left:
        words = ", ".join(map(literal, TRUE + FALSE))
        tests[f"unreadable IS NULL AND coalesce(lower(churned), '') NOT IN ({words})"] = (
            f"neither 1 (has left) nor 0 (has not) in {columns.left}"
        )
    return tests


def _of_arms(connection: duckdb.DuckDBPyConnection, tried: Experiment) -> Iterator[str]:
    """Arms that the plan doesn't know, or that nobody is in."""
    found = connection.execute("SELECT arm, count(*) FROM rows WHERE arm IS NOT NULL GROUP BY 1 ORDER BY 1").fetchall()
    arms = {str(arm): int(units) for arm, units in found}
    there = ", ".join(f"{arm} ({number(units)})" for arm, units in arms.items()) or "none"
    if tried.control not in arms:
        yield f"nobody is in the control {tried.control}.{nearest(tried.control, arms)} The arms are {there}"
    if len(arms) == 1:
        yield f"there is only one arm, {there}: a comparison needs two"
    for arm in tried.shares or {}:
        if arm not in arms and arm != tried.control:
            yield f"nobody is in the arm {arm}, which is in `shares`. The arms are {there}"
    for arm in arms:
        if tried.shares is not None and arm not in tried.shares:
            yield f"the arm {arm} ({count(arms[arm], 'customer')}) is not in `shares`"
        if arm != tried.control and not {arm, EVERY_ARM} & set(tried.cost):
            yield f"the arm {arm} has no `cost`: add it, 0 if it costs nothing"


def _of_dates(connection: duckdb.DuckDBPyConnection, tried: Experiment, log: CleanLog) -> Iterator[str]:
    """Days that the transactions don't cover: of the pre-period, or of the outcome."""
    first, last = connection.execute("SELECT min(date)::DATE, max(date)::DATE FROM rows").fetchall()[0]
    if first is None:
        return
    pre = tried.pre_period_days
    if pre is not None and first - timedelta(days=pre) < log.first_date:
        room = (first - log.first_date).days
        mend = f"take {room} at most, or" if room > 0 else "take it out, or"
        yield (
            f"`pre_period_days` is {pre}, and of customers exposed on {first} these begin before the first order of "
            f"the log, {log.first_date}: {mend} give older orders"
        )
    elif from_log(tried) and first < log.first_date:
        yield (
            f"customers were exposed on {first}, before the first order of the log, {log.first_date}: what they did "
            "first is not known; give older orders"
        )
    if pre is not None and not from_log(tried) and last > log.as_of + timedelta(days=1):
        yield (
            f"`pre_period_days` is {pre}, and of customers exposed on {last} these end after the as-of day of the log, "
            f"{log.as_of}: give later orders, or `columns.before` in place of it"
        )


def from_log(tried: Experiment) -> bool:
    """Whether what the units did is worked out from the transactions."""
    return tried.outcome.kind != "stay" and tried.columns.outcome is None
