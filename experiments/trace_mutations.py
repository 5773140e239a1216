"""Damaged and hostile traces: each must give a report or one line and exit code 2, in bounded time and memory.

    python experiments/trace_mutations.py [TRACE ...] [--count 2000] [--seed 0] [--first 0]

Every case is made from a trace (small parts of the given ones, or one written here) by one mutation chosen at random,
and imported in a child process with a limit of memory and of the processor's time. Prints a Markdown table: by
mutation how many cases gave a report, how many one line, the slowest, and the most by which a process grew; exits with
1 where a case did anything else.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from trace_many import many_of_a_kind, many_properties, many_tensors

Trace = dict[str, Any]
Mutation = Callable[[Trace, random.Random], bytes]
MEMORY_BYTES = 2 << 30
CPU_S, WAIT_S = 60, 3600.0
PART = 400
"""Neighbouring events of a given trace that a case keeps."""
KERNELS = 50
HOSTILE = [
    "", "\x1b[31mred\x1b[0m", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "a\nb\rc\td", "\u202eevil", "%s%n{0}",
    "../../etc/passwd", "k" * 100_000, "\ud83d\ude00" * 10, "'; DROP TABLE kernels; --", "$(rm -rf /)", "nn.Module: ",
    "ProfilerStep#", "effprof.layer:" + "a." * 500, "aten::" + "_backward" * 500, "." * 300,
]  # fmt: skip
ODD = [None, True, -1, 0, 2**63, 10**30, -(10**30), 1.5, 1e300, "", "text", "7", "stream 7", [], [1], {}, {"a": 1}]


def _events(trace: Trace) -> list[Any]:
    return trace["traceEvents"]


def _some(trace: Trace, rng: random.Random) -> Iterator[dict[str, Any]]:
    events = [one for one in _events(trace) if isinstance(one, dict)]
    yield from rng.sample(events, min(len(events), rng.choice([1, 3, 50])))


def truncated(trace: Trace, rng: random.Random) -> bytes:
    data = json.dumps(trace).encode()
    return data[: rng.randrange(len(data))]


def truncated_gzip(trace: Trace, rng: random.Random) -> bytes:
    data = gzip.compress(json.dumps(trace).encode())
    return data[: rng.randrange(2, len(data))]


def flipped_bytes(trace: Trace, rng: random.Random) -> bytes:
    data = bytearray(json.dumps(trace).encode())
    for _ in range(rng.choice([1, 5, 100])):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def flipped_gzip_bytes(trace: Trace, rng: random.Random) -> bytes:
    data = bytearray(gzip.compress(json.dumps(trace).encode()))
    for _ in range(rng.choice([1, 5])):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def deep_nesting(trace: Trace, rng: random.Random) -> bytes:
    depth, (left, right) = rng.choice([150, 5_000, 2_000_000]), rng.choice([("[", "]"), ('{"a":', "}")])
    nest = left * depth + ("0" if left != "[" else "") + right * depth * rng.choice([0, 1])
    place = rng.choice(['"args": ', '"traceEvents": [', '"schemaVersion": '])
    return json.dumps(trace).replace(place, f"{place}{nest}, " if "[" in place else f'"x": {nest}, {place}', 1).encode()


def gzip_bomb(trace: Trace, rng: random.Random) -> bytes:
    head = json.dumps(trace).encode()[:-2]
    filler = rng.choice([b" ", b'{"ph":"X"},', b"0", b"["]) * (1 << 20)
    packed = io.BytesIO()
    with gzip.open(packed, "wb", 1) as file:
        file.write(head + b",")
        for _ in range(rng.choice([300, 600])):
            file.write(filler)
    return packed.getvalue()


def not_numbers(trace: Trace, rng: random.Random) -> bytes:
    for one in _some(trace, rng):
        one[rng.choice(["ts", "dur"])] = rng.choice([float("nan"), float("inf"), -float("inf")])
    return json.dumps(trace).encode()


def huge_numbers(trace: Trace, rng: random.Random) -> bytes:
    text = json.dumps(trace)
    for one in _some(trace, rng):
        if "ts" in one:
            text = text.replace(f'"ts": {one["ts"]}', f'"ts": {rng.choice(["1e999", "9" * 400, "-1e308", "1e17"])}', 1)
    return text.encode()


def negative_times(trace: Trace, rng: random.Random) -> bytes:
    for one in _some(trace, rng):
        for key in rng.choice([["ts"], ["dur"], ["ts", "dur"]]):
            one[key] = -abs(one[key]) - rng.random() * 1e6 if isinstance(one.get(key), (int, float)) else -1
    return json.dumps(trace).encode()


def overlapping_times(trace: Trace, rng: random.Random) -> bytes:
    for one in _events(trace):
        if isinstance(one.get("ts"), (int, float)) and rng.random() < 0.5:
            one["ts"] += rng.uniform(-1e4, 1e4)
            one["dur"] = rng.choice([0, 1, 1e3, 1e7])
    return json.dumps(trace).encode()


def duplicate_ids(trace: Trace, rng: random.Random) -> bytes:
    keys = ("correlation", "External id", "Sequence number", "stream", "device")
    for one in _events(trace):
        for key in keys:
            if isinstance(one.get("args"), dict) and key in one["args"] and rng.random() < 0.5:
                one["args"][key] = rng.randrange(3)
    return json.dumps(trace).encode()


def wrong_types(trace: Trace, rng: random.Random) -> bytes:
    for one in _some(trace, rng):
        target = one["args"] if rng.random() < 0.5 and isinstance(one.get("args"), dict) and one["args"] else one
        target[rng.choice(list(target))] = rng.choice(ODD)
    if rng.random() < 0.2:
        trace[rng.choice(list(trace))] = rng.choice(ODD)
    return json.dumps(trace).encode()


def missing_members(trace: Trace, rng: random.Random) -> bytes:
    for one in _some(trace, rng):
        one.pop(rng.choice(list(one)), None)
    if rng.random() < 0.1:
        trace.pop(rng.choice(list(trace)))
    return json.dumps(trace).encode()


def hostile_names(trace: Trace, rng: random.Random) -> bytes:
    for one in _some(trace, rng):
        one[rng.choice(["name", "name", "cat"])] = rng.choice(HOSTILE)
    trace["deviceProperties"] = [{"id": number, "name": rng.choice(HOSTILE)} for number in range(3)]
    return json.dumps(trace, ensure_ascii=rng.random() < 0.5).encode("utf-8", "replace")


def odd_shapes(trace: Trace, rng: random.Random) -> bytes:
    shapes = [[[2**40, 2**40]], [[-1]], [[1.5]], "x", [[[[]]]], [[10**30]], [[0]], [[2] * 70], {}, [["a"]], [None]]
    for one in _some(trace, rng):
        if isinstance(one.get("args"), dict):
            one["args"]["Input Dims"] = rng.choice(shapes)
            one["args"]["Input type"] = rng.choice([["float"], [], "x", [1], ["float"] * 80])
            one["args"]["Concrete Inputs"] = rng.choice([["[" * 500], ["9" * 400], [1], "x", ["[1, 1]"] * 9])
    return json.dumps(trace).encode()


def other_files(trace: Trace, rng: random.Random) -> bytes:
    events = json.dumps(_events(trace))
    return rng.choice(
        [
            b"", b" \n", b"null", b"{}", b"[]", b"[1,2]", b"hello", b"\x1f\x8b", bytes(range(256)),
            b'{"traceEvents": 1}',
            b'{"traceEvents": []}', b'{"traceEvents": [null]}', b'{"traceEvents": {}}', b'{"traceEvents": [] []}',
            events.encode(), events[:-1].encode(), f"{events} x".encode(), b"PK\x03\x04" * 50, "é".encode("utf-16"),
            f'{{"traceEvents": {events[:-1]}, ]}}'.encode(), f'{{"traceEvents": {events}}}}}'.encode(),
            f'{{"traceEvents": {events.replace("}, {", "} {")}}}'.encode(), json.dumps([_events(trace)]).encode(),
        ]
    )  # fmt: skip


MUTATIONS: tuple[Mutation, ...] = (
    truncated, truncated_gzip, flipped_bytes, flipped_gzip_bytes, deep_nesting, gzip_bomb, not_numbers, huge_numbers,
    negative_times, overlapping_times, duplicate_ids, wrong_types, missing_members, hostile_names, odd_shapes,
    many_of_a_kind, many_properties, many_tensors, other_files,
)  # fmt: skip
RARE: dict[Mutation, float] = {gzip_bomb: 0.1, many_of_a_kind: 0.4, many_properties: 0.1, many_tensors: 0.1}
"""Each takes seconds, so they come up less often: their weight beside 1."""
COMMON = tuple(mutation for mutation in MUTATIONS if mutation not in RARE)


@dataclass(frozen=True)
class Outcome:
    """What one case came to: `report`, `line`, or what was wrong."""

    said: str
    seconds: float
    """Of the processor."""
    growth_bytes: int
    """Of resident memory, at its peak."""


def try_import(path: Path) -> str:
    """`report`, `line`, or what else happened; in this process."""
    from effprof.cli import main

    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["import", str(path)])
    except BaseException as error:  # whatever escapes is what this looks for
        return f"{type(error).__name__}: {error}"[:200]
    lines = err.getvalue().splitlines()
    if code == 0 and out.getvalue().startswith("effprof · ") and not lines:
        return "an escape sequence for the terminal" if "\x1b" in out.getvalue() else "report"
    if code == 2 and len(lines) == 1 and not out.getvalue() and "\x1b" not in lines[0]:
        return "line"
    return f"exit {code}, {len(lines)} lines, {out.getvalue()[:50]!r}"


def in_child(path: Path) -> Outcome:
    """The outcome with limits of memory and of the processor's time, which does not depend on what else runs."""
    try:
        outcome: Outcome = forked(_child, path)
    except EOFError:
        return Outcome(f"the process died, or took more than {CPU_S} s of the processor", CPU_S, 0)
    except TimeoutError:
        return Outcome(f"not done after {WAIT_S:g} s", CPU_S, 0)
    return outcome


