"""`appendix.xlsx`: every table behind a report as numbers, a sheet for each.

Numbers, dates and shares are written as such with a number format, so that they can be calculated with; a
text is always written as text and can become neither a formula nor a link. The same report gives the same
bytes.
"""

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.provenance import facts
from clvhelpers.text import Cell, Format, Range, Table, count, day, money, number, period

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

    from clvhelpers.reporting.customer_list import CustomerList

MOST_ROWS = 1_048_576
HEAD_ROWS = 3  # the caption, the way back and the names of the columns
LONGEST_NAME = 31
NARROWEST, WIDEST = 10, 60
ROWS_MEASURED = 200
COVER, CUSTOMERS = "Cover", "Customers"
DIGITS = 12  # the noise of sums made in no fixed order is beyond them
DATE, MONTH, GENERAL, TEXT = "yyyy-mm-dd", "yyyy-mm", "General", "@"
_LOOSE_ENDS = re.compile(r"(?: (?:a|after|all|and|at|by|each|every|for|from|in|of|on|so|that|the|to|with))+$")
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def write(path: Path, analysis: Analysis, tables: Sequence[Table], customers: "CustomerList | None" = None) -> None:
    """Write the workbook: a cover, a sheet for each of the tables, and the list of customers if there is one.

    Numbers are formatted in the language in whose block this is called.
    """
    from xlsxwriter import Workbook

    sheets = dict(zip(sheet_names(shown.caption for shown in tables), tables, strict=True))
    listed = {name: shown.caption for name, shown in sheets.items()}
    if customers is not None:
        listed[CUSTOMERS] = "All customers, one row each, with their ids: keep this file as safe as your customer data"
    with Workbook(path, _OPTIONS) as book:
        created = analysis.metrics.created_at.replace(tzinfo=None)
        title = f"{analysis.config.name}: appendix to the report as of {day(analysis.log.as_of)}"
        book.set_properties({"title": title[:255], "created": created})
        book.set_size(2400, 1600)
        writer = _Writer(book, analysis.config.brand.primary)
        _write_cover(writer, analysis, title, listed)
        for name, shown in sheets.items():
            writer.sheet(name, shown)
        if customers is not None:
            _write_customers(writer, customers)


def sheet_names(captions: Iterable[str]) -> list[str]:
    """A name for each sheet that Excel takes: unique, of 31 characters at most, and without any of []:*?/\\.

    >>> sheet_names(["Rows with a problem, and more", "Rows with a problem", "a/b: [c]", "History", ""])
    ['Rows with a problem', 'Rows with a problem (2)', 'a b c', 'History (2)', 'Table']
    """
    taken = {COVER.lower(), CUSTOMERS.lower(), "history"}  # Excel keeps the last for itself
    names = []
    for caption in captions:
        short = _short(caption)
        name, number_ = short, 2
        while name.lower() in taken:
            ending = f" ({number_})"
            name, number_ = short[: LONGEST_NAME - len(ending)].rstrip() + ending, number_ + 1
        taken.add(name.lower())
        names.append(name)
    return names


