"""Words, numbers and tables for notebooks and reports, where a value can never become markup.

Escaping is decided by type and not by memory: any plain `str` that is put into a `Text` or a
`Table` is escaped, so a product called `<script>` or `[x](javascript:...)` prints as itself.

Numbers, money and dates are written in the way of the `language` in whose block they are written.
"""

import copy
import datetime as dt
import decimal
import html
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from string import Formatter
from typing import TYPE_CHECKING

import pandas as pd

from clvhelpers.errors import ConfigError

if TYPE_CHECKING:
    from babel import Locale
    from babel.numbers import NumberPattern

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "CHF": "CHF ", "AUD": "A$", "CAD": "C$"}
MISSING = "–"
_LEFT = ' style="text-align:left"'  # JupyterLab sets every cell to the right

_SPACE = re.compile(r"[^\S\xa0\u202f]+")  # any but those that keep an amount in one line
LEFT_TO_RIGHT = "\u200e"  # a mark that is not seen
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff]+\s?")
_UNDRAWN = re.compile("[^\u0000-\u06ff\u1e00-\u2bff]")  # such as 年: the font of the figures lacks these signs
_MARKDOWN = re.compile(r"[\\`*_{}\[\]()<>#+!|~$&\"'=:/@^-]|(?<!\d)\.|\.(?!\d)")


DEFAULT_LANGUAGE = "en-US"
_LANGUAGE: ContextVar[str] = ContextVar("language", default=DEFAULT_LANGUAGE)
_ENOUGH_DIGITS = decimal.Context(prec=400)  # any float in full


@contextmanager
def language(tag: str) -> Iterator[None]:
    """Write numbers, money and dates within the block as people of a language do (BCP 47); words stay English.

    The names of months and the signs come from CLDR, through Babel. The default, en-US, writes days as
    2026-06-30 or 30 June 2026, which nobody misreads. Raises `ConfigError` for a language that is not known.

    >>> with language("de-CH"):
    ...     number(-23570), percent(0.125), day(dt.date(2026, 6, 30), long=True)
    ('-23’570', '12.5%', '30. Juni 2026')
    """
    if tag != DEFAULT_LANGUAGE:
        _locale(tag)
    token = _LANGUAGE.set(tag)
    try:
        yield
    finally:
        _LANGUAGE.reset(token)


def written_in_default_language() -> bool:
    """Whether numbers are written as in en-US now."""
    return _LANGUAGE.get() == DEFAULT_LANGUAGE


def money(value: float | None, currency: str = "USD", decimals: int | None = None) -> str:
    """An amount of money as people write it; whole units from 1,000 on unless `decimals` is given.

    >>> money(2500), money(36.5), money(-12.25, "GBP"), money(1e4, "SEK"), money(None)
    ('$2,500', '$36.50', '-£12.25', 'SEK 10,000', '–')
    """
    if value is None or math.isnan(value):
        return MISSING
    tag = _LANGUAGE.get()
    if decimals is None:
        decimals = 0 if abs(value) >= 999.995 else _cents(currency, tag)
    if tag != DEFAULT_LANGUAGE:
        return _with_sign(_by_pattern("currency", value, decimals), currency, tag)
    symbol = SYMBOLS.get(currency, f"{currency} ")
    shown = f"{value:z,.{decimals}f}"
    return f"-{symbol}{shown[1:]}" if shown.startswith("-") else f"{symbol}{shown}"


def percent(value: float | None, decimals: int = 1, *, signed: bool = False) -> str:
    """A fraction as a percentage; `signed` puts a + before what is not below 0.

    >>> percent(0.1234), percent(1, 0), percent(0.5, 0, signed=True), percent(float("nan"))
    ('12.3%', '100%', '+50%', '–')
    """
    if value is None or math.isnan(value):
        return MISSING
    if written_in_default_language():
        return f"{100 * value:z.{decimals}f}%" if not signed else f"{100 * value:+z.{decimals}f}%"
    shown = _by_pattern("percent", 100 * value, decimals)
    return f"+{shown}" if signed and float(f"{100 * value:z.{decimals}f}") >= 0 else shown


def number(value: float | None, decimals: int = 0) -> str:
    """A number with thousands separators.

    >>> number(23570), number(3.14159, 2), number(None)
    ('23,570', '3.14', '–')
    """
    if value is None or math.isnan(value):
        return MISSING
    if written_in_default_language():
        return f"{value:z,.{decimals}f}"
    return _by_pattern("decimal", value, decimals)


def plain(value: float, spec: str = ".4g") -> str:
    """A number by a format of Python and without separators of thousands, as for a model's parameters.

    >>> plain(0.24259531), plain(-70547.3, ".2f")
    ('0.2426', '-70547.30')
    """
    shown = format(value, spec)
    if written_in_default_language():
        return shown
    from babel.numbers import get_decimal_symbol

    return shown.replace(".", get_decimal_symbol(_locale(_LANGUAGE.get())))


