"""Orders from a PostgreSQL server: one table or one SELECT, in a transaction that can only read.

The query runs behind a cursor through the extended protocol, which takes exactly one statement, and a
cursor takes nothing but a SELECT. What a SELECT could still do by itself, such as reading files of the
server, depends on the rights of the role: one that has such rights is refused.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.sources.export import BATCH, Wanted, time_limit, write_batches
from clvhelpers.sources.findings import hidden

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa

CONNECT_SECONDS = 10
POWERS = """
SELECT rolname FROM pg_roles
WHERE (rolsuper OR rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'))
  AND (pg_has_role(session_user, oid, 'MEMBER') OR pg_has_role(current_user, oid, 'MEMBER'))
ORDER BY rolname
"""
MORE_THAN_READING = (
    "the role {user} may do more on the database server than read tables (it has the rights of {powers}), which no "
    "report needs: make one for reports, CREATE ROLE reports LOGIN PASSWORD '...'; GRANT SELECT ON the tables TO "
    "reports, and name it in the address"
)


def export_postgres(address: str, password: str | None, wanted: Wanted, folder: Path) -> Path:
    """Copy a table or what a SELECT gives to a Parquet file in `folder`, and return its path.

    Rows stream in batches, so memory stays small. Raises `ConfigError` where psycopg is not installed, and
    `DataContractError` where the server can't be reached, the role may do more than read, the query is not one
    SELECT or has an error, and beyond the limits of rows and time. No message holds the password.
    """
    try:
        import psycopg
    except ImportError:
        raise ConfigError(
            'PostgreSQL is read with psycopg, which is not installed: pip install "clvhelpers[postgres]"'
        ) from None
    target = folder / wanted.name
    try:
        with (
            _connection(address, password) as connection,
            time_limit(wanted.seconds, connection.cancel_safe, "the query") as check,
        ):
            _refuse_powers(connection)
            milliseconds = str(int(wanted.seconds * 1000))
            connection.execute("SELECT set_config('statement_timeout', %s, true)", [milliseconds])
            _stream(connection, wanted, target, check)
    except psycopg.Error as error:
        said = error.diag.message_primary or error
        raise DataContractError(f"the database gives no orders: {hidden(said, [password])}") from None
    return target


def _connection(address: str, password: str | None) -> "psycopg.Connection[tuple[Any, ...]]":
    import psycopg

    own: dict[str, Any] = {"client_encoding": "utf8", "application_name": "clvhelpers"}
    own |= {} if password is None else {"password": password}
    connection = psycopg.connect(address, connect_timeout=CONNECT_SECONDS, **own)
    connection.read_only = True
    return connection


def _refuse_powers(connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
    powers = [name for (name,) in connection.execute(POWERS).fetchall()]
    if powers:
        raise DataContractError(MORE_THAN_READING.format(user=connection.info.user, powers=", ".join(powers)))


def _stream(
    connection: "psycopg.Connection[tuple[Any, ...]]", wanted: Wanted, target: Path, check: Callable[[], None]
) -> None:
    import pyarrow as pa
    from psycopg import sql

    table = sql.SQL("SELECT * FROM {}").format(sql.Identifier(*wanted.table_parts))
    with connection.cursor("clvhelpers") as cursor:
        cursor.execute(table if wanted.query is None else wanted.query.encode())
        fields = [_field(column) for column in cursor.description or []]
        schema = pa.schema([pa.field(name, kind) for name, kind, _ in fields])
        converted = [convert for _, _, convert in fields]

        def batches() -> Iterator[pa.RecordBatch]:
            while rows := cursor.fetchmany(BATCH):
                check()
                columns = [
                    map(convert, cells) for convert, cells in zip(converted, zip(*rows, strict=True), strict=True)
                ]
                arrays = [pa.array(cells, kind) for cells, kind in zip(columns, schema.types, strict=True)]
                yield pa.record_batch(arrays, schema=schema)

        write_batches(batches(), schema, target, wanted.row_limit)


def _field(column: "psycopg.Column") -> tuple[str, "pa.DataType", Callable[[Any], Any]]:
    """The name of a column, its type in the file, and how its values become that; text where none is nearer."""
    import pyarrow as pa
    from psycopg import postgres

    known = postgres.types.get(column.type_code)
    kind = known.name if known and column.type_code == known.oid else "text"
    if kind in ("int2", "int4", "int8"):
        return column.name, pa.int64(), _same
    if kind in ("float4", "float8"):
        return column.name, pa.float64(), _same
    if kind == "numeric":
        return column.name, *_numeric(column)
    if kind == "date":
        return column.name, pa.date32(), _same
    if kind in ("timestamp", "timestamptz"):
        return column.name, pa.timestamp("us", "UTC" if kind == "timestamptz" else None), _same
    return column.name, pa.string(), _text


def _numeric(column: "psycopg.Column") -> tuple["pa.DataType", Callable[[Any], Any]]:
    """A decimal of stated digits as it is; one of any digits as a floating-point number."""
    import pyarrow as pa

    digits, scale = column.precision, column.scale
    if digits is not None and scale is not None and 0 <= scale <= digits <= 38:
        return pa.decimal128(digits, scale), _finite
    return pa.float64(), _float


def _same(value: Any) -> Any:
    return value


def _finite(value: Decimal | None) -> Decimal | None:
    return value if value is None or value.is_finite() else None


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