def forked(target: Callable[..., None], *arguments: object) -> Any:
    """What `target` sends into the pipe that it is given first. Raises EOFError where it died, TimeoutError."""
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(sender, *arguments))
    process.start()
    sender.close()
    try:
        if not receiver.poll(WAIT_S):
            raise TimeoutError
        return receiver.recv()
    finally:
        process.kill()
        process.join()
        receiver.close()


def _child(sender: Connection, path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    started, before = time.process_time(), _peak_bytes()  # a fork begins with all that its parent holds
    said = try_import(path)
    sender.send(Outcome(said, time.process_time() - started, _peak_bytes() - before))


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _make(sender: Connection, path: Path, traces: list[Trace], number: int, seed: int) -> None:
    """In a process of its own, so that what a case took to make is not taken for what its import needs."""
    name, data = case(traces, number, seed)
    path.write_bytes(data)
    sender.send(name)


def part_of(trace: Trace, rng: random.Random) -> Trace:
    """A small part of a trace, its own copy: some neighbours, and some kernels with their launches."""
    events = _events(trace)
    start = rng.randrange(max(1, len(events) - PART))
    kernels = [one for one in events if one.get("cat", "").lower() == "kernel"]
    kernels = rng.sample(kernels, min(len(kernels), KERNELS))
    ids = {one["args"].get("correlation") for one in kernels}
    launches = [one for one in events if "untime" in one.get("cat", "") and one["args"].get("correlation") in ids]
    return json.loads(json.dumps({**trace, "traceEvents": events[start : start + PART] + kernels + launches}))


def load(path: Path) -> Trace:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        return json.load(file)


def own_trace() -> Trace:
    """A few ops with kernels, copies and ranges."""
    events: list[dict[str, Any]] = []
    for number, name in enumerate(["aten::conv2d", "aten::relu", "aten::linear", "aten::add_", "mylib::op"] * 8):
        at, host = number * 50, {"pid": 1, "tid": 1, "ph": "X"}
        dims = {"Input Dims": [[1, 3, 8, 8], [4, 3, 3, 3]], "Input type": ["float", "float"], "External id": number}
        events.append({**host, "cat": "cpu_op", "name": name, "ts": at, "dur": 40, "args": dims})
        launch = {"cat": "cuda_runtime", "name": "cudaLaunchKernel", "ts": at + 5, "dur": 5}
        events.append({**host, **launch, "args": {"correlation": number}})
        on_device = {"ph": "X", "pid": 0, "tid": 7, "ts": at + 20, "dur": 30}
        args = {"correlation": number, "stream": 7 + number % 2, "device": 0, "bytes": 64}
        kind = ("kernel", "kernel", "gpu_memcpy", "gpu_memset")[number % 4]
        events.append({**on_device, "cat": kind, "name": "sgemm_nn", "args": args})
        step = {"cat": "user_annotation", "name": f"ProfilerStep#{number}", "ts": at, "dur": 49}
        events.append({**host, **step, "args": {}})
    return {"schemaVersion": 1, "deviceProperties": [{"id": 0, "name": "GPU"}], "traceEvents": events}


def case(
    traces: list[Trace], number: int, seed: int, mutations: Sequence[Mutation] = MUTATIONS
) -> tuple[str, bytes]:
    """Name of the mutation, and the mutated file; the same for the same number and seed."""
    rng = random.Random(f"{seed}-{number}")
    mutation = rng.choices(mutations, [RARE.get(mutation, 1.0) for mutation in mutations])[0]
    return mutation.__name__, mutation(part_of(rng.choice(traces), rng), rng)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="*", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case, to go on with a run")
    args = parser.parse_args()
    import effprof.analyze  # the children are forks, and find these imported
    import effprof.importers
    import effprof.report.text  # noqa: F401

    traces = [own_trace(), *map(load, args.traces)]
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.json"
        for number in range(args.first, args.first + args.count):
            name = forked(_make, path, traces, number, args.seed)
            outcome = in_child(path)
            outcomes[name].append(outcome)
            if outcome.said not in ("report", "line"):
                print(f"case {number} ({name}): {outcome.said}", file=sys.stderr, flush=True)
    sys.exit(show(outcomes))


def show(outcomes: dict[str, list[Outcome]]) -> int:
    print("| mutation | cases | report | one line, exit 2 | anything else | most processor s | most MB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    wrong = 0
    for name, own in sorted(outcomes.items()):
        reports, lines = (sum(one.said == said for one in own) for said in ("report", "line"))
        wrong += len(own) - reports - lines
        slowest, most = max(one.seconds for one in own), max(one.growth_bytes for one in own) / 1e6
        cells = (name, len(own), reports, lines, len(own) - reports - lines, f"{slowest:.1f}", f"{most:.0f}")
        print(f"| {' | '.join(map(str, cells))} |")
    return 1 if wrong else 0


if __name__ == "__main__":
    main()
