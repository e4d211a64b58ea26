"""What all tests share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.tools import missing_lines, needs

settings.register_profile("busy machine", deadline=None)  # by itself Hypothesis fails a test that takes 0.2 seconds
settings.load_profile("busy machine")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what could not be tested on this machine, at the very end where it is read."""
    for line in missing_lines():
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """One small local Spark for all tests that ask for it; without Java they are left out by name."""
    needs("java")
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",  # compiling takes longer than a few rows
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.timestampType": "TIMESTAMP_NTZ",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",  # for the same reason
        "spark.driver.memory": "512m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests that open a page."""
    program = needs("chromium")
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=quiet)
        yield running
        running.close()


@pytest.fixture(scope="session")
def cdnow_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the report that `make report` makes, rendered once."""
    from clvhelpers.reporting.batch import PROJECT, render

    return render(PROJECT / "reports" / "clients" / "cdnow.yml", tmp_path_factory.mktemp("cdnow"))
