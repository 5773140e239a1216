"""How fast a large trace is imported, and how much memory that takes, beside `json.load`.

    python experiments/trace_speed.py TRACE [--megabytes 500] [--rounds 3] [--hta-python PYTHON]

Repeats a real trace, shifted in time and with new correlation ids, until it has that size, and reads it in processes
of their own: `effprof` makes the profile and its analysis, `json.load` only reads, HolisticTraceAnalysis parses, with
a Python that has it (an environment of its own: `pip install HolisticTraceAnalysis`). The readers take turns. Prints a
Markdown table: of the rounds the median, uncompressed MB/s, and growth of resident memory at its peak over the size;
exits with 1 where effprof is slower than 30 MB/s or grows by half the size.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

_MEASURE = """
import json, re, sys, time
from pathlib import Path

def status(field):
    return int(re.search(rf"{field}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

PREPARE
before = status("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here on
started = time.perf_counter()
result = RUN
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "growth": status("VmHWM") - before, "says": SAY}))
"""
OURS, HTA = "effprof", "HolisticTraceAnalysis"
MIN_SPEED, MAX_GROWTH = 30e6, 0.5
"""Bytes a second, and of the uncompressed size: the least, and the most."""
READERS = {
    OURS: (
        "from effprof.analyze import analyze; from effprof.importers import import_trace",
        "analyze(import_trace(sys.argv[1]))",
        "f'{result.device_time.kernel_count:,} kernels, {result.device_time.kernel_s:.3f} s'",
    ),
    "json.load": ("", "json.load(open(sys.argv[1]))", "f'{len(result[\"traceEvents\"]):,} events'"),
    HTA: (
        "from hta.common.trace_parser import parse_trace_dataframe; from hta.configs.parser_config import ParserConfig",
        "parse_trace_dataframe(sys.argv[1], ParserConfig.get_default_cfg())",
        "f'{len(result[1]):,} events'",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace", type=Path)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hta-python", metavar="PYTHON", help="a Python that has HolisticTraceAnalysis")
    args = parser.parse_args()
    results: dict[str, list[Reading | str]] = {name: [] for name in READERS}
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.json"
        size = repeat_trace(args.trace, large, args.megabytes * 10**6)
        for _ in range(args.rounds):
            for name in READERS:
                results[name].append(measure(name, large, args.hta_python))
    print(f"{args.trace.name}, repeated to {size / 1e6:.0f} MB; medians of {args.rounds} rounds\n")
    print("| reader | seconds | MB/s | peak growth / size | found |\n| --- | --- | --- | --- | --- |")
    for name, own in results.items():
        print(f"| {name} | {' | '.join(cells(own, size))} |")
    ours = [one for one in results[OURS] if isinstance(one, Reading)]
    fast = bool(ours) and size / median(one.seconds for one in ours) >= MIN_SPEED
    lean = bool(ours) and max(one.growth_bytes for one in ours) < MAX_GROWTH * size
    sys.exit(0 if fast and lean else 1)


def repeat_trace(trace: Path, target: Path, size: int) -> int:
    """Writes at least `size` bytes; returns how many."""
    opened = gzip.open if trace.suffix == ".gz" else open
    with opened(trace, "rb") as file:
        content = json.load(file)
    events = content.pop("traceEvents")
    times = [event["ts"] for event in events if event.get("ph") == "X"]
    length = max(times) - min(times) + 1e6
    head = json.dumps(content)
    with target.open("w") as file:
        file.write(f'{head[:-1]}{"," if content else ""} "traceEvents": [\n')
        round_number = 0
        while file.tell() < size:
            if round_number:
                file.write(",\n")
            file.write(",\n".join(json.dumps(shifted(event, length, round_number)) for event in events))
            round_number += 1
        file.write("\n]}")
    return target.stat().st_size


def shifted(event: dict[str, Any], length: float, round_number: int) -> dict[str, Any]:
    """The same event in a later round."""
    result = dict(event)
    if isinstance(event.get("ts"), (int, float)):
        result["ts"] = event["ts"] + round_number * length
    if isinstance(event.get("args"), dict) and "correlation" in event["args"]:
        result["args"] = {**event["args"], "correlation": event["args"]["correlation"] + round_number * 10**7}
    return result


@dataclass(frozen=True)
class Reading:
    """One reading of the large trace."""

    seconds: float
    growth_bytes: int
    says: str


def measure(name: str, trace: Path, hta_python: str | None) -> Reading | str:
    """One reading, or why there is none."""
    python = sys.executable if name != HTA else hta_python
    if python is None:
        return "not measured: --hta-python names none that has it"
    prepare, run, say = READERS[name]
    script = _MEASURE.replace("PREPARE", prepare).replace("RUN", run).replace("SAY", say)
    try:
        done = subprocess.run([python, "-c", script, str(trace)], capture_output=True, text=True)
    except OSError as error:
        return f"not measured: {python}: {error.strerror}"
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"its process ended with {done.returncode}"]
        return f"not measured: {lines[-1][:80]}"
    said = json.loads(done.stdout.splitlines()[-1])
    return Reading(said["seconds"], said["growth"], said["says"])


def cells(own: list[Reading | str], size: int) -> tuple[str, str, str, str]:
    """Of one reader's row; the largest growth, since that is what memory must be there for."""
    read = [one for one in own if isinstance(one, Reading)]
    if not read:
        return "-", "-", "-", str(own[0])
    seconds, growth = median(one.seconds for one in read), max(one.growth_bytes for one in read)
    return f"{seconds:.1f}", f"{size / seconds / 1e6:.0f}", f"{growth / size:.2f}", read[0].says


if __name__ == "__main__":
    main()
