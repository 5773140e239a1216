"""Which shapes price a finding: those of its layers, each with what would stand in its place; torch-free."""

from __future__ import annotations

from collections.abc import Sequence

from effprof.bench.conv_shapes import conv_shape
from effprof.cliff_records import ConvShape
from effprof.errors import UsageError
from effprof.finding_records import Finding
from effprof.findings.twins import TWINS
from effprof.records import OpCall


def twin_pairs(
    finding: Finding, calls: Sequence[OpCall], threads: int
) -> list[tuple[ConvShape, tuple[ConvShape, ...]]]:
    """(a layer's shape, what would stand in its place); layers of which nothing can be said are left out."""
    twin = TWINS.get(finding.code)
    pairs = []
    for call in calls:
        if twin is None or call.op != "conv2d" or call.layer not in finding.layers:
            continue
        try:
            shape = conv_shape(call, threads)
        except UsageError:
            continue
        twins = twin(shape)
        if twins is not None:
            pairs.append((shape, twins))
    return pairs
