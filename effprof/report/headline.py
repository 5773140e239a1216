"""What was measured and what came out, in a few facts; the same in every view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from effprof import units
from effprof.analyze.energy import energy_of, mean_power_w
from effprof.analyze.gpu_runs import peak_memory_bytes
from effprof.report.to_json import is_imported
from effprof.report.untrusted import printable
from effprof.sensors.files import cpu_ranges

if TYPE_CHECKING:
    from effprof.records import DeviceInfo, Environment, Latency
    from effprof.report import Report

_STOPPED = {"interval": "interval narrow enough", "max-time": "time limit reached", "recorded": "recorded steps"}


@dataclass(frozen=True)
class Fact:
    label: str
    parts: tuple[str, ...]
    is_main: bool = False
    """Its first part is the number the reader came for."""


def title(report: Report) -> str:
    partial = " (partial: interrupted before the end)" if report.profile.partial else ""
    return f"effprof · {printable(report.profile.model.name)}{partial}"


def headline(report: Report) -> tuple[Fact, ...]:
    """Device, input, latency (where timed), energy (where counted), work, memory; in this order."""
    if is_imported(report):
        return trace_headline(report)
    latency = report.analysis.latency
    device = (device_name(report), *device_details(report), *processor(report))
    facts = [Fact("device", device), Fact("input", setting(report))]
    if latency is not None:
        facts.append(_latency(latency))
    facts += _energy(report)
    totals, model = report.analysis.totals, report.profile.model
    work = [f"{units.format_count(totals.mult_adds)} mult_adds", f"{units.format_count(model.parameters)} parameters"]
    if latency is not None and latency.median_s > 0:
        work.append(f"{units.format_count((totals.mult_adds or 0) / latency.median_s)} mult_adds/s")
    peak_bytes = peak_memory_bytes(report.profile.rounds)
    memory = (
        f"{units.format_bytes(totals.access_bytes)} access",
        f"{units.format_bytes(model.weights_bytes)} weights",
        f"{units.format_bytes(report.analysis.peak_activation_bytes)} peak activations",
        *(() if peak_bytes is None else (f"{units.format_bytes(peak_bytes)} allocated at most",)),
    )
    return (*facts, Fact("work", tuple(work), latency is None), Fact("memory", memory))


def trace_headline(report: Report) -> tuple[Fact, ...]:
    """Of an imported trace: device, what was recorded, steps (from three on), how busy the device was, work."""
    from effprof.report.device_rows import busy_parts, recorded_parts, work_parts

    latency = report.analysis.latency
    device = Fact("device", (device_name(report), *device_details(report), *trace_architecture(report)))
    steps = () if latency is None else (Fact("step", _latency(latency).parts),)
    busy, work = Fact("busy", busy_parts(report), True), Fact("work", work_parts(report))
    return (device, Fact("recorded", recorded_parts(report)), *steps, busy, work)


def trace_architecture(report: Report) -> tuple[str, ...]:
    device = report.profile.device
    return () if device is None else (printable(device.arch),)


def device_name(report: Report) -> str:
    device = report.profile.device
    return printable(device.name) if device is not None else "none (counted, not timed)"


def device_details(report: Report) -> tuple[str, ...]:
    device = report.profile.device
    if device is None:
        return ()
    threads = device.threads
    threaded = () if threads is None else (units.counted(threads, "thread"),)
    there = () if device.host is None else (f"on {printable(device.host)}",)
    cpus = report.profile.spec.cpus
    kept = (f"core{'' if len(cpus) == 1 else 's'} {cpu_ranges(cpus)}",) if cpus else ()
    built = (printable(device.arch),) if device.kind == "cuda" and not is_imported(report) else ()
    return (device.kind, *built, *threaded, *kept, *there, *emulated(device, report.profile.environment))


def emulated(device: DeviceInfo, environment: Environment) -> tuple[str, ...]:
    """What every view says beside the device's name where an emulator made the times; make-believe ones it did not."""
    return () if environment.emulated is None or device.kind == "fake" else ("times are no measurement",)


def processor(report: Report) -> tuple[str, ...]:
    """Types of cores (where they are not the device's name) and what their instruction set offers."""
    device = report.profile.device
    if device is None:
        return ()
    types = " + ".join(map(printable, device.core_types or ()))
    offers = " ".join(map(printable, device.isa or ()))
    return tuple(part for part in (types, offers) if part and part != printable(device.name))


def setting(report: Report) -> tuple[str, ...]:
    """Input shapes with the batch, precision, memory format, and what differs from the defaults."""
    spec, model = report.profile.spec, report.profile.model
    if is_imported(report):
        return ("recorded trace",)
    shapes = ", ".join(map(units.format_shape, model.input_shape))
    folded = ("bn folded",) if spec.fold_bn else ()
    malloc = (f"malloc {spec.malloc}",) if spec.malloc != "default" else ()
    timer = (f"timer {spec.timer}",) if spec.timer != "auto" else ()
    return (shapes, spec.precision, model.memory_format, *folded, *malloc, *timer)


def common_setting(reports: Sequence[Report]) -> str:
    """Device and setting of several reports on one line; what differs between them is left out."""
    facts = [(device_name(report), *device_details(report), *setting(report)) for report in reports]
    return " · ".join(fact for fact in facts[0] if all(fact in other for other in facts))


def interval(latency: Latency) -> str:
    scale = units.time_scale(latency.median_s)
    low_s, high_s = latency.ci95_s
    return f"{scale.number(low_s)} to {scale.format(high_s)}"


def _energy(report: Report) -> list[Fact]:
    energy = energy_of(report.profile.rounds)
    if energy.energy_j is None:
        return []
    power_w = mean_power_w(energy)
    parts = [f"{units.format_joules(energy.energy_j)} a run", *([] if power_w is None else [f"{power_w:.1f} W"])]
    counted = f"counted over {units.format_seconds(energy.window_s)} ({printable(energy.source or 'unknown')})"
    return [Fact("energy", (*parts, counted))]


def _latency(latency: Latency) -> Fact:
    scale = units.time_scale(latency.median_s)
    parts = [
        f"{scale.format(latency.median_s)} median",
        f"95 % interval {interval(latency)}",
        *([] if latency.throughput_per_s is None else [f"{units.format_count(latency.throughput_per_s)} inputs/s"]),
        f"{latency.runs} runs ({_STOPPED.get(latency.stopped_because, printable(latency.stopped_because))})",
    ]
    if latency.p90_s is not None:
        parts.append(f"p90 {scale.format(latency.p90_s)}")
    if latency.p99_s is not None:
        parts.append(f"p99 {scale.format(latency.p99_s)}")
    if latency.wall_median_s is not None:
        parts.append(f"{scale.format(latency.wall_median_s)} by the wall clock")
    if latency.page_faults_per_run is not None:
        parts.append(f"{latency.page_faults_per_run:.0f} page faults/run")
    return Fact("latency", tuple(parts), True)
