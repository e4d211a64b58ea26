"""`Report`: what the template notebook calls, a method for each section."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from clvhelpers.reporting import excel, pages, provenance
from clvhelpers.reporting.analysis import Analysis, analyse
from clvhelpers.reporting.appendix import tables_behind
from clvhelpers.reporting.changes import changes
from clvhelpers.reporting.config import load_config
from clvhelpers.reporting.customer_list import customer_list
from clvhelpers.reporting.experiment_pages import experiment
from clvhelpers.reporting.markdown import own_page
from clvhelpers.reporting.privacy import run_key, without_ids
from clvhelpers.reporting.shown import Shown, show
from clvhelpers.text import Table, day, language, md


class Report:
    """The report of a client: read and computed once, shown section by section.

    `client` is the path of a client file or its values as a mapping; `history` holds the key figures of
    earlier reports of the client, as `reporting.history` gives them, and `data` the files that were fetched
    for it from a database or over the network. Each method shows one section as
    words, tables and figures, unless the client file turns it off, and `save` writes the numbers.
    """

    def __init__(
        self,
        client: str | Path | Mapping[str, Any],
        history: Sequence[Mapping[str, Any]] = (),
        data: Sequence[str | Path] = (),
    ):
        self.config = load_config(client)
        self.analysis = analyse(self.config, data, history)
        self.history = history
        self.tables: list[Table] = []

    def opening(self) -> None:
        """The client's own page before the report, if the client file names one."""
        self._own_page(self.config.pages.before)

    def summary(self) -> None:
        """What the base is worth, how sure we are, who matters, what to do first, what the data can't say."""
        self._show("summary", "Summary", pages.summary)

    def changes(self) -> None:
        """What changed since the last report, and whether it is more than noise; nothing if there is none."""
        if (found := self.analysis.comparison) is not None:
            with language(self.config.language):
                title = f"What changed since {day(found.previous_as_of, long=True)}"
            self._show("changes", title, changes)

    def key_figures(self) -> None:
        """The numbers that a manager asks for first."""
        self._show("key_figures", "Key figures", pages.key_figures)

    def data_audit(self) -> None:
        """What was read, and what was set aside and why."""
        self._show("data_audit", "Data audit", pages.data_audit)

    def revenue(self) -> None:
        """Revenue and orders over time."""
        self._show("revenue", "Revenue and orders over time", pages.revenue)

    def cohorts(self) -> None:
        """How many customers come back, by the month of their first order."""
        self._show("cohorts", "Cohorts", pages.cohorts)

    def groups_and_tiers(self) -> None:
        """RFM groups and value tiers with an action for each."""
        self._show("groups_and_tiers", "Groups and tiers", pages.groups_and_tiers)

    def concentration(self) -> None:
        """How few customers carry the revenue."""
        self._show("concentration", "Concentration", pages.concentration)

    def prediction(self) -> None:
        """Predicted value with its check and its range, and what the model can't say."""
        self._show("prediction", "Predicted value", pages.prediction)

    def experiment(self) -> None:
        """What was tried, whether it was sound, what happened and what it is worth; nothing without an experiment."""
        if (tried := self.config.experiment) is not None:
            self._show("experiment", f"Experiment: {tried.name}", experiment)

    def method(self) -> None:
        """How the numbers were made."""
        self._show("method", "Method and provenance", provenance.method)

    def closing(self) -> None:
        """The client's own page after the report, if the client file names one."""
        self._own_page(self.config.pages.after)

    def save(self, folder: str | Path = ".") -> None:
        """Write the numbers, the rows set aside, the spreadsheet and, if asked for, the customers into `folder`.

        That is `metrics.json`, `set_aside.parquet`, `appendix.xlsx` and `customers.csv`, by default in the
        working directory.
        """
        target = Path(folder)
        (target / "metrics.json").write_text(self.analysis.metrics.as_json(), encoding="utf-8")
        by_name = self.config.appendix.customer_rows
        change = None if by_name else partial(without_ids, key=run_key())
        self.analysis.log.write_set_aside(target / "set_aside.parquet", change)
        with language(self.config.language):
            customers = customer_list(self.analysis) if by_name else None
            if find_spec("xlsxwriter"):
                tables = [*self.tables, *tables_behind(self.analysis)]
                excel.write(target / "appendix.xlsx", self.analysis, tables, customers)
        if customers is not None:
            customers.write_csv(target / "customers.csv")

    def _own_page(self, path: str | None) -> None:
        if path is not None:
            show([own_page(path)])

    def _show(self, section: str, title: str, page: Callable[[Analysis], Sequence[Shown]]) -> None:
        if not getattr(self.config.sections, section):
            return
        with language(self.config.language):
            items = page(self.analysis)
            self.tables += [item for item in items if isinstance(item, Table)]
            show([md("## {title}", title=title), *items])
