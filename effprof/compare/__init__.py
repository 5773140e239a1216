"""Two saved results: better, worse, same or inconclusive; torch-free. `rule.py` has the arithmetic and the rule."""

from __future__ import annotations

from effprof.compare.reading import read_result
from effprof.compare.results import compare_results
from effprof.compare.rule import Rule
from effprof.compare.words import Change, Comparison, Result

__all__ = ["Change", "Comparison", "Result", "Rule", "compare_results", "read_result"]
