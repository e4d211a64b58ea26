"""Programs that pip can't bring and some tests need: where they are, and what to do without them.

`make test` runs this file first: what is missing is installed from Debian's packages where that is
possible (root and apt), and otherwise named. A test asks with `needs("chromium")`; without the program it
is left out and named in the last lines of the run, or fails where the variable CI is `true`.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Tool:
    """A program: the names it goes by, its Debian package, and what is tested with it."""

    commands: tuple[str, ...]
    package: str
    tested_with_it: str

    def path(self) -> str | None:
        return next(filter(None, map(shutil.which, self.commands)), None)


TOOLS = {
    "chromium": Tool(
        ("chromium", "chromium-browser", "google-chrome"),
        "chromium",
        "how reports and lessons look and behave in a browser",
    ),
    "java": Tool(("java",), "default-jre-headless", "that PySpark gives the same numbers as the other engines"),
}


def needs(name: str) -> str:
    """The path of a program; without it the test is left out, or fails where CI is `true`."""
    path = TOOLS[name].path()
    if path:
        return path
    message = f"{name} is not installed, so it was not tested {TOOLS[name].tested_with_it}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def missing_lines() -> list[str]:
    """One line for each missing program: what was not tested, and how to get it."""
    return [
        f"NOT TESTED: {tool.tested_with_it} ({name} is missing: install it, on Debian `apt install {tool.package}`)"
        for name, tool in TOOLS.items()
        if not tool.path()
    ]


def install_missing() -> None:
    """Install what is missing from Debian's packages, if this is root on a machine with apt."""
    packages = [tool.package for tool in TOOLS.values() if not tool.path()]
    if not packages or not shutil.which("apt-get") or os.geteuid() != 0:
        return
    print(f"Installing {' and '.join(packages)}, which some tests need …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", "-qq", *command], env=environment, stdout=subprocess.DEVNULL, check=False)


if __name__ == "__main__":
    install_missing()
    print("\n".join(missing_lines()), file=sys.stderr, end="\n" if missing_lines() else "")
