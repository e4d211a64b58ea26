"""Addresses: only https and s3, within limits, with the token for one host alone and in no message."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.sources import download as downloading
from clvhelpers.sources.download import Access, download, download_all
from clvhelpers.sources.findings import Findings
from tests.sources.server import XML, Answer, LocalHttps, carry_https_to, s3_list, s3_object, web_server

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
        ("https://shop.test/orders-*.csv", r"shop.test/orders-\*.csv: an https:// address can't be listed"),
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
OBJECTS = {
    "/bucket/orders.csv": ORDERS,
    "/bucket/private.csv": ORDERS,
    "/bucket/2026/may.csv": b"may",
    "/bucket/2026/june.csv": b"june",
    "/bucket/2026/april.csv": b"april",
    "/bucket/2026/.hidden.csv": b"x",
    "/bucket/2026/april.json": b"{}",
    "/bucket/2026/_SUCCESS": b"",
    "/bucket/2026/old/march.csv": b"march",
    "/bucket/notes/readme.md": b"hello",
}


def s3_answer(request: str, headers: dict[str, str]) -> Answer:
    """An S3 service of public objects and a private one, which repeats a wrong key in its error as Amazon's does."""
    command, _, path = request.partition(" ")
    signature = headers.get("authorization", "")
    if path.startswith("/closed"):
        return 403, XML, b"<Error><Code>AccessDenied</Code></Error>"
    if path == "/bucket/private.csv" and not signature:
        return 403, XML, b"<Error><Code>AccessDenied</Code></Error>"
    if path == "/bucket/private.csv" and f"Credential={KEY}/" not in signature and command == "GET":
        key = signature.partition("Credential=")[2].partition("/")[0]
        return 403, XML, f"<Error><Code>InvalidAccessKeyId</Code><Message>No key {key} here</Message></Error>".encode()
    found = s3_list(request, OBJECTS)
    if found is not None:
        return found
    if path not in OBJECTS:
        return 404, XML, b"<Error><Code>NoSuchKey</Code></Error>"
    return s3_object(OBJECTS[path], headers)


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


def fetched_all(address: str, s3: str, folder: Path, **access: object) -> tuple[list[str], list[str]]:
    """What the objects of a folder or pattern hold, in order, and what is told about the others."""
    findings = Findings()
    paths = download_all(address, Access(endpoint=s3, **access), folder, findings)  # type: ignore[arg-type]
    return [path.read_text() for path in paths], findings.notes


def test_a_pattern_is_all_objects_of_its_folder_that_match_in_order(s3: str, tmp_path: Path) -> None:
    assert fetched_all("s3://bucket/2026/*.csv", s3, tmp_path) == (["april", "june", "may"], [])
    (tmp_path / "other").mkdir()
    assert fetched_all("s3://bucket/2026/m*", s3, tmp_path / "other") == (["may"], [])
    with pytest.raises(DataContractError, match=r"april.csv is the name of two files to fetch"):
        fetched_all("s3://bucket/2026/a*.csv", s3, tmp_path)


def test_a_folder_is_its_objects_that_can_be_read_and_the_others_are_told(s3: str, tmp_path: Path) -> None:
    contents, (note,) = fetched_all("s3://bucket/2026/", s3, tmp_path)
    assert contents == ["april", "june", "may"]
    others = "_SUCCESS, april.json, old"
    assert note == f"Not read in the folder 2026, as they are no files of orders: {others}."


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://bucket/2026/*.parquet", r"no object matches s3://bucket/2026/\*.parquet"),
        ("s3://bucket/nowhere/*.csv", r"no object matches s3://bucket/nowhere/\*.csv"),
        ("s3://bucket/nowhere/", "the folder s3://bucket/nowhere/ has no object that ends in .csv, .*, it is empty"),
        ("s3://bucket/notes/", "has no object that ends in .csv.*; it holds readme.md: put the orders into it"),
        ("s3://bucket/2026/april.*", "leads to april.json: expected names that end in .csv"),
        ("s3://bucket/*/orders.csv", r"\* may stand after the last / of an address only"),
        ("s3://closed/*.csv", r"s3://closed/\*.csv can't be listed: .*; are `access.region` and the keys right"),
    ],
)
def test_a_folder_or_pattern_that_leads_to_no_orders_is_told(s3: str, tmp_path: Path, address: str, said: str) -> None:
    with pytest.raises(DataContractError, match=said) as error:
        fetched_all(address, s3, tmp_path)
    assert len(error.value.problems) == 1
    assert not list(tmp_path.iterdir())


def test_limits_hold_for_all_objects_together(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "LARGEST", len("april" + "june"))
    with pytest.raises(DataContractError, match=r"s3://bucket/2026/\*.csv is larger than the 9 bytes"):
        fetched_all("s3://bucket/2026/*.csv", s3, tmp_path)
    (tmp_path / "other").mkdir()
    clock = iter([0.0, 6.0, 12.0])
    monkeypatch.setattr(downloading.time, "monotonic", lambda: next(clock))
    with pytest.raises(DataContractError, match=r"s3://bucket/2026/\*.csv took longer .* which is 10"):
        fetched_all("s3://bucket/2026/*.csv", s3, tmp_path / "other", seconds=10)
