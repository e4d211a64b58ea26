"""The `clv` command: every kind of bad input ends in one clear message and an exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from clvhelpers import __version__, cli
from clvhelpers.reporting import command
from tests.reports.small import CLIENT, ORDERS, write_client

HEADER = "CustomerID,InvoiceDate,InvoiceNo,Amount\n"
ONE_CUSTOMER = HEADER + "".join(f"7,2026-0{month}-05,A{month},5\n" for month in range(1, 7))
ONE_DAY = HEADER + "".join(f"{customer},2026-01-05,A{customer},5\n" for customer in range(30))
NO_REPEAT = HEADER + "".join(f"{n},2026-0{1 + n % 6}-{10 + n % 15},A{n},{5 + n}\n" for n in range(60))
REFUNDS = HEADER + "1,2026-01-05,A,-5\n2,2026-01-06,B,-7\n"


def clv(*words: object) -> int:
    """The exit code of a command line."""
    try:
        cli.main([str(word) for word in words])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


BAD_FILES = {
    "missing file": (None, CLIENT, "no file"),
    "empty file": ("", CLIENT, "is empty"),
    "a header only": (HEADER, CLIENT, "no rows below"),
    "unknown column": (ORDERS.replace("Amount", "Amnt"), CLIENT, "no column Amount for amount. Did you mean Amnt?"),
    "unknown key": (ORDERS, CLIENT + "curency: GBP\n", "did you mean currency?"),
    "duplicate key": (ORDERS, CLIENT + "name: Other\n", "the key `name` stands there twice (first on line 2)"),
    "wrong type": (ORDERS, CLIENT.replace("0.4", "forty"), '`economics.gross_margin` is "forty"'),
    "all refunds": (REFUNDS, CLIENT, "no purchase is left"),
    "as of a day before the data": (ORDERS, CLIENT + "as_of: 2020-01-01\n", "needed; is the as-of day right?"),
    "one customer": (ONE_CUSTOMER, CLIENT, "one customer in 6 rows"),
    "one day": (ONE_DAY, CLIENT, "one day, 2026-01-05"),
    "amounts as text": (HEADER + "1,2026-01-05,A,five\n2,2026-01-06,B,six\n", CLIENT, "no purchase is left"),
    "mixed date formats": (HEADER + "1,2026-01-05,A,5\n2,31.01.2026,B,6\n", CLIENT, "more than one way"),
    "ambiguous dates": (HEADER + "1,03/04/2026,A,5\n2,05/04/2026,B,6\n", CLIENT, "two ways"),
    "wrong encoding": ("CustomerID,InvoiceDate,InvoiceNo,Amount\nM\udcfcller,2026-01-05,A,5\n", CLIENT, "cp1252"),
    "an address": (ORDERS, CLIENT.replace("orders.csv", "https://shop.test/orders.csv"), "allow_network: true"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_input_ends_in_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    orders, client, said = BAD_FILES[case]
    path = write_client(tmp_path, client, orders=None)
    if orders is not None:
        (tmp_path / "orders.csv").write_bytes(orders.encode("utf-8", "surrogateescape"))
    assert clv("check", path) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


@pytest.mark.parametrize("case", ["all refunds", "unknown column", "one customer"])
def test_no_report_is_left_behind_by_bad_data(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    orders, client, said = BAD_FILES[case]
    assert clv("report", write_client(tmp_path, client, orders), "--output", tmp_path / "out", "--pdf", "none") == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert not list((tmp_path / "out" / "acme").glob("*/report.html"))
    assert (tmp_path / "out" / "acme" / "failed" / "error.log").exists()


def test_a_base_without_a_repeat_buyer_gives_what_can_be_had_and_says_what_can_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert clv("report", write_client(tmp_path, CLIENT, NO_REPEAT), "--output", tmp_path / "out", "--pdf", "none") == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Note: ")]
    assert any("Prediction" in note for note in notes)
    (metrics,) = (tmp_path / "out").glob("acme/*/metrics.json")
    assert json.loads(metrics.read_text(encoding="utf-8"))["clv"]["mean"] is None


def test_check_shows_what_would_be_set_aside_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_client(tmp_path, CLIENT, ORDERS + ",2026-03-01,[red]A9[/red],7.25\n")
    assert clv("check", path) == 0
    told = capsys.readouterr().out
    assert "no customer" in told
    assert "£7.25" in told
    assert "row 5" in told
    assert "3 of 4 rows were used" in told
    assert sorted(found.name for found in tmp_path.iterdir()) == ["client.yml", "orders.csv"]


def test_new_then_check_is_all_a_plain_file_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_client(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert clv("new", "acme", "--from", "orders.csv") == 0
    assert "Guessed customer: CustomerID" in capsys.readouterr().out
    assert clv("check", "acme.yml") == 2
    assert "`currency` is null" in capsys.readouterr().err

    text = Path("acme.yml").read_text(encoding="utf-8")
    text = text.replace("currency:", "currency: GBP").replace("gross_margin:", "gross_margin: 0.4")
    Path("acme.yml").write_text(text, encoding="utf-8")
    assert clv("check", "acme.yml") == 0
    assert clv("new", "acme", "--from", "orders.csv") == 2
    assert "--force" in capsys.readouterr().err


def test_a_fault_of_ours_is_said_to_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(command, "report", broken)
    assert clv("report", tmp_path / "client.yml") == 1
    told = capsys.readouterr().err
    assert "This is a fault of clvhelpers" in told
    assert "Traceback" not in told

    assert clv("report", tmp_path / "client.yml", "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_wrong_command_line_is_the_users_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    assert clv("repor") == 2
    assert clv("report") == 2
    assert clv("lesson", "02", "-p", "margin") == 2
    assert "-p margin: give a parameter as NAME=VALUE" in capsys.readouterr().err
    assert clv("lesson", "77") == 2


def test_help_and_version_come_without_heavy_imports() -> None:
    code = (
        "import sys\nfrom clvhelpers.cli import main\n"
        "try:\n    main(['report', '--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(sorted({'pandas', 'numpy', 'duckdb', 'matplotlib', 'scipy', 'papermill'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    done = subprocess.run([sys.executable, "-m", "clvhelpers", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"clvhelpers {__version__}\n"
