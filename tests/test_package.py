"""`import clvhelpers as clv` is cheap, and every name it promises is there."""

import subprocess
import sys

import pytest

import clvhelpers as clv

HEAVY = ["pandas", "numpy", "scipy", "matplotlib", "seaborn", "duckdb", "IPython", "papermill", "nbconvert", "pydantic"]


@pytest.mark.parametrize("name", clv.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(clv, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lifetime_valeu'"):
        clv.lifetime_valeu  # noqa: B018


@pytest.mark.parametrize("module", ["clvhelpers", "clvhelpers.errors"])
def test_the_import_itself_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
