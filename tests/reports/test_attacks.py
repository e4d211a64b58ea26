"""Attacks on a whole run: a client file and data that try to be code, and secrets that try to get out.

Each single defence has its test beside what it defends: YAML and ids in `test_config.py`, HTML, Markdown and mathtext
in `test_html.py` and `tests/browser/`, typst in `test_pdf.py`, spreadsheets in `test_excel.py` and
`test_customer_list.py`, logos and colours in `test_brand.py`, ids and small groups in `test_privacy.py` and
`test_small_groups.py`, packed bombs, links, SQL and addresses in `tests/sources/`.
"""

import email
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from clvhelpers.reporting import batch
from clvhelpers.reporting.job import Outcome
from tests.reports.made import orders
from tests.reports.small import CLIENT, write_client, write_template
from tests.sources.server import postgres_server

SECRET = "hunter2-in-a-test"
CODE = 'x"; open("pwned", "w").close(); y = """\n__import__("os").mknod("pwned")\n#{client.__class__} $(touch pwned)'


def one(client: Path, template: Path | None = None, pdf: str = "none") -> Outcome:
    chosen = {} if template is None else {"template": template}
    (outcome,) = batch.render_all([client], client.parent / "out", pdf=pdf, **chosen)
    return outcome


def test_code_in_any_value_of_a_client_file_stays_a_text(tmp_path: Path) -> None:
    values = yaml.safe_load(CLIENT)
    values["name"] = values["brand"] = values["transactions"]["columns"]["order"] = CODE
    values["brand"] = {"footer": CODE}
    values["transactions"]["columns"] |= {"category": CODE}
    client = write_client(tmp_path, json.dumps(values))
    seen = f"assert client['name'] == client['brand']['footer'] == {CODE!r} == columns['category'] == columns['order']"
    template = write_template(tmp_path, "columns = client['transactions']['columns']", seen)
    assert one(client, template).status == "rendered"
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("block", ["", "brand", "economics", "transactions", "columns"])
def test_code_in_the_name_of_a_key_is_no_name_of_anything(tmp_path: Path, block: str) -> None:
    values = yaml.safe_load(CLIENT)
    blocks = {"": values, "brand": values.setdefault("brand", {}), "economics": values["economics"]}
    blocks |= {"transactions": values["transactions"], "columns": values["transactions"]["columns"]}
    blocks[block][CODE] = 1
    outcome = one(write_client(tmp_path, json.dumps(values)), write_template(tmp_path))
    assert outcome.status == "failed_before"
    assert "is not a key here" in outcome.message
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    ("cells", "said"),
    [((), "would hold a password or key"), (("raise KeyError(os.environ['ACME_TOKEN'])",), "KeyError: '…'")],
)
def test_what_would_hold_a_secret_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("ACME_TOKEN", SECRET)
    text = CLIENT.replace("  columns:", "  access: {token: 'env:ACME_TOKEN'}\n  columns:")
    leak = "import os; print(os.environ['ACME_TOKEN'])"
    outcome = one(write_client(tmp_path, text), write_template(tmp_path, leak, *cells))
    assert outcome.status == "failed_in_notebook"
    assert said in outcome.message
    assert SECRET not in str(outcome)
    for path in (path for path in (tmp_path / "out").rglob("*") if path.is_file()):
        assert SECRET.encode() not in path.read_bytes(), path


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """A PostgreSQL server with the orders of a shop, and a role that may only read them."""
    with postgres_server() as address:
        with psycopg.connect(address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'")
            connection.execute("CREATE TABLE orders (customer text, day date, amount numeric)")
            connection.execute("GRANT SELECT ON orders TO reader")
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO orders VALUES (%s, %s, %s)", [tuple(row) for row in orders(150)])
        yield address("reader")


def test_no_byte_of_any_output_is_a_secret(shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_DB_PASSWORD", SECRET)
    values = yaml.safe_load(CLIENT)
    values["transactions"] = {
        "database": {"postgres": shop, "password": "env:ACME_DB_PASSWORD", "query": "SELECT * FROM orders"},
        "columns": {"customer": "customer", "date": "day", "amount": "amount"},
    }
    values |= {"appendix": {"customer_rows": True}, "email": {"to": ["ann@acme.test"]}}
    client = write_client(tmp_path, json.dumps(values), orders=None)
    outcome = one(client, pdf="typst")
    assert outcome.status == "rendered", outcome.message
    key = (tmp_path / "out" / "acme" / "pseudonyms.key").read_text(encoding="utf-8").strip()
    searched = set()
    for path in (path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.suffix != ".key"):
        searched.add(path.name)
        for content in unpacked(path.name, path.read_bytes()):
            assert SECRET.encode() not in content, path
            assert key.encode() not in content, path
    assert {"appendix.xlsx", "customers.csv", "report.eml", "report.html", "report.ipynb", "report.pdf"} <= searched
    assert one(client, pdf="typst").status == "unchanged"


def unpacked(name: str, content: bytes) -> Iterator[bytes]:
    """The bytes of a file, and of everything that is packed in it."""
    yield content
    if name.endswith(".xlsx"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from map(archive.read, archive.namelist())
    elif name.endswith(".pdf"):
        streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL)
        unzipped = [zlib.decompressobj().decompress(stream) for stream in streams if stream[:1] == b"x"]
        assert unzipped
        yield from unzipped
    elif name.endswith(".eml"):
        for part in email.message_from_bytes(content).walk():
            if not part.is_multipart():
                yield from unpacked(part.get_filename() or "", part.get_payload(decode=True))
