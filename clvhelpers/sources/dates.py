"""Which dates the texts of a column stand for: never guessed where two readings are possible.

Texts are recognised as year first (2026-07-31, 2026/7/31, 20260731), as day and month in numbers
(31/07/2026, in either order) or with the month's English name (31 Jul 2026), each with or without
a time of day and an offset such as Z or +02:00. Day and month in numbers are read in one order
only if the other can't read every row. A year outside 1900 to 2199 is not a date.

`Clock` turns what was read into local time: a stamp with an offset is converted to the client's
zone, one without is taken to be in `source_timezone`. Dates without a time of day, and stamps that are
all at midnight, are days and not moments, and no zone moves them.
"""

from dataclasses import dataclass

import duckdb

from clvhelpers.sources.findings import Findings, examples, literal, nearest

TIME = r"(?:[T ]+(\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AaPp][Mm])?))?"
ZONE = r" ?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)"
STAMPED = rf"\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d+)?)?{ZONE}$"
PLAIN_ISO = rf"^\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]\d{{2}}:\d{{2}}:\d{{2}}(?:\.\d+)?(?:{ZONE})?)?$"

TIME_FORMATS = ["%H:%M:%S", "%H:%M", "%H:%M:%S.%n", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I:%M:%S%p"]


@dataclass(frozen=True)
class Reading:
    """One way to read a date: its name in words, the shape it fits, the formats that read it."""

    name: str
    family: str
    shape: str
    formats: tuple[str, ...]


def _numeric(name: str, order: str, year: str) -> Reading:
    digits = 4 if year == "%Y" else 2
    shapes = {"%d": r"\d{1,2}", "%m": r"\d{1,2}", "%Y": r"\d{4}", "%y": r"\d{2}"}
    parts = order.split()
    shape = "[-/.]".join(shapes[part] for part in parts)
    return Reading(name, f"numbers with a {digits}-digit year", shape, tuple(sep.join(parts) for sep in "-/."))


READINGS = (
    Reading(
        "year first",
        "year first",
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{8}",
        ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    ),
    _numeric("day first", "%d %m %Y", "%Y"),
    _numeric("month first", "%m %d %Y", "%Y"),
    _numeric("day first, year of two digits", "%d %m %y", "%y"),
    _numeric("month first, year of two digits", "%m %d %y", "%y"),
    _numeric("year first, of two digits", "%y %m %d", "%y"),
    Reading(
        "month by name",
        "month by name",
        r"\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{4}|[A-Za-z]{3,9} \d{1,2},? \d{4}",
        ("%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%d-%B-%Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y"),
    ),
)


@dataclass(frozen=True)
class Clock:
    """The client's zone, and the zone of time stamps that carry none."""

    timezone: str | None
    source_timezone: str | None

    def check(self, connection: duckdb.DuckDBPyConnection, findings: Findings) -> None:
        known = [name for (name,) in connection.execute("SELECT name FROM pg_timezone_names()").fetchall()]
        for key, zone in (("timezone", self.timezone), ("source_timezone", self.source_timezone)):
            if zone is not None and zone not in known:
                findings.problems.append(f"{key} {zone}: there is no such zone.{nearest(zone, known)}")

    @property
    def shifts(self) -> bool:
        """Whether stamps without an offset have to be moved to the client's zone."""
        return None not in (self.timezone, self.source_timezone) and self.source_timezone != self.timezone

    def local(self, naive: str) -> str:
        """SQL: a stamp without an offset, in the client's zone."""
        if not self.shifts:
            return naive
        return f"timezone({literal(self.timezone or '')}, timezone({literal(self.source_timezone or '')}, {naive}))"

    def from_utc(self, stamp: str) -> str:
        """SQL: a stamp in UTC without a zone, in the client's zone."""
        return f"timezone({literal(self.timezone or 'UTC')}, timezone('UTC', {stamp}))"


def date_expression(
    connection: duckdb.DuckDBPyConnection, date_format: str | None, clock: Clock, findings: Findings
) -> str:
    """SQL that turns what is staged as `date` into a local timestamp, NULL where it can't be read."""
    if not _any(connection, "date IS NOT NULL"):
        text = "NULL::TIMESTAMP"
    elif date_format is not None:
        text = _stated(connection, date_format, findings)
    else:
        text = _recognised(connection, findings)
    stamp = f"coalesce(date_value, CASE WHEN year({text}) BETWEEN 1900 AND 2199 THEN {text} END)"
    aware = f"(date IS NOT NULL AND regexp_matches(date, {literal(STAMPED)}))"
    has_aware = _any(connection, aware)
    naive = f"NOT coalesce({aware}, false) AND {stamp} <> date_trunc('day', {stamp})"
    has_naive = (has_aware or clock.shifts) and _any(connection, naive)
    if has_aware:
        _check_zones(connection, aware, naive if has_naive else None, clock, findings)
    local = clock.local(stamp) if has_naive else stamp
    if not has_aware:
        return local
    return f"CASE WHEN {aware} THEN {clock.from_utc(f'{stamp} - to_minutes({_offset()})')} ELSE {local} END"


def _any(connection: duckdb.DuckDBPyConnection, condition: str) -> bool:
    return connection.execute(f"SELECT 1 FROM staged WHERE {condition} LIMIT 1").fetchone() is not None


def _offset() -> str:
    """SQL: minutes east of UTC of the offset that ends a text."""
    zone = f"regexp_extract(date, {literal(STAMPED)}, 1)"
    digits = f"replace({zone}[2:], ':', '')"
    minutes = f"({digits}[:2]::INT * 60 + coalesce(nullif({digits}[3:4], ''), '0')::INT)"
    return f"CASE WHEN {zone}[1] = '-' THEN -{minutes} WHEN {zone}[1] = '+' THEN {minutes} ELSE 0 END"


def _stated(connection: duckdb.DuckDBPyConnection, date_format: str, findings: Findings) -> str:
    """SQL for a format that the user stated; an offset at its end is read apart."""
    text, pattern = "date", date_format
    for ending in ("%z", "Z"):
        if pattern.endswith(ending) and not pattern.endswith("%Z"):
            pattern = pattern.removesuffix(ending).rstrip()
            text = f"regexp_replace(date, {literal(ZONE + '$')}, '')"
    expression = f"try_strptime({text}, {literal(pattern)})::TIMESTAMP"
    try:
        reads = _any(connection, f"{expression} IS NOT NULL")
    except duckdb.Error as error:
        findings.problems.append(f"date_format {date_format!r} is not one of strptime codes: {error}")
        return "NULL::TIMESTAMP"
    if not reads:
        shown = examples(connection, "date", "date IS NOT NULL")
        findings.problems.append(f"date_format {date_format!r} reads none of the dates, such as {shown}")
    return expression


def _sql(reading: Reading) -> str:
    """SQL for one reading, NULL where a text has another shape."""
    shape = f"^({reading.shape}){TIME}(?:{ZONE})?$"
    formats = "[" + ", ".join(literal(one) for one in reading.formats) + "]"
    times = "[" + ", ".join(literal(one) for one in TIME_FORMATS) + "]"
    day = f"try_strptime(regexp_extract(date, {literal(shape)}, 1), {formats})"
    text = f"regexp_extract(date, {literal(shape)}, 2)"
    clock = f"(try_strptime(upper(replace({text}, ',', '.')), {times}) - TIMESTAMP '1900-01-01')"
    whole = f"CASE WHEN {text} = '' THEN {day} ELSE {day} + {clock} END"
    slow = f"CASE WHEN regexp_matches(date, {literal(shape)}) THEN {whole} END"
    if reading.name != "year first":
        return f"({slow})"
    return (
        f"(CASE WHEN regexp_matches(date, {literal(PLAIN_ISO)}) THEN try_cast(date[:19] AS TIMESTAMP) ELSE {slow} END)"
    )


def _recognised(connection: duckdb.DuckDBPyConnection, findings: Findings) -> str:
    """SQL for the one reading that fits all rows; a problem where there is none or more than one."""
    shapes = {reading.family: f"^({reading.shape}){TIME}(?:{ZONE})?$" for reading in READINGS}
    families = [name for name, shape in shapes.items() if _any(connection, f"regexp_matches(date, {literal(shape)})")]
    readings = [reading for reading in READINGS if reading.family in families]
    if not readings:
        shown = examples(connection, "date", "date IS NOT NULL")
        findings.problems.append(f"no date is recognised, such as {shown}; state date_format, such as '%d/%m/%Y'")
        return "NULL::TIMESTAMP"
    counts = ", ".join(f"count({_sql(reading)})" for reading in readings)
    read = dict(zip(readings, connection.execute(f"SELECT {counts} FROM staged").fetchone() or (), strict=True))
    found = [reading for reading in readings if read[reading]]
    if len({reading.family for reading in found}) > 1:
        findings.problems.append(_mixed(connection, found))
    elif found:
        return _choose(connection, sorted(found, key=lambda one: -read[one]), findings)
    else:
        shown = examples(connection, "date", "date IS NOT NULL")
        findings.problems.append(f"no text in the date column is a date of the calendar, such as {shown}")
    return "NULL::TIMESTAMP"


def _mixed(connection: duckdb.DuckDBPyConnection, found: list[Reading]) -> str:
    kinds = {reading.family: reading for reading in found}.values()
    shown = " and ".join(f"{one.family} ({examples(connection, 'date', f'{_sql(one)} IS NOT NULL')})" for one in kinds)
    return (
        f"the dates are written in more than one way: {shown}; write them in one, or state date_format "
        "and rows that it can't read are set aside"
    )


def _choose(connection: duckdb.DuckDBPyConnection, found: list[Reading], findings: Findings) -> str:
    """The reading with most rows, if no other reads a row differently."""
    best, sql = found[0], _sql(found[0])
    for other in found[1:]:
        only_other = f"({sql} IS NULL AND {_sql(other)} IS NOT NULL)"
        if _any(connection, only_other):
            only_best = examples(connection, "date", f"{_sql(other)} IS NULL AND {sql} IS NOT NULL")
            findings.problems.append(
                f"some dates can only be {best.name} ({only_best}), others only {other.name} "
                f"({examples(connection, 'date', only_other)}); write them in one way, or state date_format"
            )
        elif not _any(connection, f"{_sql(other)} IS NULL AND {sql} IS NOT NULL") and _any(
            connection, f"{_sql(other)} <> {sql}"
        ):
            findings.problems.append(_ambiguous(connection, best, other))
    if best.family.startswith("numbers"):
        findings.notes.append(f"Dates were read as {best.name}: no other order reads as many of them.")
    return sql


def _ambiguous(connection: duckdb.DuckDBPyConnection, one: Reading, other: Reading) -> str:
    query = (
        f"SELECT date, {_sql(one)}::DATE, {_sql(other)}::DATE FROM staged WHERE {_sql(one)} <> {_sql(other)} LIMIT 1"
    )
    text, first, second = connection.execute(query).fetchone() or ("", "", "")
    formats = " or ".join(
        repr(
            next(form for form in reading.formats if form[2] == text[min(i for i, c in enumerate(text) if c in "-/.")])
        )
        for reading in (one, other)
    )
    return (
        f"the dates can be read in two ways: {text!r} is {first} if {one.name} and {second} if {other.name}; "
        f"state which: date_format {formats}, with the time's codes after it where there is one"
    )


def _check_zones(
    connection: duckdb.DuckDBPyConnection, aware: str, naive: str | None, clock: Clock, findings: Findings
) -> None:
    """Offsets need the client's zone; stamps with and without one need the zone of the latter."""
    shown = examples(connection, "date", aware)
    if clock.timezone is None:
        findings.problems.append(f"times carry an offset ({shown}); state timezone, whose midnight ends a day")
    if clock.source_timezone is None and naive is not None:
        others = examples(connection, "coalesce(date, date_value::VARCHAR)", naive)
        findings.problems.append(
            f"some times carry an offset ({shown}) and others none ({others}); "
            "state source_timezone, the zone of those without"
        )
