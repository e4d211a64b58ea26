"""The client file: what one report is about, checked before anything else is read.

`load_config` reports every problem at once, each with its line, what was expected and, for a
misspelt key, the key that was probably meant. Only light modules are imported here, so that the
command line answers at once.
"""

import codecs
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from clvhelpers.errors import ConfigError
from clvhelpers.reporting.strict_yaml import KeyPath, Lines, read_yaml

_WINDOWS_DEVICE = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")


def _folder_name(value: str) -> str:
    if _WINDOWS_DEVICE.fullmatch(value):
        raise ValueError("that is the name of a device on Windows.")
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        near = difflib.get_close_matches(value, available_timezones(), 3)
        raise ValueError(f"there is no such zone{_meant(near)}")
    return value


def _encoding(value: str) -> str:
    try:
        codecs.lookup(value)
    except LookupError:
        raise ValueError("Python knows no such encoding.") from None
    return value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _meant(names: list[str]) -> str:
    return f"; did you mean {' or '.join(names)}?" if names else "."


ColumnName = Annotated[str, Field(min_length=1, max_length=500)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Zone = Annotated[str, AfterValidator(_zone)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Columns(_Section):
    """Our names for the columns, and the client's."""

    customer: ColumnName = Field(description="the name of the column with the customer's id")
    date: ColumnName = Field(description="the name of the column with the date or time of the order")
    order: ColumnName | None = Field(default=None, description="the name of the column with the order's number")
    amount: ColumnName | None = Field(default=None, description="the name of the column with the amount of money")
    quantity: ColumnName | None = Field(default=None, description="the name of the column with the number of units")
    unit_price: ColumnName | None = Field(default=None, description="the name of the column with the price of one unit")
    channel: ColumnName | None = Field(default=None, description="the name of the column with the channel of the order")
    category: ColumnName | None = Field(default=None, description="the name of the column with the product's category")
    currency: ColumnName | None = Field(
        default=None, description="the name of the column with the currency of the amount"
    )
    cost: ColumnName | None = Field(default=None, description="the name of the column with the cost of the goods")

    @model_validator(mode="after")
    def _one_way_to_the_amount(self) -> "Columns":
        if (self.quantity is None) != (self.unit_price is None) and self.amount is None:
            raise ValueError("should name both `quantity` and `unit_price`, or `amount` in place of them.")
        if self.amount is not None and self.unit_price is not None:
            raise ValueError("should name `amount`, or `quantity` and `unit_price`, but not both.")
        return self

    @property
    def has_money(self) -> bool:
        return self.amount is not None or self.unit_price is not None


class Source(_Section):
    """Where the transactions are, and how to read them."""

    source: Annotated[list[ColumnName], BeforeValidator(_as_list), Field(min_length=1)] = Field(
        description="a path, a path with *, or a list of paths, relative to this file"
    )
    columns: Columns = Field(description="a block of lines such as `customer: CustomerID` (ours: theirs)")
    encoding: Annotated[str, AfterValidator(_encoding)] = Field(
        default="utf-8", description="the encoding of the text, such as utf-8 or cp1252 (Windows)"
    )
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = Field(
        default=None,
        description="the one character between two columns, such as ; or a tab; left out, it is recognised",
    )
    date_format: Annotated[str, Field(pattern="%")] | None = Field(
        default=None, description='the format of the dates in strptime codes, such as "%d/%m/%Y"'
    )
    decimal: Literal[".", ","] = Field(default=".", description='"." or ","')
    thousands: Literal[".", ",", " ", "'"] | None = Field(default=None, description="the character between thousands")
    sheet: ColumnName | None = Field(default=None, description="the name of the sheet in an Excel file")
    source_timezone: Zone | None = Field(
        default=None, description="the zone of time stamps that carry none, such as UTC; left out, it is `timezone`"
    )

    @model_validator(mode="after")
    def _two_marks(self) -> "Source":
        if self.decimal == self.thousands:
            raise ValueError("has the same character for `decimal` and `thousands`.")
        return self


class Economics(_Section):
    """What turns revenue into value."""

    gross_margin: float | None = Field(
        default=None, gt=0, le=1, description="a fraction above 0 and up to 1 (0.4 is 40 %)"
    )
    discount_rate: float = Field(
        default=0.10, ge=0, le=1, description="a yearly rate as a fraction (0.1 is 10 % per year)"
    )
    horizon_months: int = Field(default=12, ge=1, le=120, description="a whole number of months from 1 to 120")


SetAside = Literal["set_aside", "refuse"]
SetAsideOrKeep = Literal["set_aside", "keep", "refuse"]


class RuleActions(_Section):
    """What happens to rows with a problem; the fields are those of `clvhelpers.transactions.Rules`."""

    no_customer: SetAside = Field(default="set_aside", description="set_aside or refuse")
    no_date: SetAside = Field(default="set_aside", description="set_aside or refuse")
    no_amount: SetAside = Field(default="set_aside", description="set_aside or refuse")
    zero_amount: SetAsideOrKeep = Field(default="set_aside", description="set_aside, keep or refuse")
    negative_amount: Literal["refund", "set_aside", "refuse"] = Field(
        default="refund", description="refund, set_aside or refuse"
    )
    cancelled_pairs: SetAsideOrKeep = Field(default="set_aside", description="set_aside, keep or refuse")
    exact_duplicates: SetAsideOrKeep = Field(default="keep", description="keep, set_aside or refuse")
    after_as_of: SetAside = Field(default="set_aside", description="set_aside or refuse")
    currencies: dict[Currency, Annotated[float, Field(gt=0)]] = Field(
        default={}, description="what one unit of each other currency is worth in the client's, such as EUR: 1.08"
    )


class ClientConfig(_Section):
    """A client file, checked. `as_dict` gives it as plain values, which is what the notebook gets.

    >>> config = load_config({
    ...     "client": "acme", "name": "Acme Stores", "currency": "GBP",
    ...     "transactions": {"source": "orders.csv", "columns": {"customer": "id", "date": "day"}},
    ... })
    >>> config.economics.discount_rate, config.has_money
    (0.1, False)
    >>> load_config(config.as_dict()) == config
    True
    """

    client: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$"), AfterValidator(_folder_name)] = (
        Field(description="a folder name of a-z, 0-9, - and _, up to 64 characters, such as acme-uk")
    )
    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="the client's name as it is shown")
    currency: Currency = Field(description="a code of three capital letters, such as EUR")
    timezone: Zone = Field(default="UTC", description="the zone whose midnight ends a day, such as Europe/London")
    as_of: date | None = Field(
        default=None, description="the last day that counts, as 2026-06-30; left out, it is the last one in the data"
    )
    transactions: Source = Field(description="a block with `source` and `columns`")
    economics: Economics = Field(default=Economics(), description="a block with `gross_margin` and so on")
    rules: RuleActions = Field(default=RuleActions(), description="a block of rules for rows with a problem")
    seed: int = Field(default=0, ge=0, lt=2**32, description="a whole number from 0")

    @model_validator(mode="after")
    def _own_currency(self) -> "ClientConfig":
        if self.rules.currencies.get(self.currency, 1) != 1:
            raise ValueError(f"`rules.currencies` gives a rate for {self.currency}, the client's own; take it out.")
        return self

    @property
    def has_money(self) -> bool:
        """Whether the data have amounts; without them orders can be forecast, but not money."""
        return self.transactions.columns.has_money

    def as_dict(self) -> dict[str, Any]:
        """The settings as values that JSON knows."""
        return self.model_dump(mode="json")


