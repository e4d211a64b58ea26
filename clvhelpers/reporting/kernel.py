"""Notebook kernels that start in a tenth of a second: forked from a process that is already warm.

`warm_kernel_name()` is all that a caller needs: `papermill.execute_notebook(..., kernel_name=warm_kernel_name())`.
Each kernel is a process of its own with nothing in it but imported libraries, and it ends when the
process that asked for it ends. Variables that a library reads while it is imported (such as
`OMP_NUM_THREADS`) have the value that they had when the first kernel started.
"""

import asyncio
import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

_FORK_IS_SAFE = sys.platform == "linux"
_KERNELS = str(Path(__file__).parent)
_LAUNCHER = "ipykernel_launcher"


def warm_kernel_name() -> str:
    """The name of the warm kernel, which this process can start from now on; `python3` where there is no safe fork.

    >>> warm_kernel_name() in {"clvwarm", "python3"}
    True
    """
    if not _FORK_IS_SAFE:
        return "python3"
    folders = os.environ.get("JUPYTER_PATH", "").split(os.pathsep)
    if _KERNELS not in folders:
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [_KERNELS, *folders]))
    return "clvwarm"


class WarmProvisioner(LocalProvisioner):
    """How Jupyter starts and stops the kernel named `clvwarm`."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        if not _FORK_IS_SAFE or _LAUNCHER not in cmd:
            return await super().launch_kernel(cmd, **kwargs)
        self.cwd = kwargs.get("cwd") or str(Path.cwd())
        arguments = cmd[cmd.index(_LAUNCHER) + 1 :]
        environment = {**kwargs["env"], "JPY_PARENT_PID": str(os.getpid())}
        kernel = await asyncio.to_thread(fork_kernel, arguments, environment, str(self.cwd))
        self.process, self.pid = cast(Any, kernel), kernel.pid
        return self.connection_info


class ForkedKernel:
    """A running kernel, with what `LocalProvisioner` uses of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, lifeline: socket.socket):
        self._lifeline = lifeline
        with lifeline.makefile() as stream:
            answer = stream.readline()
        if not answer:
            raise ConnectionError("the warm process ended before it had started a kernel")
        self.pid = int(answer)

    def poll(self) -> int | None:
        """None while the kernel runs, else 0: its exit code goes to the warm process, not to us."""
        return self._exit_code(seconds=0)

    def wait(self) -> int | None:
        return self._exit_code(seconds=None)

    def _exit_code(self, seconds: float | None) -> int | None:
        if self._lifeline.fileno() == -1:
            return 0
        if not select.select([self._lifeline], [], [], seconds)[0]:
            return None
        self._lifeline.close()
        return 0

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel and to every process that it started."""
        if self.poll() is None:
            os.killpg(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def fork_kernel(arguments: list[str], environment: dict[str, str], folder: str) -> ForkedKernel:
    """Start a kernel in `folder` with the arguments that `python -m ipykernel_launcher` would be given."""
    request = json.dumps({"arguments": arguments, "environment": environment, "folder": folder}).encode() + b"\n"
    try:
        return _asked_for(request)
    except ConnectionError:  # the warm process was killed, for want of memory perhaps: start another
        _control_of_zygote.cache_clear()
        return _asked_for(request)


def _asked_for(request: bytes) -> ForkedKernel:
    control = _control_of_zygote(os.getpid())
    mine, theirs = socket.socketpair()
    try:
        with theirs:
            socket.send_fds(control, [b"+"], [theirs.fileno()])
        mine.sendall(request)
        return ForkedKernel(mine)
    except ConnectionError:
        mine.close()
        raise


@cache
def _control_of_zygote(_of_process: int) -> socket.socket:
    """Start the warm process of this process; it ends when the socket returned here is closed."""
    mine, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "clvhelpers.reporting.zygote", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end() -> None:
        mine.close()
        process.wait()

    atexit.register(end)
    return mine
