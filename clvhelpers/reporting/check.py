"""`clv check`: read a client's settings and data, and print what would be set aside, without a report."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clvhelpers.cleaning import CleanLog
from clvhelpers.reporting.analysis import clean_source, read_source
from clvhelpers.reporting.config import ClientConfig, load_config
from clvhelpers.text import money, number


def check(client_file: str | Path) -> None:
    """Print what the rules find in a client's data; raises the error that would stop the report."""
    config = load_config(client_file)
    log = clean_source(read_source(config), config)
    experiment = _experiment(config, log)
    console = Console(highlight=False)
    if not log.problems.empty:
        console.print(_findings(log.problems, config.currency))
    for words in (*log.notes, log.sentence(), *experiment):
        console.print(Text(words))
    console.print(Text(f"Nothing stands in the way of: clv report {client_file}"), soft_wrap=True)


def _experiment(config: ClientConfig, log: CleanLog) -> list[str]:
    """What the experiment holds, if there is one."""
    if config.experiment is None:
        return []
    from clvhelpers.reporting.experiment import check_experiment

    return check_experiment(config, config.experiment, log)


def _findings(problems: pd.DataFrame, currency: str) -> Table:
    """One row a rule: the action taken, the rows and the money it stands for, and where to look."""
    shown = Table("Problem", "What is done", "Rows", "Money", "For example", title="What the rules found")
    for row in problems.to_dict("records"):
        words = [row["rule"].replace("_", " "), row["action"].replace("_", " "), number(row["rows"])]
        words += [money(row.get("money"), currency), ", ".join(row["examples"])]
        shown.add_row(*map(Text, words))
    return shown
