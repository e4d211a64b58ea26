"""The three ways to set up (locks, conda, pyproject.toml) promise the same packages."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
CONDA_NAMES = {"duckdb": "python-duckdb"}
BY_PIP = {"typst"}  # conda-forge has the program and not the Python package; `-e .` brings it
LOCKS = {"requirements.lock": ["install"], "requirements-test.lock": ["install", "test", "dask", "postgres", "spark"]}


def required(extras: list[str]) -> list[Requirement]:
    optional = PROJECT["optional-dependencies"]
    return [
        Requirement(text) for text in PROJECT["dependencies"] + [line for name in extras for line in optional[name]]
    ]


def locked(name: str) -> dict[str, list[Requirement]]:
    pins: dict[str, list[Requirement]] = {}
    for line in (ROOT / name).read_text().splitlines():
        if re.match(r"[a-z0-9]", line):
            pin = Requirement(line.rstrip(" \\"))
            pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    return pins


def test_conda_lists_the_packages_of_pyproject_with_the_same_bounds() -> None:
    wanted = {f"{CONDA_NAMES.get(r.name, r.name)}{r.specifier}" for r in required([]) if r.name not in BY_PIP}
    listed = {line for line in CONDA["dependencies"] if isinstance(line, str)}
    assert listed == wanted | {f"python{PROJECT['requires-python']}", "pip"}


def test_conda_takes_only_conda_forge_and_installs_this_package_with_its_test_tools() -> None:
    (pip,) = [line["pip"] for line in CONDA["dependencies"] if isinstance(line, dict)]
    assert CONDA["channels"] == ["conda-forge"]
    assert pip == ["-e .[test,dask,postgres,spark]"]


@pytest.mark.parametrize(("name", "extras"), LOCKS.items())
def test_lock_pins_every_requirement_within_its_bounds(name: str, extras: list[str]) -> None:
    pins = locked(name)
    for requirement in required(extras):
        versions = [next(iter(pin.specifier)).version for pin in pins[canonicalize_name(requirement.name)]]
        assert all(requirement.specifier.contains(version) for version in versions), requirement


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_exact_versions_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"https?://|file:|--index|--extra-index|--find-links|--trusted", text)
    assert all(pin.specifier and str(pin.specifier).startswith("==") for pins in locked(name).values() for pin in pins)
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_test_environment_extends_the_one_that_users_have() -> None:
    """The same versions; a package may be needed on more systems there."""
    base, test = locked("requirements.lock"), locked("requirements-test.lock")
    versions = {name: sorted(str(pin.specifier) for pin in pins) for name, pins in base.items()}
    assert versions == {name: sorted(str(pin.specifier) for pin in test[name]) for name in base}


def test_markers_of_the_lock_cover_the_oldest_python() -> None:
    oldest = {"python_full_version": "3.11.0", "python_version": "3.11"}
    pins = locked("requirements.lock")["numpy"]
    assert sum(pin.marker is None or Marker(str(pin.marker)).evaluate(oldest) for pin in pins) == 1
