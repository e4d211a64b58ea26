"""Make the tables of Harbor & Pine, and the truth about its customers, anew: the same bytes every time.

Usage: python data/harbor_and_pine/make.py [FOLDER]      (default: beside this file)

`data/README.md` tells the process, and what each column means.
"""

import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from clvhelpers.simulate.harbor import HarborAndPine, harbor_and_pine, world
from clvhelpers.simulate.harbor.exports import exports

WORLDS = {"fits": 31, "mixed": 32}
"""The smaller companies, and the seed of each."""
WORLD_CUSTOMERS = 4_000


def tables(company: HarborAndPine) -> dict[str, pd.DataFrame]:
    """Every clean table by the path of its file, without its ending."""
    worlds = {name: world(name, WORLD_CUSTOMERS, seed) for name, seed in WORLDS.items()}
    truth = pd.concat([company.truth, *(one.truth for one in worlds.values())], ignore_index=True)
    return {
        **company.tables,
        **{f"worlds/{name}": one.orders for name, one in worlds.items()},
        "truth": truth,
    }


def write(frame: pd.DataFrame, path: Path) -> None:
    """The table as Parquet, without the versions of the programs that wrote it where the format lets us."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = dict.fromkeys(frame.select_dtypes("datetime"), "datetime64[us]")
    table = pa.Table.from_pandas(frame.astype(times), preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, path, compression="zstd", compression_level=9)


def write_text(frame: pd.DataFrame, path: Path) -> None:
    """The export as zipped CSV, without the time of writing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False, lineterminator="\n", compression={"method": "gzip", "mtime": 0})


def main(folder: Path) -> None:
    company = harbor_and_pine()
    for name, frame in tables(company).items():
        write(frame, folder / f"{name}.parquet")
        print(f"{name}: {len(frame):,} rows")
    for name, frame in exports(company).items():
        write_text(frame, folder / "raw" / f"{name}.csv.gz")
        print(f"raw/{name}: {len(frame):,} rows")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
