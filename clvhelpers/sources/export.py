"""What a database gives becomes a local Parquet file: in batches, within limits of rows and time."""

import glob
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clvhelpers.errors import ClvError, DataContractError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 50_000  # rows
EXPORTED = b"clvhelpers.exported"  # a mark in the file: its rows come in no order that means anything
LARGEST_FOOTER = 1 << 24  # bytes


@dataclass(frozen=True)
class Wanted:
    """What to take from a database: a table, perhaps with its schema before a point, or what one SELECT gives.

    More than `row_limit` rows, or more than `seconds`, are refused.
    """

    table: str | None = None
    query: str | None = None
    row_limit: int = 200_000_000
    seconds: float = 900

    @property
    def name(self) -> str:
        """The name of the file that holds it.

        >>> Wanted(table="shop.orders").name, Wanted(table="../odd name").name, Wanted(query="SELECT 1").name
        ('shop.orders.parquet', '___odd_name.parquet', 'query.parquet')
        """
        plain = "".join(sign if sign.isalnum() or sign in "-." else "_" for sign in self.table or "query")
        return ("_" * (len(plain) - len(plain.lstrip("."))) + plain.lstrip("."))[:100] + ".parquet"

    @property
    def table_parts(self) -> list[str]:
        return (self.table or "").split(".")


def write_batches(batches: Iterator["pa.RecordBatch"], schema: "pa.Schema", path: Path, row_limit: int) -> None:
    """Write record batches to a Parquet file; more rows than the limit are counted to the end and refused."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    odd = [field.name for field in schema if pa.types.is_interval(field.type) or pa.types.is_union(field.type)]
    if odd:
        raise DataContractError(f"the columns {', '.join(odd)} have a type that no file holds: query the others")
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise DataContractError(f"the query gives two columns named {', '.join(twice)}: name them apart with AS")
    rows = 0
    with pq.ParquetWriter(path, schema.with_metadata({EXPORTED: b"yes"})) as writer:
        for batch in batches:
            rows += batch.num_rows
            if rows <= row_limit:
                writer.write_batch(batch)
    if rows > row_limit:
        path.unlink()
        raise DataContractError(
            f"the database gives {rows:,} rows and `row_limit` is {row_limit:,}; nothing is cut off: raise the limit, "
            "or ask for fewer rows"
        )


@contextmanager
def time_limit(seconds: float, stop: Callable[[], object], what: str) -> Iterator[Callable[[], None]]:
    """Call `stop` when the time is over, and say so in place of the error that this causes.

    Gives a function that raises once the time is over, for the steps of a loop.
    """
    end = time.monotonic() + seconds
    too_long = f"{what} took longer than `time_limit_seconds`, which is {seconds:g}: allow more, or ask for less"

    def check() -> None:
        if time.monotonic() >= end:
            raise DataContractError(too_long)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield check
    except ClvError:
        raise
    except Exception:
        check()
        raise
    finally:
        timer.cancel()


def checksum(path: Path) -> str:
    """The SHA-256 of a file; of an export, one of its rows that is the same in whatever order they lie."""
    if path.name.endswith(".parquet") and _is_exported(path):
        return _checksum_of_rows(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_exported(path: Path) -> bool:
    """Look for the mark in the last part of a Parquet file, whose length stands before its last four bytes."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(size - 8, 0))
        length = int.from_bytes(stream.read(4), "little")
        stream.seek(max(size - 8 - length, 0))
        return EXPORTED in stream.read(min(length, LARGEST_FOOTER))


def _checksum_of_rows(path: Path) -> str:
    import duckdb
    import pyarrow.parquet as pq

    from clvhelpers.sources.engine import engine_settings

    query = "SELECT count(*), sum(hash(rows)), bit_xor(hash(rows)) FROM read_parquet(?) AS rows"
    with duckdb.connect(config=engine_settings()) as connection:
        rows = connection.execute(query, [glob.escape(str(path))]).fetchone()
    schema = [(field.name, str(field.type)) for field in pq.read_schema(path)]
    return hashlib.sha256(repr((schema, rows)).encode()).hexdigest()
