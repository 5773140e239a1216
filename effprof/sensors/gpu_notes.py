"""Doubts about a measurement on a GPU, from its states before and after."""

from __future__ import annotations

from effprof.machine_records import GpuState
from effprof.records import Note

# What slows a busy GPU down, and what can be done about it. Idling is no throttling, and clocks that the user set are
# meant.
REMEDIES = {
    "sw_power_cap": "Raise the power limit (nvidia-smi -pl) or fix lower clocks (nvidia-smi -lgc) for figures that "
    "repeat.",
    "hw_slowdown": "Look at cooling and power supply (nvidia-smi -q -d PERFORMANCE).",
    "sync_boost": "Take the GPU out of its sync boost group.",
    "sw_thermal_slowdown": "Let the GPU cool down, or improve its cooling.",
    "hw_thermal_slowdown": "Let the GPU cool down, or improve its cooling.",
    "hw_power_brake_slowdown": "Look at the power supply: it asked the GPU to slow down.",
}


def gpu_notes(before: GpuState, after: GpuState) -> tuple[Note, ...]:
    """`gpu-throttled` and `gpu-other-processes`; nothing where neither was seen or NVML did not tell."""
    notes = []
    seen = [event for event in REMEDIES if event in (before.clock_events or ()) + (after.clock_events or ())]
    if seen:
        now_hz, top_hz = after.sm_clock_hz, after.max_sm_clock_hz
        at = "" if now_hz is None or top_hz is None else f" (SM clock {now_hz / 1e9:.2f} of {top_hz / 1e9:.2f} GHz)"
        remedies = " ".join(dict.fromkeys(REMEDIES[event] for event in seen))
        notes.append(Note("gpu-throttled", f"The GPU held its clocks down{at}: {', '.join(seen)}.", remedies))
    others = max(before.other_processes or 0, after.other_processes or 0)
    if others:
        who = "another process was" if others == 1 else f"{others} other processes were"
        notes.append(
            Note("gpu-other-processes", f"While we measured {who} on the GPU.", "Measure when the GPU is free.")
        )
    return tuple(notes)
