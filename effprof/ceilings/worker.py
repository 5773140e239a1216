"""A measuring process of a calibration: its task from a file, what it saw to another; see `measure/processes.py`."""

from __future__ import annotations

import statistics

import msgspec
import torch

from effprof import zoo
from effprof.capture import Inputs
from effprof.ceilings.cpu_rig import CpuRig
from effprof.ceilings.tasks import Progress, Task, carry_out
from effprof.devices.cpu import plain_run
from effprof.measure.allocator import set_malloc
from effprof.measure.guard import left_as_found
from effprof.measure.prepare import DTYPES, random_inputs
from effprof.measure.worker import serve

WARM_RUNS, MIN_RUNS = 3, 5


def main(arguments: list[str]) -> int:
    return serve(arguments, work)


def work(form: str, task_json: bytes, progress: Progress) -> bytes:
    """What `carry_out` observes, as JSON."""
    task = msgspec.json.decode(task_json, type=Task)
    set_malloc(task.malloc)
    torch.manual_seed(task.spec.seed + task.number)
    torch.set_num_threads(task.threads)
    return msgspec.json.encode(carry_out(task, Bench(task), progress))


class Bench(CpuRig):
    """The CPU, with whole networks too."""

    def __init__(self, task: Task) -> None:
        super().__init__(task.spec.precision, task.spec.seed + task.number)
        self._task = task

    def network_s(self, name: str, seconds: float) -> float:
        dtype = DTYPES[self._task.spec.precision]
        loaded = zoo.load(name)
        network = loaded.module.to(dtype=dtype)
        inputs = random_inputs(loaded.input_shapes, 1, self._task.spec.seed).map(lambda tensor: tensor.to(dtype))
        with left_as_found(network):
            return self._median_s(network, inputs, seconds)

    def _median_s(self, network: torch.nn.Module, inputs: Inputs, seconds: float) -> float:
        for _ in range(WARM_RUNS):
            plain_run(network, inputs)
        times_s: list[float] = []
        while len(times_s) < MIN_RUNS or sum(times_s) < seconds:
            times_s.append(plain_run(network, inputs).time_s)
        return statistics.median(times_s)
