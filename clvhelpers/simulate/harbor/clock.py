"""How busy the days of Harbor & Pine are: season, days of the week, and two sales a year."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

START, END = pd.Timestamp("2023-01-01"), pd.Timestamp("2025-12-31")
DAYS = (END - START).days + 1
"""Days of the log, numbered from 0; day `DAYS` is the first of the future."""
LIFE_YEARS = 30
HORIZONS = {"12m": 365, "36m": 1096, "life": (END + pd.DateOffset(years=LIFE_YEARS) - END).days}
"""Days after `END` that each horizon of the truth counts."""

MONTHS = (0.80, 0.78, 0.92, 0.98, 1.00, 0.95, 0.85, 0.88, 0.98, 1.02, 1.35, 1.49)
WEEKDAYS = (0.98, 0.94, 0.94, 0.98, 0.98, 1.02, 1.16)
SALES = (("04-10", "04-19"), ("11-20", "11-30"))
SALE_DISCOUNT = 0.20


@dataclass(frozen=True, eq=False)
class Clock:
    """One element a day from `START` on: `pace`, purchases relative to a usual day, and whether a sale was on."""

    pace: np.ndarray
    sale: np.ndarray

    def runs(self, days: int) -> tuple[np.ndarray, np.ndarray]:
        """Usual days in each stretch of the first `days` after `END` with or without a sale, and which it is."""
        window = slice(DAYS, DAYS + days)
        sale = self.sale[window]
        begins = np.flatnonzero(np.r_[True, sale[1:] != sale[:-1]])
        return np.add.reduceat(self.pace[window], begins), sale[begins]


def steady() -> Clock:
    """Every day is like every other, and no sale ever."""
    days = DAYS + HORIZONS["life"]
    return Clock(np.ones(days), np.zeros(days, dtype=bool))


def seasonal() -> Clock:
    """Busy before Christmas and at the weekend, with a sale in April and one in November."""
    dates = pd.date_range(START, periods=DAYS + HORIZONS["life"])
    pace = np.array(MONTHS)[dates.month - 1] * np.array(WEEKDAYS)[dates.day_of_week]
    day = dates.strftime("%m-%d").to_numpy(dtype=str)
    return Clock(pace, np.logical_or.reduce([(day >= first) & (day <= last) for first, last in SALES]))
