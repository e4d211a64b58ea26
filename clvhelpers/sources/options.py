"""How a source is written: what the `transactions:` block of a client file says."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from encodings.aliases import aliases
from typing import ClassVar

from clvhelpers.sources.findings import Findings, nearest

TEXTS = ("customer", "order", "channel", "category", "currency")
NUMBERS = ("amount", "quantity", "unit_price", "cost")


@dataclass(frozen=True)
class SourceOptions:
    """How a source is written. `columns` maps our names to the client's: `{"customer": "CustomerID", ...}`.

    Our names are customer and date, and where there are any order, amount (or quantity and
    unit_price), channel, category, currency, cost. `timezone` is the client's zone, which decides
    what a day is; `source_timezone` is the zone of time stamps that carry none (default: the same).
    """

    columns: Mapping[str, str | None]
    encoding: str = "utf-8"
    separator: str | None = None
    date_format: str | None = None
    decimal: str = "."
    thousands: str | None = None
    timezone: str | None = None
    source_timezone: str | None = None
    sheet: str | None = None
    texts: ClassVar[tuple[str, ...]] = TEXTS

    @property
    def wanted(self) -> dict[str, str]:
        return {ours: theirs for ours, theirs in self.columns.items() if theirs is not None}

    def check(self, findings: Findings) -> None:
        keys = ("customer", "date", *self.texts[1:], *NUMBERS)
        for ours in self.columns:
            if ours not in keys:
                findings.problems.append(
                    f"columns: {ours} is not one of our names.{nearest(ours, keys)} They are {', '.join(keys)}"
                )
        for ours in ("customer", "date"):
            if ours not in self.wanted:
                findings.problems.append(f"columns: {ours} is missing; name the client's column for it")
        if ("unit_price" in self.wanted) and ("amount" in self.wanted or "quantity" not in self.wanted):
            findings.problems.append("columns: give either amount, or quantity and unit_price")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            findings.problems.append(f"encoding {self.encoding}: not known.{nearest(self.encoding, aliases)}")
