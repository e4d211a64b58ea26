"""The `clv` command. Heavy modules are imported by the command that needs them, so help comes at once.

Exit codes: 0 done, 2 something for the user to mend, 1 a fault of ours.
"""

import gc
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from clvhelpers import __version__
from clvhelpers.errors import ClvError, ConfigError

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some reads about all installed packages
DEBUG = "--debug"
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=f"With {DEBUG} anywhere in the line, an error shows where in the code it arose.",
    help="Customer lifetime value: reports for a client's own data, and a course.",
)

ClientFile = Annotated[Path, typer.Argument(metavar="CLIENT.yml", help="the client file; `clv new` writes one")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error becomes a message and an exit code, never a traceback."""
    gc.set_threshold(100_000)  # what imports make lives on, and looking through it takes a tenth of the time
    words = sys.argv[1:] if arguments is None else arguments
    debug = DEBUG in words
    try:
        app([word for word in words if word != DEBUG], prog_name="clv")
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(_message(error), *getattr(error, "__notes__", []), sep="\n", file=sys.stderr)
        sys.exit(2 if isinstance(error, ClvError) else 1)


def _message(error: Exception) -> str:
    if isinstance(error, ClvError):
        return str(error)
    return (
        f"{type(error).__name__}: {error}\n"
        f"This is a fault of clvhelpers {__version__}, not of your input. With {DEBUG} it says where it arose."
    )


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"clvhelpers {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version and end")
    ] = False,
) -> None:
    pass


@app.command()
def report(
    clients: Annotated[
        list[Path],
        typer.Argument(metavar="CLIENT.yml …", help="client files, or folders of them; `clv new` writes one"),
    ],
    output: Annotated[
        Path | None, typer.Option(help="the folder for all clients' reports; default: reports/output")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="DAY", help="the last day that counts: a date, or last-month-end")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="make reports anew whose data and settings are unchanged")
    ] = False,
    pdf: Annotated[str, typer.Option(metavar="HOW", help="typst, chromium (as the page looks) or none")] = "typst",
    jobs: Annotated[int | None, typer.Option(min=1, help="reports made at once; default: one for each core")] = None,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="the time for each report")] = 3600,
    memory: Annotated[str | None, typer.Option(metavar="SIZE", help="the memory for each report, such as 4GB")] = None,
    dask: Annotated[str | None, typer.Option(metavar="ADDRESS", help="make them on a Dask cluster")] = None,
) -> None:
    """Make the reports of clients: a folder for each, with the page, the PDF, the tables and the numbers."""
    from clvhelpers.reporting import batch, command

    settings = batch.Settings(
        output or batch.default_output(),
        as_of=as_of,
        pdf=command.pdf_way(pdf),
        force=force,
        timeout=timeout,
        memory=command.bytes_of(memory),
        jobs=jobs,
    )
    sys.exit(command.report(clients, settings, dask))


@app.command()
def check(client_file: ClientFile) -> None:
    """Read a client file and its data, and say what is wrong or would be set aside, without a report."""
    from clvhelpers.reporting.check import check as check_data

    check_data(client_file)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="the client's short name; it becomes the name of the file")],
    source: Annotated[Path, typer.Option("--from", help="the file with the orders: .csv, .csv.gz, .parquet, .xlsx")],
    force: Annotated[bool, typer.Option(help="write over a client file of this name")] = False,
) -> None:
    """Write a commented client file to start from, with the columns guessed from the data."""
    from clvhelpers.reporting.starter import write_starter

    path, told = write_starter(name, source, force=force)
    print("\n".join(told))
    print(f"Written: {path}. Read it, mend it, then run: clv check {path}")


@app.command()
def lesson(
    number: Annotated[str, typer.Argument(help="the lesson's number, such as 02")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="a parameter to change")
    ] = None,
    client: Annotated[
        Path | None,
        typer.Option(metavar="CLIENT.yml", help="run it on the data of a client file; `clv new` writes one"),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="the notebook to write; default: beside the lesson")] = None,
) -> None:
    """Run a lesson, with other parameters or data if you like, into a new notebook beside the lesson."""
    from clvhelpers.lessons import run_lesson

    print(f"The lesson has run: {_shortest(run_lesson(number, _pairs(parameter or []), output, client))}")


def _pairs(texts: list[str]) -> dict[str, str]:
    """Parameters as typed on the command line; the lesson knows what each should be.

    >>> _pairs(["margin=0.35", "period = Q"])
    {'margin': '0.35', 'period': 'Q'}
    """
    wrong = [f"-p {text}: give a parameter as NAME=VALUE, such as -p margin=0.35" for text in texts if "=" not in text]
    if wrong:
        raise ConfigError(wrong)
    pairs = (text.split("=", 1) for text in texts)
    return {name.strip(): value.strip() for name, value in pairs}


def _shortest(path: Path) -> Path:
    """A path as seen from the current folder, where that is shorter."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
