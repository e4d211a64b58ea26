"""The view `staged`: what the wanted columns of every file hold, with the file and row they are from.

Text is staged as text, so that what it means is decided over all files together. What a Parquet
or Excel file holds as a number or a date is staged as such beside it, in `<column>_value`. Text and Excel
files are copied into a table; a Parquet file is read where it is, each time.
"""

import codecs
import glob
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from clvhelpers.errors import DataContractError
from clvhelpers.sources import files
from clvhelpers.sources.files import SourceFile
from clvhelpers.sources.findings import Findings, identifier, literal, nearest
from clvhelpers.sources.options import NUMBERS, SourceOptions

MISSING = ("", "null", "nan", "nat", "none", "n/a", "#n/a", "<na>")
BATCH = 50_000
EXACT = 2**53  # beyond this, a floating-point number no longer holds every whole number
ZONED = "TIMESTAMP WITH TIME ZONE"


class Stage:
    """Makes the view `staged`: the wanted columns as text, and typed beside it where the file had types.

    `row_limit` is the most rows that all files may have together.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, options: SourceOptions, findings: Findings, row_limit: int
    ):
        self.connection, self.options, self.findings = connection, options, findings
        self.rows, self.row_limit = 0, row_limit
        self.parts = ["SELECT * FROM copied"]
        self.parquet_files: list[str] = []
        self.wanted = options.wanted
        self.typed = [name for name in ("date", *NUMBERS) if name in self.wanted]
        values = [f"{name}_value {'TIMESTAMP' if name == 'date' else 'DOUBLE'}" for name in self.typed]
        texts = [f"{identifier(name)} VARCHAR" for name in self.wanted]
        fields = ["source_file VARCHAR", "source_row BIGINT", "unreadable VARCHAR", *texts, *values]
        connection.execute(f"CREATE TEMP TABLE copied ({', '.join(fields)})")

    def load(self, file: SourceFile) -> None:
        try:
            if files.suffix_of(file.path) == ".parquet":
                self._load_parquet(file)
            elif files.suffix_of(file.path) == ".xlsx":
                self._load_records(file.path, files.excel_records(file.path, self.options.sheet))
            else:
                self._load_text(file)
        except DataContractError as error:
            self.findings.problems += error.problems

    def close(self) -> None:
        """Make the view, and let the connection open nothing but the Parquet files behind it from now on."""
        allowed = ", ".join(map(literal, self.parquet_files))
        self.connection.execute(f"SET allowed_paths = [{allowed}]" if allowed else "RESET allowed_paths")
        self.connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        self.connection.execute(f"CREATE TEMP VIEW staged AS {' UNION ALL '.join(self.parts)}")
        if not self.rows:
            raise DataContractError("the source has column names and no rows below them: there is nothing to read")

    def _count(self, rows: int) -> None:
        self.rows += rows
        if self.rows > self.row_limit:
            raise DataContractError(
                f"the source has {self.rows:,} rows or more and `row_limit` is {self.row_limit:,}; nothing is cut off: "
                "raise the limit, or give fewer files"
            )

    def _load_text(self, file: SourceFile) -> None:
        encoding = self.options.encoding
        separator = self.options.separator or files.guess_separator(file.path, encoding, list(self.wanted.values()))
        records = files.text_records(file.path, encoding, separator)
        header = _header(file.path, records)
        positions = self._positions(file.path, header)
        utf8 = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")
        if not utf8 or not self._load_well_formed(file, len(header), positions, separator):
            self._load_records(file.path, files.text_records(file.path, encoding, separator))

    def _load_well_formed(self, file: SourceFile, width: int, positions: dict[str, int], separator: str) -> bool:
        """Let DuckDB read a file whose every line is a record; False, with nothing staged, if some are not."""
        names = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(width))
        picked = ", ".join(_clean(f"c{positions[ours]}") for ours in self.wanted)
        query = (
            f"INSERT INTO copied SELECT {literal(file.path.name)}, row_number() OVER () + 1, NULL, {picked}"
            f"{', NULL' * len(self.typed)} FROM read_csv(?, auto_detect = false, header = true, delim = ?, "
            f"quote = '\"', escape = '\"', columns = {{{names}}})"
        )
        self.connection.execute("BEGIN")
        try:
            rows = self.connection.execute(query, [glob.escape(str(file.path)), separator]).fetchone()
        except duckdb.Error:
            rows = None
        well_formed = rows is not None and file.lines is not None and rows[0] == file.lines - 1
        self.connection.execute("COMMIT" if well_formed else "ROLLBACK")
        self._count(rows[0] if rows and well_formed else 0)
        return well_formed

    def _load_records(self, path: Path, records: Iterator[files.Record]) -> None:
        header = _header(path, records)
        positions = self._positions(path, header)
        rows = (self._row(path.name, line, record, len(header), positions) for line, record in records)
        while batch := list(islice(rows, BATCH)):
            self._count(len(batch))
            self._insert(batch)

    def _row(self, name: str, line: int, record: list[Any], width: int, positions: dict[str, int]) -> list[Any]:
        excel = name.lower().endswith(".xlsx")
        if excel:
            record = record + [None] * (width - len(record))
        if len(record) != width and not excel:
            problem = f"expected {width} columns, found {len(record)}: {'|'.join(record)[:200]}"
            return [name, line, problem, *[None] * (len(self.wanted) + len(self.typed))]
        cells = {ours: record[position] for ours, position in positions.items()}
        values = {ours: _value(cells[ours], ours) for ours in self.typed}
        texts = [None if values.get(ours) is not None else _text(cells[ours]) for ours in self.wanted]
        return [name, line, None, *texts, *values.values()]

    def _insert(self, rows: list[list[Any]]) -> None:
        import pyarrow as pa

        kinds = [pa.timestamp("us") if name == "date" else pa.float64() for name in self.typed]
        types = [pa.string(), pa.int64(), pa.string(), *[pa.string()] * len(self.wanted), *kinds]
        columns = [pa.array(cells, kind) for cells, kind in zip(zip(*rows, strict=True), types, strict=True)]
        self.connection.register("batch", pa.table(columns, names=[f"c{number}" for number in range(len(types))]))
        self.connection.execute("INSERT INTO copied SELECT * FROM batch")
        self.connection.unregister("batch")

    def _load_parquet(self, file: SourceFile) -> None:
        self._count(file.lines or 0)
        read = f"read_parquet({literal(glob.escape(str(file.path)))}, file_row_number = true)"
        try:
            described = self.connection.execute(f"DESCRIBE SELECT * EXCLUDE file_row_number FROM {read}").fetchall()
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0]
            raise DataContractError(f"{file.path.name} is not a Parquet file that can be read ({reason})") from None
        types = {name: kind for name, kind, *_ in described}
        self._positions(file.path, list(types))
        texts = [_parquet_text(ours, theirs, types[theirs]) for ours, theirs in self.wanted.items()]
        values = [_parquet_value(ours, self.wanted[ours], types[self.wanted[ours]]) for ours in self.typed]
        fields = ", ".join([literal(file.path.name), "file_row_number + 1", "NULL", *texts, *values])
        self.parts.append(f"SELECT {fields} FROM {read}")
        self.parquet_files.append(str(file.path))

    def _positions(self, path: Path, header: list[str]) -> dict[str, int]:
        problems = []
        for ours, theirs in self.wanted.items():
            if theirs not in header:
                known = ", ".join(name for name in header if name)
                problems.append(
                    f"{path.name} has no column {theirs} for {ours}.{nearest(theirs, header)} It has {known}"
                )
            elif header.count(theirs) > 1:
                problems.append(f"{path.name} has {header.count(theirs)} columns named {theirs}: rename all but one")
        if problems:
            raise DataContractError(problems)
        return {ours: header.index(theirs) for ours, theirs in self.wanted.items()}


def _header(path: Path, records: Iterator[files.Record]) -> list[str]:
    _, names = next(records, (0, None))
    if names is None:
        raise DataContractError(f"{path.name} is empty: expected a row of column names and rows below it")
    return [(files.excel_text(name) or "").strip() for name in names]


def _clean(column: str) -> str:
    """SQL: a text without the spaces around it, NULL where it stands for nothing."""
    missing = ", ".join(literal(word) for word in MISSING)
    return f"CASE WHEN lower(trim({column})) IN ({missing}) THEN NULL ELSE trim({column}) END"


def _text(value: Any) -> str | None:
    text = files.excel_text(value)
    return None if text is None or text.strip().lower() in MISSING else text.strip()


def _value(cell: Any, ours: str) -> Any:
    """The cell itself where Excel gave a date or a number and one is wanted."""
    if ours == "date":
        return cell if isinstance(cell, datetime) else None
    return float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else None


def _is_number(kind: str) -> bool:
    return kind.startswith("DECIMAL") or kind in {
        *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
    }


def _parquet_value(ours: str, theirs: str, kind: str) -> str:
    """SQL: a column as a date or number where it has that type; stamps with a zone go as text in UTC."""
    column = identifier(theirs)
    if ours == "date":
        naive = kind == "DATE" or (kind.startswith("TIMESTAMP") and kind != ZONED)
        return f"{column}::TIMESTAMP" if naive else "NULL"
    return f"{column}::DOUBLE" if _is_number(kind) else "NULL"


def _parquet_text(ours: str, theirs: str, kind: str) -> str:
    """SQL: a column as text, NULL where `_parquet_value` takes it."""
    column = identifier(theirs)
    if ours in ("date", *NUMBERS) and _parquet_value(ours, theirs, kind) != "NULL":
        return "NULL"
    if kind == ZONED:
        return f"strftime(timezone('UTC', {column}), '%Y-%m-%d %H:%M:%SZ')"
    if kind in ("FLOAT", "DOUBLE"):
        whole = f"{column} = floor({column}) AND abs({column}) < {EXACT}"
        number = f"CASE WHEN {whole} THEN {column}::BIGINT::VARCHAR ELSE {column}::VARCHAR END"
        return f"CASE WHEN NOT isnan({column}) THEN {number} END"
    return f"{column}::VARCHAR" if _is_number(kind) else _clean(f"{column}::VARCHAR")
