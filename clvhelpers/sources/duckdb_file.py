"""Orders from a DuckDB file: one table or one SELECT, which can neither write nor read any other file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from clvhelpers.errors import DataContractError
from clvhelpers.sources.engine import engine_settings
from clvhelpers.sources.export import BATCH, Wanted, time_limit, write_batches
from clvhelpers.sources.findings import hidden, identifier

LOCK = "SET enable_external_access = false; SET lock_configuration = true"


def export_duckdb(path: Path, wanted: Wanted, folder: Path) -> Path:
    """Copy a table or what a SELECT gives to a Parquet file in `folder`, and return its path.

    The database is opened for reading only, without access to any other file or extension, and its settings
    are locked. Raises `DataContractError` where it can't be opened, where `query` is not exactly one SELECT,
    for an error in it, and beyond the limits of rows and time.
    """
    target = folder / wanted.name
    try:
        with duckdb.connect(str(path), read_only=True, config=engine_settings()) as connection:
            connection.execute(LOCK)
            query = _one_select(connection, wanted)
            with time_limit(wanted.seconds, connection.interrupt, f"reading {path.name}") as check:
                _write(connection.sql(query), target, wanted.row_limit, check)
    except duckdb.Error as error:
        raise DataContractError(f"{path.name} gives no orders: {hidden(error, [])}") from None
    return target


def _one_select(connection: duckdb.DuckDBPyConnection, wanted: Wanted) -> str:
    if wanted.query is None:
        database = connection.execute("SELECT current_database()").fetchall()[0]  # shop.orders of a file shop.duckdb
        parts = [*database, *wanted.table_parts] if len(wanted.table_parts) == 2 else wanted.table_parts
        return f"SELECT * FROM {'.'.join(map(identifier, parts))}"
    statements = connection.extract_statements(wanted.query)
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        found = f"it has {len(kinds)} statements" if len(kinds) != 1 else f"it is a statement of kind {kinds[0]}"
        raise DataContractError(f"`query` must be exactly one SELECT, and {found}; it can only read")
    return wanted.query


def _write(relation: duckdb.DuckDBPyRelation, target: Path, row_limit: int, check: Callable[[], None]) -> None:
    reader = relation.to_arrow_reader(BATCH)

    def batches() -> Iterator[Any]:
        for batch in reader:
            check()
            yield batch

    write_batches(batches(), reader.schema, target, row_limit)
