"""Finding the files of a source, and walking through text and Excel files row by row.

A well-formed UTF-8 text file is read by DuckDB itself. Any other (another encoding, rows that are
too short, blank lines, line breaks inside quotes) is walked through here with the standard
library, which knows the line that each record starts on.
"""

import codecs
import csv
import glob
import gzip
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from clvhelpers.errors import DataContractError
from clvhelpers.sources.findings import Findings, nearest

TEXT = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
SUFFIXES = (*TEXT, ".parquet", ".xlsx")
SEPARATORS = (",", ";", "\t", "|")
SAMPLE = 50
CHUNK = 1 << 20

Record = tuple[int, list[Any]]


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: where it is, its sha256, the sha256 of what it holds unpacked, its lines."""

    path: Path
    sha256: str
    content_sha256: str
    lines: int | None = None


def suffix_of(path: Path) -> str:
    """The ending that decides how a file is read; empty for one that can't be.

    >>> suffix_of(Path("orders.2026.CSV.gz")), suffix_of(Path("orders.pkl"))
    ('.csv.gz', '')
    """
    return next((suffix for suffix in sorted(SUFFIXES, key=len)[::-1] if path.name.lower().endswith(suffix)), "")


def expand(source: str | Path | Sequence[str | Path], findings: Findings) -> list[Path]:
    """Every file that a path, a pattern with * or a list of them stands for, in order."""
    sources = [source] if isinstance(source, str | Path) else list(source)
    paths = [path for one in sources for path in _expand_one(str(one), findings)]
    if not sources:
        findings.problems.append("no source: give a file, a pattern such as orders-*.csv, or a list of files")
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            findings.problems.append(f"{path.name} is given twice, so its money would count twice: name it once")
        seen.add(path.resolve())
    return paths


def _expand_one(source: str, findings: Findings) -> list[Path]:
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", source):
        findings.problems.append(f"{source}: addresses are not read in this version; download the file first")
        return []
    path = Path(source)
    if path.is_file():
        paths = [path]
    elif glob.has_magic(source):
        matches = Path(path.anchor).glob(str(path.relative_to(path.anchor)))
        paths = sorted(match for match in matches if match.is_file())
        if not paths:
            findings.problems.append(f"no file matches {source}")
    else:
        findings.problems.append(_missing(path))
        return []
    for one in paths:
        if not suffix_of(one):
            findings.problems.append(f"{one.name}: expected a file that ends in {', '.join(SUFFIXES)}")
    return [one for one in paths if suffix_of(one)]


def _missing(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a folder: name its files, such as {path / '*.csv'}"
    if not path.parent.is_dir():
        return f"no file {path}: there is no folder {path.parent}"
    return f"no file {path}.{nearest(path.name, [one.name for one in path.parent.iterdir()])}"


def inspect(path: Path, encoding: str) -> SourceFile:
    """Read a file once in pieces: its checksum, its number of lines, and whether the encoding holds."""
    with path.open("rb") as raw:
        checksum = hashlib.file_digest(raw, "sha256").hexdigest()
    if suffix_of(path) not in TEXT:
        return SourceFile(path, checksum, checksum)
    content = hashlib.sha256()
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, last = 0, "\n"
    with _open_bytes(path) as stream:
        while chunk := _read_chunk(stream, path):
            content.update(chunk)
            text = _decode(decoder, chunk, path, lines, encoding)
            lines += text.count("\n")
            last = text[-1:] or last
        _decode(decoder, b"", path, lines, encoding, final=True)
    return SourceFile(path, checksum, content.hexdigest(), lines + (last != "\n"))


def _open_bytes(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def _read_chunk(stream: IO[bytes], path: Path) -> bytes:
    try:
        return stream.read(CHUNK)
    except (gzip.BadGzipFile, EOFError) as error:
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
    from zipfile import BadZipFile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, OSError) as error:
        raise DataContractError(f"{path.name} is not an Excel file that can be read ({error}): save it again") from None
    try:
        if sheet is not None and sheet not in book.sheetnames:
            names = ", ".join(book.sheetnames)
            raise DataContractError(
                f"{path.name} has no sheet {sheet}; it has {names}.{nearest(sheet, book.sheetnames)}"
            )
        page: Any = book[sheet] if sheet is not None else book.worksheets[0]
        page.reset_dimensions()
        for number, row in enumerate(page.iter_rows(values_only=True), start=1):
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
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        batches = pq.ParquetFile(path).iter_batches(batch_size=SAMPLE)
        frame = next(batches, None)
        names = pq.read_schema(path).names
    except pa.ArrowInvalid as error:
        raise DataContractError(f"{path.name} is not a Parquet file that can be read ({error})") from None
    rows = zip(*(frame.column(name).to_pylist() for name in names), strict=True) if frame is not None else []
    return list(names), [[excel_text(value) for value in row] for row in rows]
