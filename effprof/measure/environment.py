"""What the measurement ran in, and doubts about it that only the machine can tell."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import replace
from datetime import datetime, timezone

import torch

from effprof import __version__
from effprof.devices.cpuinfo import cpu_name, cpu_times, governor, usable_cores
from effprof.machine_records import GpuState
from effprof.measure.allocator import allocator_name
from effprof.records import DeviceInfo, Environment, Note
from effprof.sensors.cores import cpu_state
from effprof.sensors.emulation import find_emulation
from effprof.sensors.gpu_notes import gpu_notes
from effprof.sensors.nvml import gpu_state
from effprof.sensors.power_supply import on_battery

OTHER_CORES = 0.5
"""Cores that other processes keep busy above which there is a note: a single program that works half of the time shares
memory, last-level cache and power with us on a machine of any size."""
OTHER_SHARE = 0.10
"""The same as a share of the machine's cores, where that is less: on few cores it may have been ours that they took."""
STEAL_SHARE = 0.02


def environment(malloc: str) -> Environment:
    return Environment(
        effprof=__version__,
        python=platform.python_version(),
        torch=str(torch.__version__),
        platform=platform.platform(),
        cpu=cpu_name(),
        allocator=allocator_name(malloc),
        git=git_state(),
        started_utc=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        emulated=find_emulation(),
        cpu_state=cpu_state(),
    )


def git_state() -> str | None:
    """Commit of the current directory with `+` for uncommitted changes; None outside a repository or without git."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    # Without the lock that `status` would take to refresh the index: one that is killed for its time leaves it behind.
    command = ["git", "--no-optional-locks", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    return done.stdout.strip()


class GpuWatch:
    """The GPU's clocks, throttling and other users, before a measurement and after; of other devices nothing."""

    def __init__(self, device: str, uuid: str | None = None) -> None:
        """`device`: as in `RunSpec.device`, in use by this process; `uuid`: of a GPU, as CUDA tells it."""
        kind, _, argument = device.partition(":")
        self._ordinal = int(argument or 0) if kind == "cuda" else None
        self._uuid = uuid
        self._before = None if self._ordinal is None else self._now(self._ordinal)

    def finish(self, started: Environment) -> tuple[Environment, tuple[Note, ...]]:
        """`started` with both states, and the doubts that follow from them."""
        if self._ordinal is None or self._before is None:
            return started, ()
        after = self._now(self._ordinal)
        return replace(started, gpu_before=self._before, gpu_after=after), gpu_notes(self._before, after)

    def _now(self, ordinal: int) -> GpuState:
        return gpu_state(ordinal, self._uuid, holds_context=True)


class LoadWatch:
    """Compares the whole machine's CPU time with our own, over the measurement."""

    def __init__(self) -> None:
        self._before = cpu_times()
        self._own_before = _own_ticks()

    def notes(self, device: DeviceInfo, emulated: str | None = None) -> list[Note]:
        """Nothing for the make-believe device: this machine's load does not touch its clock."""
        if device.kind == "fake":
            return []
        notes = []
        if emulated is not None:
            notes.append(
                Note(
                    "emulated",
                    f"Another processor is emulated: {emulated}. The times here are no measurement, of either machine.",
                    "Measure on the machine itself.",
                )
            )
        threads = device.threads or 1
        cores = usable_cores()
        if threads > cores:
            notes.append(
                Note(
                    "more-threads-than-cores",
                    f"{threads} threads share {cores} usable cores.",
                    f"Use --threads {cores} or fewer.",
                )
            )
        found = governor() if emulated is None else None  # of the machine below
        if found not in (None, "performance"):
            notes.append(
                Note(
                    "governor",
                    f"The CPU frequency governor is {found}: clocks follow the load.",
                    "Set it to performance for figures that repeat.",
                )
            )
        if on_battery():
            notes.append(
                Note(
                    "on-battery",
                    "The machine ran on its battery: most hold their clocks down then.",
                    "Plug it in for figures that repeat.",
                )
            )
        return notes + self._load_notes()

    def _load_notes(self) -> list[Note]:
        after = cpu_times()
        if self._before is None or after is None:
            return []
        change = {key: after[key] - self._before[key] for key in after}
        total = sum(change.values())
        if total <= 0:
            return []
        notes = []
        cores = os.cpu_count() or 1
        other = max(change["busy"] - (_own_ticks() - self._own_before), 0) / total * cores
        if other > min(OTHER_CORES, OTHER_SHARE * cores):
            notes.append(
                Note(
                    "other-load",
                    f"Other processes kept {other:.1f} of this machine's {cores} cores busy while we measured.",
                    "Close other programs and measure again.",
                )
            )
        steal = change["steal"] / total
        if steal > STEAL_SHARE:
            notes.append(
                Note(
                    "cpu-steal",
                    f"The hypervisor gave {steal:.0%} of this machine's CPU time to others.",
                    "Use a machine of your own, or --rounds 5 for an interval that shows it.",
                )
            )
        return notes


def _own_ticks() -> float:
    times = os.times()
    return (times.user + times.system + times.children_user + times.children_system) * os.sysconf("SC_CLK_TCK")
