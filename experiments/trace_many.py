"""Traces with up to a million streams, names, threads, layers or shapes; part of `trace_mutations`."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

Trace = dict[str, Any]


def _kernel(at: int, args: str, name: str = "gemm", tid: int = 7) -> str:
    return f'{{"ph":"X","cat":"kernel","ts":{at},"dur":1,"pid":0,"name":"{name}","tid":{tid},"args":{{{args}}}}}'


def _linked(number: int, op: str = "aten::relu", tid: int = 1, args: str = "") -> list[str]:
    """An op, the launch inside, and its kernel, 4 µs for each."""
    at, host = 4 * number, f'"ph":"X","pid":1,"tid":{tid}'
    launch, correlation = '"cat":"cuda_runtime","name":"cudaLaunchKernel"', f'"correlation":{number + 1}'
    return [
        f'{{{host},"cat":"cpu_op","name":"{op}","ts":{at},"dur":3,"args":{{{args}}}}}',
        f'{{{host},{launch},"ts":{at + 1},"dur":1,"args":{{{correlation}}}}}',
        _kernel(at + 2, f'{correlation},"stream":7'),
    ]


def _range(number: int, name: str, length: int = 4) -> str:
    return f'{{"ph":"X","cat":"user_annotation","name":"{name}","pid":1,"tid":1,"ts":{4 * number},"dur":{length}}}'


def _in_64_ranges(number: int) -> list[str]:
    """Ranges of long names around everything, and a range of its own around each op."""
    around = [_range(n - 64, "outer" * 20 + str(n), 10**8) for n in range(64)] if number == 0 else []
    return [*around, _range(number, f"layer {number}"), *_linked(number)]


MANY: dict[str, Callable[[int], list[str]]] = {
    "streams": lambda n: [_kernel(n, f'"stream":{n}')],
    "devices": lambda n: [_kernel(n, f'"device":{n},"stream":7')],
    "tids": lambda n: [_kernel(n, "", tid=n)],
    "kernels": lambda n: [_kernel(n, '"stream":7', f"k{n}")],
    "fused kernels": lambda n: [_kernel(n, '"stream":7', f"triton_poi_fused_{'add_a_' * 20}{n}")],
    "ops": lambda n: _linked(n, f"op{n}"),
    "threads": lambda n: _linked(n, tid=n),
    "layers": lambda n: [_range(n, f"layer {n}"), *_linked(n)],
    "deep layers": _in_64_ranges,
    "steps": lambda n: [_range(n, f"ProfilerStep#{n}"), *_linked(n)],
    "shapes": lambda n: _linked(n, "aten::mm", args=f'"Input Dims":[[{n},2],[2,3]],"Input type":["float","float"]'),
    "categories": lambda n: [f'{{"ph":"X","cat":"c{n}","name":"x","ts":{n},"dur":1}}', _kernel(n, '"stream":7')],
}
"""What there may be a million of -> the events of one, as text: dumps would take longer than the import."""
MANY_LONG = ("streams", "devices", "tids", "kernels")
"""Those with one short event each."""


def many(what: str, count: int) -> bytes:
    """A trace with so many different ones of that kind."""
    lines = ",".join(",".join(MANY[what](number)) for number in range(count))
    return ('{"traceEvents":[' + lines + "]}").encode()


def many_of_a_kind(trace: Trace, rng: random.Random) -> bytes:
    """Up to a million streams, devices, names, threads, layers, shapes."""
    what = rng.choice(list(MANY))
    return many(what, rng.choice([5_000, 1_000_000 if what in MANY_LONG else 300_000]))


def many_properties(trace: Trace, rng: random.Random) -> bytes:
    """Many devices described beside the list, and many activities on few of them."""
    trace["deviceProperties"] = [{"id": n, "computeMajor": n, "computeMinor": 0} for n in range(200_000)]
    trace["traceEvents"] = [json.loads(_kernel(n, f'"device":{n % 8},"stream":7')) for n in range(50_000)]
    return json.dumps(trace).encode()


def many_tensors(trace: Trace, rng: random.Random) -> bytes:
    """Ops with lists of a hundred thousand tensors."""
    dims = ",".join(["[]"] * 100_000)
    ops = (_linked(n, "aten::_foreach_add_", args=f'"Input Dims":[[{dims}],[{n}]]') for n in range(30))
    return ('{"traceEvents":[' + ",".join(line for op in ops for line in op) + "]}").encode()
