"""One page of all clients: what their latest reports say and how their last runs ended.

It is made from what lies in the output folder (the manifests and numbers of the reports, the manifests of
failures, and `run.json` of the last run) and from nothing else, so the same folder always gives the same
page. Only light modules are imported: a run in which nothing changed has little to do but write this page.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import escape

from clvhelpers.reporting.figures import FIGURES
from clvhelpers.reporting.fingerprint import package_sha256, sha256_of_value
from clvhelpers.reporting.folder import DAY, FAILED, write_text
from clvhelpers.reporting.history import key_figures, read_json

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATE = Path(__file__).parent / "template" / "clients.html.j2"
PAGE = "index.html"
CLIENT = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
FILES = (("report.html", "Report"), ("report.pdf", "PDF"), ("appendix.xlsx", "Excel"), ("report.eml", "E-mail"))
LAST_RUN = re.compile(r'(<span id="last-run">).*?(</span>)', re.DOTALL)
STATUS = {
    "rendered": "new report",
    "unchanged": "unchanged",
    "failed": "failed",
    "failed_in_notebook": "failed",
    "failed_before": "failed before it began",
    "crashed": "crashed",
    "timed_out": "took too long",
}
SEVERITY = {"info": "Better", "warning": "Worse", "critical": "Much worse"}
GOOD = ("rendered", "unchanged")
MISSING = "–"
LONGEST_MESSAGE = 2000
BROKEN = (OSError, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Link:
    """A word, and where it leads, relative to the page."""

    text: str
    href: str


@dataclass(frozen=True)
class Latest:
    """What the latest report of a client says, as words."""

    name: str
    as_of: str
    made: str
    links: tuple[Link, ...]
    customers: str
    revenue: str
    value: str
    value_range: str
    since: str
    changes: tuple[str, ...]
    alerts: tuple[tuple[str, str], ...]
    warnings: int


@dataclass(frozen=True)
class Row:
    """A client: the latest report that can be read, older ones, and how the last run ended.

    `broken` names report folders that can't be read.
    """

    client: str
    latest: Latest | None = None
    older: tuple[Link, ...] = ()
    broken: tuple[str, ...] = ()
    status: str = ""
    failed: bool = False
    message: str = ""
    message_at: str = ""


def write_index(output: Path) -> Path:
    """Write `<output>/index.html`, a row a client in the order of their names, and return its path.

    A reader sees the old page or the new one whole. Folders and files that are not ours, or that can't be read, are
    left out or named, and never end the run. Raises `OSError` where the page can't be written.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> write_index(Path(folder.name)).name
    'index.html'
    >>> folder.cleanup()
    """
    run = _object(output / "run.json")
    each = (_row(home, _last_possible_day(run)) for home in _client_folders(output))
    rows = {row.client: row for row in each if row is not None}
    started = str(run.get("started_at", ""))
    for entry in _entries(run):
        known = rows.get(entry["client"], Row(entry["client"]))
        if not known.failed or known.message_at < started:  # else its folder tells of the same run, or a later one
            rows[known.client] = _with_outcome(known, entry)
    facts = {
        "rows": [rows[client] for client in sorted(rows)],
        "failures": sum(row.failed for row in rows.values()),
        "worse": sum(_is_worse(row) for row in rows.values()),
    }
    write_text(output / PAGE, _page(output / PAGE, facts, _last_run(run)))
    return output / PAGE


def _page(old: Path, facts: dict[str, Any], last_run: str) -> str:
    """The page; if the old one tells the same, that one with the time of the last run, for templates load slowly."""
    told = json.dumps(facts, default=asdict)
    made_from = sha256_of_value([told, package_sha256()])
    try:
        text = old.read_text(encoding="utf-8")
    except (OSError, ValueError):
        text = ""
    if made_from in text[-100:]:
        return LAST_RUN.sub(lambda found: f"{found[1]}{escape(last_run)}{found[2]}", text, count=1)
    return _template().render(**facts, made_from=made_from, last_run=last_run)


def _last_run(run: Mapping[str, Any]) -> str:
    started, finished = (_moment(str(run.get(name, ""))) for name in ("started_at", "finished_at"))
    return f"Last run: {started} to {finished}" if finished else ""


def _is_worse(row: Row) -> bool:
    return row.latest is not None and any(severity != "info" for severity, _ in row.latest.alerts)


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["moment"] = _moment
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def _client_folders(output: Path) -> list[Path]:
    return sorted(path for path in output.iterdir() if CLIENT.fullmatch(path.name) and path.is_dir())


def _last_possible_day(run: Mapping[str, Any]) -> str:
    """The last day that a report can be of, wherever the client is; a later one rests on a wrong date in the data."""
    try:
        return (date.fromisoformat(str(run.get("finished_at", ""))[:10]) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return date.max.isoformat()


def _row(home: Path, last_possible_day: str) -> Row | None:
    """The row of a client's folder; None for a folder that no run of ours has made."""
    try:
        names = {path.name for path in home.iterdir()}
    except OSError:
        return Row(home.name, broken=("the whole folder",))
    days = sorted(filter(DAY.fullmatch, names), key=lambda day: (day <= last_possible_day, day), reverse=True)
    failed = FAILED in names
    if not days and not failed:
        return None
    broken = []
    latest, older = None, []
    for name in days:
        if latest is None:
            latest = _latest(home / name)
            broken += [name] if latest is None else []
        elif (home / name / "report.html").is_file():
            older.append(Link(name, f"{_href(home.name, name)}/report.html"))
    row = Row(home.name, latest, tuple(older), tuple(broken))
    return _with_failure(row, _object(home / FAILED / "manifest.json")) if failed else row


