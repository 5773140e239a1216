"""What to change in a network: rules that read an Analysis and say what costs, where, and which edit would help."""

from __future__ import annotations

from effprof.findings.rules import RULES, find

__all__ = ["RULES", "find"]
