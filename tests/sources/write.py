"""Small files for the tests of reading."""

from pathlib import Path
from typing import Any

from clvhelpers.sources import Source, SourceOptions, open_transactions

COLUMNS = {"customer": "id", "date": "day", "amount": "total"}


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def log_of(folder: Path, *rows: str, **options: Any) -> Source:
    """What is read from a file of `id;day;total` with these rows."""
    path = write(folder / "orders.csv", "\n".join(["id;day;total", *rows]) + "\n")
    return open_transactions(path, SourceOptions(COLUMNS, **options))


def column(source: Source, name: str) -> list[Any]:
    return [value for (value,) in source.relation.order("source_file, source_row").select(name).fetchall()]
