"""Make transactions.parquet from the two text files that the PyPI package lifetimes 0.11.3 ships.

Usage: python data/cdnow/make.py      (fetches that one package with pip, installs nothing)

Source: CDNOW, an online music shop; all customers who first bought in the first quarter of 1997,
followed to 30 June 1998. Described in Fader & Hardie (2001), "Forecasting repeat sales at CDNOW:
a case study", Interfaces 31(3), S94-S107. The 1/10 sample is the one that the literature reports
on: Fader, Hardie & Lee (2005), "Counting your customers the easy way", Marketing Science 24(2).
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

import pandas as pd

PACKAGE = "lifetimes==0.11.3"
SHA256 = {
    "CDNOW_master.txt": "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef",
    "CDNOW_sample.txt": "6fae10155c0b0ba363c2c386e30f77990d22328220efd862a5edd1443420d94a",
}
TARGET = Path(__file__).parent / "transactions.parquet"


def text_files() -> dict[str, bytes]:
    """The two files out of the package, each checked against its hash."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            files = {name: archive.read(f"lifetimes/datasets/{name}") for name in SHA256}
    for name, content in files.items():
        found = hashlib.sha256(content).hexdigest()
        if found != SHA256[name]:
            raise SystemExit(f"{name} is not the file that was checked: sha256 {found}, expected {SHA256[name]}")
    return files


def transactions(files: dict[str, bytes]) -> pd.DataFrame:
    """All rows in the order of the master file, with the customers of the 1/10 sample marked."""
    text = {"customer_id": "str", "date": "str"}
    master = pd.read_csv(
        BytesIO(files["CDNOW_master.txt"]),
        sep=r"\s+",
        header=0,
        names=["customer_id", "date", "quantity", "amount"],
        dtype=text,
    )
    sample = pd.read_csv(
        BytesIO(files["CDNOW_sample.txt"]),
        sep=r"\s+",
        header=None,
        names=["customer_id", "sample_id", "date", "quantity", "amount"],
        dtype=text,
    )
    master["date"] = pd.to_datetime(master["date"], format="%Y%m%d").astype("datetime64[us]")
    master["in_sample"] = master["customer_id"].isin(sample["customer_id"])
    if int(master["in_sample"].sum()) != len(sample):
        raise SystemExit("the sample's rows are not all in the master file")
    return master


if __name__ == "__main__":
    frame = transactions(text_files())
    frame.to_parquet(TARGET, index=False, compression="zstd")
    print(f"{len(frame):,} rows of {frame['customer_id'].nunique():,} customers in {TARGET.name}")
