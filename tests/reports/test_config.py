"""The client file: what is read as what, and every problem named at once with its line."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import pytest

from clvhelpers.errors import ConfigError
from clvhelpers.reporting.config import RuleActions, load_config
from clvhelpers.transactions import ALLOWED, Rules

GOOD = """\
client: acme
name: Acme Stores
currency: GBP
transactions:
  source: orders.csv
  columns: {customer: id, date: day, amount: paid}
economics:
  gross_margin: 0.4
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "client.yml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(written(folder, text))
    return caught.value.problems


def test_a_client_file_and_its_defaults(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, GOOD))
    assert config.name == "Acme Stores"
    assert config.transactions.source == [str(tmp_path / "orders.csv")]
    assert (config.economics.discount_rate, config.economics.horizon_months, config.timezone) == (0.1, 12, "UTC")
    assert config.as_of is None
    assert config.has_money


def test_sources_are_relative_to_the_client_file_and_not_to_the_caller(tmp_path: Path) -> None:
    (tmp_path / "clients").mkdir()
    path = written(tmp_path / "clients", GOOD.replace("orders.csv", "[../a/*.csv, /b/c.csv]"))
    assert load_config(path).transactions.source == [str(tmp_path / "a" / "*.csv"), "/b/c.csv"]


def test_the_notebook_gets_plain_values_that_make_the_same_config(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, GOOD + "as_of: 2026-06-30\nrules:\n  currencies: {EUR: 1.08}\n"))
    values = config.as_dict()
    assert values == json.loads(json.dumps(values))
    assert load_config(values) == config


@pytest.mark.parametrize(
    ("written_as", "read_as"),
    [("no", "no"), ("on", "on"), ("2026-01-02", "2026-01-02"), ("01234", "01234"), ("12:30", "12:30"), ("'7'", "7")],
)
def test_plain_words_stay_words(tmp_path: Path, written_as: str, read_as: str) -> None:
    assert load_config(written(tmp_path, GOOD.replace("Acme Stores", written_as))).name == read_as


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeff" + GOOD)
    assert load_config(path).client == "acme"


BAD_VALUES: list[tuple[str, str, str]] = [
    ("client: acme", "client: ../acme", '`client` is "../acme"; it should be a folder name of a-z'),
    ("client: acme", "client: Acme", "should be a folder name"),
    ("client: acme", "client: acme-", "should be a folder name"),
    ("client: acme", f"client: {'a' * 65}", "up to 64 characters"),
    ("client: acme", "client: nul", "name of a device on Windows"),
    ("client: acme", "client: {a: b}", "should be a folder name"),
    ("name: Acme Stores", "name: 12", "`name` is 12; it should be the client's name"),
    ("name: Acme Stores", "name:", "`name` is null"),
    ("currency: GBP", "currency: pounds", "three capital letters"),
    ("currency: GBP", "currency: GBP\ntimezone: Europe/Londn", "did you mean Europe/London"),
    ("currency: GBP", "currency: GBP\nas_of: 30/06/2026", "as 2026-06-30"),
    ("currency: GBP", "currency: GBP\nas_of: 20260630", "as 2026-06-30"),
    ("currency: GBP", "currency: GBP\nseed: -1", "a whole number from 0"),
    ("currency: GBP", "currency: GBP\nrules: {zero_amount: drop}", "set_aside, keep or refuse"),
    ("currency: GBP", "currency: GBP\nrules: {currencies: {EUR: 0}}", "such as EUR: 1.08"),
    ("currency: GBP", "currency: GBP\nrules: {currencies: {GBP: 2}}", "a rate for GBP, the client's own"),
    ("source: orders.csv", "source: []", "a file, a folder, a path with *"),
    ("source: orders.csv", "source: orders.csv\n  encoding: latin99", "Python knows no such encoding"),
    ("source: orders.csv", "source: orders.csv\n  thousands: .", "same character for `decimal` and `thousands`"),
    ("source: orders.csv", "source: orders.csv\n  separator: ';;'", "the one character between two columns"),
    ("amount: paid", "quantity: n", "both `quantity` and `unit_price`"),
    ("amount: paid", "amount: a, quantity: n, unit_price: p", "but not both"),
    ("gross_margin: 0.4", "gross_margin: 40", "a fraction above 0 and up to 1 (0.4 is 40 %)"),
    ("gross_margin: 0.4", "gross_margin: '0.4'", 'is "0.4"; it should be a fraction'),
    ("gross_margin: 0.4", "gross_margin: true", "is true; it should be a fraction"),
    ("gross_margin: 0.4", "discount_rate: 0.1", "`economics.gross_margin` is missing"),
    ("gross_margin: 0.4", "gross_margin: 0.4\n  discount_rate: 10", "a yearly rate as a fraction"),
    ("gross_margin: 0.4", "gross_margin: 0.4\n  horizon_months: 1.5", "a whole number of months"),
]


