"""Read a client file and say everything that is wrong with it at once.

Each problem comes with its line, what was expected and, for a misspelt key, the key that was probably
meant.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from clvhelpers.errors import ConfigError
from clvhelpers.reporting.config.client import ClientConfig, Economics
from clvhelpers.reporting.config.strict_yaml import KeyPath, Lines, read_yaml
from clvhelpers.reporting.config.transactions import ADDRESS, meant

SECRET = "not shown here"
ASSETS = (("brand", "logo"), ("brand", "font"), ("pages", "before"), ("pages", "after"))


def load_config(client: str | Path | Mapping[str, Any]) -> ClientConfig:
    """Read and check a client file, or check the values of one.

    Paths in the file are relative to it and come back absolute. Raises `ConfigError` with every
    problem at once.
    """
    if isinstance(client, Mapping):
        return _validated(dict(client), {}, "client")
    path = Path(client)
    values, lines = read_yaml(path)
    folder = path.resolve().parent
    config = _validated(values, lines, path.name, _asset_problems(values, lines, folder))
    return _with_absolute_paths(config, folder)


def _asset_problems(values: Mapping[str, Any], lines: Lines, folder: Path) -> Iterator[tuple[int, str]]:
    """What is wrong with the files for the look and the own pages; from the raw values, to be told with the rest."""
    for keys in ASSETS:
        block = values.get(keys[0])
        name = block.get(keys[1]) if isinstance(block, dict) else None
        if not isinstance(name, str) or not name.isprintable() or not name:  # told by the model
            continue
        reason = _asset_problem((folder / name).resolve(), folder, keys[1])
        if reason:
            about = f"`{'.'.join(keys)}` is {_shown(name)}: {reason} It should be {_description(keys)}."
            yield lines.get(keys, 0), about


def _asset_problem(path: Path, folder: Path, kind: str) -> str:
    if not path.is_relative_to(folder):
        return f"that lies outside of {folder}; copy it beside the client file."
    if not path.is_file():
        return "there is no such file."
    from clvhelpers.reporting import own_files  # what it needs is imported only where a client file names one

    readers: dict[str, Callable[[Path], object]] = {"logo": own_files.logo_png, "font": own_files.font_file}
    try:
        readers.get(kind, own_files.page_text)(path)
    except ConfigError as error:
        return str(error)
    return ""


def _with_absolute_paths(config: ClientConfig, folder: Path) -> ClientConfig:
    def absolute(name: str | None) -> str | None:
        return name if name is None or ADDRESS.match(name) else str((folder / name).resolve())

    where, tried = config.transactions, config.experiment
    sources = None if where.source is None else [str(absolute(one)) for one in where.source]
    database = where.database and where.database.model_copy(update={"duckdb": absolute(where.database.duckdb)})
    changes: dict[str, Any] = {
        "transactions": where.model_copy(update={"source": sources, "database": database}),
        "brand": config.brand.model_copy(
            update={"logo": absolute(config.brand.logo), "font": absolute(config.brand.font)}
        ),
        "pages": config.pages.model_copy(
            update={"before": absolute(config.pages.before), "after": absolute(config.pages.after)}
        ),
        "experiment": tried and tried.model_copy(update={"source": [str(absolute(one)) for one in tried.source]}),
    }
    return config.model_copy(update=changes)


def _validated(values: dict[str, Any], lines: Lines, name: str, found: Iterable[tuple[int, str]] = ()) -> ClientConfig:
    """JSON is the way in from YAML, from the notebook and from code, so all are checked alike.

    `found` are problems found elsewhere, each with its line.
    """
    problems = [*found, *_missing_margin(values, lines)]
    try:
        config = ClientConfig.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        problems += _problems(error, lines)
    if problems:
        numbered = [f"{name}{', line ' if line else ''}{line or ''}: {text}" for line, text in sorted(problems)]
        raise ConfigError(numbered)
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
    shown = SECRET if expected.startswith("env:NAME") else _shown(value)
    if kind == "extra_forbidden":
        keys = list(_section(path[:-1]).model_fields)
        near = difflib.get_close_matches(str(path[-1]), keys, 1, 0.5)
        return f"`{key}` is not a key here{meant(near)} The keys here are: {', '.join(keys)}."
    if kind == "missing":
        return f"`{key}` is missing; it should be {expected}."
    if kind == "value_error":
        reason = message.removeprefix("Value error, ")
        if not isinstance(value, str):
            return f"`{key}` {reason}" if key else reason
        return f"`{key}` is {shown}: {reason} It should be {expected}."
    return f"`{key}` is {shown}; it should be {expected}."


def _shown(value: object) -> str:
    """A value as it was written, but never a password in an address."""
    text = re.sub(r"(://[^:/@\s]*):[^/@\s]*@", r"\1:…@", json.dumps(value, ensure_ascii=False))
    return text if len(text) <= 80 else f"{text[:77]}..."


def _section(path: KeyPath) -> type[BaseModel]:
    section: Any = ClientConfig
    for part in path:
        section = _block(section.model_fields[str(part)].annotation)
    return section


def _block(annotation: Any) -> Any:
    """The model in an annotation such as `Database | None`, or the annotation itself."""
    inner = [one for one in get_args(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
    return inner[0] if inner else annotation


def _description(path: KeyPath) -> str:
    """What the nearest documented key of a path should hold; below it stand items of a list or a map."""
    section: Any = ClientConfig
    words = ""
    for part in path:
        field = getattr(section, "model_fields", {}).get(part)
        if field is None:
            break
        words, section = field.description, _block(field.annotation)
    return words
