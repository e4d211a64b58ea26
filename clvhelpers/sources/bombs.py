"""Small files that unpack to something huge are refused before anything of them is stored."""

from pathlib import Path
from zipfile import ZipFile

from clvhelpers.errors import DataContractError

LARGEST_UNPACKED = 100_000_000
LARGEST_RATIO = 200


def refuse_bomb(name: str, unpacked: int, packed: int) -> None:
    """Raise `DataContractError` where more than 100 MB came out of less than a 200th of that.

    Orders as text shrink to a fifth or a twentieth; a hundredfold is a file of one repeated line.

    >>> refuse_bomb("orders.csv.gz", unpacked=2_000_000_000, packed=100_000_000)
    >>> refuse_bomb("orders.csv.gz", unpacked=200_000_000, packed=200_000)
    Traceback (most recent call last):
    ...
    clvhelpers.errors.DataContractError: orders.csv.gz has 200,000 bytes and unpacks to 200,000,000 or more, which \
no file of orders does: give the unpacked file if it is what you want
    """
    if unpacked > LARGEST_UNPACKED and unpacked > LARGEST_RATIO * packed:
        raise DataContractError(
            f"{name} has {packed:,} bytes and unpacks to {unpacked:,} or more, which no file of orders does: give "
            "the unpacked file if it is what you want"
        )


def refuse_zip_bomb(path: Path) -> None:
    """Look at the table of contents of an Excel file; each part, and all of them, must be of a likely size."""
    with ZipFile(path) as book:
        parts = book.infolist()
    for part in parts:
        refuse_bomb(path.name, part.file_size, part.compress_size)
    refuse_bomb(path.name, sum(part.file_size for part in parts), path.stat().st_size)
