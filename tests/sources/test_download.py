"""Addresses: only https and s3, within limits, with the token for one host alone and in no message."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.sources import download as downloading
from clvhelpers.sources.download import Access, download
from tests.sources.server import Answer, LocalHttps, carry_https_to, web_server

TOKEN = "hunter2-in-a-test"
ORDERS = b"id,day,total\n7,2026-01-01,1\n"
PAGES: dict[str, Answer] = {
    "/shop.test/orders.csv": (200, {}, ORDERS),
    "/shop.test/moved.csv": (302, {"Location": "orders.csv"}, b""),
    "/shop.test/away.csv": (307, {"Location": "https://cdn.test/orders.csv"}, b""),
    "/shop.test/down.csv": (301, {"Location": "http://shop.test/orders.csv"}, b""),
    "/shop.test/file.csv": (301, {"Location": "file:///etc/passwd"}, b""),
    "/shop.test/loop.csv": (302, {"Location": "loop.csv"}, b""),
    "/shop.test/private.csv": (403, {}, b"no"),
    "/shop.test/packed.csv": (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"),
    "/shop.test/broken.csv": (200, {"Content-Length": "1000"}, b"id,day\n"),
    "/cdn.test/orders.csv": (200, {}, ORDERS),
}


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHttps]:
    with web_server(lambda request, headers: PAGES[request.partition(" ")[2]]) as port:
        yield carry_https_to(port, monkeypatch)


def fetched(address: str, folder: Path, token: str | None = TOKEN) -> bytes:
    return download(address, Access(token=token), folder).read_bytes()


def test_an_address_becomes_a_file_of_the_name_that_it_ends_in(web: LocalHttps, tmp_path: Path) -> None:
    assert fetched("https://shop.test/orders.csv?day=1", tmp_path) == ORDERS
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]
    assert web.seen == [("https://shop.test/orders.csv?day=1", f"Bearer {TOKEN}")]


def test_without_a_token_no_credential_of_this_machine_is_sent(
    web: LocalHttps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine shop.test login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert fetched("https://shop.test/orders.csv", tmp_path, None) == ORDERS
    assert web.seen == [("https://shop.test/orders.csv", None)]


def test_a_redirect_within_the_host_keeps_the_token_and_one_to_another_does_not(
    web: LocalHttps, tmp_path: Path
) -> None:
    assert fetched("https://shop.test/moved.csv", tmp_path) == ORDERS
    assert fetched("https://shop.test/away.csv", tmp_path) == ORDERS
    assert web.seen[1] == ("https://shop.test/orders.csv", f"Bearer {TOKEN}")
    assert web.seen[3] == ("https://cdn.test/orders.csv", None)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://shop.test/down.csv", "http://shop.test is refused: only https:// is read"),
        ("https://shop.test/file.csv", "file://None is refused"),
        ("http://shop.test/orders.csv", "http://shop.test is refused"),
        (f"https://me:{TOKEN}@shop.test/orders.csv", "https://shop.test is refused: .* without a password"),
        ("https://shop.test/loop.csv", "redirects more than 5 times"),
        ("https://shop.test/private.csv", "answers 403 Forbidden; is the token right"),
        ("https://shop.test/packed.csv", "comes packed"),
        ("https://shop.test/broken.csv", "can't be fetched: .*IncompleteRead|993 more expected"),
        ("https://shop.test/orders", "expected an address that ends in .csv"),
    ],
)
def test_what_is_refused_says_why_and_leaves_nothing(web: LocalHttps, tmp_path: Path, address: str, said: str) -> None:
    with pytest.raises(DataContractError, match=said) as error:
        fetched(f"{address}?signature={TOKEN}", tmp_path)
    assert TOKEN not in str(error.value)
    assert not list(tmp_path.iterdir())
    assert all(url.startswith("https://shop.test/") for url, _ in web.seen)


def test_what_is_too_large_is_refused_while_it_comes(
    web: LocalHttps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "LARGEST", 10)
    with pytest.raises(DataContractError, match="is larger than the 10 bytes"):
        fetched("https://shop.test/orders.csv", tmp_path)


def test_what_takes_too_long_is_ended(web: LocalHttps, tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match="took longer than `time_limit_seconds`, which is 0"):
        download("https://shop.test/orders.csv", Access(seconds=0), tmp_path)


def test_two_addresses_that_end_alike_are_not_mixed_up(web: LocalHttps, tmp_path: Path) -> None:
    fetched("https://shop.test/orders.csv", tmp_path)
    with pytest.raises(DataContractError, match=r"orders.csv is the name of two files to fetch"):
        fetched("https://cdn.test/orders.csv", tmp_path)


def test_a_server_that_is_not_there_is_told_without_what_follows_the_question_mark(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match=r"can't be fetched: .*refused") as error:
        download(f"https://127.0.0.1:1/orders.csv?signature={TOKEN}", Access(token=TOKEN), tmp_path)
    assert TOKEN not in str(error.value)


def test_a_secret_that_can_not_be_one_is_refused_without_being_told() -> None:
    for key in ("token", "access_key", "secret_key"):
        with pytest.raises(ConfigError, match=f"access.{key}") as error:
            Access(**{key: f"{TOKEN}\n"})
        assert TOKEN not in str(error.value)


KEY = "AKIA-IN-A-TEST"


def s3_answer(request: str, headers: dict[str, str]) -> Answer:
    """An S3 service of one public and one private object, which repeats a wrong key in its error as Amazon's does."""
    command, _, path = request.partition(" ")
    signature = headers.get("authorization", "")
    xml = {"Content-Type": "application/xml"}
    if path == "/bucket/private.csv" and not signature:
        return 403, xml, b"<Error><Code>AccessDenied</Code></Error>"
    if path == "/bucket/private.csv" and f"Credential={KEY}/" not in signature and command == "GET":
        key = signature.partition("Credential=")[2].partition("/")[0]
        return 403, xml, f"<Error><Code>InvalidAccessKeyId</Code><Message>No key {key} here</Message></Error>".encode()
    if path not in ("/bucket/orders.csv", "/bucket/private.csv"):
        return 404, xml, b"<Error><Code>NoSuchKey</Code></Error>"
    start, end = map(int, re.findall(r"\d+", headers.get("range", f"bytes=0-{len(ORDERS)}")))
    about = {"Content-Range": f"bytes {start}-{end}/{len(ORDERS)}", "ETag": '"1"', "Accept-Ranges": "bytes"}
    return (206 if "range" in headers else 200), about, ORDERS[start : end + 1]


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with web_server(s3_answer) as port:
        yield f"http://127.0.0.1:{port}"


