"""Make Lumen's tables, its truth and its raw exports: `python data/lumen/make.py`. No network, one seed, same bytes."""

import sys
from pathlib import Path

from clvhelpers.simulate.lumen import lumen
from clvhelpers.simulate.lumen.raw import exports

HERE = Path(__file__).parent


def make(folder: Path, size: float = 1.0) -> list[Path]:
    """Write every file into `folder`, and say which."""
    company = lumen(size)
    written = []
    for name, frame in {**company.tables, "truth": company.truth}.items():
        written.append(folder / f"{name}.parquet")
        frame.to_parquet(written[-1], index=False, compression="zstd")
    (folder / "raw").mkdir(exist_ok=True)
    for name, frame in exports(company).items():
        written.append(folder / "raw" / f"{name}.csv.gz")
        frame.to_csv(written[-1], index=False, lineterminator="\n", compression={"method": "gzip", "mtime": 0})
    return written


if __name__ == "__main__":
    for path in make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE):
        print(f"{path.stat().st_size:>9,} bytes in {path.name}")
