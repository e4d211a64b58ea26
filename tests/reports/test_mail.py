"""The message with a report: a draft that opens, the same bytes again, and nothing of single customers in it."""

import email
import email.policy
import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from clvhelpers.reporting import ClientConfig, analyse, mail
from clvhelpers.reporting.metrics import Metrics
from tests.reports.made import client, orders


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClientConfig, Metrics]:
    config = client(tmp_path_factory.mktemp("mail"), orders(120, 40))
    return config, analyse(config).metrics


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A report's folder, as far as a message is made from it."""
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7 \r\n\x00\xff")
    (tmp_path / "appendix.xlsx").write_bytes(b"PK\x03\x04 rows of all customers?")
    (tmp_path / "customers.csv").write_text("customer_id\nann@acme.test\n", encoding="utf-8")
    return tmp_path


def written(made: tuple[ClientConfig, Metrics], folder: Path, **changed: Any) -> EmailMessage:
    config, metrics = made
    values = config.as_dict() | {"email": {"to": ["ann@acme.test", "bob@acme.test"]}}
    for block, value in changed.items():
        values[block] = values[block] | value if isinstance(value, dict) else value
    files = [folder / name for name in ("report.pdf", "appendix.xlsx", "customers.csv")]
    mail.write(folder / "report.eml", ClientConfig.model_validate(values), metrics, files)
    return email.message_from_bytes((folder / "report.eml").read_bytes(), policy=email.policy.default)


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    return content


def test_it_opens_as_a_draft_with_the_report(made: tuple[ClientConfig, Metrics], folder: Path) -> None:
    message = written(made, folder, email={"sender": "me@agency.test"})
    assert message["X-Unsent"] == "1"
    assert (message["To"], message["From"]) == ("ann@acme.test, bob@acme.test", "me@agency.test")
    assert message["Subject"] == f"Acme <b>Stores</b>: customer value as of {made[1].as_of}"
    files = {part.get_filename(): part.get_content() for part in message.iter_attachments()}
    assert list(files) == ["report.pdf", "appendix.xlsx"]
    assert files["report.pdf"] == (folder / "report.pdf").read_bytes()


def test_its_text_is_the_summary_in_plain_words(made: tuple[ClientConfig, Metrics], folder: Path) -> None:
    text = text_of(written(made, folder))
    assert "What the base is worth. " in text
    assert "customers of Acme <b>Stores</b>" in text
    assert "Attached: report.pdf, appendix.xlsx." in text
    assert not re.search(r"\*|&#|&lt;", text)


def test_a_value_keeps_its_signs(made: tuple[ClientConfig, Metrics], folder: Path) -> None:
    named = made[0].model_copy(update={"name": "A*B & *C*"}), made[1].model_copy(update={"name": "A*B & *C*"})
    assert "customers of A*B & *C* " in text_of(written(named, folder))


def test_rows_of_customers_stay_in_the_folder(made: tuple[ClientConfig, Metrics], folder: Path) -> None:
    message = written(made, folder, appendix={"customer_rows": True})
    assert [part.get_filename() for part in message.iter_attachments()] == ["report.pdf"]
    assert "Not attached: appendix.xlsx and customers.csv." in text_of(message)
    parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    assert not any(b"rows of all customers?" in part for part in parts)


def test_the_list_of_customers_never_travels(made: tuple[ClientConfig, Metrics], folder: Path) -> None:
    assert "customers.csv" not in [part.get_filename() for part in written(made, folder).iter_attachments()]


def test_a_name_can_not_begin_another_header(made: tuple[ClientConfig, Metrics], folder: Path) -> None:
    evil = made[0].model_copy(update={"name": "Acme\r\nBcc: all@acme.test\n\nHi\u2028X-A: 1"})
    message = written((evil, made[1]), folder)
    assert sorted(message.keys()) == [
        "Content-Type", "Date", "MIME-Version", "Subject", "To", "X-Unsent",
    ]  # fmt: skip
    assert message["Subject"].startswith("Acme Bcc: all@acme.test Hi X-A: 1: customer value")


def test_the_same_report_gives_the_same_bytes(made: tuple[ClientConfig, Metrics], folder: Path) -> None:
    written(made, folder)
    first = (folder / "report.eml").read_bytes()
    written(made, folder)
    assert (folder / "report.eml").read_bytes() == first
    written((made[0], made[1].model_copy(update={"currency": "GBP"})), folder)
    assert (folder / "report.eml").read_bytes() != first


def test_long_lines_and_other_alphabets_come_through(made: tuple[ClientConfig, Metrics], folder: Path) -> None:
    subject = "Überblick für Köln – " + "sehr " * 30
    message = written(made, folder, email={"subject": subject, "to": ["jürgen@köln.test"]}, language="de-DE")
    assert message["Subject"] == subject.strip()
    assert message["To"] == "jürgen@köln.test"
    assert "€" in text_of(message)
    assert max(map(len, (folder / "report.eml").read_bytes().split(b"\r\n"))) < 998


def test_without_an_address_there_is_no_message(made: tuple[ClientConfig, Metrics], folder: Path) -> None:
    mail.write(folder / "report.eml", made[0], made[1], [])
    assert not (folder / "report.eml").exists()


def test_numbers_may_come_from_the_file(made: tuple[ClientConfig, Metrics], folder: Path) -> None:
    written(made, folder)
    first = (folder / "report.eml").read_bytes()
    values = made[1].model_dump(mode="json")
    config = ClientConfig.model_validate(made[0].as_dict() | {"email": {"to": ["ann@acme.test", "bob@acme.test"]}})
    mail.write(folder / "again.eml", config, values, [folder / "report.pdf", folder / "appendix.xlsx"])
    assert (folder / "again.eml").read_bytes() == first
