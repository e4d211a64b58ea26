"""Read a client's files into one typed DuckDB relation: CSV, Parquet or Excel, out of core.

Everything is first staged with the file and row it came from, text as text, so that what its dates and
numbers mean is decided over all rows of all files. Nothing is dropped: a line that doesn't have
the columns of the header stays as a row whose `unreadable` says so, and a text that can't be read
as a date or number stays beside the missing value in `date_text` or `amount_text`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from clvhelpers.errors import DataContractError
from clvhelpers.sources import amounts, files
from clvhelpers.sources.dates import Clock, date_expression
from clvhelpers.sources.engine import engine_settings
from clvhelpers.sources.files import SourceFile
from clvhelpers.sources.findings import Findings, examples, identifier, places
from clvhelpers.sources.options import NUMBERS, SourceOptions
from clvhelpers.sources.staging import Stage

CANONICAL = {"customer": "customer_id", "order": "order_id"}
ROW_LIMIT = 200_000_000


@dataclass(frozen=True)
class Source:
    """What was read: the typed relation, the files with their checksums, and notes for the reader."""

    relation: duckdb.DuckDBPyRelation
    files: tuple[SourceFile, ...]
    notes: tuple[str, ...] = field(default=())


def read_transactions(
    source: str | Path | Sequence[str | Path],
    *,
    columns: Mapping[str, str | None],
    encoding: str = "utf-8",
    separator: str | None = None,
    date_format: str | None = None,
    decimal: str = ".",
    thousands: str | None = None,
    timezone: str | None = None,
    source_timezone: str | None = None,
    sheet: str | None = None,
) -> duckdb.DuckDBPyRelation:
    """Read transaction files into a typed DuckDB relation; `SourceOptions` explains each argument.

    Returns one row a line with `source_file, source_row, unreadable, customer_id, date` (local
    time in the client's zone), `date_text`, and what `columns` names of `order_id, amount,
    amount_text, quantity, unit_price, channel, category, currency, cost`. Raises
    `DataContractError` with every problem that was found.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "orders.csv")
    >>> _ = path.write_text("CustomerID;Day;Total\\n007;31.01.2026;1.234,50\\n008;01.02.2026;12,00\\n")
    >>> log = read_transactions(path, columns={"customer": "CustomerID", "date": "Day", "amount": "Total"})
    >>> log.select("customer_id, date, amount, source_row").fetchall()[0]
    ('007', datetime.datetime(2026, 1, 31, 0, 0), 1234.5, 2)
    >>> folder.cleanup()
    """
    options = SourceOptions(
        columns, encoding, separator, date_format, decimal, thousands, timezone, source_timezone, sheet
    )
    return open_transactions(source, options).relation


def open_transactions(
    source: str | Path | Sequence[str | Path], options: SourceOptions, row_limit: int = ROW_LIMIT
) -> Source:
    """As `read_transactions`, with the files' checksums and the notes about how they were read.

    The relation lives in a private database, which keeps little in memory, spills the rest to a temporary
    folder (gone with the relation), and can open no other file once the data are in. More rows than
    `row_limit` are refused.
    """
    findings = Findings()
    options.check(findings)
    paths = files.expand(source, findings)
    findings.stop_if_any()
    inspected = _inspect(paths, options.encoding, findings)
    connection = _connect(sum(file.lines or 0 for file in inspected))
    clock = Clock(options.timezone, options.source_timezone)
    clock.check(connection, findings)
    findings.stop_if_any()
    stage = Stage(connection, options, findings, row_limit)
    for file in inspected:
        stage.load(file)
    findings.stop_if_any()
    stage.close()
    relation = _typed(connection, options, clock, findings)
    return Source(relation, tuple(inspected), tuple(findings.notes))


def _inspect(paths: Sequence[Path], encoding: str, findings: Findings) -> list[SourceFile]:
    """Every file's checksum and lines; a file that holds the same as another is a problem."""
    inspected: dict[str, SourceFile] = {}
    for path in paths:
        try:
            file = files.inspect(path, encoding)
        except DataContractError as error:
            findings.problems += error.problems
            continue
        twin = inspected.setdefault(file.content_sha256, file)
        if twin is not file:
            findings.problems.append(
                f"{path.name} holds exactly what {twin.path.name} holds, so its money would count twice: name one"
            )
    return list(inspected.values())


def _connect(rows: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config=engine_settings(rows))
    connection.execute(amounts.MACROS)
    return connection


def _typed(
    connection: duckdb.DuckDBPyConnection, options: SourceOptions, clock: Clock, findings: Findings
) -> duckdb.DuckDBPyRelation:
    """Decide what the texts mean, over all rows, and make the table of typed columns."""
    wanted = options.wanted
    date = date_expression(connection, options.date_format, clock, findings)
    numbers = [name for name in NUMBERS if name in wanted]
    written = amounts.convention(connection, numbers, options.decimal, options.thousands, findings)
    customer = _customer(connection, findings)
    findings.stop_if_any()
    values = {name: f"coalesce({name}_value, {written.sql(name)})" for name in numbers}
    if "unit_price" in wanted:
        values["amount"] = f"({values['quantity']}) * ({values['unit_price']})"
    texts = [name for name in options.texts if name in wanted]
    fields = {CANONICAL.get(name, name): identifier(name) for name in texts}
    fields |= {"customer_id": customer, "date": date} | values
    unread = {"date_text": "CASE WHEN date_value IS NULL THEN staged.date END"}
    if values:
        unread["amount_text"] = _amount_text(wanted)
    query = ", ".join(f"{sql} AS {name}" for name, sql in {**fields, **unread}.items())
    connection.execute(f"CREATE TEMP TABLE parsed AS SELECT source_file, source_row, unreadable, {query} FROM staged")
    connection.execute("DROP VIEW staged; DROP TABLE copied")
    replaced = "CASE WHEN date IS NULL THEN date_text END AS date_text"
    if values:
        replaced += ", CASE WHEN amount IS NULL THEN amount_text END AS amount_text"
    return connection.sql(f"SELECT * REPLACE ({replaced}) FROM parsed")


def _amount_text(wanted: Mapping[str, str]) -> str:
    if "amount" in wanted:
        return "staged.amount"
    return "concat_ws(' x ', staged.quantity, staged.unit_price)"


def _customer(connection: duckdb.DuckDBPyConnection, findings: Findings) -> str:
    """Ids as they are, except that where all are numbers, 12345.0 is 12345: one export writes both."""
    if connection.execute("SELECT bool_or(contains(customer, '.')) FROM staged").fetchone() != (True,):
        return "customer"
    cut = "regexp_matches(customer, '^[0-9][.][0-9]+[eE][+][0-9]+$')"
    if shown := examples(connection, "customer", cut):
        findings.problems.append(
            f"customer ids were cut to their first digits, as spreadsheets do ({shown}), so that several customers "
            "look like one; export again with the id as text or as whole numbers, and do not save it from a spreadsheet"
        )
    number, pointed = (f"regexp_matches(customer, '^[0-9]+{ending}$')" for ending in ("([.]0)?", "[.]0"))
    if connection.execute(f"SELECT bool_and({number}) AND bool_or({pointed}) FROM staged").fetchone() != (True,):
        return "customer"
    where = places(connection, pointed)
    findings.notes.append(f"Customer ids end in .0, as numbers do when exported ({where}); it was left out.")
    return "regexp_replace(customer, '[.]0$', '')"
