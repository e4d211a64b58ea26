"""The data that comes with the course, by name. Nothing here reads the network."""

from pathlib import Path

import pandas as pd

from clvhelpers.errors import DataContractError

DATA = Path(__file__).resolve().parent.parent / "data"


def load_cdnow(sample: bool = True) -> pd.DataFrame:
    """Transactions of CDNOW, a real online music shop, January 1997 to June 1998.

    One row is one purchase: `customer_id` (text), `date`, `quantity` (CDs), `amount` (US dollars)
    and `in_sample`. With `sample=True` only the 1/10 sample that the literature reports on.

    Its 21 exact duplicate rows are part of the data: the published numbers sum them.
    Source: Fader & Hardie (2001), Interfaces 31(3); see `data/README.md`.

    >>> load_cdnow().shape, load_cdnow(sample=False)["customer_id"].nunique()
    ((6919, 5), 23570)
    """
    path = DATA / "cdnow" / "transactions.parquet"
    if not path.exists():
        raise DataContractError(
            f"no file {path.name} in data/cdnow: the data lie beside the package, so work in a clone of the "
            "repository, or make the file again with `python data/cdnow/make.py`"
        )
    frame = pd.read_parquet(path)
    return frame[frame["in_sample"]].reset_index(drop=True) if sample else frame
