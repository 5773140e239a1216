"""What of a calibration is shown, and how rounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from effprof import units
from effprof.ceiling_records import TRAFFIC_KINDS, Ceilings, ComputeKind, DispatchKind, Estimate
from effprof.report.untrusted import printable

KIND_NAMES: dict[ComputeKind, str] = {
    "matmul": "matmul",
    "dense": "dense conv",
    "pointwise": "1x1 conv",
    "depthwise": "depthwise conv",
}
CALL_NAMES: dict[DispatchKind, str] = {"op": "an op on one element", "view": "a view"}
MEMORY = "memory"


@dataclass(frozen=True)
class Table:
    heading: str
    header: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    aligns: str
    flexible: tuple[int, ...] = ()


def title(ceilings: Ceilings) -> str:
    return f"effprof · ceilings of {printable(ceilings.device.name)}"


def facts(ceilings: Ceilings) -> tuple[tuple[str, str], ...]:
    device, environment = ceilings.device, ceilings.environment
    threads = () if device.threads is None else (units.counted(device.threads, "thread"),)
    processes = len(ceilings.compute[0].mult_adds_per_s.processes)
    when = environment.started_utc.replace("T", " ").replace("Z", " UTC")
    parts = (
        ("device", (device.kind, *threads, ceilings.spec.precision)),
        ("calibrated", (when, f"torch {environment.torch}", f"{processes} processes", f"{ceilings.took_s:.0f} s")),
    )
    return tuple((label, " · ".join(map(printable, texts))) for label, texts in parts)


def tables(ceilings: Ceilings) -> tuple[Table, ...]:
    """Work, traffic, calls, spread between processes; intervals are 95 %."""
    return (_compute(ceilings), _traffic(ceilings), _dispatch(ceilings), *_spreads(ceilings))


def level_of(ceilings: Ceilings, working_set_bytes: int) -> str:
    """The smallest cache that holds it; empty where the caches are not known."""
    names = (level.name for level in ceilings.caches if working_set_bytes <= level.capacity_bytes)
    return next(names, MEMORY) if ceilings.caches else ""


def span(low: float, high: float, pretty: Callable[[float | None], str]) -> str:
    """`37.20 to 38.40 G`; each with its unit where they differ."""
    texts = [pretty(low), pretty(high)]
    (first, unit), (_, other) = (text.rpartition(" ")[::2] for text in texts)
    return f"{first} to {texts[1]}" if unit == other and first else f"{texts[0]} to {texts[1]}"


def _interval(estimate: Estimate, pretty: Callable[[float | None], str]) -> str:
    return span(*estimate.ci95, pretty)


def _compute(ceilings: Ceilings) -> Table:
    body = (
        (
            KIND_NAMES[one.kind], units.format_count(one.mult_adds_per_s.value),
            _interval(one.mult_adds_per_s, units.format_count), printable(one.best),
        )
        for one in ceilings.compute
    )  # fmt: skip
    header = ("kind", "best", "95 % interval", "reached by")
    return Table("Work, mult_adds per second", header, tuple(body), "<>><", (3,))


def _traffic(ceilings: Ceilings) -> Table:
    """A row a working set; the interval is of the copy."""
    curves = {kind: {one.working_set_bytes: one for one in ceilings.traffic_of(kind)} for kind in TRAFFIC_KINDS}
    body = []
    for size, copy in curves["copy"].items():
        others = (curves[kind].get(size) for kind in TRAFFIC_KINDS[1:])
        rates = (units.UNKNOWN if one is None else units.format_bytes(one.bytes_per_s.value) for one in others)
        body.append(
            (
                units.format_bytes(size), units.format_bytes(copy.bytes_per_s.value),
                _interval(copy.bytes_per_s, units.format_bytes), *rates, level_of(ceilings, size),
            )
        )  # fmt: skip
    header = ("touched", "copy", "95 % interval", "read", "write", "in place", "fits in")
    return Table("Memory, bytes per second (read + written)", header, tuple(body), ">>>>>><")


def _dispatch(ceilings: Ceilings) -> Table:
    body = (
        (
            CALL_NAMES[one.kind], units.format_seconds(one.seconds_per_call.value),
            _interval(one.seconds_per_call, units.format_seconds), printable(one.best),
        )
        for one in ceilings.dispatch
    )  # fmt: skip
    return Table("Calls", ("call", "time", "95 % interval", "reached by"), tuple(body), "<>><")


def _spreads(ceilings: Ceilings) -> Iterable[Table]:
    if not ceilings.spreads:
        return
    body = []
    for one in ceilings.spreads:
        networks = ", ".join(
            f"{printable(network.network)} {units.format_percent(network.spread)}" for network in one.networks
        )
        body.append(
            (one.malloc, units.format_percent(one.spread), span(*one.ci95, units.format_percent), networks)
        )
    header = ("allocator", "spread", "95 % interval", "of the latency of")
    yield Table("Between processes, standard deviation", header, tuple(body), "<>><", (3,))
