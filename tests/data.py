"""What the tests of all companies' data share: the script beside the data, and what a file holds."""

import gzip
import importlib.util
from pathlib import Path
from types import ModuleType


def make_script(folder: Path) -> ModuleType:
    """The script `make.py` of a company's folder, as a module."""
    return script(folder / "make.py")


def script(path: Path) -> ModuleType:
    """A script that stands beside data, as a module."""
    spec = importlib.util.spec_from_file_location(f"{path.stem}_{path.parent.name}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def held(path: Path) -> bytes:
    """What a file holds; of a zipped one unzipped, for zlib does not give the same bytes everywhere."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