def _short(caption: str) -> str:
    """The first part of a caption, cut between words; its end is no word that needs another."""
    clean = " ".join(re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", re.split("[,;]", caption)[0]).split()).strip("'")
    if len(clean) > LONGEST_NAME:
        cut = clean[: LONGEST_NAME + 1].rpartition(" ")[0] or clean[:LONGEST_NAME]
        clean = _LOOSE_ENDS.sub("", cut)
    return clean or "Table"


def excel_format(show: Format) -> str:
    """The number format of Excel that writes a number as a function of `clvhelpers.text` does.

    Excel puts in the separators of its user's language. Money has the currency's decimals at any size.

    >>> from clvhelpers.text import percent
    >>> excel_format(percent), excel_format(partial(number, decimals=2)), excel_format(partial(money, currency="GBP"))
    ('0.0%', '#,##0.00', '"£"#,##0.00')
    """
    options: dict[str, Any] = {}
    function: Callable[..., str] = show
    while isinstance(function, partial):
        options = function.keywords | options
        function = function.func
    if function is money:
        return _money_format(options.get("currency", "USD"), options.get("decimals"))
    digits = {"percent": 1, "number": 0}.get(getattr(function, "__name__", ""))
    if digits is None:
        return GENERAL
    digits = options.get("decimals", digits)
    ending = "." + "0" * digits if digits else ""
    return f"0{ending}%" if function.__name__ == "percent" else f"#,##0{ending}"


def _money_format(currency: str, decimals: int | None) -> str:
    """The sign of the currency on the side where the language has it."""
    from babel.numbers import get_currency_precision

    digits = get_currency_precision(currency) if decimals is None else decimals
    before, _, after = money(1, currency, 0).partition("1")
    quoted = ('"' + sign.replace('"', "") + '"' if sign else "" for sign in (before, after))
    return ("#,##0" + ("." + "0" * digits if digits else "")).join(quoted)


@dataclass(frozen=True)
class _Column:
    """A column of a sheet: its name, the values with the format of each, and how wide it is."""

    name: str
    values: Iterable[tuple[Any, str]]
    width: float


class _Writer:
    """Writes sheets into one workbook, with the formats that they share."""

    def __init__(self, book: "Workbook", colour: str):
        self.book = book
        self.colour = colour
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def format(self, **properties: Any) -> Any:
        """A format of the workbook, made once."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self.book.add_format({"valign": "top", **properties})
        return self._formats[key]

    def head(self, name: str, caption: str) -> "Worksheet":
        """A new sheet with its caption and the way back to the cover."""
        sheet = self.book.add_worksheet(name)
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.write_string(0, 0, caption, self.format(bold=True, font_size=13, font_color=self.colour))
        sheet.write_url(1, 0, f"internal:'{COVER}'!A1", self.format(font_color=self.colour, underline=1), COVER)
        return sheet

    def sheet(self, name: str, shown: Table, caption: str | None = None) -> None:
        """A sheet with a table: names of columns in the client's colour that stay in sight and can be filtered."""
        sheet = self.head(name, caption or shown.caption)
        columns = list(_columns(shown))
        top = HEAD_ROWS - 1
        header = self.format(bold=True, font_color="#FFFFFF", bg_color=self.colour, text_wrap=True)
        for place, column in enumerate(columns):
            sheet.set_column(place, place, column.width)
        for place, column in enumerate(columns):
            sheet.write_string(top, place, column.name, header)
        sheet.freeze_panes(HEAD_ROWS, 1)
        sheet.repeat_rows(top)
        sheet.autofilter(top, 0, top + len(shown.frame), len(columns) - 1)
        rows = zip(*(column.values for column in columns), strict=True)
        for line, row in enumerate(rows, HEAD_ROWS):
            for place, (value, number_format) in enumerate(row):
                self._write(sheet, line, place, value, number_format)

    def _write(self, sheet: "Worksheet", line: int, place: int, value: Any, number_format: str) -> None:
        if value is None:
            return
        if isinstance(value, str):
            sheet.write_string(line, place, value, self.format(text_wrap=len(value) > WIDEST))
        elif isinstance(value, dt.date):
            sheet.write_datetime(line, place, value, self.format(num_format=number_format, align="left"))
        else:
            sheet.write_number(line, place, value, self.format(num_format=number_format))


def _columns(shown: Table) -> Iterator[_Column]:
    """The columns of a table; a range becomes two, its low end and its high end."""
    frame = shown.frame.reset_index() if shown.frame.index.name else shown.frame
    texts = Table(frame.head(ROWS_MEASURED), shown.caption, shown.formats).texts()
    for name in frame.columns:
        values = frame[name]
        shown_as = excel_format(shown.formats[name]) if name in shown.formats else GENERAL
        longest = max((len(text) for text in texts[name]), default=0) + 2
        if any(isinstance(value, Range) for value in values.head(ROWS_MEASURED)):
            width = _width(str(name), longest / 2 + 4)
            yield _Column(str(name), _typed(map(_low_end, values), shown_as), width)
            yield _Column(f"{name}: to", _typed(map(_high_end, values), shown_as), width)
        else:
            yield _Column(str(name), _typed(values, shown_as), _width(str(name), longest))


def _width(name: str, longest: float) -> float:
    return min(max(NARROWEST, len(name) + 4, longest), WIDEST)


def _low_end(value: Any) -> Any:
    return Cell(value.low, value.format) if isinstance(value, Range) else value


def _high_end(value: Any) -> Any:
    return Cell(value.high, value.format) if isinstance(value, Range) else None


def _typed(values: Iterable[Any], shown_as: str) -> Iterator[tuple[Any, str]]:
    """Each value as Excel knows it, with its number format; what is missing is None."""
    formats: dict[Any, str] = {}
    for value in values:
        if isinstance(value, Cell):
            show = value.plain or value.format
            if show not in formats:
                formats[show] = excel_format(show)
            yield _known(value.value), formats[show]
        elif isinstance(value, pd.Period):
            yield _of_period(value)
        elif isinstance(value, dt.date):
            yield None if pd.isna(value) else _day(value), DATE
        else:
            yield _known(value), shown_as


def _known(value: Any) -> str | float | int | None:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, str):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return str(value)