@pytest.mark.parametrize(("good", "bad", "said"), BAD_VALUES)
def test_a_bad_value_is_shown_with_what_was_expected(tmp_path: Path, good: str, bad: str, said: str) -> None:
    assert good in GOOD
    (problem,) = problems(tmp_path, GOOD.replace(good, bad))
    assert said in problem


def test_every_problem_is_told_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "client: acme\ncurency: GBP\ntransactions:\n  source: a.csv\n  columns: {customer: id, dat: d}\n"
        "economics:\n  gross_margin: 40\n",
    )
    assert [problem.split(":")[0] for problem in found] == [
        *["client.yml"] * 2,
        "client.yml, line 2",
        *["client.yml, line 5"] * 2,
        "client.yml, line 7",
    ]
    assert "did you mean currency?" in found[2]
    assert "`transactions.columns.dat` is not a key here; did you mean date?" in " ".join(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb:\n  c: 2\n  c: 3\na: 4\n", ["line 4: the key `c` stands there twice (first on line 3)", "line 5"]),
        ("a: &x 1\nb: *x\n", ["line 1: the anchor &x", "line 2: the alias *x"]),
        ("a: !!python/object/apply:os.system [id]\n", ["line 1: the tag"]),
        ('a: "C:\\data"\n', ["single quotes"]),
        ("a:\n\tb: 1\n", ["spaces, not with tabs"]),
        ("name: Acme: the shop\n", ["a colon in it into quotes"]),
        ("- a\n", ["lines such as `client: acme`"]),
        ("", ["is empty"]),
        ("1: a\n", ["a key must be text"]),
        ("[" * 100, ["levels deep"]),
        (f"name: {'x' * 1_000_001}", ["larger than"]),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(tmp_path: Path, text: str, said: list[str]) -> None:
    found = problems(tmp_path, text)
    assert len(found) == len(said)
    for problem, words in zip(found, said, strict=True):
        assert words in problem


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "client.yml"
    path.write_bytes("name: Café".encode("cp1252"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(path)


def test_a_missing_file_names_those_that_are_there(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    with pytest.raises(ConfigError, match=r"no file .*clent\.yml\. In that folder there are: client\.yml"):
        load_config(tmp_path / "clent.yml")
    with pytest.raises(ConfigError, match="is a folder"):
        load_config(tmp_path)


def test_the_rules_are_those_of_the_cleaning() -> None:
    assert RuleActions().model_dump() == asdict(Rules())
    for name, allowed in ALLOWED.items():
        assert set(get_args(RuleActions.model_fields[name].annotation)) == set(allowed)


def test_dates_without_amounts_need_no_margin() -> None:
    values: dict[str, Any] = {
        "client": "acme",
        "name": "Acme",
        "currency": "GBP",
        "transactions": {"source": "a.csv", "columns": {"customer": "id", "date": "day"}},
    }
    config = load_config(values)
    assert not config.has_money
    assert config.economics.gross_margin is None
