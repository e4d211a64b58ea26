"""The warm kernel gives what a plain one gives, keeps nothing, and leaves nothing behind."""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from clvhelpers.reporting import kernel
from clvhelpers.reporting.kernel import ForkedKernel, warm_kernel_name

pytestmark = pytest.mark.skipif(warm_kernel_name() == "python3", reason="there is no safe fork on this system")

CELLS = [
    "import sys, os, threading\nimport numpy as np, pandas as pd, matplotlib.pyplot as plt, seaborn as sns",
    "sys.path[1:], sys.argv[0].rpartition('/')[2], __name__, os.getcwd(), plt.get_backend()",
    "sorted(os.environ), [os.environ[name] for name in ('PATH', 'MPLBACKEND', 'JPY_PARENT_PID')]",
    "frame = pd.DataFrame({'a': [1, 2], 'b': [0.5, None]}); frame",
    "fig, axes = plt.subplots(); axes.plot([1, 3, 2]); axes.set_title('A line')",
    "sns.heatmap(frame.fillna(0), annot=True);",
    "print('one'); print('two', file=sys.stderr); os.system('echo three'); None",
    "import clvhelpers as clv\nclv.md('**{x}**', x=clv.money(2.5))",
    "frame.to_parquet('f.parquet'); pd.read_parquet('f.parquet')",
    "float((np.ones((500, 500)) @ np.ones((500, 500))).sum())",
    "import duckdb, polars as pl\nduckdb.sql('select 40 + 2').fetchall(), pl.DataFrame({'a': [1, 2]}).sum().item()",
    "import subprocess\nsubprocess.run(['echo', 'four'], capture_output=True, text=True)",
    "import multiprocessing as mp\nwith mp.get_context('spawn').Pool(1) as pool:\n    print(pool.map(len, ['ab']))",
    "1 / 0",
]


def run(cells: list[str], folder: Path, kernel_name: str = "clvwarm", **options: Any) -> NotebookNode:
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    client = NotebookClient(
        notebook,
        kernel_name=kernel_name,
        record_timing=False,
        coalesce_streams=True,
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
        **{"timeout": 60, **options},
    )
    client.execute()
    return notebook


def value(notebook: NotebookNode, cell: int = -1) -> str:
    (output,) = notebook.cells[cell].outputs
    return str(output.data["text/plain"])


def test_outputs_equal_those_of_a_plain_kernel(tmp_path: Path) -> None:
    warm, plain = (run(CELLS, tmp_path, name) for name in ("clvwarm", "python3"))
    for cell, other in zip(warm.cells, plain.cells, strict=True):
        assert without_addresses(cell.outputs) == without_addresses(other.outputs), cell.source
    png = next(output.data["image/png"] for output in warm.cells[4].outputs if "image/png" in output.get("data", {}))
    assert base64.b64decode(png).startswith(b"\x89PNG")


def without_addresses(outputs: list[NotebookNode]) -> list[dict[str, Any]]:
    """Outputs but for object addresses and the temporary files in tracebacks; streams in a fixed order."""
    kept = []
    for output in outputs:
        entry = {name: part for name, part in output.items() if name != "traceback"}
        if "text/plain" in entry.get("data", {}):
            entry["data"] = dict(entry["data"], **{"text/plain": entry["data"]["text/plain"].partition(" at 0x")[0]})
        kept.append(entry)
    return sorted(kept, key=lambda entry: str(entry.get("name", "")))


def test_nothing_is_kept_from_one_notebook_to_the_next(tmp_path: Path) -> None:
    first = ["import os, pandas as pd, numpy as np", "pd.leaked = os.environ['LEAKED'] = 'x'", "np.random.random()"]
    second = [first[0], "'LEAKED' in os.environ, hasattr(pd, 'leaked'), 'first' in globals()", "np.random.random()"]
    one, two = run(first, tmp_path), run(second, tmp_path)
    assert value(two, 1) == "(False, False, False)"
    assert value(one) != value(two), "unseeded random numbers must differ"


def test_libraries_that_do_not_survive_a_fork_are_not_there(tmp_path: Path) -> None:
    notebook = run(["import sys", "[name for name in ('duckdb', 'polars') if name in sys.modules]"], tmp_path)
    assert value(notebook) == "[]"


def test_slow_cell_is_interrupted_and_the_kernel_goes_on(tmp_path: Path) -> None:
    notebook = run(["import time\ntime.sleep(60)", "1 + 1"], tmp_path, timeout=1, interrupt_on_timeout=True)
    assert notebook.cells[0].outputs[-1].ename == "KeyboardInterrupt"
    assert value(notebook) == "2"


def test_slow_cell_without_interrupt_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CellTimeoutError):
        run(["import time\ntime.sleep(60)"], tmp_path, timeout=1)


def test_death_of_the_kernel_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(DeadKernelError):
        run(["import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"], tmp_path)


def test_kernel_can_be_restarted_and_stopped() -> None:
    manager, client = start_new_kernel(kernel_name="clvwarm")
    first = manager.provisioner.pid  # type: ignore[union-attr]
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=60)
    second = manager.provisioner.pid  # type: ignore[union-attr]
    assert first != second
    client.stop_channels()
    manager.shutdown_kernel()
    assert until_gone([first, second]) == []


def test_killed_manager_leaves_no_process_behind(tmp_path: Path) -> None:
    script = f"""
import os, signal, time
from jupyter_client.manager import start_new_kernel
from clvhelpers.reporting.kernel import warm_kernel_name
manager, client = start_new_kernel(kernel_name=warm_kernel_name(), cwd={str(tmp_path)!r})
client.execute_interactive("import subprocess; child = subprocess.Popen(['sleep', '300'])")
client.execute_interactive("import os; open('pids', 'w').write(f'{{os.getpid()}} {{os.getppid()}} {{child.pid}}')")
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 3
    assert until_gone(pids) == []


def until_gone(pids: list[int]) -> list[int]:
    """The processes that are still there when the others have had time to end; zombies do not count."""
    for _ in range(200):
        left = [pid for pid in pids if is_running(pid)]
        if not left:
            break
        time.sleep(0.05)
    return left


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_another_warm_process_takes_the_place_of_a_killed_one(tmp_path: Path) -> None:
    pids = "import os\nos.getppid()"
    first = int(value(run([pids], tmp_path)))
    os.kill(first, signal.SIGKILL)
    assert until_gone([first]) == []
    assert int(value(run([pids], tmp_path))) != first


def test_end_of_the_warm_process_is_told() -> None:
    mine, theirs = socket.socketpair()
    theirs.close()
    with mine, pytest.raises(ConnectionError, match="ended before it had started a kernel"):
        ForkedKernel(mine)


def test_end_of_a_kernel_is_noticed_and_its_lifeline_put_away() -> None:
    mine, theirs = socket.socketpair()
    theirs.sendall(b"4194305\n")  # no process has such a number, so a signal sent by mistake harms nobody
    forked = ForkedKernel(mine)
    assert forked.poll() is None
    theirs.close()
    assert [forked.poll(), forked.poll(), forked.wait()] == [0, 0, 0]
    assert mine.fileno() == -1
    forked.kill()


def test_plain_kernel_where_there_is_no_safe_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_FORK_IS_SAFE", False)
    assert warm_kernel_name() == "python3"
    manager, client = start_new_kernel(kernel_name="clvwarm")
    assert isinstance(manager.provisioner.process, subprocess.Popen)  # type: ignore[union-attr]
    client.stop_channels()
    manager.shutdown_kernel(now=True)
