"""What earlier reports of a client said: their key figures, read from the `metrics.json` of each.

Reports are put in order by the day that they are as of. File times and `created_at` count for nothing, since
the clock of a machine may go backwards and an old report may be made again. Only light modules are imported.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

from clvhelpers.errors import ConfigError
from clvhelpers.reporting.folder import DAY

SCHEMA = "1"
MOST_REPORTS = 36
BASE = ("customers", "orders", "revenue", "gross_margin", "average_order_value", "orders_per_customer", "repeat_rate")
MONTHS = ("month_1", "month_3", "month_6", "month_12")
FIRST_MODEL, WITH_SPEND = "BG/NBD", " and Gamma-Gamma"  # as metrics.json writes them
NEEDED = ("customers", "orders", "repeat_rate", "orders_per_customer")


class _UnusableError(ValueError):
    """Why a file is no earlier report of the client."""


def read_history(home: Path, notes: list[str] | None = None) -> list[dict[str, Any]]:
    """The key figures of a client's reports in `home`, `<output>/<client>`; oldest day first, at most the latest 36.

    Each is what `key_figures` gives: values that JSON knows. Hidden folders and `failed` are no reports. A folder
    that is not whole, or holds a file that can't be read, another client's or another version's numbers, is
    left out, and why is added to `notes`.

    >>> read_history(Path("no such folder"))
    []
    """
    if not home.is_dir():
        return []
    found: list[dict[str, Any]] = []
    for folder in sorted((path for path in home.iterdir() if DAY.fullmatch(path.name)), reverse=True):
        try:
            found.append(_read(folder, home.name))
        except _UnusableError as reason:
            if notes is not None:
                notes.append(f"The report in {home.name}/{folder.name} is left out of the history: {reason}.")
        if len(found) == MOST_REPORTS:
            break
    return found[::-1]


def key_figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a `metrics.json` that later reports, and the index of all clients, need of it.

    Raises `KeyError`, `TypeError` or `ValueError` for a mapping of another shape, or of another version.
    """
    if metrics["schema"] != SCHEMA:
        raise ValueError(f"its numbers are of version {metrics['schema']!r} and this program reads {SCHEMA!r}")
    base, retention, clv = metrics["base"], metrics["retention"] or {}, metrics["clv"]
    model, shares = metrics["model"] or {}, metrics["concentration"] or {}
    interval = clv["interval_90"]
    figures = {name: _number(base[name]) for name in BASE}
    figures |= {name: _number(retention.get(name)) for name in MONTHS}
    figures |= {f"clv_{name}": _number(clv[name]) for name in ("mean", "total")}
    figures |= {name: _number(clv.get(name)) for name in ("horizon_months", "discount_rate")}
    if missing := [name for name in NEEDED if figures[name] is None]:
        raise ValueError(f"it has no {', '.join(missing)}")
    return figures | {
        "client": _words(metrics["client"]),
        "as_of": date.fromisoformat(metrics["as_of"]).isoformat(),
        "clvhelpers_version": _words(metrics["clvhelpers_version"]),
        "currency": _words(metrics["currency"]),
        "definition": retention.get("definition"),
        "clv_mean_interval": None if interval is None else _pair(interval["mean"]),
        "clv_total_interval": None if interval is None else _pair(interval["total"]),
        "trusted": None if model.get("holdout") is None else bool(model["holdout"]["trusted"]),
        "model": str(model.get("name", FIRST_MODEL)).removesuffix(WITH_SPEND),
        "parameters": {str(name): _number(value) for name, value in model.get("parameters", {}).items()},
        "top_10_share": _number(shares.get("top_10_share")),
    }


def earlier(history: Sequence[Mapping[str, Any]], as_of: date) -> list[dict[str, Any]]:
    """The reports of a history as of a day before `as_of`, oldest first.

    Raises `ConfigError` for an entry that is not as `key_figures` gives it.

    >>> earlier([], date(2026, 6, 30))
    []
    """
    for place, entry in enumerate(history, 1):
        if not isinstance(entry, Mapping) or not {"as_of", "parameters", *NEEDED} <= set(entry):
            raise ConfigError(
                f"entry {place} of `history` is no earlier report: give what "
                "clvhelpers.reporting.history.read_history reads from the folder of the client's reports, or []"
            )
    before = [dict(entry) for entry in history if entry["as_of"] < as_of.isoformat()]
    return sorted(before, key=lambda entry: str(entry["as_of"]))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises `OSError`, or `ValueError` for anything else (NaN and infinity too)."""
    value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")
    return value


def _read(folder: Path, client: str) -> dict[str, Any]:
    if not (folder / "manifest.json").is_file():
        raise _UnusableError("it has no manifest.json, so it is not whole")
    try:
        figures = key_figures(read_json(folder / "metrics.json"))
    except OSError as error:
        raise _UnusableError(f"its metrics.json can't be read ({error.strerror})") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise _UnusableError("its metrics.json has another shape than a report writes") from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise _UnusableError(f"its metrics.json can't be used ({error})") from error
    if (figures["client"], figures["as_of"]) != (client, folder.name):
        raise _UnusableError(f"its numbers are of the client {figures['client']!r} as of {figures['as_of']}")
    return figures


def _number(value: Any) -> float | int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{value!r} stands where a number should be")
    return value


def _pair(value: Any) -> list[float | int | None]:
    low, high = value
    return [_number(low), _number(high)]


def _words(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} stands where words should be")
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} stands where a number should be")