def day(value: dt.date, *, long: bool = False) -> str:
    """A day: short for tables, `long` for a sentence or a heading. A time of day is left out.

    >>> day(dt.date(2026, 6, 30)), day(pd.Timestamp("2026-06-30 12:00"), long=True)
    ('2026-06-30', '30 June 2026')
    """
    if written_in_default_language():
        return f"{value.day} {value:%B %Y}" if long else value.isoformat()[:10]
    from babel.dates import format_date

    shown = _among_english(format_date(value, "long" if long else "medium", _locale(_LANGUAGE.get())))
    return value.isoformat()[:10] if _UNDRAWN.search(shown) else shown


def period(value: pd.Period, *, long: bool = False) -> str:
    """A month, quarter, week or day; `long` writes the name of a month in full.

    >>> period(pd.Period("2026-06")), period(pd.Period("2026-06"), long=True), period(pd.Period("2026Q2"))
    ('2026-06', 'June 2026', '2026Q2')
    """
    is_month = value.freqstr == "M"
    if written_in_default_language():
        return value.strftime("%B %Y") if long and is_month else str(value)
    first, last = value.start_time, value.end_time
    if is_month or value.freqstr.startswith("Q"):
        from babel.dates import format_skeleton

        skeleton = "yQQQ" if not is_month else "yMMMM" if long else "yMMM"
        shown = _among_english(format_skeleton(skeleton, first, locale=_locale(_LANGUAGE.get())))
        return str(value) if _UNDRAWN.search(shown) else shown
    return day(first) if value.freqstr == "D" else f"{day(first)} – {day(last)}"


def _among_english(shown: str) -> str:
    """Keeps digits, signs and months of Arabic or Hebrew in their order among English words."""
    return _RIGHT_TO_LEFT.sub(rf"\g<0>{LEFT_TO_RIGHT}", re.sub("[\u061c\u200f]", "", shown))


@cache
def _locale(tag: str) -> "Locale":
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        raise ConfigError(
            f"the language {tag!r} is not known; give a code such as en-US, en-GB, de-DE or fr-FR"
        ) from None


@cache
def _pattern(tag: str, kind: str, decimals: int) -> "NumberPattern":
    """How a language writes a kind of number, for one that is rounded already."""
    locale = _locale(tag)
    patterns = {
        "decimal": locale.decimal_formats[None],
        "percent": locale.percent_formats[None],
        "currency": locale.currency_formats["standard"],
    }
    pattern = copy.copy(patterns[kind])
    pattern.frac_prec = (decimals, decimals)
    pattern.scale = 0
    return pattern


def _by_pattern(kind: str, value: float, decimals: int) -> str:
    """Rounded as the default language rounds, so that a number has the same digits in every language."""
    tag = _LANGUAGE.get()
    with decimal.localcontext(_ENOUGH_DIGITS):
        rounded = decimal.Decimal(f"{value:z.{decimals}f}")
        return _among_english(str(_pattern(tag, kind, decimals).apply(rounded, _locale(tag))))


def _with_sign(shown: str, currency: str, tag: str) -> str:
    """An amount with the sign of its currency; letters never touch a digit (CLDR's currencySpacing)."""
    from babel.numbers import get_currency_symbol

    sign = unicodedata.normalize("NFKC", get_currency_symbol(currency, _locale(tag)))
    sign = currency if _UNDRAWN.search(sign) else sign
    if sign[-1].isalpha():
        shown = re.sub("¤(?=[0-9])", "¤\xa0", shown)
    if sign[0].isalpha():
        shown = re.sub("(?<=[0-9])¤", "\xa0¤", shown)
    return shown.replace("¤", f"{sign}{LEFT_TO_RIGHT}" if _RIGHT_TO_LEFT.search(sign) else sign)


def _cents(currency: str, tag: str) -> int:
    if tag == DEFAULT_LANGUAGE:
        return 2
    from babel.numbers import get_currency_precision

    return get_currency_precision(currency)


def count(value: int, noun: str) -> str:
    """A number of things, in the singular where there is one.

    >>> count(1, "customer"), count(2357, "customer")
    ('1 customer', '2,357 customers')
    """
    return f"{number(value)} {noun}" + ("" if value == 1 else "s")


def escape_markdown(value: object) -> str:
    """A value as text that neither Markdown, HTML nor MathJax reads as markup.

    >>> escape_markdown("[x](javascript:1)")
    '&#91;x&#93;&#40;javascript&#58;1&#41;'
    >>> escape_markdown("12.5%")
    '12.5%'
    """
    one_line = _SPACE.sub(" ", str(value)).strip()
    return _MARKDOWN.sub(lambda match: f"&#{ord(match.group())};", one_line)


NO_MATHS = "mathjax_ignore tex2jax_ignore"
"""HTML classes whose content JupyterLab and nbconvert do not search for mathematics, such as two prices."""