def test_an_object_is_read_without_keys_and_with_them(s3: str, tmp_path: Path) -> None:
    assert download("s3://bucket/orders.csv", Access(endpoint=s3), tmp_path).read_bytes() == ORDERS
    keys = Access(access_key=KEY, secret_key=TOKEN, endpoint=s3, region="eu-central-1")
    assert download("s3://bucket/private.csv", keys, tmp_path).read_bytes() == ORDERS


def test_keys_of_this_machine_are_not_used(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", TOKEN)
    with pytest.raises(DataContractError, match=r"s3://bucket/private.csv can't be fetched: .*ACCESS_DENIED"):
        download("s3://bucket/private.csv", Access(endpoint=s3), tmp_path)


def test_an_object_that_can_not_be_had_is_told_without_the_keys(s3: str, tmp_path: Path) -> None:
    wrong = Access(access_key="AKIA-OTHER", secret_key=TOKEN, endpoint=s3)
    for name in ("private.csv", "nothing.csv"):
        with pytest.raises(DataContractError, match=f"s3://bucket/{name} can't be fetched") as error:
            download(f"s3://bucket/{name}", wrong, tmp_path)
        assert TOKEN not in str(error.value)
        assert "AKIA-OTHER" not in str(error.value)
    assert not list(tmp_path.iterdir())
