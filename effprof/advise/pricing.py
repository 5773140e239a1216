"""Prices of design edits in a measuring process: the layers of each finding beside their twins, for a share of the
time each."""

from __future__ import annotations

from pathlib import Path
from time import time

from effprof.advise.tasks import Priced, Prices, PricesTask, Wanted
from effprof.bench.prices import Form, price
from effprof.bench.turns import GRACE_S, Budget, Progress
from effprof.devices.fake import Plan, read_plan
from effprof.measure.allocator import set_malloc
from effprof.sensors.affinity import kept_to
from effprof.statistics import MIN_ROUNDS


def prices(task: PricesTask, progress: Progress, since_s: float | None = None) -> Prices:
    """All prices that `task.time_s` reaches for; an interrupt keeps those that were finished.

    Args:
        since_s: Unix time at which `task.time_s` began to run; None: now.
    """
    started_s = time() if since_s is None else since_s
    kind, _, argument = task.run.device.partition(":")
    plan = read_plan(Path(argument) if argument else None) if kind == "fake" else None
    set_malloc(task.run.malloc)
    found: list[Priced | None] = []
    is_partial = False
    try:
        with kept_to(task.run.cpus):
            for number, wanted in enumerate(task.wanted):

                def report(text: str, part: float, number: int = number, code: str = wanted.code) -> None:
                    progress(f"price of {code}, {text}", (number + part) / len(task.wanted))

                gone_s = task.time_s * number / len(task.wanted) if plan is not None else time() - started_s
                found.append(_priced(wanted, task, (task.time_s - gone_s) / (len(task.wanted) - number), report, plan))
    except KeyboardInterrupt:
        is_partial = True
    return Prices((*found, *[None] * (len(task.wanted) - len(found))), is_partial)


def _priced(wanted: Wanted, task: PricesTask, time_s: float, report: Progress, plan: Plan | None) -> Priced | None:
    """Raises KeyboardInterrupt where it was cut short: a price of few rounds by chance is none."""
    if time_s <= 0:
        return None
    form = Form(task.threads, task.run.precision, task.channels_last, task.run.seed)
    report("warming", 0.0)
    found = price(wanted.pairs, form, Budget(MIN_ROUNDS, time_s, min(GRACE_S, time_s)), report, plan)
    if found is None or found.is_interrupted:
        raise KeyboardInterrupt
    return Priced(found.gain_s, found.ci95_s if found.rounds >= MIN_ROUNDS else None)
