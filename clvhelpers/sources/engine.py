"""How DuckDB is set up: little memory and few threads for a small log, and a folder that takes the rest."""

import os
import shutil
import tempfile
import uuid
from multiprocessing.util import Finalize
from pathlib import Path

LEAST_MEMORY, MOST_MEMORY = 155_000_000, 4_000_000_000  # bytes; the rest of a large log goes to disk
BYTES_A_ROW, BYTES_A_THREAD = 31, 50_000_000


def engine_settings(rows: int = 0) -> dict[str, str | bool | int | float | list[str]]:
    """DuckDB's settings for a log of so many rows: memory and threads in proportion, a folder to spill to.

    >>> [engine_settings(rows)["memory_limit"] for rows in (1_000, 50_000_000, 1_000_000_000)]
    ['155MB', '1550MB', '4000MB']
    """
    spill = str(Path(tempfile.gettempdir()) / f"clvhelpers-{uuid.uuid4().hex}")
    # DuckDB takes its folder away with the database, but a forked process may end before that
    Finalize(None, shutil.rmtree, args=(spill, True), exitpriority=0)
    memory = min(max(LEAST_MEMORY, BYTES_A_ROW * rows), MOST_MEMORY)
    return {
        "memory_limit": f"{memory // 10**6}MB",
        "threads": min(os.cpu_count() or 1, memory // BYTES_A_THREAD),
        "temp_directory": spill,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
