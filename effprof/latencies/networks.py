"""The networks that a table of latencies names, counted on meta; those that cannot be are told apart, with a reason.

A table is somebody's data: its names lead to the zoo and to three libraries, never to code of the user's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from effprof.analyze.regression import Work
from effprof.analyze.regression_checks import works_of
from effprof.analyze.regression_study import LeftOut
from effprof.errors import EffprofError, ModelError
from effprof.foreign import one_line
from effprof.latencies.names import known_name
from effprof.latencies.table import Asked
from effprof.records import CostedOp, RunSpec

START = (
    "import sys; sys.path[:1] = []; sys.path.append(sys.argv.pop(1)); "
    "from effprof.latencies.networks import main; main()"
)
OWN_FOLDER = str(Path(__file__).parents[2])


class Counted(msgspec.Struct, frozen=True):
    works: dict[str, tuple[Work, ...]]
    """By label."""
    reasons: dict[str, str]
    """By label, of those that could not be counted."""


class _Task(msgspec.Struct, frozen=True):
    asked: tuple[Asked, ...]
    fused: bool


def count_networks(asked: Iterable[Asked], *, fused: bool) -> Counted:
    """The work of each network by its label, counted here. Imports torch.

    Args:
        fused: see `works_of`.
    """
    works: dict[str, tuple[Work, ...]] = {}
    reasons: dict[str, str] = {}
    for network in asked:
        try:
            found = works_of(costed_ops(known_name(network.model), network.batch, network.img_size), fused=fused)
        except EffprofError as error:
            reasons[network.label] = one_line(str(error)).rstrip(".")
            continue
        if found:
            works[network.label] = found
        else:
            reasons[network.label] = "it does no work that is counted"
    return Counted(works, reasons)


def costed_ops(model: str, batch: int, img_size: int | None = None) -> tuple[CostedOp, ...]:
    """The costed calls of a network by effprof's name for it, counted on meta. Imports torch.

    Raises EffprofError where it is not known or cannot be counted.
    """
    from effprof.analyze.breakdown import cost_calls
    from effprof.measure.named import count_by_name

    spec = RunSpec(model, batch_size=batch, img_size=img_size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # libraries' own, about weights that nobody asked for
        return cost_calls(count_by_name(spec, run=False, with_crosscheck=False).calls)


def count_apart(asked: Sequence[Asked], *, fused: bool) -> Counted:
    """`count_networks` in a process of its own, so that what is timed later in this one finds it as it was.

    Raises ModelError when that process dies.
    """
    done = subprocess.run(
        [sys.executable, "-c", START, OWN_FOLDER],
        input=msgspec.json.encode(_Task(tuple(asked), fused)),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        last = one_line(done.stderr.decode(errors="replace").strip().rpartition("\n")[2])
        raise ModelError(f"The process that counts networks ended with code {done.returncode}: {last or 'no word'}.")
    return msgspec.json.decode(done.stdout, type=Counted)


def left_out_of(asked: Iterable[Asked], reasons: dict[str, str]) -> tuple[LeftOut, ...]:
    """The networks that could not be counted, each model and reason once."""
    rows: dict[tuple[str, str], int] = {}
    for network in asked:
        if network.label in reasons:
            key = network.model, reasons[network.label]
            rows[key] = rows.get(key, 0) + 1
    return tuple(LeftOut(model, count, reason) for (model, reason), count in rows.items())


def main() -> None:
    """A task on stdin, the answer on stdout; whatever libraries print goes to stderr."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answer:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        task = msgspec.json.decode(sys.stdin.buffer.read(), type=_Task)
        answer.write(msgspec.json.encode(count_networks(task.asked, fused=task.fused)))
