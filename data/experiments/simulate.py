"""Simulate the experiments on Lumen and Harbor & Pine anew, with their truth: the same bytes every time.

Usage: python data/experiments/simulate.py [FOLDER]      (default: beside this file)

`data/README.md` tells each process, and what each column means.
"""

import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from clvhelpers.datasets import Experiment, load_harbor_and_pine, load_lumen, path_of
from clvhelpers.simulate import experiments


def simulated() -> list[Experiment]:
    """The six experiments, two of them on customers of the companies beside this folder."""
    harbor, lumen = (pd.read_parquet(path_of(company, "truth")) for company in ("harbor_and_pine", "lumen"))
    return [
        experiments.first_renewal(),
        experiments.permanent(),
        experiments.price_and_message(),
        experiments.email(load_harbor_and_pine("customers"), load_harbor_and_pine("orders"), harbor),
        experiments.broken_split(load_lumen("customers"), load_lumen("usage"), lumen),
        experiments.not_randomised(),
    ]


def write(frame: pd.DataFrame, path: Path) -> None:
    """The table as Parquet, without the versions of the programs that wrote it where the format lets us."""
    times = dict.fromkeys(frame.select_dtypes("datetime"), "datetime64[us]")
    small = dict.fromkeys(frame.select_dtypes("int"), "int32")
    table = pa.Table.from_pandas(frame.astype(times | small), preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, path, compression="zstd", compression_level=9)


def main(folder: Path) -> None:
    truth = []
    for one in simulated():
        write(one.frame, folder / f"{one.name}.parquet")
        truth += [{"experiment": one.name, "measure": name, "value": value} for name, value in one.truth.items()]
        print(f"{one.name}: {len(one.frame):,} rows")
    write(pd.DataFrame(truth).round(8), folder / "truth.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
