"""`report.eml`: a message with the report that opens as a draft in a mail program. Nothing is sent.

The same report gives the same bytes.
"""

import hashlib
import html
import mimetypes
import re
from collections.abc import Mapping, Sequence
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from clvhelpers.reporting.config import ClientConfig
from clvhelpers.reporting.config.client import Email
from clvhelpers.reporting.metrics import Metrics
from clvhelpers.reporting.summary import summary
from clvhelpers.text import Text, day, language

WORKBOOK, CUSTOMERS = "appendix.xlsx", "customers.csv"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_KINDS = {".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def write(
    target: Path, config: ClientConfig, metrics: Metrics | Mapping[str, Any], attachments: Sequence[Path]
) -> None:
    """Write the message of a client file with an `email` block; without one, nothing.

    `metrics` are those of the report, or what `metrics.json` holds. Attachments that hold rows of single
    customers stay out, and the text says where they are.
    """
    if config.email is None:
        return
    numbers = metrics if isinstance(metrics, Metrics) else Metrics.model_validate(metrics)
    attached = [path for path in attachments if _may_travel(path, config)]
    with language(config.language):
        message = _message(config, config.email, numbers, attached)
    for path in attached:
        _attach(message, path)
    _fix_boundary(message)
    target.write_bytes(message.as_bytes())


def _may_travel(path: Path, config: ClientConfig) -> bool:
    return path.name != CUSTOMERS and not (path.name == WORKBOOK and config.appendix.customer_rows)


def _message(config: ClientConfig, email: Email, metrics: Metrics, attached: Sequence[Path]) -> EmailMessage:
    """The message without its attachments."""
    ascii_only = all(address.isascii() for address in [*email.to, email.sender or ""])
    message = EmailMessage(policy=SMTP if ascii_only else SMTPUTF8)
    message["X-Unsent"] = "1"  # mail programs open it as a draft
    message["Date"] = format_datetime(metrics.created_at)
    if email.sender is not None:
        message["From"] = _address(email.sender)
    message["To"] = [_address(address) for address in email.to]
    message["Subject"] = one_line(email.subject or f"{config.name}: customer value as of {day(metrics.as_of)}")
    message.set_content(_body(config, metrics, attached), cte="quoted-printable")
    return message


def _address(written: str) -> Address:
    name, _, domain = written.partition("@")
    return Address(username=name, domain=domain)


def one_line(text: str) -> str:
    """A text as one line of a header, so that it can't begin another.

    >>> one_line("Report\\r\\nBcc: all@acme.test")
    'Report Bcc: all@acme.test'
    """
    return " ".join(_CONTROLS.sub(" ", text).split())


def _body(config: ClientConfig, metrics: Metrics, attached: Sequence[Path]) -> str:
    told = [_words(part) for part in summary(metrics)]
    told.insert(0, f"{one_line(config.name)}: customer value as of {day(metrics.as_of, long=True)}")
    told.append("Attached: " + ", ".join(path.name for path in attached) + "." if attached else "Nothing is attached.")
    if config.appendix.customer_rows:
        told.append(
            f"Not attached: {WORKBOOK} and {CUSTOMERS}. They hold data of single customers and lie in the folder of "
            "the report; pass them on only to those who may have these data, and by a safe way."
        )
    return "\n\n".join(told) + "\n"


def _words(part: Text) -> str:
    """A text without the marks of Markdown; in values they are written as entities, so none of those is lost."""
    return html.unescape(part.markdown.replace("*", ""))


def _attach(message: EmailMessage, path: Path) -> None:
    kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    main, _, sub = kind.partition("/")
    message.add_attachment(path.read_bytes(), maintype=main, subtype=sub, filename=path.name)


def _fix_boundary(message: EmailMessage) -> None:
    """A line between the parts that depends on them alone, and that none of them holds."""
    parts = [part.as_bytes() for part in message.walk() if isinstance(part, MIMEPart) and not part.is_multipart()]
    if message.is_multipart():
        message.set_boundary("=_" + hashlib.sha256(b"".join(parts)).hexdigest()[:40])
