"""What changed since the last report of a client, and whether it is more than noise: the result and its words.

`compare.py` makes it. Figures are of three kinds, and only the last is judged:

* counted: customers, orders and revenue are what they are; there is nothing to estimate;
* moving by themselves: the repeat rate rises while customers get older, the top tenth's share moves with age too, the
  mean value of the base falls while those who left stay in it. A change says nothing about the business;
* judged: at a fixed age, in windows of equal length, or per order, so that nothing moves if nothing changed.
"""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Literal

import pandas as pd
from pydantic import Field

from clvhelpers.reporting.figures import FIGURES
from clvhelpers.reporting.part import Part
from clvhelpers.text import count, day, money, number, percent

LEVEL = 0.05
CRITICAL = 2.0
HALF = 0.5
Verdict = Literal["counted", "moves_by_itself", "within_noise", "more_than_noise", "too_few", "not_comparable"]
Severity = Literal["info", "warning", "critical"]


class Change(Part):
    figure: str = Field(description="the key of a figure, as in reports/README.md")
    before: float | None = Field(description="at the earlier report; for new_* in the window of equal length before")
    now: float | None = Field(description="at this report; for new_* in the window since the earlier one")
    change: float | None = Field(description="now - before; null where the two can't be compared")
    noise: float | None = Field(description="how far it may move by chance alone; null where that is not judged")
    verdict: Verdict = Field(description="whether the change is more than noise, or why that is not judged")


class Alert(Part):
    metric: str = Field(description="the key of a figure under comparison.changes, or model_trusted (0 or 1)")
    period: str = Field(description="the day of the earlier report and of this one")
    value: float = Field(description="now")
    expected: float = Field(description="before: what was to be expected if nothing changed")
    severity: Severity = Field(
        description="info: for the better; warning: for the worse; critical: by twice the noise, or by half"
    )


class Comparison(Part):
    """What changed since the last report; `.frame` has the numbers, `.sentence()` the answer in words.

    >>> order = {"figure": "average_order_value", "before": 50, "now": 45, "change": -5, "noise": 2}
    >>> found = Comparison(
    ...     previous_as_of="2026-05-31", as_of="2026-06-30", currency="GBP", judged=1, lost_trust=False,
    ...     changes=[order | {"verdict": "more_than_noise"}], not_comparable=[], remarks=[],
    ... )
    >>> found.sentence(), [alert.severity for alert in found.alerts()]
    ('More than noise: the average order fell from £50.00 to £45.00.', ['critical'])
    """

    previous_as_of: date = Field(description="the day of the report compared with: the latest before this one")
    as_of: date = Field(description="the day of this report")
    currency: str
    judged: int = Field(
        description="how many changes were judged; if nothing changed, all stay within noise in 95 of 100 reports"
    )
    changes: list[Change] = Field(description="figure by figure; empty where nothing can be compared")
    not_comparable: list[str] = Field(description="in words: what can't be compared, and why")
    remarks: list[str] = Field(description="in words: what else to know before reading the changes")
    lost_trust: bool = Field(description="whether the model passed its check then and failed it now")

    @property
    def days(self) -> int:
        """Days between the two reports."""
        return (self.as_of - self.previous_as_of).days

    @property
    def frame(self) -> pd.DataFrame:
        """One row a figure: `figure, before, now, change, noise, verdict`."""
        return pd.DataFrame([change.model_dump() for change in self.changes], columns=list(Change.model_fields))

    @property
    def beyond(self) -> list[Change]:
        """The changes that are more than noise."""
        return [change for change in self.changes if change.verdict == "more_than_noise"]

    def show(self, figure: str, value: float | None) -> str:
        """A value as the figure is written."""
        return self.format(figure)(value)

    def format(self, figure: str) -> Callable[[float | None], str]:
        """How the figure is written."""
        formats: dict[str, Callable[[float | None], str]] = {
            "count": number,
            "money": partial(money, currency=self.currency),
            "share": percent,
            "ratio": partial(number, decimals=2),
        }
        return formats[FIGURES[figure].kind]

    def show_change(self, figure: str, value: float, *, signed: bool = True) -> str:
        """A difference of two values; shares differ by points."""
        is_share = FIGURES[figure].kind == "share"
        size = f"{number(100 * abs(value), 1)} points" if is_share else self.show(figure, abs(value))
        nothing = not any(digit in size for digit in "123456789")
        return size if nothing or not signed else f"{'+' if value > 0 else '-'}{size}"

    def sentence(self) -> str:
        """What was added since, what changed by more than noise, and what can't be compared."""
        told = [self._added(), self._found()] if self.changes else []
        return " ".join(filter(None, [*told, *self.not_comparable]))

    def _added(self) -> str:
        grown = {change.figure: change for change in self.changes}
        parts = [
            f"{self.show(name, grown[name].change)} {'of ' if name == 'revenue' else ''}{FIGURES[name].words}"
            for name in ("customers", "orders", "revenue")
            if name in grown and grown[name].change is not None
        ]
        if not parts:
            return ""
        since = f"In the {count(self.days, 'day')} since {day(self.previous_as_of, long=True)} the base grew by "
        return since + " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) + "."

    def _found(self) -> str:
        if not self.judged:
            return "Whether anything changed by more than noise can't be told from so little."
        if not self.beyond:
            return "No figure that can be judged moved by more than noise."
        moves = [
            f"{FIGURES[change.figure].words} {'rose' if (change.change or 0) > 0 else 'fell'} from "
            f"{self.show(change.figure, change.before)} to {self.show(change.figure, change.now)}"
            for change in self.beyond
        ]
        return f"More than noise: {'; '.join(moves)}."

    def alerts(self) -> list[Alert]:
        """Changes beyond noise: more of any judged figure is better, less is worse."""
        period = f"{self.previous_as_of.isoformat()} to {self.as_of.isoformat()}"
        found = [
            Alert(
                metric=change.figure,
                period=period,
                value=change.now or 0.0,
                expected=change.before or 0.0,
                severity=_severity(change),
            )
            for change in self.beyond
        ]
        if self.lost_trust:
            found.append(Alert(metric="model_trusted", period=period, value=0.0, expected=1.0, severity="warning"))
        return found


def _severity(change: Change) -> Severity:
    moved, noise = change.change or 0.0, change.noise or 0.0
    if moved > 0:
        return "info"
    large = -moved > CRITICAL * noise or -moved >= HALF * (change.before or 0.0)
    return "critical" if large else "warning"
