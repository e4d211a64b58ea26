"""What is missing on a machine is said, and never hidden where everything must be tested."""

import subprocess
from pathlib import Path

import pytest

from tests import tools
from tests.tools import Tool


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "TOOLS", {"oracle": Tool(("no-such-command",), "oracle-bin", "what the future brings")})


@pytest.mark.usefixtures("missing")
def test_without_a_tool_a_test_is_left_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="oracle is not installed, so it was not tested what the future"):
        tools.needs("oracle")


@pytest.mark.usefixtures("missing")
def test_in_ci_a_missing_tool_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="oracle is not installed"):
        tools.needs("oracle")


@pytest.mark.usefixtures("missing")
def test_the_last_lines_say_what_was_not_tested_and_how_to_get_it() -> None:
    (line,) = tools.missing_lines()
    assert line.startswith("NOT TESTED: what the future brings (oracle is missing")
    assert "apt install oracle-bin" in line


@pytest.mark.usefixtures("missing")
@pytest.mark.parametrize(("user", "installs"), [(0, True), (1000, False)])
def test_root_on_debian_gets_it_installed(monkeypatch: pytest.MonkeyPatch, user: int, installs: bool) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(tools.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    monkeypatch.setattr(tools.os, "geteuid", lambda: user)
    monkeypatch.setattr(subprocess, "run", lambda command, **options: calls.append(command))
    tools.install_missing()
    assert [call[2] for call in calls] == (["update", "install"] if installs else [])
    assert not installs or calls[-1][-1] == "oracle-bin"


def test_a_tool_that_is_there_is_given_with_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "TOOLS", {"python": Tool(("no-such-command", "python3"), "python3", "anything")})
    assert Path(tools.needs("python")).name == "python3"
    assert tools.missing_lines() == []
