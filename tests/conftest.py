"""What all tests share."""

import pytest

from tests.tools import missing_lines


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what could not be tested on this machine, at the very end where it is read."""
    for line in missing_lines():
        terminalreporter.write_line(line, yellow=True)
