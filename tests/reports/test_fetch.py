"""What a client file names becomes local files; what can't be had is told before anything is read."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.reporting import fetch as fetching
from clvhelpers.reporting.analysis import read_source
from clvhelpers.reporting.config import ClientConfig, load_config
from clvhelpers.reporting.fetch import fetch, needs_fetching, problems_of, secrets_of
from clvhelpers.reporting.fingerprint import content_sha256
from clvhelpers.sources.export import checksum
from tests.sources.server import Answer, LocalHttps, carry_https_to, s3_list, s3_object, web_server

ORDERS = b"id,day,total\n7,2026-01-01,1\n8,2026-01-02,2.5\n"
COLUMNS = {"customer": "id", "date": "day", "amount": "total"}
ADDRESS = "https://shop.test/orders.csv"
TOKEN = "hunter2-in-a-test"


def client(**where: Any) -> ClientConfig:
    transactions = {"columns": COLUMNS, **where}
    economics = {"gross_margin": 0.4}
    return load_config(
        {"client": "acme", "name": "Acme", "currency": "GBP", "transactions": transactions, "economics": economics}
    )


def total(config: ClientConfig, files: list[Path] | None = None) -> tuple[int, float]:
    return read_source(config, files or ()).relation.aggregate("count(*), sum(amount)").fetchall()[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A client's folder with a file of orders."""
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "orders.csv").write_bytes(ORDERS)
    return folder


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHttps]:
    with web_server(lambda request, headers: (200, {}, ORDERS)) as port:
        yield carry_https_to(port, monkeypatch)


def test_plain_files_are_given_as_they_are(folder: Path, tmp_path: Path) -> None:
    config = client(source=str(folder))
    assert not needs_fetching(config)
    assert fetch(config, tmp_path / "nowhere") == [folder / "orders.csv"]
    assert total(config) == total(config, fetch(config, tmp_path)) == (2, 3.5)


def test_what_a_folder_holds_besides_orders_is_told(folder: Path) -> None:
    (folder / "readme.md").write_text("hello")
    (folder / "2025").mkdir()
    (folder / ".hidden.csv").write_text("x")
    config = client(source=str(folder))
    note = "Not read in the folder acme, as they are no files of orders: 2025, readme.md."
    for files in ((), [folder / "orders.csv"]):
        assert note in read_source(config, files).notes


def test_a_database_is_exported_and_an_address_downloaded(folder: Path, tmp_path: Path, web: LocalHttps) -> None:
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute(f"CREATE TABLE orders AS FROM read_csv('{folder / 'orders.csv'}')")
    database = client(database={"duckdb": str(folder / "shop.duckdb"), "table": "orders"})
    address = client(source=ADDRESS, allow_network=True)
    for config, name in ((database, "orders.parquet"), (address, "orders.csv")):
        assert needs_fetching(config)
        (path,) = fetch(config, tmp_path)
        assert path == tmp_path / name
        assert total(config) == total(config, [path]) == (2, 3.5)


def test_what_an_s3_folder_holds_besides_orders_is_told(tmp_path: Path) -> None:
    objects = {
        "/acme/2026/may.csv": ORDERS,
        "/acme/2026/june.csv": ORDERS[:22] + b"9,2026-01-03,4\n",
        "/acme/2026/x": b"",
    }

    def answer(request: str, headers: dict[str, str]) -> Answer:
        return s3_list(request, objects) or s3_object(objects[request.partition(" ")[2]], headers)

    with web_server(answer) as port:
        access = {"endpoint": f"http://127.0.0.1:{port}"}
        config = client(source="s3://acme/2026/", allow_network=True, access=access)
        assert problems_of(config) == []
        paths = fetch(config, tmp_path)
        assert paths == [tmp_path / "june.csv", tmp_path / "may.csv"]
        note = "Not read in the folder 2026, as they are no files of orders: x."
        assert note in read_source(config, paths).notes
        assert note in read_source(config).notes


def test_addresses_and_files_keep_the_order_of_the_client_file(folder: Path, tmp_path: Path, web: LocalHttps) -> None:
    config = client(source=[ADDRESS, str(folder / "orders.csv")], allow_network=True)
    assert fetch(config, tmp_path) == [tmp_path / "orders.csv", folder / "orders.csv"]


def test_an_address_is_opened_only_with_permission(tmp_path: Path, web: LocalHttps) -> None:
    with pytest.raises(ConfigError, match="`allow_network: true`"):
        client(source=ADDRESS)
    config = client(source=ADDRESS, allow_network=True)
    config = config.model_copy(update={"transactions": config.transactions.model_copy(update={"allow_network": False})})
    with pytest.raises(ConfigError, match="`allow_network: true`"):
        fetch(config, tmp_path)
    assert not web.seen


