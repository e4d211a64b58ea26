"""The template notebook: committed bare, one parameter, and it runs by hand with papermill alone."""

import json
import shutil
from pathlib import Path

import nbformat
import papermill
import pytest

from clvhelpers.reporting.config.client import Sections
from clvhelpers.reporting.content import CLOSED, OPENED
from clvhelpers.reporting.markdown import headings, parse, words
from clvhelpers.reporting.report import Report
from tests.reports.made import client, orders

TEMPLATE = Path(__file__).parents[2] / "reports" / "clv_report.ipynb"
SECTIONS = [
    "summary",
    "changes",
    "key_figures",
    "data_audit",
    "revenue",
    "cohorts",
    "groups_and_tiers",
    "concentration",
    "prediction",
    "experiment",
    "method",
]


@pytest.fixture(scope="module")
def template() -> nbformat.NotebookNode:
    return nbformat.read(TEMPLATE, as_version=4)


def test_it_is_committed_without_outputs(template: nbformat.NotebookNode) -> None:
    code = [cell for cell in template.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert all(len(cell.source.splitlines()) <= 3 for cell in code)


def test_one_cell_holds_the_parameters(template: nbformat.NotebookNode) -> None:
    tagged = [cell for cell in template.cells if "parameters" in cell.metadata.get("tags", [])]
    assert [cell.source.partition("=")[0].strip() for cell in tagged] == ["client"]
    assert [line.partition(" ")[0] for line in tagged[0].source.splitlines()] == ["client", "history", "data"]


def test_the_sections_are_in_order_and_each_is_a_method(template: nbformat.NotebookNode) -> None:
    calls = [cell.source.removeprefix("report.").removesuffix("()") for cell in template.cells[3:-1]]
    assert calls == ["opening", *SECTIONS, "closing"]
    assert set(SECTIONS) == set(Sections.model_fields)
    assert all(callable(getattr(Report, call)) for call in calls)


def test_papermill_alone_runs_it_from_a_path_of_a_client_file(tmp_path: Path) -> None:
    settings = client(tmp_path, orders(60, 40)).as_dict()
    settings["pages"] = {"before": "before.md", "after": "after.md"}
    tried = {"name": "A letter", "source": "../units.csv", "outcome": {"kind": "bought", "days": 100}, "cost": 0.1}
    settings["experiment"] = tried
    arms = "".join(f"C{place:02},{'control' if place % 2 else 'letter'},2024-03-01\n" for place in range(1, 61))
    (tmp_path / "units.csv").write_text(f"customer_id,arm,exposed_at\n{arms}", encoding="utf-8")
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "acme.yml").write_text(json.dumps(settings), encoding="utf-8")
    for name in ("before", "after"):
        (tmp_path / "clients" / f"{name}.md").write_text(f"# {name.title()} $5 <b>", encoding="utf-8")
    shutil.copy(TEMPLATE, tmp_path)
    papermill.execute_notebook(
        tmp_path / TEMPLATE.name,
        tmp_path / "out.ipynb",
        parameters={"client": "clients/acme.yml"},
        cwd=tmp_path,
        progress_bar=False,
        execution_timeout=300,
    )
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["base"]["customers"] == 60
    assert metrics["experiment"]["units"] == 60
    assert (tmp_path / "set_aside.parquet").exists()
    outputs = [output for cell in nbformat.read(tmp_path / "out.ipynb", 4).cells for output in cell.get("outputs", [])]
    assert {output.output_type for output in outputs} == {"display_data"}
    assert all(output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.data)
    assert any("Experiment: A letter" in str(output.data.get("text/plain")) for output in outputs)
    shown = [words_of(output) for output in (outputs[0], outputs[-1])]
    assert shown == ["Before $5 <b>", "After $5 <b>"]


def words_of(output: nbformat.NotebookNode) -> str:
    """The words of the heading of level 2 that an output shows, and which nobody reads as mathematics."""
    content = output.data["text/markdown"]
    assert content.startswith(OPENED)
    (heading,) = headings(parse(content.removeprefix(OPENED).removesuffix(CLOSED)))
    assert heading["attrs"]["level"] == 2
    return words(heading)