def load_config(client: str | Path | Mapping[str, Any]) -> ClientConfig:
    """Read and check a client file, or check the values of one.

    Paths of sources are relative to the file and come back absolute. Raises `ConfigError` with
    every problem at once.
    """
    if isinstance(client, Mapping):
        return _validated(dict(client), {}, "client")
    path = Path(client)
    values, lines = read_yaml(path)
    config = _validated(values, lines, path.name)
    folder = path.resolve().parent
    sources = [source if "://" in source else str((folder / source).resolve()) for source in config.transactions.source]
    return config.model_copy(update={"transactions": config.transactions.model_copy(update={"source": sources})})


def _validated(values: dict[str, Any], lines: Lines, name: str) -> ClientConfig:
    """JSON is the way in from YAML, from the notebook and from code, so all are checked alike."""
    problems = list(_missing_margin(values, lines))
    try:
        config = ClientConfig.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        problems += _problems(error, lines)
    if problems:
        raise ConfigError([f"{name}{', line ' if line else ''}{line or ''}: {text}" for line, text in sorted(problems)])
    return config


def _missing_margin(values: dict[str, Any], lines: Lines) -> Iterator[tuple[int, str]]:
    """Money is worth its margin, which no default can know; looked for in the raw values, to be told with the rest."""
    transactions, economics = values.get("transactions"), values.get("economics")
    columns = transactions.get("columns") if isinstance(transactions, dict) else None
    has_money = isinstance(columns, dict) and bool({"amount", "unit_price"} & {key for key in columns if columns[key]})
    if has_money and (not isinstance(economics, dict) or economics.get("gross_margin") is None):
        line = lines.get(("economics", "gross_margin")) or lines.get(("economics",), 0)
        about = Economics.model_fields["gross_margin"].description
        yield line, f"`economics.gross_margin` is missing; it should be {about}; 1 values revenue in place of margin."


def _problems(error: ValidationError, lines: Lines) -> Iterator[tuple[int, str]]:
    for detail in error.errors(include_url=False):
        path = detail["loc"]
        line = next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), 0)
        yield line, _sentence(path, detail["type"], detail["msg"], detail["input"])


def _sentence(path: KeyPath, kind: str, message: str, value: object) -> str:
    key = ".".join(str(part) for part in path if part != "[key]")
    expected = _description(path)
    if kind == "extra_forbidden":
        keys = list(_section(path[:-1]).model_fields)
        near = difflib.get_close_matches(str(path[-1]), keys, 1, 0.5)
        return f"`{key}` is not a key here{_meant(near)} The keys here are: {', '.join(keys)}."
    if kind == "missing":
        return f"`{key}` is missing; it should be {expected}."
    if kind == "value_error":
        reason = message.removeprefix("Value error, ")
        if not isinstance(value, str):
            return f"`{key}` {reason}" if key else reason
        return f"`{key}` is {_shown(value)}: {reason} It should be {expected}."
    return f"`{key}` is {_shown(value)}; it should be {expected}."


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _section(path: KeyPath) -> type[BaseModel]:
    section: Any = ClientConfig
    for part in path:
        section = section.model_fields[str(part)].annotation
    return section


def _description(path: KeyPath) -> str:
    """What the nearest documented key of a path should hold; below it stand items of a list or a map."""
    section: Any = ClientConfig
    words = ""
    for part in path:
        field = getattr(section, "model_fields", {}).get(part)
        if field is None:
            break
        words, section = field.description, field.annotation
    return words
