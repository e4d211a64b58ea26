"""A lesson that reads a company's orders runs on each company of the course and on a client's own file."""

from pathlib import Path

import papermill
import pytest

import clvhelpers as clv
from clvhelpers.exercises.base import lesson_module
from clvhelpers.reporting.kernel import warm_kernel_name
from tests.notebooks.course import SOLUTIONS, name_of, number_of

CLIENT = """client: own
name: Own shop [x](y)
currency: EUR
transactions:
  source: orders.csv
  columns: {customer: who, date: day, amount: money}
economics: {gross_margin: 0.35}
"""
WITH_COMPANY = [path for path in SOLUTIONS if "client" in lesson_module(number_of(path)).PARAMETERS]


@pytest.fixture(scope="module")
def client_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A client whose file has a customer, a day and an amount in each row, and two rows to set aside."""
    folder = tmp_path_factory.mktemp("client")
    shop = clv.simulate.non_contractual(customers=400, weeks=104, acquisition_weeks=60, seed=5)
    rows = shop.transactions.set_axis(["who", "day", "money"], axis="columns")
    rows.loc[3, "who"] = None
    rows.loc[5, "money"] = 0
    rows.to_csv(folder / "orders.csv", index=False)
    (folder / "own.yml").write_text(CLIENT)
    return folder / "own.yml"


def another(path: Path) -> str:
    """A company that nbval does not run the lesson with: in turn a client's own file and a real shop."""
    given = "client" if WITH_COMPANY.index(path) % 2 else "cdnow"
    return "client" if given == lesson_module(number_of(path)).PARAMETERS["company"] else given


@pytest.mark.parametrize(
    ("path", "company"),
    [pytest.param(path, another(path), id=f"{name_of(path)}-{another(path)}") for path in WITH_COMPANY],
)
def test_lesson_runs_on_any_company(path: Path, company: str, client_file: Path, tmp_path: Path) -> None:
    given = {"client": str(client_file)} if company == "client" else {"company": company}
    after = papermill.execute_notebook(
        path,
        str(tmp_path / path.name),
        parameters=given,
        cwd=path.parent,
        kernel_name=warm_kernel_name(),
        execution_timeout=60,
        progress_bar=False,
        request_save_on_cell_execute=False,  # writing the file after each cell takes a third of the time
    )
    checks = [cell for cell in after.cells if "check" in cell.metadata.get("tags", [])]
    shown = [str(cell.outputs) for cell in checks]
    assert all("Right." in text or "Not with these data:" in text for text in shown)