@dataclass(frozen=True)
class Text:
    """Markdown made by `md`: shown as Markdown in a notebook and as plain words elsewhere."""

    markdown: str
    plain: str

    def _repr_markdown_(self) -> str:
        return f'<div class="{NO_MATHS}">\n\n{self.markdown}\n\n</div>'

    def __repr__(self) -> str:
        return self.plain


class _EscapingFormatter(Formatter):
    def format_field(self, value: object, format_spec: str) -> str:
        return escape_markdown(super().format_field(value, format_spec))


def md(template: str, /, **values: object) -> Text:
    """Markdown with values in it: the template is ours and is read as Markdown, a value never is.

    >>> md("**{name}** has {n:,} customers.", name="A*B", n=2357).markdown
    '**A&#42;B** has 2,357 customers.'
    >>> md("**{name}** has {n:,} customers.", name="A*B", n=2357)
    **A*B** has 2,357 customers.
    """
    return Text(_EscapingFormatter().vformat(template, (), values), template.format(**values))


def join(texts: Sequence[Text], between: str = "\n") -> Text:
    """Several texts as one, each on its own line: `between="\\n\\n"` makes paragraphs of them.

    >>> join([md("- {a}", a="x*y"), md("- two")])
    - x*y
    - two
    """
    return Text(between.join(text.markdown for text in texts), between.join(text.plain for text in texts))


Format = Callable[[float], str]


@dataclass(frozen=True)
class Cell:
    """A number with its own format, for a column whose rows differ in kind.

    `plain` is the format that a spreadsheet takes where `format` writes more than a number.
    """

    value: float | None
    format: Format
    plain: Format | None = None

    def __str__(self) -> str:
        return MISSING if self.value is None or math.isnan(self.value) else self.format(self.value)


@dataclass(frozen=True)
class Range:
    """Two numbers with their format.

    >>> print(Range(0.25, 0.5, percent))
    25.0% to 50.0%
    """

    low: float
    high: float
    format: Format

    def __str__(self) -> str:
        return f"{self.format(self.low)} to {self.format(self.high)}"


@dataclass(frozen=True)
class Table:
    """A frame with a caption, shown as an accessible HTML table; `frame` holds the numbers.

    `formats` maps a column to a function such as `money`, and words in it stay as they are; the index is shown
    only if it has a name.
    """

    frame: pd.DataFrame
    caption: str
    formats: Mapping[str, Format] = field(default_factory=dict)

    def texts(self) -> pd.DataFrame:
        """What is shown, a text for each cell."""
        shown = self.frame.reset_index() if self.frame.index.name else self.frame
        return pd.DataFrame(
            {name: [self._cell(name, value) for value in shown[name]] for name in shown.columns}, dtype=object
        )

    def _cell(self, column: str, value: object) -> str:
        if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
            return MISSING
        if column in self.formats and not isinstance(value, str):
            return self.formats[column](value)  # type: ignore[arg-type]
        if isinstance(value, dt.date):
            return day(value)
        return period(value) if isinstance(value, pd.Period) else str(value)

    def _numeric(self, name: str) -> bool:
        if name not in self.frame.columns:
            return False
        return name in self.formats or pd.api.types.is_numeric_dtype(self.frame[name])

    def _repr_html_(self) -> str:
        texts = self.texts()
        classes = {name: ' class="number"' if self._numeric(name) else _LEFT for name in texts.columns}
        head = "".join(f'<th scope="col"{classes[name]}>{html.escape(str(name))}</th>' for name in texts.columns)
        rows = []
        for row in texts.itertuples(index=False):
            cells = [
                f"<td{classes[name]}>{html.escape(text)}</td>" for name, text in zip(texts.columns, row, strict=True)
            ]
            rows.append(f"<tr>{''.join(cells)}</tr>")
        return (
            f'<table class="clv {NO_MATHS}"><caption>{html.escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table>"
        )

    def as_data(self) -> dict[str, object]:
        """What is shown, as values that JSON knows: the caption, and texts by row and column.

        >>> table(pd.DataFrame({"tier": ["Gold"], "share": [0.25]}), "Tiers", share=percent).as_data()["rows"]
        [['Gold', '25.0%']]
        """
        texts = self.texts()
        columns = [{"name": str(name), "number": self._numeric(name)} for name in texts.columns]
        return {"caption": self.caption, "columns": columns, "rows": texts.to_numpy().tolist()}

    def __repr__(self) -> str:
        return f"{self.caption}\n{self.texts().to_string(index=False)}"


def table(frame: pd.DataFrame, caption: str, **formats: Format) -> Table:
    """A table to show: `table(frame, "What each tier is worth", revenue=money)`.

    >>> shown = table(pd.DataFrame({"tier": ["<b>"], "share": [0.25]}), "Tiers", share=percent)
    >>> print(shown._repr_html_().splitlines()[2])
    <tr><td style="text-align:left">&lt;b&gt;</td><td class="number">25.0%</td></tr>
    """
    unknown = set(formats) - set(frame.columns)
    if unknown:
        raise KeyError(f"no column {sorted(unknown)} in the table; it has {list(frame.columns)}")
    return Table(frame, caption, formats)
