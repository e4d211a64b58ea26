"""Published data of staying and leaving; reference/survival/README.md names the sources."""

from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent / "reference" / "survival"


def rossi() -> pd.DataFrame:
    """432 released prisoners, those with financial aid in the arm `aid`, and what was known of them before."""
    rows = pd.read_csv(FOLDER / "rossi.csv").rename(columns={"week": "duration", "arrest": "left"})
    return rows.assign(group=rows["fin"].map({1: "aid", 0: "no aid"}))


def published(data: str) -> pd.DataFrame:
    """`group, duration, left`, one row a subject."""
    if data == "rossi":
        return rossi()[["group", "duration", "left"]]
    counts = pd.read_csv(FOLDER / "counts.csv").query("data == @data")
    rows = counts.loc[counts.index.repeat(counts["count"])]
    return rows.rename(columns={"time": "duration"})[["group", "duration", "left"]].reset_index(drop=True)


def leukaemia() -> pd.DataFrame:
    """Weeks in remission. Freireich et al. (1963), Blood 21, 699-716, table 4 (a + there is `left` 0 here)."""
    seen = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    still = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    return pd.DataFrame(
        {
            "duration": [*seen, *still, *placebo],
            "left": [1] * len(seen) + [0] * len(still) + [1] * len(placebo),
            "group": ["6-MP"] * 21 + ["placebo"] * 21,
        }
    )
