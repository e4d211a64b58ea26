"""Reading a client's orders into one typed DuckDB relation; names are imported when first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clvhelpers.sources.files import SourceFile, peek
    from clvhelpers.sources.guess import Guess, guess_columns
    from clvhelpers.sources.options import SourceOptions
    from clvhelpers.sources.reading import Source, open_transactions, read_transactions

__all__ = [
    "Guess",
    "Source",
    "SourceFile",
    "SourceOptions",
    "guess_columns",
    "open_transactions",
    "peek",
    "read_transactions",
]
_HOME_OF = {
    "Guess": "guess",
    "Source": "reading",
    "SourceFile": "files",
    "SourceOptions": "options",
    "guess_columns": "guess",
    "open_transactions": "reading",
    "peek": "files",
    "read_transactions": "reading",
}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
