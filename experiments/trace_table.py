"""The table of traces in docs/traces.md: what `effprof import` makes of every trace in a folder.

    EFFPROF_DATA=DATA python experiments/trace_table.py [FOLDER]

FOLDER is DATA/kineto unless given. A trace that cannot be imported has its reason in place of numbers.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from effprof.analyze import analyze
from effprof.errors import BadFileError
from effprof.importers import import_trace, trace_name
from effprof.importers.reading import ENDINGS
from effprof.records import Analysis, Category, Profile
from effprof.report.untrusted import printable

MAX_OTHER = 0.03
"""Of kernel time, in a trace with ops."""
CATEGORIES = tuple(category for category in Category if category is not Category.OVERHEAD)
HEADER = (
    "trace", "device", "kernels", "kernel ms", "busy / span ms", "host wait", "overlap ms",
    *(category.value for category in CATEGORIES), "unknown", "no op", "layout", "backward",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ["EFFPROF_DATA"]) / "kineto" if "EFFPROF_DATA" in os.environ else None
    parser.add_argument("folder", nargs="?", type=Path, default=default)
    folder = parser.parse_args().folder
    if folder is None:
        parser.error("set EFFPROF_DATA, or give a folder with traces")
    print(f"| {' | '.join(HEADER)} |\n|{' --- |' * len(HEADER)}")
    remarks = []
    for path in sorted(file for file in folder.iterdir() if file.name.endswith(ENDINGS)):
        try:
            profile = import_trace(path)
        except BadFileError as error:
            remarks.append(f"- `{path.name}`: {printable(str(error).partition(f'{path}: ')[2])}")
            continue
        analysis = analyze(profile)
        print(f"| {' | '.join(row(trace_name(path), profile, analysis))} |")
        remarks += others(trace_name(path), profile, analysis)
    print("", *remarks, sep="\n")


def row(name: str, profile: Profile, analysis: Analysis) -> list[str]:
    """Shares by category are of kernel time, copies and fills left out, so that they can be put beside others'."""
    time, trace = analysis.device_time, profile.device_trace
    if time is None or trace is None or profile.device is None:
        raise ValueError("not an imported trace")
    seconds: dict[Category, float] = defaultdict(float)
    for one in trace.activities:
        if one.kind == "kernel":
            seconds[analysis.ops[one.call].category] += one.duration_s
    nameless = sum(a.kind == "kernel" and not profile.calls[a.call].aten for a in trace.activities)
    unknown_s = sum(kernel.time_s for kernel in time.unknown_kernels)
    return [
        printable(name), printable(profile.device.name), f"{time.kernel_count:,}", f"{time.kernel_s * 1e3:,.2f}",
        f"{time.busy_s * 1e3:,.2f} / {time.span_s * 1e3:,.2f}", _percent(time.gaps_s.host_wait, time.span_s),
        f"{time.overlap_s * 1e3:.2f}",
        *(_percent(seconds[category], time.kernel_s) for category in CATEGORIES),
        _percent(unknown_s, time.kernel_s), f"{nameless:,}", _percent(time.layout_s, time.kernel_s),
        _percent(time.backward_s, time.forward_s + time.backward_s),
    ]  # fmt: skip


def others(name: str, profile: Profile, analysis: Analysis) -> Iterator[str]:
    """What is in `other` where that is more than a category should leave: its kinds, and of each the longest kernel."""
    time, trace = analysis.device_time, profile.device_trace
    assert time is not None
    assert trace is not None
    kinds: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for one in trace.activities:
        op = analysis.ops[one.call]
        if one.kind == "kernel" and op.category is Category.OTHER:
            kinds[op.kind][trace.names[one.name]] += one.duration_s
    if sum(sum(kernels.values()) for kernels in kinds.values()) > MAX_OTHER * time.kernel_s:
        for kind, kernels in sorted(kinds.items()):
            longest = printable(max(kernels, key=lambda kernel: kernels[kernel]))
            share = _percent(sum(kernels.values()), time.kernel_s)
            yield f"- `{printable(name)}`: {share} of kernel time is other, kind {kind}: `{longest}`"


def _percent(part_s: float, whole_s: float) -> str:
    share = part_s / whole_s * 100 if whole_s else 0.0
    return f"{share:.1f} %" if part_s else "0"


if __name__ == "__main__":
    main()
