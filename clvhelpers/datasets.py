"""The data that comes with the course, by name. Nothing here reads the network."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from clvhelpers.errors import ConfigError, DataContractError

DATA = Path(__file__).resolve().parent.parent / "data"
TABLES = {
    "lumen": ("customers", "spells", "usage", "satisfaction", "payments", "marketing"),
    "harbor_and_pine": ("customers", "orders", "service", "satisfaction", "marketing", "outside_spend"),
}
EXPERIMENTS = ("first_renewal", "permanent", "price_and_message", "email", "broken_split", "not_randomised")
TRUTH = "truth"
WORLDS = ("fits", "mixed")


@dataclass(frozen=True, eq=False)
class Experiment:
    """An experiment by name: `frame` has one row a unit, `truth` is each true quantity by its name."""

    name: str
    frame: pd.DataFrame
    truth: dict[str, float]


def load_cdnow(sample: bool = True) -> pd.DataFrame:
    """Transactions of CDNOW, a real online music shop, January 1997 to June 1998.

    One row is one purchase: `customer_id` (text), `date`, `quantity` (CDs), `amount` (US dollars)
    and `in_sample`. With `sample=True` only the 1/10 sample that the literature reports on.

    Its 21 exact duplicate rows are part of the data: the published numbers sum them.
    Source: Fader & Hardie (2001), Interfaces 31(3); see `data/README.md`.

    >>> load_cdnow().shape, load_cdnow(sample=False)["customer_id"].nunique()
    ((6919, 5), 23570)
    """
    frame = pd.read_parquet(path_of("cdnow", "transactions"))
    return frame[frame["in_sample"]].reset_index(drop=True) if sample else frame


def load_lumen(table: str = "customers") -> pd.DataFrame:
    """A table of Lumen, an invented video streaming service whose customers give notice (2023 to 2025).

    `table` is one of `TABLES["lumen"]`; `data/README.md` says what each column means. Ids are text, money is in
    US dollars, days are those of the company's own zone, and the last day that was watched is 2025-12-31.
    Raises `ConfigError` for another name and `DataContractError` where the file is not there.

    >>> load_lumen("spells")["plan"].nunique()
    3
    """
    return _table("lumen", table)


def load_harbor_and_pine(table: str = "orders", world: str | None = None) -> pd.DataFrame:
    """A table of Harbor & Pine, an invented online retailer whose customers leave without a word (2023 to 2025).

    `table` is one of `TABLES["harbor_and_pine"]`; `data/README.md` says what each column means. Ids are text,
    money is in US dollars, time stamps are in the company's own zone, and the last day is 2025-12-31.
    `world` "fits" or "mixed" gives the orders (`customer_id, date, amount`) of a smaller shop beside it, whose
    customers are of the one kind that purchase models assume, or of several. Raises `ConfigError` for another
    name and `DataContractError` where the file is not there.

    >>> sorted(load_harbor_and_pine()["category"].unique())
    ['books', 'clothing', 'electronics']
    """
    if world is None:
        return _table("harbor_and_pine", table)
    problems = (
        [] if world in WORLDS else [f"there is no world {world!r}: the others are {', '.join(map(repr, WORLDS))}"]
    )
    if table != "orders":
        problems.append(f"a world has no table {table!r}: it has 'orders'")
    if problems:
        raise ConfigError(problems)
    return pd.read_parquet(path_of("harbor_and_pine", f"worlds/{world}"))


def load_experiment(name: str) -> Experiment:
    """A simulated experiment of Lumen or Harbor & Pine by its name, one of `EXPERIMENTS`, and what is true of it.

    `frame` has one row a unit: `customer_id`, `arm` (the control is "control"), `exposed_at`, what was known before,
    and what came after; `truth` is each true quantity by its name. `data/README.md` says what they mean. Raises
    `ConfigError` for another name and `DataContractError` where the file is not there.

    >>> experiment = load_experiment("email")
    >>> experiment.frame["arm"].value_counts().to_dict(), round(experiment.truth["revenue"], 2)
    ({'email': 8400, 'control': 3600}, 4.71)
    """
    if name not in EXPERIMENTS:
        near = get_close_matches(str(name), EXPERIMENTS, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"there is no experiment {name!r}: {meant}The names are {', '.join(map(repr, EXPERIMENTS))}")
    known = pd.read_parquet(path_of("experiments", TRUTH))
    own = known[known["experiment"] == name]
    truth = {str(measure): float(value) for measure, value in zip(own["measure"], own["value"], strict=True)}
    return Experiment(name, pd.read_parquet(path_of("experiments", name)), truth)


def _table(company: str, table: str) -> pd.DataFrame:
    known = TABLES[company]
    if table == TRUTH:
        raise ConfigError(
            f"the truth is not a table to look at: clv.truth({company!r}, estimate) marks an estimate against it"
        )
    if table not in known:
        near = get_close_matches(str(table), known, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"{company} has no table {table!r}: {meant}It has {', '.join(map(repr, known))}")
    return pd.read_parquet(path_of(company, table))


def path_of(company: str, table: str) -> Path:
    """The file of a table; `DataContractError` says how to get it where it is not there."""
    path = DATA / company / f"{table}.parquet"
    if not path.exists():
        script = "simulate.py" if company == "experiments" else "make.py"
        raise DataContractError(
            f"no file {path.name} in data/{company}: the data lie beside the package, so work in a clone of the "
            f"repository, or make the file again with `python data/{company}/{script}`"
        )
    return path
