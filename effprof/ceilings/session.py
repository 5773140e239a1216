"""A whole calibration: which processes, one after another, and what becomes of what they saw."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

import msgspec

from effprof.ceiling_records import CacheLevel, Ceilings, CeilingSpec
from effprof.ceilings.caches import caches_of
from effprof.ceilings.combine import compute_ceilings, dispatch_ceilings, spread_of, traffic_ceilings
from effprof.ceilings.planned import FakeRig, planned_caches
from effprof.ceilings.tasks import NETWORKS, Observed, Progress, Task, carry_out, cells_of, expected_s
from effprof.ceilings.trials import Trial, working_sets
from effprof.devices.cpu import cpu_device
from effprof.devices.cpuinfo import available_memory_bytes, usable_cpus
from effprof.devices.fake import Plan, fake_device, read_plan
from effprof.measure.environment import LoadWatch, environment
from effprof.measure.guard import threads_set
from effprof.measure.processes import run_worker
from effprof.records import DeviceInfo

WORKER = "effprof.ceilings.worker"
DEFAULT, STEADY = "default", "steady"
Conduct = Callable[[Task, Progress], Observed]
"""Carries a task out in a process of its own."""


@dataclass(frozen=True)
class Stand:
    """Where the calibration takes place, and by whom."""

    device: DeviceInfo
    conduct: Conduct
    caches: tuple[CacheLevel, ...]
    available_bytes: int | None
    mallocs: tuple[str, ...]
    """The allocator's settings that can be had; that of the ceilings, which a page fault must not lower, is last."""


def device_of(spec: CeilingSpec) -> DeviceInfo:
    """The device with the number of threads that will be used."""
    if spec.device.partition(":")[0] == "fake":
        return fake_device(spec.threads or 1)
    with threads_set(spec.threads):
        return cpu_device()


def stand_for(spec: CeilingSpec) -> Stand:
    """Raises BadFileError when the make-believe device's plan cannot be read."""
    kind, _, argument = spec.device.partition(":")
    device = device_of(spec)
    if kind == "fake":
        plan = read_plan(Path(argument) if argument else None)
        return Stand(device, _on_fake(plan), planned_caches(plan), None, (DEFAULT, STEADY))
    mallocs = (DEFAULT, STEADY) if platform.libc_ver()[0] == "glibc" else (DEFAULT,)
    caches = caches_of(device.threads or 1, usable_cpus())
    return Stand(device, _in_process, caches, available_memory_bytes(), mallocs)


def likely_s(spec: CeilingSpec, stand: Stand) -> float:
    """About how long `measure_ceilings` will take."""
    search = _search(spec, stand)
    return sum(map(expected_s, (search, *_rounds(search, stand, [cell[0] for cell in cells_of(search)]))))


def measure_ceilings(spec: CeilingSpec, stand: Stand, progress: Progress) -> Ceilings:
    """Everything, or nothing.

    Raises:
        InterruptedRunError: Ctrl-C; nothing is kept.
        EffprofError: a measuring process explained why not, or died.
    """
    started, watch, began = environment(stand.mallocs[-1]), LoadWatch(), monotonic()
    search = _search(spec, stand)
    conduct = _told(stand.conduct, likely_s(spec, stand), progress)
    searched = conduct(search, "search")
    timed: list[Observed] = []
    ran: dict[str, list[Observed]] = {malloc: [] for malloc in stand.mallocs}
    for task in _rounds(search, stand, searched.chosen):
        observed = conduct(task, f"process {task.number + 1} of {task.budget.processes}")
        ran[task.malloc].append(observed)
        if task.chosen:
            timed.append(observed)
    return Ceilings(
        spec=replace(spec, threads=stand.device.threads),
        device=stand.device,
        environment=started,
        compute=compute_ceilings(searched, timed),
        traffic=traffic_ceilings(searched, timed),
        dispatch=dispatch_ceilings(searched, timed),
        spreads=tuple(spread_of(malloc, NETWORKS, seen) for malloc, seen in ran.items()),
        caches=stand.caches,
        took_s=monotonic() - began,
        notes=tuple(watch.notes(stand.device, started.emulated)),
    )


def _search(spec: CeilingSpec, stand: Stand) -> Task:
    threads = stand.device.threads or 1
    last_level = stand.caches[-1].capacity_bytes if stand.caches else None
    sizes = working_sets(last_level, threads, stand.available_bytes)
    return Task(spec, stand.mallocs[-1], working_sets=sizes, threads=threads)


def _rounds(search: Task, stand: Stand, chosen: Sequence[Trial]) -> Iterator[Task]:
    """In each round one process an allocator; the last times the ceilings too."""
    for number in range(search.budget.processes):
        for malloc in stand.mallocs:
            own = tuple(chosen) if malloc == stand.mallocs[-1] else ()
            yield replace(search, malloc=malloc, number=number, working_sets=(), chosen=own, networks=NETWORKS)


def _told(conduct: Conduct, total_s: float, progress: Progress) -> Callable[[Task, str], Observed]:
    """`conduct`, with each task's share of the whole in the progress."""
    done_s = 0.0

    def told(task: Task, name: str) -> Observed:
        nonlocal done_s
        start, own = done_s / total_s, expected_s(task) / total_s
        done_s += expected_s(task)
        return conduct(task, lambda text, part: progress(f"{name}: {text}", min(start + part * own, 1.0)))

    return told


def _in_process(task: Task, progress: Progress) -> Observed:
    def read(result: bytes) -> Observed:
        return msgspec.json.decode(result, type=Observed)

    return run_worker(msgspec.json.encode(task), "json", progress, WORKER, read)


def _on_fake(plan: Plan) -> Conduct:
    def conduct(task: Task, progress: Progress) -> Observed:
        # Processes of different allocators are different ones too.
        seed = 1000 * task.spec.seed + 2 * task.number + (task.malloc == STEADY)
        return carry_out(task, FakeRig(plan, seed), progress)

    return conduct
