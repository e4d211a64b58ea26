"""Reports for one client or for hundreds: everything is checked first, then each is made by itself.

A client with a mistake in its file costs only its own report. Light modules only: a batch in which nothing
has changed never loads what draws and computes.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from clvhelpers.errors import ClvError, ConfigError
from clvhelpers.reporting import fetch, folder
from clvhelpers.reporting.config import ClientConfig, load_config
from clvhelpers.reporting.index import write_index
from clvhelpers.reporting.job import Job, Outcome, Pdf, now
from clvhelpers.reporting.run import gather, success

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATE = PROJECT / "reports" / "clv_report.ipynb"
LAST_MONTH_END = "last-month-end"
CLIENT_FILES = (".yml", ".yaml")

Tell = Callable[[Outcome], None]


@dataclass(frozen=True)
class Settings:
    """How the reports of a batch are made: `as_of` is a date as text, or `last-month-end` by each client's clock.

    `timeout` is in seconds and `memory` in bytes for each report; without `jobs` there is one for each core.
    """

    output: Path
    as_of: str | None = None
    template: Path = TEMPLATE
    pdf: Pdf = "typst"
    force: bool = False
    timeout: float = 3600
    memory: int | None = None
    jobs: int | None = None


def default_output() -> Path:
    """`reports/output` of this project when called from inside it, else of the current folder."""
    here = Path.cwd()
    return (PROJECT if here.is_relative_to(PROJECT) else here) / "reports" / "output"


def render(client_file: str | Path, output: str | Path | None = None, **settings: Any) -> Path:
    """Make the report of a client file and return its folder, `<output>/<client>/<as of>`.

    Other arguments are those of `Settings`. After a failure an older report stays as it was, and
    `<output>/<client>/failed` holds the log and the notebook as far as it came. Raises the error that ended
    the report: `ConfigError` for the client file, `DataContractError` or `NotEnoughDataError` where the data can't
    be used, `OutputError` where nothing can be written or time or memory ran out.
    """
    (outcome,) = render_all([client_file], output, **settings)
    outcome.raise_if_failed()
    return Path(str(outcome.folder))


def render_all(
    clients: Iterable[str | Path],
    output: str | Path | None = None,
    *,
    executor: "Executor | None" = None,
    tell: Tell | None = None,
    **settings: Any,
) -> list[Outcome]:
    """Make the reports of client files, and of all client files in folders; the outcomes in the order of their names.

    `executor` runs them elsewhere: any `concurrent.futures.Executor` whose workers see the same files. `tell` is
    called with each outcome as it comes. Other arguments are those of `Settings`.
    """
    chosen = Settings(Path(output) if output else default_output(), **settings)
    jobs, refused = plan(clients, chosen)
    return run(jobs, refused, chosen, executor, tell)


def plan(clients: Iterable[str | Path], settings: Settings) -> tuple[list[Job], list[Outcome]]:
    """Check every client file, and all that a report needs; the jobs, and an outcome for each that can't be begun."""
    if not settings.template.is_file():
        raise ClvError(f"There is no report template {settings.template}; run this from a clone of the project.")
    files = client_files(clients)
    configs: dict[str, ClientConfig] = {}
    refused = []
    for file in files:
        try:
            configs[str(file)] = _checked(file, settings)
        except ClvError as error:
            refused.append(_refused(str(file), error))
    for name, twins in _twins(configs).items():
        del configs[name]
        refused.append(_refused(name, ConfigError(twins)))
    return [_job(file, config, settings) for file, config in configs.items()], refused


def client_files(clients: Iterable[str | Path]) -> list[Path]:
    """The client files that paths and folders stand for; a folder without one is an error."""
    found: dict[Path, Path] = {}
    problems = []
    for path in map(Path, clients):
        inside = sorted(one for one in path.iterdir() if one.suffix in CLIENT_FILES) if path.is_dir() else [path]
        if not inside:
            problems.append(f"{path} holds no client file (a name that ends in .yml)")
        found.update({one.resolve(): one for one in inside if one.resolve() not in found})
    if problems:
        raise ConfigError(problems)
    return list(found.values())


def _checked(file: Path, settings: Settings) -> ClientConfig:
    config = load_config(file)
    problems = fetch.problems_of(config)
    if problems:
        raise ConfigError([f"{file.name}: {problem}" for problem in problems])
    if settings.as_of is None:
        return config
    return config.model_copy(
        update={"as_of": as_of_day(settings.as_of, datetime.now(ZoneInfo(config.timezone)).date())}
    )


