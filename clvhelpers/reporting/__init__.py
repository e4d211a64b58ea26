"""Reports for a client: settings, analysis, rendering. Names are imported when first used."""

from importlib import import_module
from typing import Any

_HOME_OF = {
    "ClientConfig": "config",
    "Report": "report",
    "analyse": "analysis",
    "load_config": "config",
    "render": "batch",
    "render_all": "batch",
}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
