"""Checking the files of a source, and walking through text and Excel files row by row.

A well-formed UTF-8 text file is read by DuckDB itself. Any other (another encoding, rows that are
too short, blank lines, line breaks inside quotes) is walked through here with the standard
library, which knows the line that each record starts on.
"""

import codecs
import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.sources.bombs import refuse_bomb, refuse_zip_bomb
from clvhelpers.sources.export import checksum
from clvhelpers.sources.findings import Findings, nearest
from clvhelpers.sources.locate import TEXT, expand, suffix_of

SEPARATORS = (",", ";", "\t", "|")
SAMPLE = 50
CHUNK = 1 << 20
LAST_EXCEL_ROW = 1_048_576

Record = tuple[int, list[Any]]


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: where it is, its sha256, the sha256 of what it holds unpacked.

    `lines` are the lines of a text file or the rows of a Parquet file, and None for Excel.
    """

    path: Path
    sha256: str
    content_sha256: str
    lines: int | None = None


def inspect(path: Path, encoding: str) -> SourceFile:
    """Read a file once in pieces: its checksum, its number of lines, and whether the encoding holds."""
    own = checksum(path)
    if suffix_of(path) not in TEXT:
        rows = _parquet_rows(path) if suffix_of(path) == ".parquet" else None
        return SourceFile(path, own, own, rows)
    content = hashlib.sha256()
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, unpacked, last = 0, 0, "\n"
    with _open_bytes(path) as stream:
        while chunk := _read_chunk(stream, path):
            unpacked += len(chunk)
            refuse_bomb(path.name, unpacked, path.stat().st_size)
            content.update(chunk)
            text = _decode(decoder, chunk, path, lines, encoding)
            lines += text.count("\n")
            last = text[-1:] or last
        _decode(decoder, b"", path, lines, encoding, final=True)
    return SourceFile(path, own, content.hexdigest(), lines + (last != "\n"))


def _parquet_rows(path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.read_metadata(path)
    except pa.ArrowException as error:
        raise DataContractError(f"{path.name} is not a Parquet file that can be read ({error})") from None
    groups = range(about.num_row_groups)
    refuse_bomb(path.name, sum(about.row_group(one).total_byte_size for one in groups), path.stat().st_size)
    return int(about.num_rows)


def _open_bytes(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def _read_chunk(stream: IO[bytes], path: Path) -> bytes:
    try:
        return stream.read(CHUNK)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataContractError(f"{path.name} can't be unpacked ({error}): export or copy it again") from None


def _decode(
    decoder: codecs.IncrementalDecoder, chunk: bytes, path: Path, lines: int, encoding: str, final: bool = False
) -> str:
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        line = lines + bytes(error.object[: error.start]).count(b"\n") + 1
        other = "cp1252" if codecs.lookup(encoding).name.startswith("utf-8") else "utf-8"
        if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            other = "utf-16"
        raise DataContractError(
            f"{path.name} line {line} is not {encoding} text; state the right encoding, such as `encoding: {other}`"
        ) from None


def text_records(path: Path, encoding: str, separator: str) -> Iterator[Record]:
    """Records of a text file with the line that each starts on; blank lines are no records."""
    codec = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    with _open_bytes(path) as raw, io.TextIOWrapper(raw, encoding=codec, newline="") as stream:
        reader = csv.reader(stream, delimiter=separator, strict=True)
        line = 1
        try:
            for record in reader:
                if record:
                    yield line, record
                line = reader.line_num + 1
        except csv.Error as error:
            raise DataContractError(
                f"{path.name} line {line}: {error}; a quote opens there and is not closed as it should be"
            ) from None


def guess_separator(path: Path, encoding: str, wanted: Sequence[str] = ()) -> str:
    """The separator under which the wanted columns are found, or else that which gives most columns."""

    def merit(separator: str) -> tuple[int, bool, int]:
        records = _first_records(path, encoding, separator)
        header = [name.strip() for name in records[0]] if records else []
        return len(set(wanted) & set(header)), len({len(record) for record in records}) == 1, len(header)

    return max(SEPARATORS, key=merit)


def _first_records(path: Path, encoding: str, separator: str) -> list[list[Any]]:
    records: list[list[Any]] = []
    try:
        for _, record in text_records(path, encoding, separator):
            records.append(record)
            if len(records) > SAMPLE:
                break
    except DataContractError:
        return records[:1]
    return records


def excel_records(path: Path, sheet: str | None) -> Iterator[Record]:
    """Rows of a sheet with Excel's own row numbers; empty rows are no records."""
    from xml.etree.ElementTree import ParseError
    from zipfile import BadZipFile

    from openpyxl.utils.exceptions import InvalidFileException

    try:
        yield from _excel_rows(path, sheet)
    except (BadZipFile, InvalidFileException, ParseError, KeyError, OSError, ValueError, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise DataContractError(
            f"{path.name} is not an Excel file that can be read ({reason}): save it again"
        ) from None


def _excel_rows(path: Path, sheet: str | None) -> Iterator[Record]:
    import openpyxl

    if not openpyxl.DEFUSEDXML:  # without it the few lines of a "billion laughs" fill the memory
        raise ConfigError("Excel files are read only with defusedxml: pip install defusedxml")
    refuse_zip_bomb(path)
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        if sheet is not None and sheet not in book.sheetnames:
            names = ", ".join(book.sheetnames)
            raise DataContractError(
                f"{path.name} has no sheet {sheet}; it has {names}.{nearest(sheet, book.sheetnames)}"
            )
        page: Any = book[sheet] if sheet is not None else book.worksheets[0]
        page.reset_dimensions()
        for number, row in enumerate(page.iter_rows(values_only=True), start=1):
            if number > LAST_EXCEL_ROW:
                raise DataContractError(f"{path.name} has more rows than Excel knows: save it again")
            if any(value is not None for value in row):
                yield number, list(row)
    finally:
        book.close()


def excel_text(value: Any) -> str | None:
    """A cell as text: a number that is whole keeps no ".0", a date is written year first.

    >>> excel_text(12345.0), excel_text(12.5), excel_text("00042"), excel_text(datetime(2026, 1, 2))
    ('12345', '12.5', '00042', '2026-01-02 00:00:00')
    """
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    return str(value)


def peek(
    path: str | Path, encoding: str = "utf-8", separator: str | None = None, sheet: str | None = None
) -> tuple[list[str], list[list[str | None]]]:
    """The column names of a file and its first rows as text, for guessing which column is which.

    Raises `DataContractError` where the file can't be read.
    """
    findings = Findings()
    paths = expand(path, findings)
    findings.stop_if_any()
    if suffix_of(paths[0]) == ".parquet":
        return _peek_parquet(paths[0])
    if suffix_of(paths[0]) == ".xlsx":
        records = [row for (_, row), _ in zip(excel_records(paths[0], sheet), range(SAMPLE), strict=False)]
    else:
        inspect(paths[0], encoding)
        records = _first_records(paths[0], encoding, separator or guess_separator(paths[0], encoding))
    rows = [[excel_text(value) for value in record] for record in records]
    if not rows:
        raise DataContractError(f"{paths[0].name} is empty: expected a row of column names and rows below it")
    return [(name or "").strip() for name in rows[0]], rows[1:]


def _peek_parquet(path: Path) -> tuple[list[str], list[list[str | None]]]:
    import pyarrow.parquet as pq

    _parquet_rows(path)  # refuses what is no Parquet file
    with pq.ParquetFile(path) as file:
        frame = next(file.iter_batches(batch_size=SAMPLE), None)
        names = list(file.schema_arrow.names)
    rows = zip(*(frame.column(name).to_pylist() for name in names), strict=True) if frame is not None else []
    return names, [[excel_text(value) for value in row] for row in rows]
