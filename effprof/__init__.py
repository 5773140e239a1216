"""effprof: where the time of a network goes on this device, and how sure each number is.

>>> import effprof
>>> report = effprof.profile(model, example_input)
>>> print(report.text())

Importing effprof is cheap: torch is imported by the first function that needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from effprof.api import apply, count, load, profile
    from effprof.report import Report

__version__ = "0.1.0"

__all__ = ["Report", "__version__", "apply", "count", "load", "profile"]

_HOMES = {
    "Report": "effprof.report",
    "apply": "effprof.api",
    "count": "effprof.api",
    "load": "effprof.api",
    "profile": "effprof.api",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'effprof' has no attribute {name!r}. Public names: {', '.join(__all__)}.")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
