"""A papermill engine that runs a notebook in the process that calls it, without a kernel of its own.

It is for a process that makes one report and ends: nothing is left of one notebook when the next one
runs, no port is opened, and what the warm process has imported need not be imported again. The cells
go through ipykernel's own code, so their outputs are those of a kernel.
"""

import time
from typing import Any

from ipykernel.inprocess.ipkernel import InProcessKernel
from ipykernel.inprocess.manager import InProcessKernelManager
from ipykernel.iostream import IOPubThread
from nbformat import NotebookNode
from nbformat.v4 import output_from_msg
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from papermill.iorw import write_ipynb
from traitlets import default

NAME = "clv"
SHOWN = ("stream", "display_data", "execute_result", "error")
SECONDS_FOR_A_MESSAGE = 60
SECONDS_BETWEEN_SAVES = 1.0


class _Kernel(InProcessKernel):
    """A kernel that hands over at once what is shown; by way of a second thread, a report takes a twentieth longer."""

    @default("iopub_thread")
    def _default_iopub_thread(self) -> IOPubThread:
        return IOPubThread(self._underlying_iopub_socket, session=self.session)  # sends by itself unless it is started


class InProcessEngine(Engine):
    """`papermill.execute_notebook(..., engine_name="clv")` once `register()` was called."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: NotebookExecutionManager, kernel_name: str, **_: Any) -> None:
        """Run the code cells in order; the first error ends the run, and papermill raises it.

        What there is so far is saved before a cell if that was not done a moment ago. Papermill by itself would do so
        twice a cell, which takes as long as all else that makes a notebook of a script.
        """
        target, nb_man.output_path = nb_man.output_path, None
        saved = float("-inf")
        manager = InProcessKernelManager()
        manager.kernel = _Kernel(parent=manager, session=manager.session)
        client = manager.client()
        client.start_channels()
        for index, cell in enumerate(nb_man.nb.cells):
            nb_man.cell_start(cell, index)
            if time.monotonic() > saved + SECONDS_BETWEEN_SAVES:
                write_ipynb(nb_man.nb, target)
                saved = time.monotonic()
            failed = cell.cell_type == "code" and _run(client, cell)
            if failed:
                nb_man.cell_exception(cell, index)
            nb_man.cell_complete(cell, index)
            if failed:
                break


def register() -> None:
    """Make the engine known to papermill in this process."""
    papermill_engines.register(NAME, InProcessEngine)


def _run(client: Any, cell: NotebookNode) -> bool:
    """Run a cell and keep what it shows; whether it ended in an error."""
    request = client.execute(cell.source)
    while True:
        message = client.get_iopub_msg(timeout=SECONDS_FOR_A_MESSAGE)
        kind, content = message["msg_type"], message["content"]
        if kind == "execute_input":
            cell.execution_count = content["execution_count"]
        elif kind in SHOWN:
            _keep(cell.outputs, output_from_msg(message))
        elif (kind, content.get("execution_state")) == ("status", "idle") and _answers(message, request):
            return any(output.output_type == "error" for output in cell.outputs)


def _answers(message: dict[str, Any], request: str) -> bool:
    """Whether a message is about that request; what is printed says of no request that it is its own."""
    return bool(message["parent_header"].get("msg_id") == request)


def _keep(outputs: list[NotebookNode], output: NotebookNode) -> None:
    """Add an output; what is printed in pieces to one stream is one output."""
    if outputs and output.output_type == "stream" == outputs[-1].output_type and output.name == outputs[-1].name:
        outputs[-1].text += output.text
    else:
        outputs.append(output)
