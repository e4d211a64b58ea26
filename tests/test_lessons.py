"""`run_lesson`: other parameters, a result beside the lessons, and clear words about what can't be done."""

import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from clvhelpers import lessons
from clvhelpers.errors import ConfigError
from clvhelpers.lessons import as_type, run_lesson

PARAMETERS = """margin: float = 0.4  # share of revenue, from 0 to 1
years: int = 3  # years that are counted
name: str = "Ann"  # a customer
early: bool = False  # whether the first payment comes at once
prices: list = [1, 2]  # US dollars"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of one small lesson."""
    cells = [new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}), new_code_cell("[years / margin, name]")]
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path = tmp_path / "notebooks" / "solutions" / "02_the_formulas.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells, metadata=spec), path)
    shutil.copy(path, path.parent.parent)
    monkeypatch.setattr(lessons, "NOTEBOOKS", path.parent.parent)
    return path.parent.parent


def result(path: Path) -> str:
    return str(nbformat.read(path, as_version=4).cells[-1].outputs[0].data["text/plain"])


def test_lesson_runs_with_parameters_given_as_text(folder: Path) -> None:
    source = (folder / "02_the_formulas.ipynb").read_bytes()
    path = run_lesson("2", {"margin": "0.5", "name": "../B b/é"})
    assert path == folder / "runs" / "margin=0.5,name=.._B_b_é" / "02_the_formulas.ipynb"
    assert result(path) == "[6.0, '../B b/é']"
    assert (folder / "02_the_formulas.ipynb").read_bytes() == source


def test_result_goes_where_it_is_wanted(folder: Path, tmp_path: Path) -> None:
    path = run_lesson("02", {}, tmp_path / "my {runs}")
    assert path == tmp_path / "my {runs}" / "02_the_formulas.ipynb"
    assert path.exists()


@pytest.mark.parametrize("target", ["02_the_formulas.ipynb", "solutions/02_the_formulas.ipynb", "", "solutions"])
def test_lesson_is_never_written_over(folder: Path, target: str) -> None:
    with pytest.raises(ConfigError, match="is a notebook of the course; write the result somewhere else"):
        run_lesson("02", {}, folder / target)


def test_unknown_lesson_is_answered_with_those_that_exist(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no lesson '77'; name one of these by its number: 02_the_formulas"):
        run_lesson("77")


def test_without_the_notebooks_the_missing_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"none: there is no folder .*nowhere"):
        run_lesson("02")


def test_every_problem_with_the_parameters_is_told_at_once(folder: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        run_lesson("02", {"margn": 0.3, "years": "3.5", "early": "perhaps", "zzz": 1})
    unknown, years, early, last = refused.value.problems
    assert unknown == "lesson 02 has no parameter 'margn'; did you mean margin?"
    assert years == "years must be a whole number (years that are counted); got '3.5'"
    assert early == "early must be true or false (whether the first payment comes at once); got 'perhaps'"
    assert last.startswith("lesson 02 has no parameter 'zzz'\nThe parameters of this lesson are:\n")
    assert "  margin = 0.4: share of revenue, from 0 to 1" in last
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("0.35", "float", 0.35),
        (1, "float", 1.0),
        ("7", "int", 7),
        ("TRUE", "bool", True),
        (False, "bool", False),
        ("007", "str", "007"),
        ("[3]", "list", [3]),
        ([3], "list", [3]),
    ],
)
def test_values_are_read_as_the_type_that_is_wanted(value: object, kind: str, expected: object) -> None:
    found = as_type(value, kind)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("x", "float"),
        ("nan", "float"),
        (float("inf"), "float"),
        (True, "float"),
        (None, "float"),
        (2.0, "int"),
        ("2.5", "int"),
        (1, "bool"),
        (7, "str"),
        ("{'a': 1}", "list"),
        ("[", "list"),
    ],
)
def test_values_of_another_type_are_refused(value: Any, kind: str) -> None:
    with pytest.raises((KeyError, SyntaxError, TypeError, ValueError)):
        as_type(value, kind)


def test_lesson_that_fails_with_these_parameters_says_where(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"can't be worked out with these parameters \(ZeroDivisionError: .*02_the_f"):
        run_lesson("02", {"margin": 0})


CLIENT_FILE = """client: acme
name: Acme
currency: EUR
transactions:
  source: orders.csv
  columns: {customer: who, date: day, amount: money}
economics: {gross_margin: 0.25}
"""


@pytest.fixture
def client(tmp_path: Path) -> Path:
    path = tmp_path / "acme.yml"
    path.write_text(CLIENT_FILE)
    (tmp_path / "orders.csv").write_text("who,day,money\na,2026-01-01,5\nb,2026-02-01,7\n")
    return path


def with_company(folder: Path) -> None:
    """Let the lesson of the folder tell of the company whose data it reads."""
    path = folder / "02_the_formulas.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = 'company: str = "cdnow"  # a company\nclient: str = ""  # a client file'
    notebook.cells[1].source = "import clvhelpers as clv\nclv.open_company(company, client).name"
    nbformat.write(notebook, path)


@pytest.mark.parametrize("as_parameter", [True, False])
def test_lesson_reads_the_data_of_a_client_file(
    folder: Path, client: Path, as_parameter: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_company(folder)
    monkeypatch.chdir(client.parent)
    path = run_lesson("02", {"client": "acme.yml"}) if as_parameter else run_lesson("02", client="acme.yml")
    assert path.parent.name == "client=acme"
    assert result(path) == "'Acme'"


def test_lesson_without_data_refuses_a_client_file(folder: Path, client: Path) -> None:
    with pytest.raises(ConfigError, match="lesson 02 reads no client's data"):
        run_lesson("02", client=client)


def test_client_file_with_an_error_is_refused_before_the_lesson_runs(folder: Path, client: Path) -> None:
    with_company(folder)
    client.write_text(CLIENT_FILE.replace("currency: EUR", "curency: EUR"))
    with pytest.raises(ConfigError, match="did you mean currency"):
        run_lesson("02", client=client)
    assert not (folder / "runs").exists()