def _latest(folder: Path) -> Latest | None:
    """What a report says; None if that can't be read."""
    try:
        manifest, metrics = (read_json(folder / f"{name}.json") for name in ("manifest", "metrics"))
        figures = key_figures(metrics)
        if (figures["client"], figures["as_of"]) != (folder.parent.name, folder.name):
            return None
        return _told(folder, manifest, metrics, figures)
    except BROKEN:
        return None


def _told(folder: Path, manifest: Mapping[str, Any], metrics: Mapping[str, Any], figures: Mapping[str, Any]) -> Latest:
    currency, interval = figures["currency"], figures["clv_total_interval"]
    place = _href(folder.parent.name, folder.name)
    return Latest(
        name=str(metrics["name"]),
        as_of=figures["as_of"],
        made=str(manifest.get("started_at", "")),
        links=tuple(Link(text, f"{place}/{name}") for name, text in FILES if (folder / name).is_file()),
        customers=_shown("count", figures["customers"]),
        revenue=_shown("money", figures["revenue"], currency),
        value=_shown("money", figures["clv_total"], currency),
        value_range="" if interval is None else " to ".join(_shown("money", end) for end in interval),
        since=_since(metrics.get("comparison")),
        changes=_changes(metrics.get("comparison"), currency),
        alerts=tuple(_alert(alert, currency) for alert in metrics["alerts"]),
        warnings=len(metrics["data"]["warnings"]),
    )


def _since(comparison: Mapping[str, Any] | None) -> str:
    """Since when the changes are."""
    if comparison is None:
        return "first report"
    return f"{'since' if comparison['changes'] else 'not comparable with'} {comparison['previous_as_of']}"


def _changes(comparison: Mapping[str, Any] | None, currency: str) -> tuple[str, ...]:
    """What was added since the report before, in few words."""
    if comparison is None:
        return ()
    moved = {change["figure"]: change["change"] for change in comparison["changes"]}
    return tuple(
        f"{'+' if moved[name] > 0 else ''}{_shown(FIGURES[name].kind, moved[name], currency)} {words}"
        for name, words in (("customers", "customers"), ("revenue", "revenue"), ("clv_total", "predicted"))
        if moved.get(name) is not None
    )


def _alert(alert: Mapping[str, Any], currency: str) -> tuple[str, str]:
    """The severity of an alert, and its words."""
    severity = alert["severity"]
    weight = SEVERITY[severity]
    if alert["metric"] == "model_trusted":
        return severity, f"{weight}: the model no longer passes its check"
    figure = FIGURES[alert["metric"]]
    label = figure.label.partition(" in {")[0]
    before, now = (_shown(figure.kind, alert[name], currency) for name in ("expected", "value"))
    return severity, f"{weight}: {label} {before} → {now}"


def _shown(kind: str, value: float | None, currency: str = "") -> str:
    """A number as English writes it, with the code of its currency: clients are not of one country.

    >>> _shown("money", 2500.4, "GBP"), _shown("money", -12.5, "GBP"), _shown("share", 0.1234), _shown("count", None)
    ('GBP 2,500', '-GBP 12.50', '12.3%', '–')
    """
    if value is None:
        return MISSING
    if kind == "share":
        return f"{100 * value:z.1f}%"
    if kind == "count":
        return f"{value:,.0f}"
    if kind != "money":
        return f"{value:,.2f}"
    size = f"{abs(value):,.{0 if abs(value) >= 999.995 else 2}f}"
    return f"{'-' if value < 0 else ''}{currency} {size}".replace("- ", "-").strip()


def _with_failure(row: Row, failure: Mapping[str, Any]) -> Row:
    """A row whose last run left something in `failed`: what its manifest says, if that can be read."""
    status = str(failure.get("status", ""))
    message = str(failure.get("error", f"The manifest in {FAILED} can't be read."))[:LONGEST_MESSAGE]
    words = STATUS.get(status, "failed")
    return replace(row, status=words, failed=True, message=message, message_at=str(failure.get("failed_at", "")))


def _with_outcome(row: Row, entry: Mapping[str, Any]) -> Row:
    """A row with the outcome that `run.json` tells of its client."""
    status = str(entry.get("status", ""))
    if status in GOOD:
        return replace(row, status=STATUS[status], failed=False, message="", message_at="")
    message = str(entry.get("message", ""))[:LONGEST_MESSAGE]
    return replace(row, status=STATUS.get(status, "failed"), failed=True, message=message, message_at="")


def _entries(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The reports of `run.json` that name a client."""
    reports = run.get("reports")
    if not isinstance(reports, list):
        return []
    return [entry for entry in reports if isinstance(entry, dict) and isinstance(entry.get("client"), str)]


def _object(path: Path) -> dict[str, Any]:
    """A JSON object, empty where there is none that can be read."""
    try:
        return read_json(path)
    except (OSError, ValueError, RecursionError):
        return {}


def _moment(text: str) -> str:
    """A time of a manifest, which is in UTC, as people write it.

    >>> _moment("2026-07-01T09:04:10+00:00"), _moment("yesterday")
    ('2026-07-01 09:04 UTC', 'yesterday')
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if when.tzinfo else text


def _href(*names: str) -> str:
    return "/".join(quote(name, safe="") for name in names)
