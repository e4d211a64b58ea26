"""Twenty reports of 50,000 rows: `clv report` against a shell loop, against plain scripts, and against the floor.

Run by hand: `python benchmarks/reports.py` (`make bench` does). What counts is the processor time of the whole
process tree of each contender. All make two reports at a time: a second that two processes share a processor's
inner parts is worth less than one that a process has for itself, so one at a time would be another measure.

- clv report: one batch, with HTML, spreadsheet and numbers, and without the PDF, which the others do not make either
- shell loop: the commands `papermill` and `jupyter nbconvert` for each report
- scripts: the code of the notebook as a plain script, figures drawn, without a notebook and a page
- warm floor: the same code in a process forked from a warm one

It goes on with what an unchanged batch, a check of the client files and `clv --help` take: the best of ten runs of
each, since in half a second what else the machine does can only add. It ends with the largest memory of one report of
5 million rows in Parquet.
"""

import argparse
import ctypes
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import nbformat

from clvhelpers.simulate import non_contractual

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "reports" / "clv_report.ipynb"
BIN = Path(sys.executable).parent
SUBREAPER = 36  # prctl: processes whose parent has ended become ours, so that their time is counted here
AIMS = {"shell loop": 0.45, "scripts": 0.70, "warm floor": 1.25}

CLIENT = """\
client: shop-{number:02}
name: Shop {number}
currency: EUR
transactions:
  source: shop-{number:02}.csv
  columns: {{customer: customer_id, date: date, amount: amount}}
economics:
  gross_margin: 0.4
"""


