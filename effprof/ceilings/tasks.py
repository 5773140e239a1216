"""What one process of a calibration does: search, or time what was chosen, or run networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from effprof.ceiling_records import CeilingSpec
from effprof.ceilings import search
from effprof.ceilings.trials import STREAMS, Cell, Trial, compute_cells, dispatch_cells, traffic_cells
from effprof.statistics import quantile

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Budget:
    """Seconds for each thing that is timed; how long a process takes to start nobody knows."""

    compute_search_s: float
    traffic_search_s: float
    compute_s: float
    traffic_s: float
    network_s: float
    processes: int


FULL = Budget(5.0, 0.3, 1.0, 0.06, 1.0, 5)
QUICK = Budget(1.5, 0.08, 0.3, 0.02, 0.4, 3)
DISPATCH_S = 0.05
LEAST_RUNS = 10
"""Of what was chosen: the fastest tenth of fewer is their fastest."""
START_S = 5.0
"""About what a process needs until it can begin."""
SETTLED = 0.5
"""Share of a stage's own time that comes on top: building tensors, first runs."""
NETWORKS = ("mobilenetv2", "resnet18")
"""Whose latency is compared between processes: many small calls, and few large ones."""


@dataclass(frozen=True)
class Task:
    spec: CeilingSpec
    malloc: str
    number: int = 0
    """Of the process among its like; chooses its random numbers."""
    working_sets: tuple[int, ...] = ()
    """To search for the best trial at; empty: nothing is searched."""
    threads: int = 1
    chosen: tuple[Trial, ...] = ()
    """To be timed."""
    networks: tuple[str, ...] = ()
    """To be run."""

    @property
    def budget(self) -> Budget:
        return QUICK if self.spec.quick else FULL


@dataclass(frozen=True)
class Observed:
    """What the process saw; each parallel to what it was asked for."""

    chosen: tuple[Trial, ...] = ()
    """The best of each cell, where it searched."""
    candidates: tuple[int, ...] = ()
    fast_s: tuple[float, ...] = ()
    """Of each chosen trial, the fastest tenth of its runs."""
    networks_s: tuple[float, ...] = ()
    """Median latency of each network."""


class NetworkRig(search.Rig, Protocol):
    def network_s(self, name: str, seconds: float) -> float:
        """Median latency of a network of the zoo, timed for so many seconds."""
        ...


def carry_out(task: Task, rig: NetworkRig, progress: Progress) -> Observed:
    """All that the task asks for, one after another."""
    if task.working_sets:
        return _searched(task, rig, progress)
    budget, fast_s = task.budget, []
    steps = len(task.chosen) + len(task.networks)
    for number, trial in enumerate(task.chosen):
        progress("timing the fastest", number / steps)
        times_s = search.times_of(trial, rig, _seconds(trial, budget.compute_s, budget.traffic_s), LEAST_RUNS)
        fast_s.append(quantile(times_s, search.FAST))
    networks_s = []
    for number, name in enumerate(task.networks, len(task.chosen)):
        progress(f"running {name}", number / steps)
        networks_s.append(rig.network_s(name, budget.network_s))
    return Observed(fast_s=tuple(fast_s), networks_s=tuple(networks_s))


def cells_of(task: Task) -> tuple[Cell, ...]:
    """In the order in which the ceilings are saved: work, traffic, calls."""
    return (*compute_cells(), *traffic_cells(task.working_sets, task.threads), *dispatch_cells())


def expected_s(task: Task) -> float:
    """How long the process is likely to take."""
    budget = task.budget
    if task.working_sets:
        firsts = [cell[0] for cell in cells_of(task)]
        own = sum(_seconds(trial, budget.compute_search_s, budget.traffic_search_s) for trial in firsts)
    else:
        own = sum(_seconds(trial, budget.compute_s, budget.traffic_s) for trial in task.chosen)
        own += budget.network_s * len(task.networks)
    return START_S + own * (1 + SETTLED)


def _searched(task: Task, rig: NetworkRig, progress: Progress) -> Observed:
    cells, budget = cells_of(task), task.budget
    seconds = [_seconds(cell[0], budget.compute_search_s, budget.traffic_search_s) for cell in cells]
    chosen: list[Trial] = []
    for number, cell in enumerate(cells):
        progress(f"searching {_words(cell[0])}", sum(seconds[:number]) / sum(seconds))
        chosen.append(search.fastest(cell, rig, seconds[number]))
    return Observed(chosen=tuple(chosen), candidates=tuple(len(cell) for cell in cells))


def _seconds(trial: Trial, compute_s: float, traffic_s: float) -> float:
    if trial.kind in STREAMS:
        return traffic_s
    return compute_s if trial.shape else DISPATCH_S


def _words(trial: Trial) -> str:
    names = {"dense": "dense convolutions", "pointwise": "1x1 convolutions", "depthwise": "depthwise convolutions"}
    names |= {"matmul": "matrix products", "op": "small calls", "view": "views"}
    return names.get(trial.kind, "memory")


def grouped(values: Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
    """(process, figure) -> (figure, process)."""
    return [tuple(row) for row in zip(*values, strict=True)]
