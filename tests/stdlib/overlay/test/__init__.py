"""CPython's `test` package, with `test_concurrent_futures` where the installation leaves it out.

First on the path of the adapter's processes and of their workers. It holds nothing itself: it
is this Python's own `test` package, then the folder that `tests/stdlib/source.py` has found.
"""

import os
import pkgutil

__path__ = pkgutil.extend_path(__path__, __name__)[1:]
if os.environ["UNGIL_CPYTHON_TESTS"] not in __path__:
    __path__.append(os.environ["UNGIL_CPYTHON_TESTS"])

from test import support  # type: ignore[import-not-found]

# What 3.13's tests use of 3.13's `test.support`, for 3.12.
if not hasattr(support, "Py_GIL_DISABLED"):
    support.Py_GIL_DISABLED = False
    support.requires_gil_enabled = lambda _reason: lambda test: test
    support.check_sanitizer = lambda **_kinds: False
    support.skip_if_sanitizer = lambda _reason, **_kinds: lambda test: test
