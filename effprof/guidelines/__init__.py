"""From a sweep to verdicts: numbers in, verdicts out; torch-free."""

from __future__ import annotations

from effprof.guidelines.judge import judge
from effprof.guidelines.rules import MARGIN

__all__ = ["MARGIN", "judge"]
