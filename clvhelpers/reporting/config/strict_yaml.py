"""Read YAML as people mean it: plain values only, and nothing that silently becomes something else.

PyYAML follows YAML 1.1, where `no` is False and `12:30` is 750. Here the scalars are those of
YAML 1.2, a key may be given once, and anchors, aliases and tags, which a settings file does not
need, are refused.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import BaseResolver

from clvhelpers.errors import ConfigError

MAX_BYTES = 1_000_000
MAX_DEPTH = 20

KeyPath = tuple[str | int, ...]
Lines = dict[KeyPath, int]


class _PlainLoader(Composer, SafeConstructor, BaseResolver):
    """Makes values of parsed YAML: the numbers, truth values and nulls of YAML 1.2; all the rest is text.

    It is given the events of the parser, which have been looked through, so that a file is parsed once.
    """

    def __init__(self, events: Iterable[yaml.Event]) -> None:
        for part in (Composer, SafeConstructor, BaseResolver):
            part.__init__(self)
        self._events = deque(events)

    def check_event(self, *kinds: type[yaml.Event]) -> bool:
        return isinstance(self._events[0], kinds)

    def peek_event(self) -> yaml.Event:
        return self._events[0]

    def get_event(self) -> yaml.Event:
        return self._events.popleft()


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first)


def read_yaml(path: Path) -> tuple[dict[str, Any], Lines]:
    """The mapping in a YAML file, and the line on which each key stands.

    Raises `ConfigError` with every duplicate key, anchor, alias and tag in the file, or with the
    place where it stops being YAML.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "client.yml")
    ...     _ = path.write_text("country: no\\neconomics:\\n  gross_margin: 0.4\\n")
    ...     values, lines = read_yaml(path)
    >>> values
    {'country': 'no', 'economics': {'gross_margin': 0.4}}
    >>> lines["economics", "gross_margin"]
    3
    """
    text = _read_text(path)
    try:
        events: list[yaml.Event] = []
        problems = list(_unwanted(text, events))
        if problems:
            raise ConfigError([f"{path.name}, {problem}" for problem in problems])
        loader = _PlainLoader(events)
        node = loader.get_single_node()
        return _mapping(path, loader, node)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.name}{_syntax_problem(error)}") from error


def _read_text(path: Path) -> str:
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; give the path of a client file, such as my-client.yml.")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path.name} is larger than {MAX_BYTES:,} bytes; is it a client file?")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"There is no file {path}.{_neighbours(path)}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name} is not UTF-8 text (byte {error.start + 1}); save it as UTF-8.") from error
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}.") from error


def _neighbours(path: Path) -> str:
    folder = path.parent
    names = sorted(found.name for found in folder.glob("*.y*ml")) if folder.is_dir() else []
    return f" In that folder there are: {', '.join(names[:10])}." if names else ""


def _parsed(text: str) -> Iterator[yaml.Event]:
    """What the parser in C finds; where that one stumbles, the one in Python says in better words why."""
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        deque(yaml.parse(text, Loader=yaml.SafeLoader), maxlen=0)
        raise


def _unwanted(text: str, events: list[yaml.Event]) -> Iterator[str]:
    """Fill `events` with what the parser finds, and give each that a client file may not hold."""
    depth = 0
    for event in _parsed(text):
        events.append(event)
        line = f"line {event.start_mark.line + 1}" if event.start_mark else ""
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            yield f"{line}: more than {MAX_DEPTH} levels deep; a client file needs three."
            return
        if isinstance(event, yaml.AliasEvent):
            yield f"{line}: the alias *{event.anchor} is not read here; write the value out."
        elif isinstance(event, yaml.NodeEvent) and event.anchor:
            yield f"{line}: the anchor &{event.anchor} is not read here; leave it out."
        if tag := getattr(event, "tag", None):
            yield f"{line}: the tag {tag} is not read here; write a plain value."


def _mapping(path: Path, loader: _PlainLoader, node: yaml.Node | None) -> tuple[dict[str, Any], Lines]:
    if node is None:
        raise ConfigError(f"{path.name} is empty; `clv new` writes a client file to start from.")
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path.name} should hold lines such as `client: acme`; it holds something else.")
    lines: Lines = {}
    problems = list(_note_lines(node, (), lines))
    if problems:
        raise ConfigError([f"{path.name}, {problem}" for problem in problems])
    return loader.construct_document(node), lines


def _note_lines(node: yaml.Node, path: KeyPath, lines: Lines) -> Iterator[str]:
    """Fill `lines`, and give each key that is not text or stands there twice."""
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            lines[*path, position] = item.start_mark.line + 1
            yield from _note_lines(item, (*path, position), lines)
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            yield f"line {line}: a key must be text; put it in quotes."
            continue
        if (*path, key.value) in lines:
            first = lines[*path, key.value]
            yield f"line {line}: the key `{key.value}` stands there twice (first on line {first}); keep one."
            continue
        lines[*path, key.value] = line
        yield from _note_lines(value, (*path, key.value), lines)


def _syntax_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    hint = ""
    if "escape character" in problem:
        hint = " Put a path with backslashes into single quotes."
    elif "\\t" in problem:
        hint = " Indent with spaces, not with tabs."
    elif "mapping values are not allowed" in problem:
        hint = " Put a text with a colon in it into quotes."
    return f"{place}: this is not YAML: {problem}.{hint}"
