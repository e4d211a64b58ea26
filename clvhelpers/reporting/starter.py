"""Write a client file to start from: columns guessed from the data, and a question where guessing would be wrong."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from clvhelpers.errors import ConfigError, DataContractError, OutputError
from clvhelpers.reporting.config import ClientConfig, Columns, Economics, Transactions
from clvhelpers.reporting.reference import SCHEMA, block_of
from clvhelpers.sources import Guess, SourceOptions, guess_columns, open_transactions, peek

NEEDED = ("customer", "date")
# What stands in place of `postgres`, `table`, `days` and `pre_period_days`: comments also when the block is used.
INSTEAD = ("duckdb", "query", "before", "duration", "left", "price", "window", "horizon", "value_per_success")
SIGNS = {"€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}


@dataclass(frozen=True)
class Look:
    """What can be told about a file of orders without asking anybody."""

    header: list[str]
    encoding: str
    guesses: dict[str, Guess]
    currency: str | None
    questions: tuple[str, ...]
    span: str | None

    @property
    def unused(self) -> list[str]:
        used = {guess.column for guess in self.guesses.values()}
        return [name for name in self.header if name and name not in used]

    def told(self) -> list[str]:
        """The guesses and their reasons, and what could not be guessed."""
        lines = [f"Guessed {ours}: {guess.column} ({guess.reason})" for ours, guess in self.guesses.items()]
        lines += [f"Not found: {ours}" for ours in NEEDED if ours not in self.guesses]
        lines += [f"Not used: {', '.join(self.unused)}"] if self.unused else []
        lines += [f"Encoding: {self.encoding}"] if self.encoding != "utf-8" else []
        lines += [f"The file holds {self.span}."] if self.span else []
        return lines + [f"QUESTION: {question}" for question in self.questions]


def write_starter(name: str, source: Path, *, force: bool = False) -> tuple[Path, list[str]]:
    """Write `<name>.yml` for a file of orders; give its path and what was guessed, and why.

    An existing file is written over only with `force`. Raises `ConfigError` for the name or an address,
    `DataContractError` for a file that can't be read, `OutputError` where nothing can be written.
    """
    path = Path(name).with_suffix(".yml")
    client = re.sub(r"[^a-z0-9_-]+", "-", path.stem.lower()).strip("-_")[:64]
    if not client:
        raise ConfigError(f"`{name}` has no letter or digit that a folder could be named by; try acme.")
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already; choose another name, or write over it with --force.")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", source.as_posix()):
        raise ConfigError(
            "--from names an address, and only a local file is looked at: fetch one first, and put the address "
            "into the client file afterwards, with `allow_network: true`"
        )
    look = look_at(source)
    try:
        path.write_text(starter_text(client, path, source, look), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}.") from error
    return path, look.told()


def look_at(source: Path) -> Look:
    """Read a file of orders far enough to guess its columns, and once wholly to find what to ask."""
    encoding, (header, rows) = _encoding_and_rows(source)
    guesses = guess_columns(header, rows)
    values = {ours: [row[header.index(guess.column)] for row in rows] for ours, guess in guesses.items()}
    questions, span = _try_to_read(source, encoding, guesses)
    return Look(header, encoding, guesses, _currency(values), questions, span)


def _encoding_and_rows(source: Path) -> tuple[str, tuple[list[str], list[list[str | None]]]]:
    try:
        return "utf-8", peek(source)
    except DataContractError as error:
        stated = re.search(r"`encoding: (\S+)`", str(error))
        if stated is None:
            raise
        return stated[1], peek(source, stated[1])


def _try_to_read(source: Path, encoding: str, guesses: Mapping[str, Guess]) -> tuple[tuple[str, ...], str | None]:
    """What reading the whole file asks about, and how many rows of which days it holds."""
    if not set(NEEDED) <= set(guesses):
        return (), None
    columns = {ours: guess.column for ours, guess in guesses.items()}
    try:
        rows = open_transactions(str(source), SourceOptions(columns, encoding)).relation
    except DataContractError as error:
        return error.problems, None
    count, first, last = rows.aggregate("count(*), min(date)::DATE, max(date)::DATE").fetchall()[0]
    return (), f"{count:,} {'row' if count == 1 else 'rows'} from {first} to {last}"


def _currency(values: Mapping[str, list[str | None]]) -> str | None:
    """The one currency that a column or a sign on the amounts names."""
    named = {value for value in values.get("currency", []) if value}
    if len(named) == 1 and re.fullmatch("[A-Z]{3}", only := named.pop()):
        return only
    amounts = " ".join(filter(None, [*values.get("amount", []), *values.get("unit_price", [])]))
    signs = {code for sign, code in SIGNS.items() if sign in amounts}
    return signs.pop() if len(signs) == 1 else None


def starter_text(client: str, path: Path, source: Path, look: Look) -> str:
    """The text of the client file; every comment is the description of the key in the model of client files."""
    return "\n".join(_lines(client, path, source, look)) + "\n"


def _lines(client: str, path: Path, source: Path, look: Look) -> Iterator[str]:
    yield from _head(path)
    asked = {"client": client, "name": path.stem, "currency": look.currency, "timezone": "UTC"}
    yield from (_line(key, value, _about(ClientConfig, key)) for key, value in asked.items())
    yield from _optional(ClientConfig, [key for key in _plain_keys(ClientConfig) if key not in asked])
    yield "transactions:"
    yield "  " + _line("source", _relative(source, path), _about(Transactions, "source"))
    yield "  " + _line("encoding", look.encoding, _about(Transactions, "encoding"))
    for question in look.questions:
        yield f"  # QUESTION: {' '.join(question.split())}"
    others = [key for key in _plain_keys(Transactions) if key not in ("source", "encoding")]
    yield from _optional(Transactions, others, "  ")
    yield from _column_lines(look)
    yield from _optional_blocks(Transactions, ("database", "access"), "  ")
    yield "economics:"
    if any(ours in look.guesses for ours in ("amount", "unit_price")):
        yield "  " + _line("gross_margin", None, _about(Economics, "gross_margin"))
    yield "  " + _line("discount_rate", 0.1, _about(Economics, "discount_rate"))
    yield "  " + _line("horizon_months", 12, _about(Economics, "horizon_months"))
    yield ""
    yield "# Blocks that you may want: take away `# ` in front of all its lines, and change or delete what is in it."
    blocks = (key for key, field in ClientConfig.model_fields.items() if block_of(field.annotation))
    yield from _optional_blocks(ClientConfig, [key for key in blocks if key not in ("transactions", "economics")])


def _head(path: Path) -> Iterator[str]:
    folder = path.resolve().parent
    if SCHEMA.is_file() and folder.is_relative_to(SCHEMA.parents[1]):
        yield f"# yaml-language-server: $schema={Path(os.path.relpath(SCHEMA, folder)).as_posix()}"
    yield "# A line with QUESTION needs your answer: fill in what is empty, or take away the # in front."
    yield f"# Then run: clv check {path}"


def _plain_keys(section: type[BaseModel]) -> list[str]:
    """The keys of a block that are no blocks themselves."""
    return [key for key, field in section.model_fields.items() if not block_of(field.annotation)]


def _optional(section: type[BaseModel], keys: Iterable[str], indent: str = "") -> Iterator[str]:
    """Lines to take the # from, each with its default or else an example."""
    for key in keys:
        instead = "# " if key in INSTEAD else ""
        yield f"{indent}# {instead}{_line(key, _sample(section.model_fields[key]), _about(section, key))}"


