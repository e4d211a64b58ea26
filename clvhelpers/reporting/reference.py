"""Write down what a client file may hold: the table in `reports/README.md`, and a JSON Schema for editors.

Both are made from the model that checks client files, so that they can't say anything else than it does.
Run `make reference` after a change to the model.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from clvhelpers.errors import OutputError
from clvhelpers.reporting.config import ClientConfig

REPORTS = Path(__file__).parents[2] / "reports"
README, SCHEMA = REPORTS / "README.md", REPORTS / "client.schema.json"
START, END = "<!-- The keys of a client file, made by `make reference`. -->", "<!-- End of the keys. -->"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
KINDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    date: "day",
    list: "list",
}


@dataclass(frozen=True)
class Key:
    """A key of a client file: its dotted path and what the reader must know about it, in plain words."""

    path: str
    kind: str
    default: str
    meaning: str


def keys(section: type[BaseModel] = ClientConfig, above: str = "") -> Iterator[Key]:
    """Every key of a block in the order of the model, those of the blocks inside it after the block itself.

    >>> next(keys())
    Key(path='client', kind='text', default='needed', meaning='a folder name of a-z, 0-9, - and _, up to 64 \
characters, such as acme-uk')
    """
    for name, field in section.model_fields.items():
        path, kind, block = f"{above}{name}", _kind(field.annotation), block_of(field.annotation)
        meaning = (block.__doc__ or "" if block else field.description or "").strip().rstrip(".")
        yield Key(path, kind, _default(field), re.sub(rf"^(a )?{re.escape(kind)}: ", "", meaning))
        if block:
            yield from keys(block, f"{path}.")


def block_of(annotation: Any) -> type[BaseModel] | None:
    """The model of a block, which may be optional; None for a plain value.

    >>> block_of(ClientConfig.model_fields["email"].annotation).__name__, block_of(str)
    ('Email', None)
    """
    choices = get_args(annotation) or (annotation,)
    return next((one for one in choices if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _kind(annotation: Any) -> str:
    """A type in plain words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        as_written = (one.json_schema_input_type for one in inner[1:] if isinstance(one, BeforeValidator))
        return _kind(next(as_written, inner[0]))
    if origin in (Union, UnionType):
        return " or ".join(_kind(one) for one in inner if one is not NoneType)
    if origin is Literal:
        *others, last = (one if one.isidentifier() else f'"{one}"' for one in inner)
        return f"{', '.join(others)} or {last}"
    if origin is dict or block_of(annotation):
        return "block"
    return KINDS[origin or annotation]


def _default(field: FieldInfo) -> str:
    """What holds where the key is left out; nothing for a block, whose keys have their own."""
    if field.is_required():
        return "needed"
    if field.default is None or _kind(field.annotation) == "block":
        return ""
    return field.default if isinstance(field.default, str) else json.dumps(field.default)


def markdown() -> str:
    """The table of all keys."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key in keys():
        default = f"`{key.default}`" if key.default not in ("", "needed") else key.default
        cells = (f"`{key.path}`", _cell(key.kind), default, _cell(key.meaning))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*")


class _ForEditors(GenerateJsonSchema):
    """Without titles, which repeat the keys, and without the defaults of whole blocks, whose keys have their own."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if isinstance(made.get("default"), dict):
            made.pop("default")
        return made


def client_schema() -> dict[str, Any]:
    """The shape of a client file as a JSON Schema. What hangs on two keys at once only `clv check` sees."""
    made = ClientConfig.model_json_schema(schema_generator=_ForEditors)
    return {"$schema": DRAFT, **made, "title": "Client file of clvhelpers", "description": "What one report is about."}


def schema_text() -> str:
    """The schema as it stands in its file."""
    return json.dumps(client_schema(), indent=2, ensure_ascii=False) + "\n"


def with_table(readme: str) -> str:
    """A text with the table between its two marks made anew; raises `OutputError` where a mark is missing.

    >>> with_table(f"{START}\\nold\\n{END}").splitlines()[2]
    '| key | type | default | meaning |'
    """
    if readme.count(START) != 1 or readme.count(END) != 1:
        raise OutputError(f"{README.name} should have the lines {START!r} and {END!r} once each, around the table.")
    before, _, rest = readme.partition(START)
    return f"{before}{START}\n\n{markdown()}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Write both files anew."""
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    print(f"Written: the table in {README.name}, and {SCHEMA.name}")


if __name__ == "__main__":
    main()
