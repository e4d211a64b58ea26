"""Files behind https:// and s3:// addresses, copied into a local folder within limits of size and time."""

import re
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.sources import s3
from clvhelpers.sources.findings import Findings, hidden
from clvhelpers.sources.locate import SUFFIXES, suffix_of

if TYPE_CHECKING:
    import requests

LARGEST = 20_000_000_000  # bytes
MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Access:
    """What opens an address. The secrets themselves, so they stay out of its text.

    >>> Access(token="hunter2", region="eu-central-1")
    Access(region='eu-central-1', endpoint=None, seconds=900)
    """

    token: str | None = field(default=None, repr=False)
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    region: str | None = None
    endpoint: str | None = None
    seconds: float = 900

    def __post_init__(self) -> None:
        for key in ("token", "access_key", "secret_key"):
            if not re.fullmatch("[!-~]*", getattr(self, key) or ""):
                raise ConfigError(f"`access.{key}` holds a blank or another sign that none has: set its variable anew")

    @property
    def secrets(self) -> list[str]:
        return [one for one in (self.token, self.access_key, self.secret_key) if one]


def download(address: str, access: Access, folder: Path) -> Path:
    """Copy the file behind an https:// or s3:// address into `folder`, under the name that the address ends in.

    Raises `DataContractError` for an address of another kind or without such a name, where the file can't be
    had, and where it is larger or takes longer than it may. No message holds a secret, or what follows a
    question mark.
    """
    check_address(address)
    return _copy(address, access, folder, _Allowance(_shown(address), access.seconds))


def download_all(address: str, access: Access, folder: Path, findings: Findings) -> list[Path]:
    """Copy all objects that an s3:// folder or pattern stands for, as `download` copies one.

    The limits of size and time hold for all of them together; what is not read is told in a note.
    """
    check_address(address)
    allowance = _Allowance(_shown(address), access.seconds)
    return [_copy(one, access, folder, allowance) for one in s3.listed(address, access, findings)]


def check_address(address: str) -> None:
    """Raise `DataContractError` for an address that can't lead to files of orders, without opening it.

    >>> check_address("s3://acme/orders/*.csv")
    >>> check_address("https://acme.example/*.csv")
    Traceback (most recent call last):
    ...
    clvhelpers.errors.DataContractError: https://acme.example/*.csv: an https:// address can't be listed, so * has no \
meaning in it: name each file
    """
    shown = _shown(address)
    if not address.startswith("s3://") and "*" in shown:
        raise DataContractError(
            f"{shown}: an https:// address can't be listed, so * has no meaning in it: name each file"
        )
    if not s3.stands_for_many(address):
        name_of(address)
    elif "*" in shown.rpartition("/")[0]:
        raise DataContractError(f"{shown}: * may stand after the last / of an address only: name each folder")


@dataclass
class _Allowance:
    """What a source may still take: bytes, and seconds from now on."""

    shown: str
    seconds: float
    left: int = field(default_factory=lambda: LARGEST)

    def __post_init__(self) -> None:
        self.end = time.monotonic() + self.seconds

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise DataContractError(f"{self.shown} is larger than the {LARGEST:,} bytes that are fetched")
        if time.monotonic() > self.end:
            raise DataContractError(
                f"{self.shown} took longer than `time_limit_seconds`, which is {self.seconds:g}: allow more"
            )


def _copy(address: str, access: Access, folder: Path, allowance: _Allowance) -> Path:
    target = folder / name_of(address)
    pieces = s3.pieces(address, access) if address.startswith("s3://") else _from_https(address, access)
    try:
        with closing(pieces), target.open("xb") as file:
            for piece in pieces:
                allowance.take(file.write(piece))
    except FileExistsError:
        raise DataContractError(f"{target.name} is the name of two files to fetch: rename one of them") from None
    except DataContractError:
        target.unlink()
        raise
    return target


def _shown(address: str) -> str:
    """An address without what follows a question mark, which may be a secret."""
    return address.partition("?")[0]


def name_of(address: str) -> str:
    """The name under which a file is kept, from the end of its address.

    >>> name_of("https://shop.example/export/orders%202026.csv.gz?version=3")
    'orders 2026.csv.gz'
    >>> name_of("https://shop.example/export")
    Traceback (most recent call last):
    ...
    clvhelpers.errors.DataContractError: https://shop.example/export: expected an address that ends in .csv, .tsv, \
.txt, .csv.gz, .tsv.gz, .txt.gz, .parquet, .xlsx
    """
    path = address.partition("//")[2] if address.startswith("s3://") else unquote(urlsplit(address).path)
    name = re.sub(r"[^\w. ()-]", "_", path.rpartition("/")[2])[-100:].lstrip(".")
    if not suffix_of(Path(name)):
        shown = address.partition("?")[0]
        raise DataContractError(f"{shown}: expected an address that ends in {', '.join(SUFFIXES)}")
    return name


def _from_https(address: str, access: Access) -> Generator[bytes]:
    """What an address answers, following redirects to https only; the token goes to the first host and no other."""
    import requests
    from urllib3.exceptions import HTTPError

    shown = address.partition("?")[0]
    try:
        with requests.Session() as session, _opened(session, address, access) as response:
            if response.status_code != 200:
                reason = " ".join(f"{response.status_code} {response.reason or ''}".split())
                raise DataContractError(f"{shown} answers {reason}{_advice(response.status_code)}")
            if response.headers.get("Content-Encoding", "identity") != "identity" and not shown.endswith(".gz"):
                raise DataContractError(f"{shown} comes packed though it was asked for as it is: offer it as .csv.gz")
            while piece := response.raw.read1(s3.CHUNK):
                yield piece
    except (requests.RequestException, HTTPError) as error:
        raise DataContractError(f"{shown} can't be fetched: {_reason(error, access.secrets)}") from None


def _opened(session: "requests.Session", address: str, access: Access) -> "requests.Response":
    first = place = urlsplit(address)
    for _ in range(MOST_REDIRECTS + 1):
        if place.scheme != "https" or place.username or place.password:
            raise DataContractError(
                f"{place.scheme}://{place.hostname} is refused: only https:// is read, and without a password in it"
            )
        bearer = access.token if (place.hostname, place.port) == (first.hostname, first.port) else None
        response = session.get(
            place.geturl(), auth=_Bearer(bearer), stream=True, timeout=s3.WAIT_SECONDS, allow_redirects=False
        )
        if response.status_code not in REDIRECTS:
            return response
        response.close()
        place = urlsplit(urljoin(place.geturl(), response.headers.get("Location", "")))
    raise DataContractError(f"{address.partition('?')[0]} redirects more than {MOST_REDIRECTS} times")


@dataclass(frozen=True)
class _Bearer:
    """Sets the token, and keeps requests from looking for other credentials on this machine."""

    token: str | None = field(repr=False)

    def __call__(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        request.headers["Accept-Encoding"] = "identity"
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def _advice(status: int) -> str:
    return "; is the token right (`access.token`)?" if status in (401, 403) else "; is the address right?"


def _reason(error: Exception, secrets: Sequence[str]) -> str:
    """The innermost reason, without the address, which may have a secret after its question mark."""
    while inner := next((one for one in (*error.args, error.__cause__) if isinstance(one, Exception)), None):
        error = inner
    reason = getattr(error, "reason", None)
    return hidden(reason if isinstance(reason, Exception) else error, secrets)[:300]
