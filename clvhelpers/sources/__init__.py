"""Reading a client's files: CSV, Parquet and Excel into one typed DuckDB relation."""

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
