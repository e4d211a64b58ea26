"""Run a lesson with other parameters; the result is written beside the lessons and never over one."""

import ast
import math
import re
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from clvhelpers.errors import ConfigError

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
SECONDS_PER_CELL = 300
CLIENT = "client"
_WORDS_FOR = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}


def run_lesson(
    number: str,
    parameters: Mapping[str, Any] | None = None,
    output: Path | str | None = None,
    client: Path | str | None = None,
) -> Path:
    """Run a lesson and return the path of the executed notebook.

    `parameters` replace those of the lesson's first code cell; a text such as "0.35" is read as the
    type that the lesson wants. `output` is a file name that ends in .ipynb, or a folder; without it
    the result goes to `notebooks/runs/`, in a folder named after the parameters. `client` is a client
    file whose data the lesson reads. Raises ConfigError for an unknown lesson, an unknown parameter or
    one of a wrong type, a client file with an error or a lesson that reads no client's data, a result
    that would replace a lesson, and when the lesson can't be worked out with these parameters.
    """
    import papermill

    lesson = find_lesson(number)
    given = dict(parameters or {}) | ({CLIENT: client} if client else {})
    if given.get(CLIENT):
        given[CLIENT] = _client_path(given[CLIENT])
    values = checked_parameters(lesson, given)
    target = _target(lesson, values, output)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            lesson,
            str(target).replace("{", "{{").replace("}", "}}"),  # papermill puts parameters into braces
            parameters=values,
            cwd=lesson.parent,
            kernel_name="python3",
            execution_timeout=SECONDS_PER_CELL,
            extra_arguments=["--log-level=ERROR"],
            progress_bar=sys.stderr.isatty(),
            request_save_on_cell_execute=False,  # to write the file after each cell takes a third of the time
        )
    except papermill.PapermillExecutionError as error:
        if not values:
            raise
        raise ConfigError(
            f"lesson {lesson.name[:2]} can't be worked out with these parameters ({error.ename}: {error.evalue}); "
            f"{target} shows where it stopped"
        ) from error
    return target


def _client_path(client: Path | str) -> str:
    """The full path of a client file without an error: the lesson runs in another folder."""
    from clvhelpers.reporting.config import load_config

    load_config(client)
    return str(Path(client).resolve())


def find_lesson(number: str) -> Path:
    """The notebook of a lesson, by its number: `find_lesson("02")`."""
    lessons = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    for lesson in lessons:
        if lesson.name.startswith(f"{number:0>2}_"):
            return lesson
    known = ", ".join(lesson.stem for lesson in lessons) or f"none: there is no folder {NOTEBOOKS}"
    raise ConfigError(f"there is no lesson {number!r}; name one of these by its number: {known}")


def checked_parameters(lesson: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as the types that the lesson's parameters cell states; every problem is raised at once."""
    import papermill

    known = papermill.inspect_notebook(lesson)
    problems, values = [], {}
    for name, value in parameters.items():
        if name == CLIENT and name not in known:
            problems.append(f"lesson {lesson.name[:2]} reads no client's data: it is worked out from its parameters")
            continue
        if name not in known:
            near = get_close_matches(name, known, n=2)
            suggestion = f"; did you mean {' or '.join(near)}?" if near else ""
            problems.append(f"lesson {lesson.name[:2]} has no parameter {name!r}{suggestion}")
            continue
        kind = known[name]["inferred_type_name"]
        try:
            values[name] = as_type(value, kind)
        except (KeyError, SyntaxError, TypeError, ValueError):
            problems.append(f"{name} must be {_WORDS_FOR.get(kind, kind)} ({known[name]['help']}); got {value!r}")
    if problems:
        known_list = "\n".join(f"  {about['name']} = {about['default']}: {about['help']}" for about in known.values())
        raise ConfigError([*problems[:-1], f"{problems[-1]}\nThe parameters of this lesson are:\n{known_list}"])
    return values


def as_type(value: object, kind: str) -> Any:
    """A value, or the text of one, as the type of that name; an error of Python if it is none.

    >>> as_type("0.35", "float"), as_type(4, "float"), as_type("yes", "bool"), as_type("[1, 2]", "list")
    (0.35, 4.0, True, [1, 2])
    """
    if kind == "str":
        if not isinstance(value, str):
            raise TypeError
        return value
    if kind == "bool":
        return {"true": True, "yes": True, "false": False, "no": False}[str(value).casefold()]
    if isinstance(value, bool):
        raise TypeError
    if kind == "int":
        return int(value) if isinstance(value, str) else _whole(value)
    if kind == "float":
        return _finite(float(value))  # type: ignore[arg-type]
    literal = ast.literal_eval(value) if isinstance(value, str) else value
    if type(literal).__name__ != kind.partition("[")[0]:
        raise TypeError
    return literal


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError
    return value


def _target(lesson: Path, values: Mapping[str, Any], output: Path | str | None) -> Path:
    if output is None:
        short = {name: Path(value).stem if name == CLIENT else value for name, value in values.items()}
        folder = ",".join(re.sub(r"[^\w.=+-]+", "_", f"{name}={value}") for name, value in short.items())
        return NOTEBOOKS / "runs" / folder[:200] / lesson.name
    target = Path(output) if Path(output).suffix == ".ipynb" else Path(output) / lesson.name
    if target.resolve() in {path.resolve() for path in NOTEBOOKS.glob("**/*.ipynb") if "runs" not in path.parts}:
        raise ConfigError(f"{target} is a notebook of the course; write the result somewhere else")
    return target
