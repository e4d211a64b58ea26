"""`clv new`: what is guessed, what is asked, and that the file it writes is one that `clv check` reads."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pytest
from PIL import Image
from pydantic import BaseModel

from clvhelpers.errors import ConfigError, DataContractError, OutputError
from clvhelpers.reporting.config import ClientConfig, Columns, load_config
from clvhelpers.reporting.reference import block_of
from clvhelpers.reporting.starter import INSTEAD, write_starter


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "orders.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_the_file_is_complete_but_for_what_data_can_not_tell(tmp_path: Path) -> None:
    source = written(tmp_path, "CustomerID;Order Date;Invoice No;Total;Country\n007;2026-01-31;A1;12,50 €;DE\n")
    path, told = write_starter(str(tmp_path / "clients-acme"), source)
    assert told[:4] == [
        "Guessed customer: CustomerID (its name says so)",
        "Guessed date: Order Date (its name says so)",
        "Guessed order: Invoice No (its name says so)",
        "Guessed amount: Total (its name says so)",
    ]
    assert "Not used: Country" in told
    assert "The file holds 1 row from 2026-01-31 to 2026-01-31." in told
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert [problem.split("`")[1] for problem in caught.value.problems] == ["economics.gross_margin"]

    path.write_text(path.read_text(encoding="utf-8").replace("gross_margin:", "gross_margin: 0.4"), encoding="utf-8")
    config = load_config(path)
    assert (config.client, config.currency) == ("clients-acme", "EUR")
    assert config.transactions.source == [str(source)]
    assert config.transactions.columns.model_dump(exclude_none=True) == {
        "customer": "CustomerID",
        "date": "Order Date",
        "order": "Invoice No",
        "amount": "Total",
    }


def starter(folder: Path) -> str:
    """A client file as `clv new` writes it, with its questions answered."""
    source = written(folder, "customer,date,amount\n1,2026-01-31,2\n")
    path, _ = write_starter(str(folder / "acme"), source, force=True)
    text = path.read_text(encoding="utf-8")
    return text.replace("currency:  # Q", "currency: EUR  # Q").replace("gross_margin:", "gross_margin: 0.4")


def blocks(section: type[BaseModel] = ClientConfig) -> Iterator[type[BaseModel]]:
    """A block and all blocks inside it."""
    yield section
    for field in section.model_fields.values():
        if inner := block_of(field.annotation):
            yield from blocks(inner)


def uncommented(text: str, key: str) -> str:
    """The text with one optional block, or one optional line, in use."""
    lines = text.splitlines()
    first = next(place for place, line in enumerate(lines) if line.lstrip().startswith(f"# {key}:"))
    indent = lines[first].index("#")
    end = first + 1
    while end < len(lines) and lines[end].startswith(f"{' ' * indent}#   "):
        end += 1
    for place in range(first, end):
        lines[place] = lines[place].replace("# ", "", 1)
    return "\n".join(lines) + "\n"


def test_every_key_stands_in_the_file_with_its_meaning(tmp_path: Path) -> None:
    lines = [line.lstrip("# ") for line in starter(tmp_path).splitlines()]
    every = list(blocks())
    assert len(every) == 16
    for section in every:
        for key, field in section.model_fields.items():
            found = [line for line in lines if line.startswith(f"{key}:")]
            assert found, key
            guessed = section is Columns and "its name says so" in found[0]
            is_block = block_of(field.annotation) is not None
            assert guessed or is_block or any(str(field.description) in line for line in found), key


OPTIONAL_BLOCKS = (
    *("database", "access", "experiment", "rules", "brand", "sections", "pages", "appendix", "privacy", "email"),
)


@pytest.mark.parametrize("block", OPTIONAL_BLOCKS)
def test_a_block_without_its_marks_is_a_valid_one_with_all_its_keys(tmp_path: Path, block: str) -> None:
    Image.new("RGB", (20, 10), "#0b4f8a").save(tmp_path / "logo.png")
    shutil.copy(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSansMono.ttf"), tmp_path / "font.ttf")
    for name in ("before.md", "after.md"):
        (tmp_path / name).write_text("Words.", encoding="utf-8")
    text = starter(tmp_path)
    used = uncommented(text, block)
    if block == "database":
        used = re.sub(r"^  source:.*\n", "", used, flags=re.MULTILINE)
    path = tmp_path / "acme.yml"
    path.write_text(used, encoding="utf-8")
    config = load_config(path)
    found = getattr(config.transactions if block in ("database", "access") else config, block)
    assert found.model_fields_set >= set(type(found).model_fields) - set(INSTEAD)


def test_a_line_without_its_mark_is_a_valid_one(tmp_path: Path) -> None:
    text = starter(tmp_path)
    lone = re.findall(r"^(?:  |    )?# (\w+):", text, flags=re.MULTILINE)
    assert {"language", "as_of", "seed", "date_format", "order", "row_limit"} <= set(lone)
    for key in set(lone) - set(OPTIONAL_BLOCKS):
        path = tmp_path / "acme.yml"
        path.write_text(uncommented(text, key), encoding="utf-8")
        load_config(path)


def test_editors_are_told_of_the_schema_only_inside_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "yaml-language-server" not in starter(tmp_path)
    schema = tmp_path / "reports" / "client.schema.json"
    (tmp_path / "reports" / "clients").mkdir(parents=True)
    schema.write_text("{}", encoding="utf-8")
    monkeypatch.setattr("clvhelpers.reporting.starter.SCHEMA", schema)
    first = starter(tmp_path / "reports" / "clients").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../client.schema.json"


def test_a_date_that_can_be_read_in_two_ways_is_asked_about(tmp_path: Path) -> None:
    source = written(tmp_path, "customer,date,amount\n1,03/04/2026,5.00\n2,05/04/2026,6.00\n")
    path, told = write_starter(str(tmp_path / "acme"), source)
    (question,) = [line for line in told if line.startswith("QUESTION")]
    assert "03/04/2026" in question
    assert "# QUESTION: " in path.read_text(encoding="utf-8")
    assert "date_format" in question


def test_columns_with_no_known_name_are_asked_for(tmp_path: Path) -> None:
    path, told = write_starter(str(tmp_path / "acme"), written(tmp_path, "foo,bar\n1,2\n"))
    assert told == ["Not found: customer", "Not found: date", "Not used: foo, bar"]
    with pytest.raises(ConfigError, match=r"`transactions\.columns\.date` is null"):
        load_config(path)


def test_windows_text_is_recognised_and_stated(tmp_path: Path) -> None:
    source = written(tmp_path, "customer,date,Größe\nMüller,2026-01-31,1\n", encoding="cp1252")
    path, told = write_starter(str(tmp_path / "acme"), source)
    assert "Encoding: cp1252" in told
    assert "encoding: cp1252" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ['say "hi"', "a: b # c", "[red]x[/red]", "- x", "it's", "{x}", "&a", "*", "ü\\"])
def test_any_column_name_comes_back_as_it_is(tmp_path: Path, name: str) -> None:
    column = f"order date {name}"
    quoted = column.replace('"', '""')
    source = written(tmp_path, f'customer,"{quoted}",{name[0]}\n1,2026-01-31,2\n')
    path, _ = write_starter(str(tmp_path / "acme"), source)
    path.write_text(path.read_text(encoding="utf-8").replace("currency:", "currency: EUR"), encoding="utf-8")
    assert load_config(path).transactions.columns.date == column


def test_an_existing_file_is_not_written_over_without_force(tmp_path: Path) -> None:
    source = written(tmp_path, "customer,date\n1,2026-01-31\n")
    path = tmp_path / "acme.yml"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="--force"):
        write_starter(str(tmp_path / "acme"), source)
    assert path.read_text(encoding="utf-8") == "mine"
    write_starter(str(tmp_path / "acme"), source, force=True)
    assert "client: acme" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("address", ["s3://acme/orders/*.csv", "https://acme.test/orders.csv"])
def test_an_address_is_not_taken_for_a_path(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="only a local file is looked at"):
        write_starter(str(tmp_path / "acme"), Path(address))
    assert not list(tmp_path.iterdir())


def test_a_file_that_can_not_be_read_leaves_no_client_file(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match=r"nothing\.csv"):
        write_starter(str(tmp_path / "acme"), tmp_path / "nothing.csv")
    with pytest.raises(OutputError, match="can't be written"):
        write_starter(str(tmp_path / "no such folder" / "acme"), written(tmp_path, "customer,date\n1,2026-01-31\n"))
    with pytest.raises(ConfigError, match="no letter or digit"):
        write_starter("!!", written(tmp_path, "customer,date\n"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.csv"]
