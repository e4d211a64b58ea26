"""What a warm process has imported, so that each notebook or report that is forked from it starts at once.

`multiprocessing` imports this module in its fork server before the first report; `zygote.py` does the same
for kernels. Nothing here may open a database or start threads of its own: threads do not survive a fork.
"""

import gc
import importlib
import os
from importlib.util import find_spec

FOR_NOTEBOOKS = (
    "clvhelpers.plots.look",
    "clvhelpers.text",
    "IPython",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "narwhals",
    "numpy",
    "pandas",
    "pydantic",
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "seaborn",
)
FOR_REPORTS = (
    "clvhelpers.cli",
    "clvhelpers.plots.look",
    "clvhelpers.reporting.engine",
    "clvhelpers.reporting.excel",
    "clvhelpers.reporting.html",
    "clvhelpers.reporting.mail",
    "clvhelpers.reporting.pdf",
    "clvhelpers.reporting.report",
    "clvhelpers.reporting.run",
    "clvhelpers.text",
    "babel.numbers",
    "filelock",
    "ipykernel.debugger",
    "ipykernel.inprocess.ipkernel",
    "IPython.core.application",
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "papermill",
    "psutil",
    "pyarrow.parquet",
    "scipy.optimize",
    "scipy.special",
    "xlsxwriter.workbook",
)


def preload(names: tuple[str, ...]) -> None:
    """Import what is installed and draw one figure, which reads the fonts."""
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    for name in names:
        if find_spec(name.partition(".")[0]):
            importlib.import_module(name)
    from matplotlib.figure import Figure

    from clvhelpers.plots.look import Picture

    figure = Figure()  # without pyplot, which would choose its backend here and not in the notebook
    figure.subplots().set(title="Title", xlabel="Label")
    Picture(figure, "A figure").png()


def keep() -> None:
    """Leave all that there is out of the collector's way, in this process and in those forked from it."""
    gc.collect()
    gc.freeze()
