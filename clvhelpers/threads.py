"""Computing in one thread, where several would add up in any order."""

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits


def one_thread() -> AbstractContextManager[object]:
    """Sums in one order, so that what a machine learns is the same on every computer.

    >>> with one_thread():
    ...     sum([0.1, 0.2, 0.3])
    0.6000000000000001
    """
    return threadpool_limits(1)
