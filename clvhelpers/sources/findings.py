"""What reading a source turns up: problems that stop it, and notes that the reader should see."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from clvhelpers.errors import DataContractError

if TYPE_CHECKING:
    import duckdb

EXAMPLES = 5


@dataclass
class Findings:
    """Collects while a source is read, so that everything wrong with it is said at once."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def stop_if_any(self) -> None:
        if self.problems:
            raise DataContractError(self.problems)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name, or nothing.

    >>> nearest("Custmer", ["Customer", "Date"])
    ' Did you mean Customer?'
    """
    originals = {one.lower(): one for one in known}
    found = [originals[low] for low in get_close_matches(name.lower(), originals, 3, 0.5)]
    return f" Did you mean {' or '.join(found)}?" if found else ""


def hidden(text: object, secrets: Iterable[str | None]) -> str:
    """What a library said, in one line and without any of the secrets that it may have repeated.

    >>> hidden("login failed:\\n  bad password hunter2", ["hunter2", None])
    'login failed: bad password …'
    """
    line = " ".join(str(text).split())
    for secret in secrets:
        line = line.replace(secret, "…") if secret else line
    return line


def literal(text: str) -> str:
    """A text as an SQL literal, whatever is in it.

    >>> literal("O'Brien")
    "'O''Brien'"
    """
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A column name as an SQL identifier, whatever is in it.

    >>> identifier('a"; drop table x; --')
    '"a""; drop table x; --"'
    """
    return '"' + name.replace('"', '""') + '"'


def examples(connection: "duckdb.DuckDBPyConnection", shown: str, condition: str) -> str:
    """Up to five staged rows that meet a condition, with what they hold, as people would point at them."""
    rows = connection.execute(
        f"SELECT source_file, source_row, {shown} FROM staged WHERE {condition} "
        f"ORDER BY source_file, source_row LIMIT {EXAMPLES}"
    ).fetchall()
    return "; ".join(f"{file} row {row}: {value!r}" for file, row, value in rows)


def places(connection: "duckdb.DuckDBPyConnection", condition: str) -> str:
    """Up to five staged rows that meet a condition, and not what they hold: a report may show it."""
    rows = connection.execute(
        f"SELECT source_file, source_row FROM staged WHERE {condition} ORDER BY 1, 2 LIMIT {EXAMPLES}"
    ).fetchall()
    return "; ".join(f"{file} row {row}" for file, row in rows)
