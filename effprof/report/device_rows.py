"""What is shown of a recorded trace beyond the parts: how busy the device was, what it waited for, who it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from effprof import units
from effprof.device_records import DeviceTime
from effprof.report.untrusted import printable

if TYPE_CHECKING:
    from effprof.report import Report

ROWS_SHOWN = 8
MIN_SHARE = 5e-4
"""Of the span; less would be shown as 0.0 %."""


@dataclass(frozen=True)
class DeviceTable:
    """Cells are printable; the first column gives way where there is no room."""

    heading: str
    header: tuple[str, ...]
    body: list[list[str]]
    aligns: str


def recorded_parts(report: Report) -> tuple[str, ...]:
    """What the trace holds: kernels, copies, streams, devices, steps."""
    time, trace = _time(report), report.profile.device_trace
    copies = 0 if trace is None else len(trace.activities) - time.kernel_count
    parts = [_counted(time.kernel_count, "kernel")]
    parts.append(f"{copies:,} {'copy or fill' if copies == 1 else 'copies and fills'}")
    parts.append(_counted(sum(device.streams for device in time.devices), "stream"))
    if len(time.devices) > 1:
        parts.append(_counted(len(time.devices), "device"))
    ranks = len({device.rank for device in time.devices})
    together = f", each the median over {ranks} ranks" if ranks > 1 and time.steps else ""
    parts.append(f"{_counted(time.steps, 'step')}{together}")
    return tuple(parts)


def busy_parts(report: Report) -> tuple[str, ...]:
    """`603.6 ms of 996.5 ms (60.6 %)`, and what the rest was."""
    time = _time(report)
    scale = units.time_scale(time.span_s)
    parts = [f"{scale.format(time.busy_s)} of {scale.format(time.span_s)} ({_share(time.busy_s, time.span_s)})"]
    parts.append(f"{scale.format(time.gaps_s.host_wait)} waiting for the host")
    if time.backward_s > 0:
        parts.append(f"forward {scale.format(time.forward_s)}, backward {scale.format(time.backward_s)}")
    return tuple(parts)


def work_parts(report: Report) -> tuple[str, ...]:
    """Work and traffic where shapes were recorded, and the rates over the time of those calls alone."""
    totals, achieved = report.analysis.totals, _time(report).achieved
    access = totals.access_bytes if achieved.bytes_per_s is not None else None
    parts = [f"{units.format_count(totals.mult_adds)} mult_adds", f"{units.format_bytes(access)} access"]
    if achieved.mult_adds_per_s is not None:
        parts.append(f"{units.format_count(achieved.mult_adds_per_s)} mult_adds/s")
    if achieved.bytes_per_s is not None:
        parts.append(f"{units.format_bytes(achieved.bytes_per_s)}/s")
    return tuple(parts)


def device_tables(report: Report) -> Iterator[DeviceTable]:
    """Nothing for a run on a CPU."""
    time = report.analysis.device_time
    if time is None:
        return
    yield _timeline_table(time)
    if time.unknown_kernels:
        yield _unknown_table(time)
    if len(time.devices) > 1:
        yield _devices_table(time)


def _timeline_table(time: DeviceTime) -> DeviceTable:
    scale = units.time_scale(time.span_s)
    rows = [
        ("kernels", time.kernel_s),
        ("copies", time.memcpy_s),
        ("fills", time.memset_s),
        ("less what streams did at once", -time.overlap_s),
        ("waiting for the host", time.gaps_s.host_wait),
        ("between kernels", time.gaps_s.between_kernels),
        ("other waits", time.gaps_s.other),
    ]
    shown = [(name, time_s) for name, time_s in rows if abs(time_s) > MIN_SHARE * time.span_s]
    body = [[name, scale.format(time_s), _share(time_s, time.span_s)] for name, time_s in shown]
    body.append(["span", scale.format(time.span_s), _share(time.span_s, time.span_s)])
    heading = "What the device did" if time.waits_s is None else "What the GPU did, as the profiler saw one run"
    return DeviceTable(heading, ("", "time", "share"), body, "<>>")


def _unknown_table(time: DeviceTime) -> DeviceTable:
    body = [
        [printable(kernel.name), str(kernel.count), units.format_seconds(kernel.time_s)]
        for kernel in time.unknown_kernels[:ROWS_SHOWN]
    ]
    return DeviceTable("Kernels that neither op nor name places", ("kernel", "calls", "time"), body, "<>>")


def _devices_table(time: DeviceTime) -> DeviceTable:
    body = [
        [
            printable(one.name or "unrecorded name"), str(one.rank), str(one.number), str(one.streams),
            units.format_seconds(one.busy_s), units.format_seconds(one.span_s), _share(one.busy_s, one.span_s),
        ]
        for one in time.devices[:ROWS_SHOWN]
    ]  # fmt: skip
    more = len(time.devices) - len(body)
    heading = f"Devices (the first {len(body)}; {more} more)" if more else "Devices"
    return DeviceTable(heading, ("device", "rank", "number", "streams", "busy", "span", "share"), body, "<>>>>>>")


def _time(report: Report) -> DeviceTime:
    if report.analysis.device_time is None:
        raise ValueError("nothing is known of a device")
    return report.analysis.device_time


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _share(part_s: float, whole_s: float) -> str:
    return units.format_percent(part_s / whole_s if whole_s > 0 else None)
