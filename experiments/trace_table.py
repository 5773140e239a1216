"""The table of traces in docs/traces.md: what `effprof import` makes of every trace in a folder.

    EFFPROF_DATA=DATA python experiments/trace_table.py [FOLDER]

FOLDER is DATA/kineto unless given. A trace that cannot be imported has its reason in place of numbers.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from pathlib import Path

from effprof.analyze import analyze
from effprof.errors import BadFileError
from effprof.importers import import_trace, trace_name
from effprof.importers.reading import ENDINGS
from effprof.records import Analysis, Category, Profile
from effprof.report.untrusted import printable

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
    refused = []
    for path in sorted(file for file in folder.iterdir() if file.name.endswith(ENDINGS)):
        try:
            profile = import_trace(path)
        except BadFileError as error:
            refused.append(f"- `{path.name}`: {printable(str(error).partition(f'{path}: ')[2])}")
            continue
        print(f"| {' | '.join(row(trace_name(path), profile, analyze(profile)))} |")
    print("", *refused, sep="\n")


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


def _percent(part_s: float, whole_s: float) -> str:
    share = part_s / whole_s * 100 if whole_s else 0.0
    return f"{share:.1f} %" if part_s else "0"


if __name__ == "__main__":
    main()