def _of_period(value: pd.Period) -> tuple[Any, str]:
    if value.freqstr == "M":
        return value.start_time.date(), MONTH
    return (value.start_time.date(), DATE) if value.freqstr == "D" else (period(value), TEXT)


def _day(value: dt.date) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value


def _write_cover(writer: _Writer, analysis: Analysis, title: str, listed: dict[str, str]) -> None:
    """What the workbook is and holds, what to keep in mind, and how it was made."""
    metrics, least = analysis.metrics, analysis.config.privacy.minimum_group
    sheet = writer.book.add_worksheet(COVER)
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, LONGEST_NAME + 2)
    sheet.set_column(1, 1, 100)
    heading = writer.format(bold=True, font_size=13, font_color=writer.colour)
    wrapped, link = writer.format(text_wrap=True), writer.format(font_color=writer.colour, underline=1)
    apart = ", except on the sheet of all customers" if CUSTOMERS in listed else ""
    hidden = f" Numbers of fewer than {number(least)} customers are not shown{apart}." if least > 1 else ""
    about = [
        ("Client", analysis.config.name),
        ("As of", analysis.log.as_of),
        ("Currency", metrics.currency),
        ("Report made", f"{metrics.created_at:%Y-%m-%d %H:%M} UTC"),
        (
            "What this is",
            "The tables of the report, and those behind its figures, as numbers to calculate with. Empty cells are "
            f"numbers that can't be had.{hidden}",
        ),
    ]
    kept = analysis.warnings or ("Nothing in particular.",)
    sheet.write_string(0, 0, title, writer.format(bold=True, font_size=18, font_color=writer.colour))
    line = 2
    parts: list[tuple[str | None, Iterable[tuple[str, Any]]]] = [
        (None, about),
        ("Sheets", listed.items()),
        ("What to keep in mind", ((f"Note {place}", note) for place, note in enumerate(kept, 1))),
        ("How it was made", facts(analysis)),
    ]
    for name, rows in parts:
        if name is not None:
            sheet.write_string(line, 0, name, heading)
            line += 1
        for key, value in rows:
            if name == "Sheets":
                sheet.write_url(line, 0, f"internal:'{key.replace(chr(39), chr(39) * 2)}'!A1", link, key)
            else:
                sheet.write_string(line, 0, key, writer.format(bold=True))
            if isinstance(value, dt.date):
                sheet.write_datetime(line, 1, value, writer.format(num_format=DATE, align="left"))
            else:
                sheet.write_string(line, 1, value, wrapped)
            line += 1
        line += 1


def _write_customers(writer: _Writer, customers: "CustomerList") -> None:
    rows = len(customers.table.frame)
    caption = "Customers" if customers.missing is None else f"Customers. {customers.missing}"
    if rows > MOST_ROWS - HEAD_ROWS:
        sheet = writer.head(CUSTOMERS, caption)
        who = count(rows, "customer")
        sheet.write_string(HEAD_ROWS, 0, f"A sheet has no room for {who}: all are in customers.csv beside this file.")
        return
    writer.sheet(CUSTOMERS, customers.table, caption)