def make_clients(folder: Path, number: int, rows: int) -> None:
    """Client files, each with its own seeded log of so many rows."""
    for one in range(1, number + 1):
        log = non_contractual(rows // 2, weeks=104, seed=one, spend=(6.25, 5.0, 15.44), future_weeks=0).transactions
        if len(log) < rows:
            raise SystemExit(f"the simulated shop has {len(log)} rows and {rows} are needed")
        log.head(rows).to_csv(folder / f"shop-{one:02}.csv", index=False)
        (folder / f"shop-{one:02}.yml").write_text(CLIENT.format(number=one), encoding="utf-8")


def code_of(client: Path) -> str:
    """The code of the template for a client file, as a script."""
    cells = [cell for cell in nbformat.read(TEMPLATE, 4).cells if cell.cell_type == "code"]
    parameters = f"client = {str(client)!r}"
    return "\n".join([cells[0].source, parameters, *(cell.source for cell in cells[1:])])


def in_its_own_folder(folder: Path, client: Path) -> Path:
    place = folder / "scripts" / client.stem
    place.mkdir(parents=True, exist_ok=True)
    return place


def clv_report(folder: Path) -> None:
    subprocess.run(
        [BIN / "clv", "report", folder, "--output", folder / "out", "--pdf", "none"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def shell_loop(folder: Path) -> None:
    two_at_a_time(papermill_and_nbconvert, folder)


def papermill_and_nbconvert(folder: Path, client: Path) -> None:
    place = in_its_own_folder(folder, client)
    words = [BIN / "papermill", TEMPLATE, place / "report.ipynb", "-p", "client", client, "--cwd", place]
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    words = [BIN / "jupyter", "nbconvert", "--to", "html", "--no-input", place / "report.ipynb"]
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)


def scripts(folder: Path) -> None:
    two_at_a_time(script, folder)


def script(folder: Path, client: Path) -> None:
    place = in_its_own_folder(folder, client)
    (place / "script.py").write_text(code_of(client), encoding="utf-8")
    subprocess.run([sys.executable, "script.py"], check=True, cwd=place, stdout=subprocess.DEVNULL)


def two_at_a_time(make: Callable[[Path, Path], None], folder: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(partial(make, folder), sorted(folder.glob("*.yml"))))


def run_code(code: str, place: str) -> None:
    os.chdir(place)
    with open(os.devnull, "w") as nothing:  # noqa: PTH123
        sys.stdout = nothing
        exec(code, {})


def warm_floor(folder: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["clvhelpers.reporting.warm_reports"])
    running: list[BaseProcess] = []
    for client in sorted(folder.glob("*.yml")):
        place = in_its_own_folder(folder, client)
        process = context.Process(target=run_code, args=(code_of(client), str(place)))
        process.start()
        running.append(process)
        if len(running) == 2:
            running.pop(0).join()
    for process in running:
        process.join()


def unchanged(folder: Path) -> None:
    clv_report(folder)


def check_of_files(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from clvhelpers.reporting import batch\n"
        "batch.plan([Path(sys.argv[1])], batch.Settings(Path(sys.argv[1]) / 'out'))"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


def clv_help(_: Path) -> None:
    subprocess.run([BIN / "clv", "--help"], check=True, stdout=subprocess.DEVNULL)


BATCHES: dict[str, Callable[[Path], None]] = {
    "clv report": clv_report,
    "shell loop": shell_loop,
    "scripts": scripts,
    "warm floor": warm_floor,
}
SHORT: dict[str, Callable[[Path], None]] = {
    "unchanged": unchanged,
    "check of files": check_of_files,
    "clv --help": clv_help,
}
CONTENDERS = BATCHES | SHORT
SHORT_RUNS = 10


def processor_seconds(name: str, folder: Path) -> float:
    """Run a contender in a process of its own and add up the time of everything that it started."""
    words = [sys.executable, __file__, "--contender", name, "--folder", str(folder)]
    done = subprocess.run(
        words, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def run_contender(name: str, folder: Path) -> None:
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    if os.fork() == 0:  # the time of the fork is counted whole, and this process only waits
        CONTENDERS[name](folder)
        os._exit(0)  # not counting how long Python takes to clear away what this benchmark has imported
    while True:
        try:
            _, status = os.wait()
        except ChildProcessError:
            break
        if status:
            raise SystemExit(f"{name} failed")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(used.ru_utime + used.ru_stime)


def large_report(folder: Path, rows: int) -> None:
    """Make one report of so many rows, and tell what its process took."""
    make = "import sys; sys.path.insert(0, 'benchmarks'); import summary; from pathlib import Path; "
    make += "summary.make_log(Path(sys.argv[1]), int(sys.argv[2]))"
    subprocess.run([sys.executable, "-c", make, folder / "large.parquet", str(rows)], check=True, cwd=ROOT)
    text = CLIENT.format(number=0).replace("shop-00.csv", "large.parquet")
    (folder / "large.yml").write_text(text, encoding="utf-8")
    words = [BIN / "clv", "report", folder / "large.yml", "--output", folder / "large", "--pdf", "none"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (report,) = json.loads((folder / "large" / "run.json").read_text(encoding="utf-8"))["reports"]
    print(f"One report of {rows:,} rows: {report['megabytes']:.0f} MB, {report['cpu_seconds']:.1f} CPU seconds")
    print("Aim: under 600 MB for 5 million rows.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=20)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--large", type=int, default=5_000_000, help="rows of the one large report")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        run_contender(options.contender, options.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_clients(folder, options.reports, options.rows)
        seconds = {name: processor_seconds(name, folder) for name in BATCHES}
        seconds |= {name: min(processor_seconds(name, folder) for _ in range(SHORT_RUNS)) for name in SHORT}
        tell(seconds, options.reports, options.rows)
        large_report(folder, options.large)


def tell(seconds: dict[str, float], reports: int, rows: int) -> None:
    print(f"{reports} reports of {rows:,} rows (CPU seconds of the whole process tree)")
    for name, taken in seconds.items():
        aim = f"  ours / it {seconds['clv report'] / taken:5.2f}; aim: at most {AIMS[name]:.2f}" if name in AIMS else ""
        print(f"{name:16}{taken:8.2f}{aim}")
    print("Aims for the last three: under 0.5 CPU seconds each.")


if __name__ == "__main__":
    main()