def _optional_blocks(section: type[BaseModel], keys: Iterable[str], indent: str = "") -> Iterator[str]:
    for key in keys:
        block = block_of(section.model_fields[key].annotation)
        assert block is not None
        yield f"{indent}# {key}:  # {(block.__doc__ or '').strip().rstrip('.')}"
        inside = [inner for inner in block.model_fields if inner not in _plain_keys(block)]
        for line in (*_optional(block, _plain_keys(block)), *_optional_blocks(block, inside)):
            yield f"{indent}#   {line.removeprefix('# ')}"


def _sample(field: FieldInfo) -> Any:
    """The default of a key, or an example where it has none."""
    return field.default if not field.is_required() and field.default is not None else (field.examples or [""])[0]


def _column_lines(look: Look) -> Iterator[str]:
    yield "  columns:  # ours: theirs"
    for ours in Columns.model_fields:
        if ours in look.guesses:
            yield "    " + _line(ours, look.guesses[ours].column, look.guesses[ours].reason)
        elif ours in NEEDED:
            yield "    " + _line(ours, None, _about(Columns, ours))
        else:
            yield f"    # {ours}:  # {_about(Columns, ours)}"
    if look.unused:
        yield f"    # not used: {' '.join(', '.join(look.unused).split())}"


def _line(key: str, value: Any, about: str) -> str:
    if value is None:
        return f"{key}:  # QUESTION: {about}"
    return f"{key}: {_written(value)}  # {about}"


def _written(value: Any) -> str:
    """A value in YAML, in quotes unless it is a plain word.

    >>> _written("set_aside"), _written("true"), _written('Total "net"'), _written(0.1)
    ('set_aside', '"true"', '"Total \\\\"net\\\\""', '0.1')
    """
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*|\d{4}-\d{2}-\d{2}", value)
    if plain and value.lower() not in ("true", "false", "null"):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _about(section: type[BaseModel], key: str) -> str:
    return section.model_fields[key].description or ""


def _relative(source: Path, path: Path) -> str:
    """The source as seen from the client file."""
    try:
        return Path(os.path.relpath(source.resolve(), path.resolve().parent)).as_posix()
    except ValueError:  # another drive on Windows
        return source.resolve().as_posix()
