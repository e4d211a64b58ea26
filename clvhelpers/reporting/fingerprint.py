"""Whether a report must be made again: only if what it is made from has changed.

That is the data by their content, the settings, the files that the settings name, the template, this
package and the versions that it runs with. The earlier reports that it compares itself with are told
apart, since which ones those are is known only once the day of the report is.
"""

import hashlib
import json
import os
import sysconfig
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvhelpers import __version__
from clvhelpers.reporting.folder import report_days

if TYPE_CHECKING:
    from clvhelpers.reporting.config import ClientConfig

PACKAGE = Path(__file__).resolve().parents[1]
SOURCE_SUFFIXES = (".py", ".css", ".j2", ".typ", ".json")


def fingerprint(config: "ClientConfig", data_sha256: str, template: Path, pdf: str) -> str:
    """The SHA-256 of everything that a report is made from, but for the client's earlier reports."""
    from clvhelpers.reporting.fetch import experiment_files  # not needed for the page of all clients

    named = (config.brand.logo, config.brand.font, config.pages.before, config.pages.after)
    parts = {
        "data": data_sha256,
        "settings": config.as_dict(),
        "files": [name and sha256_of(Path(name)) for name in named],
        "experiment": [sha256_of(path) for path in experiment_files(config)],
        "template": sha256_of(template),
        "pdf": pdf,
        "package": [__version__, package_sha256()],
        "versions": versions_sha256(),
    }
    return sha256_of_value(parts)


def content_sha256(files: Sequence[Path], sha256: Sequence[str]) -> str:
    """The SHA-256 of what files hold, of which each has one, and are called, in whatever order they are given.

    >>> files = Path("may.csv"), Path("june.csv")
    >>> found = content_sha256(files, ["1", "2"])
    >>> content_sha256(files[::-1], ["2", "1"]) == found != content_sha256(files, ["2", "1"])
    True
    """
    return sha256_of_value(sorted((one, file.name) for file, one in zip(files, sha256, strict=True)))


def settings_sha256(settings: Mapping[str, Any]) -> str:
    """The SHA-256 of the settings of a client, the same wherever the files lie.

    >>> one, two = ({"seed": 0, "transactions": {"source": [f"/{place}/orders.csv"]}} for place in "ab")
    >>> settings_sha256(one) == settings_sha256(two) != settings_sha256({**one, "seed": 1})
    True
    """
    placed = {name: settings[name] for name in ("transactions", "experiment") if settings.get(name)}
    names = {name: [one.rpartition("/")[2] for one in block["source"] or []] for name, block in placed.items()}
    return sha256_of_value({**settings, **{name: {**placed[name], "source": names[name]} for name in placed}})


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file, read in pieces."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_value(value: Any) -> str:
    """The SHA-256 of a value that JSON knows.

    >>> sha256_of_value({"a": 1, "b": 2}) == sha256_of_value({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@cache
def package_sha256() -> str:
    """The SHA-256 of the code that makes a report, so that a change of it is noticed between two versions too."""
    found = hashlib.sha256()
    for folder, inner, names in os.walk(PACKAGE):
        inner.sort()
        for name in sorted(names):
            if name.endswith(SOURCE_SUFFIXES):
                path = Path(folder, name)
                code = path.read_bytes()
                found.update(f"{path.relative_to(PACKAGE).as_posix()} {len(code)} ".encode() + code)
    return found.hexdigest()


@cache
def versions_sha256() -> str:
    """The SHA-256 of the name and version of every installed package: the lock as it is in force."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return sha256_of_value(sorted({path.name for folder in folders for path in Path(folder).glob("*.dist-info")}))


def unchanged_report(home: Path, wanted: str, history_sha256: Any) -> Path | None:
    """The folder of a whole report with this fingerprint, if there is one; `history_sha256` is given its day."""
    for folder in report_days(home)[::-1]:
        manifest = read_manifest(folder)
        if manifest.get("fingerprint") != wanted or manifest.get("history_sha256") != history_sha256(folder.name):
            continue
        if _is_whole(folder, manifest["files"]):
            return folder
    return None


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a report; empty if it can't be read, which makes the report one to be made anew."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def files_sha256(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a report but its manifest."""
    return {path.name: sha256_of(path) for path in sorted(folder.iterdir()) if path.name != "manifest.json"}


def _is_whole(folder: Path, files: dict[str, str]) -> bool:
    return all((folder / name).is_file() and sha256_of(folder / name) == sha256 for name, sha256 in files.items())
