"""Objects of S3 or a service like it: listed by folder or pattern, and read piece by piece."""

from collections.abc import Generator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from clvhelpers.errors import DataContractError
from clvhelpers.sources.findings import Findings, hidden
from clvhelpers.sources.locate import SUFFIXES, some, suffix_of

if TYPE_CHECKING:
    from pyarrow import fs

    from clvhelpers.sources.download import Access

CHUNK = 1 << 20
WAIT_SECONDS = 30


def stands_for_many(address: str) -> bool:
    """Whether an address is a folder or a pattern, whose objects must be listed first.

    >>> stands_for_many("s3://acme/orders/"), stands_for_many("s3://acme/orders/*.csv")
    (True, True)
    >>> stands_for_many("s3://acme/orders.csv"), stands_for_many("https://acme.example/orders/")
    (False, False)
    """
    return address.startswith("s3://") and ("*" in address or address.endswith("/"))


def listed(address: str, access: "Access", findings: Findings) -> list[str]:
    """The addresses of the objects that a folder or a pattern stands for, sorted by name.

    As in a local folder, hidden objects and those of folders below play no part, and an object that is no file
    of orders is told in a note. Raises `DataContractError` where there is none, a pattern leads to one that
    can't be read, or the folder can't be listed.
    """
    folder, _, pattern = address.rpartition("/")
    objects, folders = _inside(address, folder, access)
    if not pattern:
        return [f"{folder}/{name}" for name in _of_folder(address, objects, folders, findings)]
    names = [name for name in objects if fnmatchcase(name, pattern)]
    if not names:
        raise DataContractError(f"no object matches {address}: is the address right?")
    strange = [name for name in names if not suffix_of(Path(name))]
    if strange:
        raise DataContractError(f"{address} leads to {some(strange)}: expected names that end in {', '.join(SUFFIXES)}")
    return [f"{folder}/{name}" for name in names]


def pieces(address: str, access: "Access") -> Generator[bytes]:
    """What an object holds; without keys, as everybody sees it."""
    try:
        with _system(access).open_input_stream(address.removeprefix("s3://")) as stream:
            while piece := stream.read(CHUNK):
                yield piece
    except (OSError, ValueError) as error:
        raise _refusal(address, access, error, "fetched", "read") from None


def _of_folder(address: str, objects: list[str], folders: list[str], findings: Findings) -> list[str]:
    """The objects of a folder that can be read; the others are told about."""
    names = [name for name in objects if suffix_of(Path(name))]
    others = sorted({*objects, *folders} - {*names})
    if not names:
        there = f"; it holds {some(others)}" if others else ", it is empty"
        raise DataContractError(
            f"the folder {address} has no object that ends in {', '.join(SUFFIXES)}{there}: put the orders into it"
        )
    if others:
        folder = address.rstrip("/").rpartition("/")[2]  # a report shows it, and the way there is nobody's business
        findings.notes.append(f"Not read in the folder {folder}, as they are no files of orders: {some(others)}.")
    return names


def _inside(address: str, folder: str, access: "Access") -> tuple[list[str], list[str]]:
    """The names of the objects right in a folder and of the folders in it, sorted, without hidden ones."""
    from pyarrow import fs

    selector = fs.FileSelector(folder.removeprefix("s3://"), allow_not_found=True)
    try:
        found = _system(access).get_file_info(selector)
    except (OSError, ValueError) as error:
        raise _refusal(address, access, error, "listed", "list") from None
    shown = sorted((info.base_name, info.type) for info in found if not info.base_name.startswith("."))
    objects = [name for name, kind in shown if kind == fs.FileType.File]
    return objects, [name for name, kind in shown if kind != fs.FileType.File]


def _system(access: "Access") -> "fs.S3FileSystem":
    from pyarrow import fs

    scheme, _, place = (access.endpoint or "").rpartition("://")
    return fs.S3FileSystem(
        access_key=access.access_key,
        secret_key=access.secret_key,
        anonymous=access.access_key is None,
        region=access.region,
        endpoint_override=place or None,
        scheme=scheme or "https",
        request_timeout=WAIT_SECONDS,
        connect_timeout=WAIT_SECONDS,
    )


def _refusal(address: str, access: "Access", error: Exception, done: str, may: str) -> DataContractError:
    said = hidden(error, access.secrets)[:300]
    return DataContractError(
        f"{address} can't be {done}: {said}; are `access.region` and the keys right, and may they {may} it?"
    )
