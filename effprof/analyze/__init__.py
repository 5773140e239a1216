"""Torch-free arithmetic from a Profile to an Analysis."""

from __future__ import annotations

from effprof.analyze.breakdown import analyze

__all__ = ["analyze"]
