"""Which files a source stands for, and that none lies where it should not."""

from pathlib import Path

import pytest

from clvhelpers.errors import DataContractError
from clvhelpers.sources.findings import Findings
from clvhelpers.sources.locate import expand


def found(source: Path | str) -> tuple[list[str], list[str], list[str]]:
    findings = Findings()
    return [path.name for path in expand(source, findings)], findings.problems, findings.notes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "acme"
    folder.mkdir()
    for name in ("b.csv", "a.parquet", ".secret.csv", "c.CSV.gz"):
        (folder / name).write_text("x")
    return folder


def test_a_folder_is_all_its_files_of_orders_in_order(folder: Path) -> None:
    assert found(folder) == (["a.parquet", "b.csv", "c.CSV.gz"], [], [])
    (folder / "old").mkdir()
    for number in range(5):
        (folder / f"note{number}.txt.bak").write_text("x")
    names, problems, notes = found(folder)
    assert (len(names), problems) == (3, [])
    assert notes == [
        "Not read in the folder acme, as they are no files of orders: note0.txt.bak, note1.txt.bak, note2.txt.bak, "
        "note3.txt.bak, note4.txt.bak and 1 more."
    ]


def test_a_folder_without_a_file_of_orders_is_refused(tmp_path: Path) -> None:
    assert "it is empty: put the orders into it" in found(tmp_path)[1][0]
    (tmp_path / "orders.pkl").write_text("x")
    assert "it holds orders.pkl" in found(tmp_path)[1][0]


@pytest.mark.parametrize("way", ["folder", "pattern", "pattern through a linked folder"])
def test_a_link_that_leads_out_of_the_folder_is_refused_by_name(folder: Path, tmp_path: Path, way: str) -> None:
    other = tmp_path / "other-client"
    other.mkdir()
    (other / "stolen.csv").write_text("x")
    (folder / "inner.csv").symlink_to(folder / "b.csv")
    if way == "pattern through a linked folder":
        (folder / "linked").symlink_to(other)
        source, name = folder / "*" / "*.csv", "stolen.csv"
    else:
        (folder / "link.csv").symlink_to(other / "stolen.csv")
        source, name = (folder if way == "folder" else folder / "l*.csv"), "link.csv"
    names, problems, _ = found(source)
    assert name not in names
    assert any(f"{name} leads out of the folder {folder}" in problem for problem in problems)


def test_a_file_that_is_named_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "named.csv").symlink_to(folder / "b.csv")
    assert found(tmp_path / "named.csv") == (["named.csv"], [], [])


def test_a_pattern_finds_no_hidden_file(folder: Path) -> None:
    assert found(folder / "*.csv")[0] == ["b.csv"]


def test_no_source_at_all_is_refused() -> None:
    findings = Findings()
    expand([], findings)
    with pytest.raises(DataContractError, match="no source: give a file, a folder"):
        findings.stop_if_any()
