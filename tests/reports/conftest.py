"""What tests of reports share."""

from pathlib import Path

import pytest

from clvhelpers.reporting import analyse
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.shown import Shown
from tests.reports.months import three_months
from tests.reports.shop import shop_config, show_all


@pytest.fixture(scope="session")
def months(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Analysis]]:
    """An output folder with three monthly reports of a steady shop, and their analyses. Not to be changed."""
    output = tmp_path_factory.mktemp("output")
    return output, three_months(output, tmp_path_factory.mktemp("orders"))


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """The analysis of a shop with hostile ids of customers."""
    return analyse(shop_config(tmp_path_factory.mktemp("shop")))


@pytest.fixture(scope="session")
def shown(shop: Analysis) -> list[Shown]:
    """Everything that the report of that shop shows."""
    return show_all(shop)