def test_a_password_has_no_place_in_an_address() -> None:
    with pytest.raises(ConfigError, match="with a user or password in it") as error:
        client(source=f"https://me:{TOKEN}@shop.test/orders.csv", allow_network=True)
    assert TOKEN not in str(error.value)


def test_more_rows_than_the_limit_are_refused(folder: Path) -> None:
    with pytest.raises(DataContractError, match="2 rows or more and `row_limit` is 1"):
        read_source(client(source=str(folder), row_limit=1))


def test_a_secret_comes_from_its_variable(tmp_path: Path, web: LocalHttps, monkeypatch: pytest.MonkeyPatch) -> None:
    config = client(source=ADDRESS, allow_network=True, access={"token": "env:ACME_TOKEN"})
    monkeypatch.delenv("ACME_TOKEN", raising=False)
    said = "`transactions.access.token` names the environment variable ACME_TOKEN, which is not set"
    assert problems_of(config) == [f"{said}: set it before the run"]
    for call in (lambda: fetch(config, tmp_path), lambda: secrets_of(config)):
        with pytest.raises(ConfigError, match=said):
            call()
    monkeypatch.setenv("ACME_TOKEN", TOKEN)
    assert (problems_of(config), secrets_of(config)) == ([], [TOKEN])
    fetch(config, tmp_path)
    assert web.seen == [(ADDRESS, f"Bearer {TOKEN}")]
    assert TOKEN not in json.dumps(config.as_dict())


def test_all_that_is_missing_is_told_at_once(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = [
        str(folder / "order.csv"),
        str(folder / "*.xlsx"),
        "https://shop.test/orders",
        "https://shop.test/*.csv",
        "s3://acme/*/may.csv",
    ]
    first, listed, folders, second, third = problems_of(client(source=missing, allow_network=True))
    assert "ends in .csv" in first
    assert "can't be listed" in listed
    assert "after the last /" in folders
    with pytest.raises(DataContractError) as error:
        fetch(client(source=missing, allow_network=True), tmp_path)
    assert len(error.value.problems) == 5
    assert "Did you mean orders.csv?" in second
    assert "no file matches" in third
    monkeypatch.setattr(fetching, "find_spec", lambda name: None)
    server = {"postgres": "postgresql://reader@db.test/shop", "password": "env:NO_SUCH_VARIABLE", "table": "orders"}
    variable, package = problems_of(client(database=server))
    assert "NO_SUCH_VARIABLE" in variable
    assert 'pip install "clvhelpers[postgres]"' in package
    assert problems_of(client(database={"duckdb": str(folder / "shop.duckdb"), "table": "orders"})) == [
        f"no DuckDB file {folder / 'shop.duckdb'}"
    ]


def test_looking_for_problems_imports_nothing_heavy() -> None:
    where = {"source": ["https://a.test/a.csv", "b.csv"], "allow_network": True, "columns": COLUMNS}
    client = {"client": "a", "name": "A", "currency": "GBP", "transactions": where, "economics": {"gross_margin": 1}}
    code = (
        "import sys; from clvhelpers.reporting.fetch import problems_of; from clvhelpers.reporting.config import "
        f"load_config; problems_of(load_config({client!r})); "
        "print({'pandas', 'numpy', 'duckdb', 'pyarrow', 'requests', 'psycopg', 'matplotlib'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def content(path: Path) -> str:
    return content_sha256([path], [checksum(path)])


def test_the_content_of_an_export_does_not_depend_on_the_order_of_its_rows(tmp_path: Path) -> None:
    found = []
    for order, rows in (("ASC", 2000), ("DESC", 2000), ("ASC", 1999)):
        path = tmp_path / f"{order}{rows}" / "shop.duckdb"
        path.parent.mkdir()
        with duckdb.connect(str(path)) as connection:
            connection.execute(
                "CREATE TABLE orders AS SELECT range % 700 AS id, DATE '2026-01-01' AS day, 1.5 AS total "
                f"FROM range({rows}) ORDER BY range {order}"
            )
        config = client(database={"duckdb": str(path), "table": "orders"})
        found.append((fetch(config, path.parent)[0], read_source(config).files[0].sha256))
    (same, first), (other, second), (fewer, third) = found
    assert same.read_bytes() != other.read_bytes()
    assert checksum(same) == checksum(other) == first == second
    assert content(same) == content(other) != content(fewer)
    assert third != first


def test_the_content_of_plain_files_is_what_they_hold_and_are_called(folder: Path) -> None:
    path = folder / "orders.csv"
    one = content(path)
    assert content(path.rename(folder / "new.csv")) != one
    path.write_bytes(ORDERS)
    assert content(path) == one
    path.write_bytes(ORDERS + b"9,2026-01-03,1\n")
    assert content(path) != one