def as_of_day(text: str, today: date) -> date:
    """The day that a text names: a date, or `last-month-end` as seen on the day `today`.

    >>> as_of_day("last-month-end", date(2026, 3, 1)), as_of_day("2026-06-30", date(2026, 3, 1))
    (datetime.date(2026, 2, 28), datetime.date(2026, 6, 30))
    """
    if text == LAST_MONTH_END:
        return today.replace(day=1) - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--as-of {text}: give a date such as 2026-06-30, or {LAST_MONTH_END}") from None


def _twins(configs: dict[str, ClientConfig]) -> dict[str, str]:
    """Files whose client has the same name as another's: their reports would take each other's place."""
    by_client: dict[str, list[str]] = {}
    for file, config in configs.items():
        by_client.setdefault(config.client, []).append(file)
    return {
        file: f"`client: {client}` stands in {' and '.join(files)}, and their reports would take each other's place; "
        "give each its own name"
        for client, files in by_client.items()
        if len(files) > 1
        for file in files
    }


def _refused(file: str, error: ClvError) -> Outcome:
    return Outcome(Path(file).stem, file, "failed_before", message=str(error), kind=type(error).__name__)


def _job(file: str, config: ClientConfig, settings: Settings) -> Job:
    job = Job(
        file=file,
        settings=config.as_dict(),
        output=str(settings.output.resolve()),
        template=str(settings.template.resolve()),
        pdf=settings.pdf,
        force=settings.force,
        timeout=settings.timeout,
        memory=settings.memory,
    )
    vars(job)["config"] = config  # which has just been checked and need not be checked again
    return job


def run(
    jobs: Sequence[Job], refused: Sequence[Outcome], settings: Settings, executor: "Executor | None", tell: Tell | None
) -> list[Outcome]:
    """Make the reports that must be made, and write `run.json` and `index.html` into the output folder."""
    started = now()
    outcomes = []
    for outcome in chain(refused, _outcomes(jobs, settings, executor)):
        outcomes.append(outcome)
        if tell is not None:
            tell(outcome)
    outcomes.sort(key=lambda outcome: outcome.file)
    with folder.writing(settings.output):
        settings.output.mkdir(parents=True, exist_ok=True)
        reports = [outcome.as_dict() for outcome in outcomes]
        record = {"schema": "1", "started_at": started, "finished_at": now(), "reports": reports}
        folder.write_json(settings.output / "run.json", record)
        write_index(settings.output)
    return outcomes


def _outcomes(jobs: Sequence[Job], settings: Settings, executor: "Executor | None") -> Iterator[Outcome]:
    """Each outcome as it comes: first those that are there already, then those that are made."""
    changed = []
    for job in jobs:  # one after the other: threads would take turns at it, and cost more than they save
        there = _already(job)
        if there is None:
            changed.append(job)
        else:
            yield there
    if changed:
        yield from _made(changed, settings, executor)


def _made(jobs: Sequence[Job], settings: Settings, executor: "Executor | None") -> Iterator[Outcome]:
    """Each outcome as it comes, of reports that must be made."""
    from concurrent.futures import ThreadPoolExecutor, as_completed  # these are not needed where nothing has changed

    from clvhelpers.reporting.supervise import end_all, supervise

    with ThreadPoolExecutor(settings.jobs or cores()) as threads:
        futures = {(executor or threads).submit(supervise, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                yield _result(future, futures[future])
        except BaseException:  # interrupted: nothing that was started may outlive us
            for future in futures:
                future.cancel()
            end_all()
            raise


def _already(job: Job) -> Outcome | None:
    """The outcome of a job whose report lies there, made from the same; None if that takes more than a look."""
    start = time.monotonic()
    config = job.config
    if job.force or fetch.needs_fetching(config):
        return None
    try:
        inputs = gather(job, config, job.home)
        there = inputs.report_in(job.home)
        return None if there is None else success(job, "unchanged", there, start, inputs.notes)
    except (ClvError, OSError, KeyError, ValueError):  # told, with its reason, by the process that makes the report
        return None


def _result(future: "Future[Outcome]", job: Job) -> Outcome:
    """What a future holds; an executor that broke under a report leaves the others alone."""
    try:
        return future.result()
    except Exception as error:
        client = job.settings["client"]
        return Outcome(client, job.file, "crashed", message=f"The executor failed: {error!r}", kind="OutputError")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
