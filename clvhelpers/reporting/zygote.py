"""A process that has the heavy libraries imported and forks a clean notebook kernel on request.

It is started by `kernel.py` with one end of a socket and lives as long as the other end. A request is
one byte with a second socket, the kernel's lifeline: the new kernel reads its arguments from it, answers
with its process id, and ends itself and all that it started when the lifeline is cut. The forkserver of
`multiprocessing` is not used, because it would import the main module of whoever asks into every kernel.
"""

import json
import os
import signal
import socket
import sys
import threading
import time

from clvhelpers.reporting.warm import FOR_NOTEBOOKS, keep, preload


def serve(control: socket.socket) -> None:
    """Fork a kernel for each request until the other end of `control` is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system clears away kernels that have ended
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        with socket.socket(fileno=descriptors[0]) as lifeline:
            lifeline.set_inheritable(False)
            if os.fork() == 0:
                control.close()
                run_kernel(lifeline)
                return


def run_kernel(lifeline: socket.socket) -> None:
    """Be a notebook kernel, as `python -m ipykernel_launcher` would be, until it is shut down."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request = json.loads(lifeline.makefile().readline())
    _take_over(request["environment"], request["folder"])
    lifeline.sendall(f"{os.getpid()}\n".encode())
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()

    import numpy as np
    from ipykernel.kernelapp import IPKernelApp

    np.random.seed()  # or every kernel would draw the same "random" numbers
    sys.argv = ["ipykernel_launcher.py", *request["arguments"]]
    # Handle 1 means: do not watch the parent process; the lifeline does that.
    IPKernelApp.launch_instance([*sys.argv[1:], "--IPKernelApp.parent_handle=1"])


def _take_over(environment: dict[str, str], folder: str) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard_stream in (0, 1, 2):
        os.dup2(nothing, standard_stream)
    os.close(nothing)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)


def _end_with(lifeline: socket.socket) -> None:
    lifeline.recv(1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of whoever asks must not hide a library
    preload(FOR_NOTEBOOKS)
    keep()
    with socket.socket(fileno=int(sys.argv[1])) as control_socket:
        serve(control_socket)
