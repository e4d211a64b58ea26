"""The local files behind a client's transactions: found, downloaded or exported from a database.

Only light modules are imported here, so that the sources of hundreds of clients can be looked at in a second.
"""

import json
import os
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from clvhelpers.errors import ClvError, ConfigError
from clvhelpers.reporting.config import ClientConfig
from clvhelpers.reporting.config.transactions import Database, Transactions
from clvhelpers.sources.findings import Findings
from clvhelpers.sources.locate import expand, is_address

NOTES = ".notes-of-addresses.json"  # a hidden file, as which nothing is fetched
SECRETS = (("database", "password"), ("access", "token"), ("access", "access_key"), ("access", "secret_key"))


def needs_fetching(config: ClientConfig) -> bool:
    """Whether the transactions lie in a database or behind an address, and not in local files.

    >>> from clvhelpers.reporting.config import load_config
    >>> where = {"source": "s3://acme/orders.csv", "allow_network": True, "columns": {"customer": "c", "date": "d"}}
    >>> needs_fetching(load_config({"client": "acme", "name": "Acme", "currency": "GBP", "transactions": where}))
    True
    """
    return config.transactions.database is not None or bool(_addresses(config.transactions))


def fetch(config: ClientConfig, folder: Path) -> list[Path]:
    """The local files behind a client's transactions, in the order of the client file.

    Plain files are given as they are. What an address leads to is downloaded into `folder`, and a database is
    exported there as one Parquet file named after the table. Raises `ConfigError` for a secret that is missing
    or an address without permission, and `DataContractError` where the data can't be had.
    """
    how = config.transactions
    if how.database is not None:
        return [_export(how.database, how, folder)]
    refused = _without_permission(how)
    if refused:
        raise ConfigError(refused)
    findings = Findings(problems=list(_problems_of_addresses(how)))
    found = {one: expand(one, findings) for one in how.source or [] if not is_address(one)}
    findings.stop_if_any()
    remote = Findings()
    paths = [path for one in how.source or [] for path in found.get(one) or _download(one, how, folder, remote)]
    if remote.notes:
        (folder / NOTES).write_text(json.dumps(remote.notes), encoding="utf-8")
    return paths


def experiment_files(config: ClientConfig, findings: Findings | None = None) -> list[Path]:
    """The local files of a client's experiment, none without one. Raises `DataContractError` where a file is not there.

    Given `findings` collect the problems in place of an error.
    """
    if config.experiment is None:
        return []
    found = Findings() if findings is None else findings
    before = len(found.problems)
    paths = expand(config.experiment.source, found)
    found.problems[before:] = [f"the experiment: {problem}" for problem in found.problems[before:]]
    if findings is None:
        found.stop_if_any()
    return paths


def notes_of(config: ClientConfig, files: Iterable[str | Path] = ()) -> tuple[str, ...]:
    """What a reader should know of how the files were found, such as those of a folder that are not read.

    `files` are those that `fetch` gave: what it noted of addresses lies beside them.
    """
    findings = Findings()
    for beside in sorted({Path(file).parent / NOTES for file in files}) if _addresses(config.transactions) else ():
        if beside.is_file():
            findings.notes += json.loads(beside.read_text(encoding="utf-8"))
    for one in config.transactions.source or []:
        if not is_address(one):
            expand(one, findings)
    return tuple(findings.notes)


def problems_of(config: ClientConfig) -> list[str]:
    """What would stop the reading and can be told without reading: no file, no variable, no package.

    >>> from clvhelpers.reporting.config import load_config
    >>> where = {"source": "nowhere/orders.csv", "columns": {"customer": "c", "date": "d"}}
    >>> problems_of(load_config({"client": "acme", "name": "Acme", "currency": "GBP", "transactions": where}))
    ['no file nowhere/orders.csv: there is no folder nowhere']
    """
    how = config.transactions
    findings = Findings(problems=[*_without_permission(how), *_problems_of_addresses(how), *_missing_secrets(how)])
    for one in how.source or []:
        if not is_address(one):
            expand(one, findings)
    experiment_files(config, findings)
    if how.database is not None and how.database.duckdb is not None and not Path(how.database.duckdb).is_file():
        findings.problems.append(f"no DuckDB file {how.database.duckdb}")
    if how.database is not None and how.database.postgres is not None and find_spec("psycopg") is None:
        findings.problems.append(
            'PostgreSQL is read with psycopg, which is not installed: pip install "clvhelpers[postgres]"'
        )
    return findings.problems


def secrets_of(config: ClientConfig) -> list[str]:
    """The values of the secrets that a client file names, to be looked for where none of them may be.

    Raises `ConfigError` for each variable that is not set.
    """
    missing = _missing_secrets(config.transactions)
    if missing:
        raise ConfigError(missing)
    return [os.environ[name] for _, name in _secret_variables(config.transactions)]


def _addresses(how: Transactions) -> list[str]:
    return [one for one in how.source or [] if is_address(one)]


def _without_permission(how: Transactions) -> list[str]:
    if how.allow_network:
        return []
    return [
        f"`transactions.source` names {one.partition('?')[0]}: addresses are read only with `allow_network: true`"
        for one in _addresses(how)
    ]


def _problems_of_addresses(how: Transactions) -> Iterator[str]:
    for one in _addresses(how):
        from clvhelpers.sources.download import check_address

        try:
            check_address(one)
        except ClvError as error:
            yield from error.problems


def _export(database: Database, how: Transactions, folder: Path) -> Path:
    from clvhelpers.sources.export import Wanted

    wanted = Wanted(database.table, database.query, how.row_limit, how.time_limit_seconds)
    if database.duckdb is not None:
        from clvhelpers.sources.duckdb_file import export_duckdb

        return export_duckdb(Path(database.duckdb), wanted, folder)
    from clvhelpers.sources.postgres import export_postgres

    return export_postgres(database.postgres or "", _secret(how, "database", "password"), wanted, folder)


def _download(address: str, how: Transactions, folder: Path, findings: Findings) -> list[Path]:
    from clvhelpers.sources.download import Access, download, download_all
    from clvhelpers.sources.s3 import stands_for_many

    token, access_key, secret_key = (_secret(how, *keys) for keys in SECRETS[1:])
    access = Access(
        token, access_key, secret_key, how.access.region, how.access.endpoint, seconds=how.time_limit_seconds
    )
    if stands_for_many(address):
        return download_all(address, access, folder, findings)
    return [download(address, access, folder)]


def _secret(how: Transactions, block: str, key: str) -> str | None:
    """The value of a secret that the client file names; none where it names none."""
    names = dict(_secret_variables(how))
    name = names.get(f"transactions.{block}.{key}")
    if name is not None and not os.environ.get(name):
        raise ConfigError(_missing_secrets(how))
    return name and os.environ[name]


def _secret_variables(how: Transactions) -> Iterator[tuple[str, str]]:
    """Each key that names a secret, and the variable that it names."""
    for block, key in SECRETS:
        reference = getattr(getattr(how, block), key, None)
        if reference is not None:
            yield f"transactions.{block}.{key}", reference.removeprefix("env:")


def _missing_secrets(how: Transactions) -> list[str]:
    return [
        f"`{key}` names the environment variable {name}, which is not set: set it before the run"
        for key, name in _secret_variables(how)
        if not os.environ.get(name)
    ]
