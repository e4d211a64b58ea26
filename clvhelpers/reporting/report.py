"""`Report`: what the template notebook calls, a method for each section."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from clvhelpers.plots.look import Picture
from clvhelpers.reporting import pages, provenance
from clvhelpers.reporting.analysis import analyse
from clvhelpers.reporting.config import load_config
from clvhelpers.text import Table, Text


class Report:
    """The report of a client: read and computed once, shown section by section.

    `client` is the path of a client file or its values as a mapping. Each method shows one section as
    words, tables and figures, and `save` writes the numbers.
    """

    def __init__(self, client: str | Path | Mapping[str, Any]):
        self.analysis = analyse(load_config(client))

    def summary(self) -> None:
        """What the base is worth, how sure we are, who matters, what to do first, what the data can't say."""
        _show(pages.summary(self.analysis))

    def key_figures(self) -> None:
        """The numbers that a manager asks for first."""
        _show(pages.key_figures(self.analysis))

    def data_audit(self) -> None:
        """What was read, and what was set aside and why."""
        _show(pages.data_audit(self.analysis))

    def revenue(self) -> None:
        """Revenue and orders over time."""
        _show(pages.revenue(self.analysis))

    def cohorts(self) -> None:
        """How many customers come back, by the month of their first order."""
        _show(pages.cohorts(self.analysis))

    def groups_and_tiers(self) -> None:
        """RFM groups and value tiers with an action for each."""
        _show(pages.groups_and_tiers(self.analysis))

    def concentration(self) -> None:
        """How few customers carry the revenue."""
        _show(pages.concentration(self.analysis))

    def prediction(self) -> None:
        """Predicted value with its check and its range, and what the model can't say."""
        _show(pages.prediction(self.analysis))

    def method(self) -> None:
        """How the numbers were made."""
        _show(provenance.method(self.analysis))

    def save(self, folder: str | Path = ".") -> None:
        """Write `metrics.json` and `set_aside.parquet` into `folder` (default: the working directory)."""
        target = Path(folder)
        (target / "metrics.json").write_text(self.analysis.metrics.as_json(), encoding="utf-8")
        self.analysis.log.write_set_aside(target / "set_aside.parquet")


def _show(shown: Iterable[Text | Table | Picture]) -> None:
    from IPython.display import display

    for item in shown:
        display(item)
