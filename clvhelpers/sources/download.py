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
from clvhelpers.sources.findings import hidden
from clvhelpers.sources.locate import SUFFIXES, suffix_of

if TYPE_CHECKING:
    import requests

CHUNK = 1 << 20
LARGEST = 20_000_000_000  # bytes
WAIT_SECONDS = 30
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
    shown = address.partition("?")[0]
    target = folder / name_of(address)
    end = time.monotonic() + access.seconds
    pieces = _from_s3(address, access) if address.startswith("s3://") else _from_https(address, access)
    size = 0
    try:
        with closing(pieces), target.open("xb") as file:
            for piece in pieces:
                size += file.write(piece)
                if size > LARGEST:
                    raise DataContractError(f"{shown} is larger than the {LARGEST:,} bytes that are fetched")
                if time.monotonic() > end:
                    raise DataContractError(
                        f"{shown} took longer than `time_limit_seconds`, which is {access.seconds:g}: allow more"
                    )
    except FileExistsError:
        raise DataContractError(f"{target.name} is the name of two files to fetch: rename one of them") from None
    except DataContractError:
        target.unlink()
        raise
    return target


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
            while piece := response.raw.read1(CHUNK):
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
            place.geturl(), auth=_Bearer(bearer), stream=True, timeout=WAIT_SECONDS, allow_redirects=False
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


def _from_s3(address: str, access: Access) -> Generator[bytes]:
    """What an object of S3 or a service like it holds; without keys, as everybody sees it."""
    from pyarrow import fs

    scheme, _, place = (access.endpoint or "").rpartition("://")
    try:
        system = fs.S3FileSystem(
            access_key=access.access_key,
            secret_key=access.secret_key,
            anonymous=access.access_key is None,
            region=access.region,
            endpoint_override=place or None,
            scheme=scheme or "https",
            request_timeout=WAIT_SECONDS,
            connect_timeout=WAIT_SECONDS,
        )
        with system.open_input_stream(address.removeprefix("s3://")) as stream:
            while piece := stream.read(CHUNK):
                yield piece
    except (OSError, ValueError) as error:
        said = hidden(error, access.secrets)[:300]
        raise DataContractError(
            f"{address} can't be fetched: {said}; are `access.region` and the keys right, and may they read it?"
        ) from None
