"""Make Lumen's tables, its truth and its raw exports: `python data/lumen/make.py`. No network, one seed, same bytes."""

import sys
from pathlib import Path

from clvhelpers.simulate.lumen import lumen

HERE = Path(__file__).parent


def make(folder: Path, size: float = 1.0) -> list[Path]:
    """Write every file into `folder`, and say which."""
    company = lumen(size)
    written = []
    for name, frame in {**company.tables, "truth": company.truth}.items():
        written.append(folder / f"{name}.parquet")
        frame.to_parquet(written[-1], index=False, compression="zstd")
    return written


if __name__ == "__main__":
    for path in make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE):
        print(f"{path.stat().st_size:>9,} bytes in {path.name}")
