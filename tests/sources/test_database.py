"""Databases can only be read: no SQL writes, reads other files, runs on for ever or tells a password."""

import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import psycopg
import pyarrow.parquet as pq
import pytest

from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.sources.duckdb_file import export_duckdb
from clvhelpers.sources.export import Wanted
from clvhelpers.sources.postgres import export_postgres
from tests.sources.server import postgres_server

READ_SOME_TABLE = Wanted(table="orders")
SECRET = "hunter2-in-a-test"


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in pq.read_table(path).to_pylist()]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A DuckDB file with a table of two orders, in a folder of its own beside a file that is a secret."""
    (tmp_path / "secret.csv").write_text("id,day,total\nstolen,2026-01-01,1\n")
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE orders (id HUGEINT, day DATE, total DECIMAL(9, 2))")
        connection.execute("CREATE SCHEMA shop; CREATE SEQUENCE numbers")
        connection.execute("INSERT INTO orders VALUES (7, '2026-01-01', 1.5), (8, '2026-01-02', 2)")
        connection.execute("CREATE TABLE shop.shop.\"odd one\" AS SELECT 1 AS id, TIME '10:00' AS at, [1, 2] AS list")
        connection.execute(f"CREATE VIEW leak AS SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')")
    return path


def test_a_table_or_a_select_of_a_duckdb_file_becomes_one_parquet_file(shop: Path, tmp_path: Path) -> None:
    path = export_duckdb(shop, READ_SOME_TABLE, tmp_path)
    assert path == tmp_path / "orders.parquet"
    assert rows_of(path) == [(7, date(2026, 1, 1), 1.5), (8, date(2026, 1, 2), 2)]
    odd = export_duckdb(shop, Wanted(table="shop.odd one"), tmp_path)
    assert (odd.name, rows_of(odd)) == ("shop.odd_one.parquet", [(1, time(10), [1, 2])])
    some = export_duckdb(shop, Wanted(query="WITH a AS (FROM orders) SELECT id FROM a WHERE id > 7; -- ok"), tmp_path)
    assert (some.name, rows_of(some)) == ("query.parquet", [(8,)])


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO orders VALUES (9, '2026-01-01', 1)",
        "COPY orders TO 'FOLDER/out.csv'",
        "ATTACH 'FOLDER/other.duckdb'",
        "PRAGMA database_list",
        "SET threads = 1",
        "SELECT 1; DROP TABLE orders",
        "SELECT 1; COPY orders TO 'FOLDER/out.csv'; SELECT 2",
        "",
    ],
)
def test_a_query_is_exactly_one_select(shop: Path, tmp_path: Path, sql: str) -> None:
    with pytest.raises(DataContractError, match="exactly one SELECT"):
        export_duckdb(shop, Wanted(query=sql.replace("FOLDER", str(tmp_path))), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.csv", "shop.duckdb"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('FOLDER/secret.csv')",
        "SELECT * FROM 'FOLDER/secret.csv'",
        "SELECT * FROM read_text('FOLDER/secret.csv')",
        "SELECT * FROM glob('FOLDER/*')",
        "SELECT * FROM leak",
    ],
)
def test_a_query_reads_no_other_file(shop: Path, tmp_path: Path, sql: str) -> None:
    with pytest.raises(DataContractError, match=r"shop.duckdb gives no orders: .*disabled by configuration"):
        export_duckdb(shop, Wanted(query=sql.replace("FOLDER", str(tmp_path))), tmp_path)


def test_a_select_changes_nothing_in_the_database(shop: Path, tmp_path: Path) -> None:
    before = shop.read_bytes()
    with pytest.raises(DataContractError, match="read-only"):
        export_duckdb(shop, Wanted(query="SELECT nextval('numbers') AS id"), tmp_path)
    assert shop.read_bytes() == before


def test_a_table_name_is_never_sql(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match="does not exist"):
        export_duckdb(shop, Wanted(table='orders"; DROP TABLE orders; --'), tmp_path)


ENDLESS = "SELECT count(*) AS id FROM range(1000000000) AS a, range(1000000000) AS b WHERE a.range + b.range = -1"


def test_a_query_that_takes_too_long_is_ended(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match=r"shop.duckdb took longer than `time_limit_seconds`, which is 0.3"):
        export_duckdb(shop, Wanted(query=ENDLESS, seconds=0.3), tmp_path)


def test_more_rows_than_the_limit_are_counted_and_none_is_kept(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match="gives 200,000 rows and `row_limit` is 10"):
        export_duckdb(shop, Wanted(query="SELECT * FROM range(200000)", row_limit=10), tmp_path)
    assert not (tmp_path / "query.parquet").exists()


@pytest.mark.parametrize(
    "sql", ["SELECT 1 AS id, 2 AS id", "SELECT * FROM ordres", "SELEC 1", "SELECT INTERVAL 1 DAY AS i"]
)
def test_mistakes_in_a_query_are_told_in_a_line(shop: Path, tmp_path: Path, sql: str) -> None:
    with pytest.raises(DataContractError, match=r"AS|Did you mean|syntax error|columns i have a type") as error:
        export_duckdb(shop, Wanted(query=sql), tmp_path)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.duckdb").write_text("id,day\n1,2026-01-01\n" * 1000)
    with pytest.raises(DataContractError, match="not a valid DuckDB database"):
        export_duckdb(tmp_path / "shop.duckdb", READ_SOME_TABLE, tmp_path)


@pytest.fixture(scope="module")
def server() -> Iterator[SimpleNamespace]:
    """A PostgreSQL server of our own: `owner` may do everything there, `reader` may read `shop.orders`."""
    with postgres_server() as address_of:
        with psycopg.connect(address_of("postgres"), autocommit=True) as owner:
            owner.execute(f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'")
            owner.execute("CREATE SCHEMA shop")
            owner.execute(
                "CREATE TABLE shop.orders (id text, day timestamptz, total numeric(9, 2), rate numeric, at date, n int)"
            )
            owner.execute(
                "INSERT INTO shop.orders VALUES ('007', '2026-01-01 10:00+02', 1.50, 0.5, '2026-01-01', 3), "
                "('Zoë', NULL, NULL, 'NaN', NULL, NULL)"
            )
            owner.execute("GRANT USAGE ON SCHEMA shop TO reader; GRANT ALL ON shop.orders TO reader")
            for power in ("pg_read_server_files", "pg_write_server_files", "pg_execute_server_program", "postgres"):
                owner.execute(f"CREATE ROLE has_{power} LOGIN NOINHERIT IN ROLE {power}")
        yield SimpleNamespace(address_of=address_of)


def test_a_table_of_a_server_becomes_one_parquet_file(server: SimpleNamespace, tmp_path: Path) -> None:
    path = export_postgres(server.address_of("reader"), SECRET, Wanted(table="shop.orders"), tmp_path)
    assert path == tmp_path / "shop.orders.parquet"
    first, second = pq.read_table(path).to_pylist()
    assert first["day"] == datetime.fromisoformat("2026-01-01T08:00+00:00")
    assert (first["id"], first["total"], first["rate"], first["at"], first["n"]) == (
        "007",
        1.5,
        0.5,
        date(2026, 1, 1),
        3,
    )
    assert (second["id"], second["day"], second["total"], second["n"]) == ("Zoë", None, None, None)


def test_a_select_with_a_percent_sign_streams_in_batches(server: SimpleNamespace, tmp_path: Path) -> None:
    query = "SELECT n AS id, n % 7 AS rest, '%s' AS text FROM generate_series(1, 120000) AS n; -- all"
    rows = rows_of(export_postgres(server.address_of("reader"), None, Wanted(query=query), tmp_path))
    assert (len(rows), rows[-1]) == (120_000, (120_000, 120_000 % 7, "%s"))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM shop.orders", "syntax error"),
        ("SELECT 1; DELETE FROM shop.orders", "multiple commands"),
        ("WITH gone AS (DELETE FROM shop.orders RETURNING *) SELECT * FROM gone", "data-modifying"),
        ("SELECT * FROM shop.orders FOR UPDATE", "read-only transaction"),
        ("SELECT shop.wipe()", "read-only transaction"),
        ("SELECT set_config('transaction_read_only', 'off', true), shop.wipe()", "read-only transaction|read-write"),
        ("COPY shop.orders TO '/tmp/orders.csv'", "syntax error"),
        ("SELECT pg_read_file('/etc/hostname')", "permission denied"),
    ],
)
def test_sql_neither_writes_nor_reads_files(server: SimpleNamespace, tmp_path: Path, sql: str, said: str) -> None:
    with psycopg.connect(server.address_of("postgres"), autocommit=True) as owner:
        owner.execute(
            "CREATE OR REPLACE FUNCTION shop.wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM shop.orders RETURNING 1'"
        )
    with pytest.raises(DataContractError, match=f"the database gives no orders: .*({said})"):
        export_postgres(server.address_of("reader"), None, Wanted(query=sql), tmp_path)
    assert len(rows_of(export_postgres(server.address_of("reader"), None, Wanted(table="shop.orders"), tmp_path))) == 2


@pytest.mark.parametrize(
    "role",
    [
        *("postgres", "has_postgres", "has_pg_read_server_files"),
        *("has_pg_write_server_files", "has_pg_execute_server_program"),
    ],
)
def test_a_role_that_may_do_more_is_refused(server: SimpleNamespace, tmp_path: Path, role: str) -> None:
    with pytest.raises(DataContractError, match=f"the role {role} may do more .* CREATE ROLE reports LOGIN"):
        export_postgres(server.address_of(role), None, Wanted(query="SELECT pg_read_file('PG_VERSION')"), tmp_path)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_sleep(60)",
        "SELECT set_config('statement_timeout', '0', true), pg_sleep(n / 50000) FROM generate_series(1, 200000) AS n",
    ],
)
def test_a_query_that_never_ends_is_ended(server: SimpleNamespace, tmp_path: Path, sql: str) -> None:
    with pytest.raises(DataContractError, match=r"the query took longer than `time_limit_seconds`, which is 0.5"):
        export_postgres(server.address_of("reader"), None, Wanted(query=sql, seconds=0.5), tmp_path)


def test_the_server_knows_the_time_limit_too(server: SimpleNamespace, tmp_path: Path) -> None:
    query = "SELECT current_setting('statement_timeout') AS id"
    path = export_postgres(server.address_of("reader"), None, Wanted(query=query, seconds=61.5), tmp_path)
    assert rows_of(path) == [("61500ms",)]


def test_more_rows_than_the_limit_of_a_server_are_refused(server: SimpleNamespace, tmp_path: Path) -> None:
    query = "SELECT n AS id FROM generate_series(1, 60000) AS n"
    with pytest.raises(DataContractError, match="gives 60,000 rows and `row_limit` is 10"):
        export_postgres(server.address_of("reader"), None, Wanted(query=query, row_limit=10), tmp_path)


def test_no_message_tells_the_password(server: SimpleNamespace, tmp_path: Path) -> None:
    spill = f"SELECT '{SECRET}'::int"
    for address, wanted in [
        (server.address_of("reader"), Wanted(query=spill)),
        (server.address_of("nobody"), READ_SOME_TABLE),
        (f"postgresql://reader@127.0.0.1:1/{SECRET}", READ_SOME_TABLE),
        (server.address_of("reader") + f"&options={SECRET}", READ_SOME_TABLE),
    ]:
        with pytest.raises(DataContractError, match="the database gives no orders") as error:
            export_postgres(address, SECRET, wanted, tmp_path)
        assert SECRET not in str(error.value)
        assert "\n" not in str(error.value)


def test_without_psycopg_the_way_to_get_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r'pip install "clvhelpers\[postgres\]"'):
        export_postgres("postgresql://reader@127.0.0.1/shop", None, READ_SOME_TABLE, tmp_path)
