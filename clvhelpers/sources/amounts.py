"""Which numbers the texts of amounts stand for: never guessed where two readings are possible.

A currency sign or code, spaces and signs around the digits are understood; "(12.50)" and "12.50-"
are negative. Spaces and apostrophes may stand between thousands. Whether a point or a comma is
the decimal mark is decided by all rows together: "1,234" alone could be either, so it is asked
about; beside "12.50" it can't be.
"""

from dataclasses import dataclass

import duckdb

from clvhelpers.sources.findings import Findings, examples, literal

_BLANK = r"\s\x{A0}\x{202F}"
_AROUND = rf"(?:[{_BLANK}\p{{Sc}}+\-−]|[A-Z]{{1,2}}\p{{Sc}}|[A-Z]{{3}}|kr\.?|Fr\.?)*"
_TWO_SIGNS = r"^[^0-9]*[-+−(][^0-9]*[-+−(]|^[^0-9]*[-+−(].*[-+−]$"
_PLAIN = r"^-?[0-9]+(?:\.[0-9]+)?$"

MACROS = f"""
CREATE OR REPLACE TEMP MACRO unbracketed(t) AS
    CASE WHEN starts_with(t, '(') AND ends_with(t, ')') THEN t[2:-2] ELSE t END;
CREATE OR REPLACE TEMP MACRO digits_of(t) AS
    CASE WHEN NOT regexp_matches(t, '{_TWO_SIGNS}')
    THEN regexp_replace(regexp_replace(unbracketed(t), '^{_AROUND}', ''), '{_AROUND}$', '') END;
CREATE OR REPLACE TEMP MACRO is_negative(t) AS
    starts_with(t, '(') OR regexp_matches(t, '^[^0-9]*[\\-−]|[\\-−][^0-9]*$');
"""


@dataclass(frozen=True)
class Convention:
    """How numbers are written: the decimal mark, and the mark between thousands if there is one."""

    decimal: str
    thousands: str | None = None

    def sql(self, text: str) -> str:
        """SQL for the number in a text, NULL where it is not written in this way."""
        group = rf"[{_BLANK}''’{self._escaped(self.thousands)}]"
        point = self._escaped(self.decimal)
        shape = (
            rf"^(?:[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+|[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+(?:{point}[0-9]*)?)"
            r"(?:[eE][+-]?[0-9]+)?$"
        )
        digits = f"digits_of({text})"
        bare = f"replace(regexp_replace({digits}, '{group}', '', 'g'), '{self.decimal}', '.')"
        size = f"CASE WHEN regexp_matches({digits}, '{shape}') THEN try_cast({bare} AS DOUBLE) END"
        number = f"CASE WHEN is_negative({text}) THEN -({size}) ELSE ({size}) END"
        if self.decimal != ".":
            return f"({number})"
        plain = f"regexp_matches({text}, {literal(_PLAIN)})"
        if self.thousands == ".":
            return f"({number})"
        return f"(CASE WHEN {plain} THEN try_cast({text} AS DOUBLE) ELSE {number} END)"

    @staticmethod
    def _escaped(mark: str | None) -> str:
        return {".": r"\.", "'": "''", None: ""}.get(mark, mark or "")

    def __str__(self) -> str:
        return f"decimal {self.decimal!r}" + (f" and thousands {self.thousands!r}" if self.thousands else "")


POINT, POINT_COMMA = Convention("."), Convention(".", ",")
COMMA, COMMA_POINT = Convention(","), Convention(",", ".")


def convention(
    connection: duckdb.DuckDBPyConnection, columns: list[str], decimal: str, thousands: str | None, findings: Findings
) -> Convention:
    """How the staged number columns are written, as stated or as all rows together show."""
    if thousands is not None:
        return Convention(decimal, thousands)
    if not columns or _is_plain(connection, columns):
        return Convention(decimal)
    choices = [COMMA, COMMA_POINT] if decimal == "," else [POINT, POINT_COMMA, COMMA, COMMA_POINT]
    read = {choice: _reads(connection, columns, choice) for choice in choices}
    best = max(choices, key=lambda choice: read[choice][0])
    rivals = [choice for choice in choices if read[choice][0] == read[best][0] and read[choice] != read[best]]
    if rivals:
        findings.problems.append(_ambiguous(connection, columns, best, rivals[0]))
    elif best.decimal != decimal:
        findings.notes.append(f"Amounts were read with {best}: no other reading fits as many rows.")
    return best


def _is_plain(connection: duckdb.DuckDBPyConnection, columns: list[str]) -> bool:
    """True where no text has a comma or exactly three digits after a point, so that nothing is in doubt."""
    doubts = " OR ".join(rf"contains({name}, ',') OR regexp_matches({name}, '[.][0-9]{{3}}$')" for name in columns)
    return connection.execute(f"SELECT 1 FROM staged WHERE {doubts} LIMIT 1").fetchone() is None


def _reads(connection: duckdb.DuckDBPyConnection, columns: list[str], choice: Convention) -> tuple[int, float]:
    """How many texts a convention reads, and what their sizes sum to, which tells two conventions apart."""
    counts = " + ".join(f"count({choice.sql(name)})" for name in columns)
    sums = " + ".join(f"coalesce(sum(abs({choice.sql(name)})), 0)" for name in columns)
    return connection.execute(f"SELECT {counts}, {sums} FROM staged").fetchone() or (0, 0.0)


def _ambiguous(connection: duckdb.DuckDBPyConnection, columns: list[str], best: Convention, rival: Convention) -> str:
    for name in columns:
        differ = f"{best.sql(name)} IS DISTINCT FROM {rival.sql(name)}"
        if shown := examples(connection, name, differ):
            break
    return (
        f"numbers can be read in two ways ({shown}): with {best} or with {rival}; state `decimal` and `thousands`, "
        "the mark between thousands (decimal '.' and thousands ',' for 1.234 a little above one)"
    )
