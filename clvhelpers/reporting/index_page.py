"""The page of all clients as HTML: a row each, in which every word of a report or an error stays a word.

Whatever is put into a `Markup` is escaped. There is no template engine: loading one and compiling the page takes
longer than all that a batch in which nothing changed has to do besides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from string import Template

from markupsafe import Markup

FRAME = Path(__file__).parent / "template" / "clients.html"
MISSING = "–"
NUMBERS = ("Customers", "Revenue", "Predicted value")
COLUMNS = ("Client", "Latest report", *NUMBERS, "Change", "To look at", "Last run")
EMPTY = Markup("<p>There is no report here yet. <code>clv report CLIENT.yml</code> makes the first one.</p>\n")
TABLE = Markup("""\
<div class="scroll" tabindex="0" role="group" aria-label="Table of all clients">
<table role="table">
<caption>The latest report of each client{times}</caption>
<thead role="rowgroup">
<tr role="row">
{heads}</tr>
</thead>
<tbody role="rowgroup">
{rows}</tbody>
</table>
</div>
""")
ROW = Markup("""\
<tr role="row">
<th role="rowheader" scope="row">{name}{short}</th>
<td role="cell" data-label="Latest report" class="middle"><div>
{report}</div></td>
<td role="cell" data-label="Customers" class="number"><div>{customers}</div></td>
<td role="cell" data-label="Revenue" class="number"><div>{revenue}</div></td>
<td role="cell" data-label="Predicted value" class="number"><div>{value}</div></td>
<td role="cell" data-label="Change" class="middle"><div>
{changes}</div></td>
<td role="cell" data-label="To look at" class="wide"><div>
{to_look_at}</div></td>
<td role="cell" data-label="Last run" class="wide"><div>
{last_run}</div></td>
</tr>
""")


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

    @property
    def is_worse(self) -> bool:
        """Whether something changed for the worse since the report before."""
        return any(severity != "info" for severity, _ in self.alerts)


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


def page(rows: Sequence[Row], started_at: str = "", finished_at: str = "") -> str:
    """The page of these rows; the times are those of the last run, in UTC.

    >>> html = page([Row("acme", status="failed", failed=True, message="no column <b>")])
    >>> "1 client;" in html, "the last run of 1 failed" in html, "no column &lt;b&gt;" in html
    (True, True, True)
    """
    times = f". Last run: {moment(started_at)} to {moment(finished_at)}" if finished_at else ""
    table = TABLE.format(times=times, heads=_all(map(_head, COLUMNS)), rows=_all(map(_row, rows)))
    frame = Template(FRAME.read_text(encoding="utf-8"))
    return frame.substitute(summary=_summary(rows), content=table if rows else EMPTY)


def moment(text: str) -> str:
    """A time of a manifest, which is in UTC, as people write it.

    >>> moment("2026-07-01T09:04:10+00:00"), moment("yesterday")
    ('2026-07-01 09:04 UTC', 'yesterday')
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if when.tzinfo else text


def _summary(rows: Sequence[Row]) -> str:
    failures = sum(row.failed for row in rows)
    worse = sum(row.latest is not None and row.latest.is_worse for row in rows)
    return "\n".join(
        [
            f"{_counted(len(rows), 'client')};",
            f"the last run of {failures} failed;" if failures else "no run failed;",
            f"{worse} with a change for the worse" if worse else "no change for the worse",
        ]
    )


def _head(name: str) -> Markup:
    number = Markup(' class="number"') if name in NUMBERS else ""
    return Markup('<th role="columnheader" scope="col"{}>{}</th>\n').format(number, name)


def _row(row: Row) -> Markup:
    latest = row.latest
    name = latest.name if latest else row.client
    return ROW.format(
        name=name,
        short=_small(row.client) if name != row.client else "",
        report=_report(row),
        customers=latest.customers if latest else MISSING,
        revenue=latest.revenue if latest else MISSING,
        value=Markup("{}{}").format(latest.value, _small(latest.value_range)) if latest else MISSING,
        changes=_changes(latest) if latest else f"{MISSING}\n",
        to_look_at=(_to_look_at(latest) if latest else "") or f"{MISSING}\n",
        last_run=_failure(row) if row.failed else _good_run(row),
    )


def _report(row: Row) -> Markup:
    """The latest report, what can't be read, and the older reports."""
    latest = row.latest
    if latest is None:
        parts = [Markup("{}\n").format("none that can be read" if row.broken else "none yet")]
    else:
        links = (_link(link, f"{link.text} of {latest.name} as of {latest.as_of}") + " " for link in latest.links)
        parts = [Markup('{}\n<div class="links">{}</div>\n').format(latest.as_of, _all(links))]
    if row.broken:
        parts.append(Markup("<small>can't be read: {}</small>\n").format(", ".join(row.broken)))
    if row.older:
        name = latest.name if latest else row.client
        items = (Markup("<li>{}</li>").format(_link(link, f"Report of {name} as of {link.text}")) for link in row.older)
        details = Markup("<details><summary>{} older</summary>\n<ul>{}</ul>\n</details>\n")
        parts.append(details.format(len(row.older), _all(items)))
    return _all(parts)


def _changes(latest: Latest) -> Markup:
    lines = _all(Markup("{}<br>\n").format(change) for change in latest.changes)
    return Markup('{}<span class="quiet">{}</span>\n').format(lines, latest.since)


def _to_look_at(latest: Latest) -> Markup:
    items = _all(Markup('<li class="{}">{}</li>').format(*alert) for alert in latest.alerts)
    alerts = Markup("<ul>{}</ul>\n").format(items) if items else Markup()
    notes = Markup('<span class="quiet">{} on the data</span>\n').format(_counted(latest.warnings, "note"))
    return alerts + notes if latest.warnings else alerts


def _failure(row: Row) -> Markup:
    head = Markup('<span class="failed">{}</span>{}').format(row.status, _small(moment(row.message_at)))
    why = Markup("<details><summary>Why</summary><pre>{}</pre></details>\n").format(row.message)
    return head + why if row.message else head


def _good_run(row: Row) -> Markup:
    made = moment(row.latest.made) if row.latest else ""
    return Markup("{}{}").format(row.status or "good", _small(f"made {made}" if made else ""))


def _link(link: Link, label: str) -> Markup:
    return Markup('<a href="{}" aria-label="{}">{}</a>').format(link.href, label, link.text)


def _small(text: str) -> Markup:
    return Markup("<small>{}</small>").format(text) if text else Markup()


def _all(parts: Iterable[Markup]) -> Markup:
    return Markup().join(parts)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
