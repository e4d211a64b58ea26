"""Pseudonyms: how a report can speak of one customer without saying who it is.

A pseudonym is a keyed hash of the customer's id. Each client has a key of its own, kept beside the reports
and never inside one, so that the same customer has the same pseudonym in every report of that client, and
nobody without the key can try out ids until one fits.
"""

import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from clvhelpers.errors import OutputError

if TYPE_CHECKING:
    import pyarrow as pa

KEY_VARIABLE = "CLV_PSEUDONYM_KEY"
KEY_FILE = "pseudonyms.key"
KEY_BYTES = 32
UNREAD_TEXTS = ("unreadable", "date_text", "amount_text")


def client_key(home: Path) -> bytes:
    """The key of a client, 32 bytes; made on first use in `pseudonyms.key` in `home`, the client's folder of reports.

    Only the user who made the file can read it. Two runs at the same time agree on one key. Raises
    `OutputError` where the file holds something else.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> client_key(Path(folder.name)) == client_key(Path(folder.name))
    True
    >>> folder.cleanup()
    """
    path = home / KEY_FILE
    if not path.exists():
        _make(path)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise OutputError(
            f"{path} holds no key of {KEY_BYTES} bytes: expected {2 * KEY_BYTES} digits from 0 to f. Put back a copy "
            "of the file, or delete it to begin again with new pseudonyms."
        )
    return key


def _make(path: Path) -> None:
    """Write a whole file beside the place and link it there: whoever comes second keeps the first one's key."""
    new = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(KEY_BYTES) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(new, path)
    except FileExistsError:
        return
    except OSError:  # a disk without links, such as FAT
        new.rename(path)
    finally:
        new.unlink(missing_ok=True)


def run_key() -> bytes:
    """The key that the runner hands over in the environment, or a new one that ends with this process."""
    written = os.environ.get(KEY_VARIABLE)
    return bytes.fromhex(written) if written else _OWN_KEY


_OWN_KEY = secrets.token_bytes(KEY_BYTES)


def without_ids(rows: "pa.RecordBatch", key: bytes) -> "pa.RecordBatch":
    """Rows of a log with a pseudonym for each customer, and without texts that could not be read.

    Such a text may hold anything, an id too; `source_file` and `source_row` lead to it.
    """
    import pyarrow as pa

    names: dict[object, str | None] = {None: None}
    columns = []
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if name == "customer_id":
            ids = column.to_pylist()
            names |= {who: pseudonym(who, key) for who in set(ids) - names.keys()}
            columns.append(pa.array([names[who] for who in ids], column.type))
        else:
            columns.append(pa.nulls(len(column), column.type) if name in UNREAD_TEXTS else column)
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def pseudonym(customer_id: object, key: bytes) -> str:
    """A name for a customer that only the holder of the key can lead back to the id.

    >>> pseudonym("C-0042", bytes(32))
    'c-8dd1a3c673db4065'
    >>> pseudonym("C-0042", bytes(31) + b"1") == pseudonym("C-0042", bytes(32))
    False
    """
    return "c-" + hashlib.blake2b(str(customer_id).encode("utf-8", "surrogatepass"), key=key, digest_size=8).hexdigest()
