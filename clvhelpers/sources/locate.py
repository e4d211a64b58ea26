"""Finding the local files that a source stands for: a file, a folder, a pattern with *, or a list of these.

Nothing heavy is imported here, so that the sources of hundreds of clients can be looked at in a second.
"""

import glob
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from clvhelpers.sources.findings import Findings, nearest

TEXT = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
SUFFIXES = (*TEXT, ".parquet", ".xlsx")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_address(source: str) -> bool:
    """Whether a source is an address and no local path.

    >>> is_address("https://shop.example/orders.csv"), is_address("data/orders.csv")
    (True, False)
    """
    return _ADDRESS.match(source) is not None


def suffix_of(path: Path) -> str:
    """The ending that decides how a file is read; empty for one that can't be.

    >>> suffix_of(Path("orders.2026.CSV.gz")), suffix_of(Path("orders.pkl"))
    ('.csv.gz', '')
    """
    return next((suffix for suffix in sorted(SUFFIXES, key=len)[::-1] if path.name.lower().endswith(suffix)), "")


def expand(source: str | Path | Sequence[str | Path], findings: Findings) -> list[Path]:
    """Every file that a path, a folder, a pattern with * or a list of them stands for, in order.

    A file that a folder or a pattern leads to must lie inside of that folder, also after following links.
    What stands in a folder and is no file of orders is named in a note; hidden files play no part.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    paths = [path for one in sources for path in _expand_one(str(one), findings)]
    if not sources:
        findings.problems.append("no source: give a file, a folder, a pattern such as orders-*.csv, or a list of these")
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            findings.problems.append(f"{path.name} is given twice, so its money would count twice: name it once")
        seen.add(path.resolve())
    return paths


def _expand_one(source: str, findings: Findings) -> list[Path]:
    if is_address(source):
        findings.problems.append(
            f"{source.partition('?')[0]}: addresses are read through a client file with `allow_network: true`"
        )
        return []
    path = Path(source)
    if path.is_file():
        return _readable([path], findings)
    if path.is_dir():
        return _of_folder(path, findings)
    if glob.has_magic(source):
        return _of_pattern(path, findings)
    findings.problems.append(_missing(path))
    return []


def _of_folder(folder: Path, findings: Findings) -> list[Path]:
    """The files of a folder that can be read, sorted by name; the others are told about."""
    shown = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files = [path for path in shown if path.is_file() and suffix_of(path)]
    others = [path.name for path in shown if path not in files]
    if not files:
        there = f"; it holds {some(others)}" if others else ", it is empty"
        findings.problems.append(
            f"the folder {folder} has no file that ends in {', '.join(SUFFIXES)}{there}: put the orders into it"
        )
    elif others:
        findings.notes.append(f"Not read in the folder {folder.name}, as they are no files of orders: {some(others)}.")
    return _inside(files, folder, findings)


def _of_pattern(pattern: Path, findings: Findings) -> list[Path]:
    matches = Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))
    paths = sorted(match for match in matches if match.is_file() and not match.name.startswith("."))
    if not paths:
        findings.problems.append(f"no file matches {pattern}")
    plain = next(parent for parent in pattern.parents if not glob.has_magic(str(parent)))
    return _readable(_inside(paths, plain, findings), findings)


def _inside(paths: Iterable[Path], folder: Path, findings: Findings) -> list[Path]:
    """Those that really lie in a folder: a link out of it could bring in the orders of another client."""
    home = folder.resolve()
    inside = []
    for path in paths:
        if path.resolve().is_relative_to(home):
            inside.append(path)
        else:
            findings.problems.append(
                f"{path.name} leads out of the folder {folder}: copy the file into it, or name the file itself"
            )
    return inside


def _readable(paths: Sequence[Path], findings: Findings) -> list[Path]:
    for path in paths:
        if not suffix_of(path):
            findings.problems.append(f"{path.name}: expected a file that ends in {', '.join(SUFFIXES)}")
    return [path for path in paths if suffix_of(path)]


def some(names: Sequence[str], most: int = 5) -> str:
    """The first few of many names.

    >>> some(["a.md", "b.md", "c.md"], most=2)
    'a.md, b.md and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _missing(path: Path) -> str:
    if not path.parent.is_dir():
        return f"no file {path}: there is no folder {path.parent}"
    return f"no file {path}.{nearest(path.name, [one.name for one in path.parent.iterdir()])}"
