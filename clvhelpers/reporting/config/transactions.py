"""The block `transactions:` of a client file: where the orders are, and how they are written."""

import codecs
import difflib
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from clvhelpers.reporting.config.section import FilePath, Section


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        near = difflib.get_close_matches(value, available_timezones(), 3)  # which opens hundreds of files
        raise ValueError(f"there is no such zone{meant(near)}") from None
    return value


def _encoding(value: str) -> str:
    try:
        codecs.lookup(value)
    except LookupError:
        raise ValueError("Python knows no such encoding.") from None
    return value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def meant(names: list[str]) -> str:
    return f"; did you mean {' or '.join(names)}?" if names else "."


ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def _without_password(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("postgresql", "postgres") or (not parts.hostname and "host=" not in parts.query):
        raise ValueError("it is not such an address.")
    if parts.password is not None or "password" in parts.query:
        raise ValueError("a password has no place in a file; put it into an environment variable named by `password`.")
    return value


ColumnName = Annotated[str, Field(min_length=1, max_length=500)]
Zone = Annotated[str, AfterValidator(_zone)]


class Columns(Section):
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


Secret = Annotated[str, Field(pattern=r"^env:[A-Za-z_][A-Za-z0-9_]*$")]


class Database(Section):
    """A table, or what a SELECT gives, of a DuckDB file or a PostgreSQL server; it is only read."""

    duckdb: FilePath | None = Field(
        default=None, description="the path of a DuckDB file, relative to this file", examples=["shop.duckdb"]
    )
    postgres: Annotated[str, AfterValidator(_without_password)] | None = Field(
        default=None,
        description="an address without a password, such as postgresql://reader@db.example.com:5432/shop",
        examples=["postgresql://reader@db.example.com:5432/shop"],
    )
    password: Secret | None = Field(
        default=None,
        description="env:NAME, the environment variable that holds the password of the PostgreSQL user",
        examples=["env:SHOP_PASSWORD"],
    )
    table: ColumnName | None = Field(
        default=None, description="the name of a table or view, such as shop.orders", examples=["shop.orders"]
    )
    query: Annotated[str, Field(min_length=1, max_length=20_000)] | None = Field(
        default=None, description="one SELECT, in place of `table`", examples=["SELECT * FROM shop.orders"]
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> "Database":
        if (self.duckdb is None) == (self.postgres is None):
            raise ValueError("should name either `duckdb` or `postgres`.")
        if (self.table is None) == (self.query is None):
            raise ValueError("should name either `table` or `query`.")
        if self.password is not None and self.postgres is None:
            raise ValueError("has a `password`, which a DuckDB file doesn't need; take it out.")
        return self


class Access(Section):
    """What opens s3:// and https:// addresses: names of environment variables, never the secrets themselves."""

    token: Secret | None = Field(
        default=None, description="env:NAME; sent to https:// addresses as a bearer token", examples=["env:SHOP_TOKEN"]
    )
    access_key: Secret | None = Field(
        default=None, description="env:NAME of the S3 access key; left out, none is used", examples=["env:SHOP_KEY"]
    )
    secret_key: Secret | None = Field(
        default=None, description="env:NAME of the S3 secret key", examples=["env:SHOP_SECRET"]
    )
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] | None = Field(
        default=None, description="the S3 region, such as eu-central-1", examples=["eu-central-1"]
    )
    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")] | None = Field(
        default=None,
        description="the address of an S3 service other than Amazon's",
        examples=["https://s3.example.com"],
    )

    @model_validator(mode="after")
    def _both_keys(self) -> "Access":
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("should name both `access_key` and `secret_key`, or neither.")
        return self


Sources = Annotated[
    list[ColumnName],
    BeforeValidator(_as_list, json_schema_input_type=ColumnName | list[ColumnName]),
    Field(min_length=1),
]


class Written(Section):
    """How the text of a file is written."""

    encoding: Annotated[str, AfterValidator(_encoding)] = Field(
        default="utf-8", description="the encoding of the text, such as utf-8 or cp1252 (Windows)"
    )
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = Field(
        default=None,
        description="the one character between two columns, such as ; or a tab; left out, it is recognised",
        examples=[";"],
    )
    date_format: Annotated[str, Field(pattern="%")] | None = Field(
        default=None,
        description='the format of the dates in strptime codes, such as "%d/%m/%Y"',
        examples=["%d/%m/%Y"],
    )
    decimal: Literal[".", ","] = Field(default=".", description='the decimal mark of the amounts, "." or ","')
    thousands: Literal[".", ",", " ", "'"] | None = Field(
        default=None, description="the character between thousands", examples=[","]
    )
    sheet: ColumnName | None = Field(
        default=None, description="the name of the sheet in an Excel file", examples=["Orders"]
    )
    source_timezone: Zone | None = Field(
        default=None,
        description="the zone of time stamps that carry none, such as UTC; left out, it is `timezone`",
        examples=["UTC"],
    )

    @model_validator(mode="after")
    def _two_marks(self) -> "Written":
        if self.decimal == self.thousands:
            raise ValueError("has the same character for `decimal` and `thousands`.")
        return self


class _Where(Section):
    """Where the transactions are."""

    source: Sources | None = Field(
        default=None,
        description="a file, a folder, a path with *, an s3:// or https:// address, or a list of these; "
        "paths are relative to this file",
    )
    database: Database | None = Field(
        default=None, description="a block with `duckdb` or `postgres`, in place of `source`"
    )
    allow_network: bool = Field(
        default=False, description="true or false: whether `source` may name s3:// and https:// addresses"
    )
    access: Access = Field(default=Access.model_construct(), description="a block with what opens those addresses")
    row_limit: int = Field(
        default=200_000_000, ge=1, description="a whole number: a source with more rows is refused, not cut"
    )
    time_limit_seconds: int = Field(
        default=900, ge=1, le=86_400, description="a whole number of seconds that a database or a download may take"
    )
    columns: Columns = Field(description="a block of lines such as `customer: CustomerID` (ours: theirs)")


class Transactions(Written, _Where):
    """Where the transactions are, and how to read them."""

    @model_validator(mode="after")
    def _one_source(self) -> "Transactions":
        if (self.source is None) == (self.database is None):
            raise ValueError("should name either `source` or `database`.")
        remote = [one for one in self.source or [] if ADDRESS.match(one)]
        if remote and not self.allow_network:
            raise ValueError(f"names {remote[0]}, and addresses are read only with `allow_network: true`.")
        strange = [one for one in remote if not one.startswith(("s3://", "https://"))]
        if strange:
            raise ValueError(f"names {strange[0]}; an address must start with s3:// or https://.")
        if any("@" in urlsplit(one).netloc for one in remote):
            raise ValueError(
                "names an address with a user or password in it; put a token into an environment variable named by "
                "`access.token`."
            )
        return self
