"""Write a client file to start from: columns guessed from the data, and a question where guessing would be wrong."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from clvhelpers.errors import ConfigError, DataContractError, OutputError
from clvhelpers.reporting.config import ClientConfig, Columns, Economics, RuleActions, Transactions
from clvhelpers.sources import Guess, SourceOptions, guess_columns, open_transactions, peek

NEEDED = ("customer", "date")
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

    An existing file is written over only with `force`. Raises `ConfigError` for the name,
    `DataContractError` for a file that can't be read, `OutputError` where nothing can be written.
    """
    path = Path(name).with_suffix(".yml")
    client = re.sub(r"[^a-z0-9_-]+", "-", path.stem.lower()).strip("-_")[:64]
    if not client:
        raise ConfigError(f"`{name}` has no letter or digit that a folder could be named by; try acme.")
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already; choose another name, or write over it with --force.")
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
    """The text of the client file; every comment is the description of the key in `config.py`."""
    return "\n".join(_lines(client, path, source, look)) + "\n"


def _lines(client: str, path: Path, source: Path, look: Look) -> Iterator[str]:
    yield "# A line with QUESTION needs your answer: fill in what is empty, or take away the # in front."
    yield f"# Then run: clv check {path}"
    yield _line("client", client, _about(ClientConfig, "client"))
    yield _line("name", path.stem, _about(ClientConfig, "name"))
    yield _line("currency", look.currency, _about(ClientConfig, "currency"))
    yield _line("timezone", "UTC", _about(ClientConfig, "timezone"))
    yield "# " + _line("as_of", "2026-06-30", _about(ClientConfig, "as_of"))
    yield "transactions:"
    yield "  " + _line("source", _relative(source, path), _about(Transactions, "source"))
    yield "  " + _line("encoding", look.encoding, _about(Transactions, "encoding"))
    for question in look.questions:
        yield f"  # QUESTION: {' '.join(question.split())}"
    others = (key for key in Transactions.model_fields if key not in ("source", "encoding", "columns"))
    yield from (f"  # {key}:  # {_about(Transactions, key)}" for key in others)
    yield from _column_lines(look)
    yield "economics:"
    if any(ours in look.guesses for ours in ("amount", "unit_price")):
        yield "  " + _line("gross_margin", None, _about(Economics, "gross_margin"))
    yield "  " + _line("discount_rate", 0.1, _about(Economics, "discount_rate"))
    yield "  " + _line("horizon_months", 12, _about(Economics, "horizon_months"))
    yield "# " + _line("seed", 0, _about(ClientConfig, "seed"))
    yield "# rules:  # what happens to rows with a problem; these are the defaults"
    for key, field in RuleActions.model_fields.items():
        yield "#   " + _line(key, field.default, _about(RuleActions, key))


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
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*", value)
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
