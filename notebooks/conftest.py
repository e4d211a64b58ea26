"""How pytest runs the notebooks of the course: nbval compares every output, in warm kernels.

The settings stand here and not on the command line, so that no call can leave one of them out.
nbval does not compare pictures and lets some damage through; `tests/notebooks/` looks after that.
"""

import pytest

from clvhelpers.reporting.kernel import warm_kernel_name

collect_ignore = ["runs"]


def pytest_configure(config: pytest.Config) -> None:
    if config.pluginmanager.hasplugin("nbval"):
        config.option.nbval = True
        config.option.nbval_kernel_name = warm_kernel_name()
        config.option.nbval_cell_timeout = 60.0
