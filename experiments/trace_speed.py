"""How fast a large trace is imported, and how much memory that takes, beside `json.load`.

    python experiments/trace_speed.py TRACE [--megabytes 500]

Repeats a real trace, shifted in time and with new correlation ids, until it has that size, and reads it in processes
of their own: `effprof` makes the profile and its analysis, `json.load` only reads, HolisticTraceAnalysis parses where
it is installed. Prints a Markdown table: uncompressed MB/s, and growth of resident memory at its peak over the size.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path
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
READERS = {
    "effprof": (
        "from effprof.analyze import analyze; from effprof.importers import import_trace",
        "analyze(import_trace(sys.argv[1]))",
        "f'{result.device_time.kernel_count:,} kernels, {result.device_time.kernel_s:.3f} s'",
    ),
    "json.load": ("", "json.load(open(sys.argv[1]))", "f'{len(result[\"traceEvents\"]):,} events'"),
    "HolisticTraceAnalysis": (
        "from hta.common.trace_parser import parse_trace_dataframe",
        "parse_trace_dataframe(sys.argv[1])",
        "f'{len(result[1]):,} events'",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace", type=Path)
    parser.add_argument("--megabytes", type=int, default=500)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.json"
        size = repeat_trace(args.trace, large, args.megabytes * 10**6)
        print(f"{args.trace.name}, repeated to {size / 1e6:.0f} MB\n")
        print("| reader | seconds | MB/s | peak growth / size | found |\n| --- | --- | --- | --- | --- |")
        for name, (prepare, run, say) in READERS.items():
            print(f"| {name} | {measure(prepare, run, say, large, size)} |", flush=True)


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


def measure(prepare: str, run: str, say: str, trace: Path, size: int) -> str:
    """The cells of one row."""
    script = _MEASURE.replace("PREPARE", prepare).replace("RUN", run).replace("SAY", say)
    done = subprocess.run([sys.executable, "-c", script, str(trace)], capture_output=True, text=True)
    if done.returncode:
        return f"- | - | - | {done.stderr.strip().splitlines()[-1][:80] if done.stderr.strip() else 'ended early'}"
    said = json.loads(done.stdout.splitlines()[-1])
    return f"{said['seconds']:.1f} | {size / said['seconds'] / 1e6:.0f} | {said['growth'] / size:.2f} | {said['says']}"


if __name__ == "__main__":
    main()
