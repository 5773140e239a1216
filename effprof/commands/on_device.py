"""Where --device says to measure: in processes here, or on another machine at the other end of ssh."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from effprof.commands.progress import Report, somebody_watches
from effprof.commands.said import say
from effprof.errors import UsageError
from effprof.interrupts import interrupts_deferred
from effprof.records import Profile, RunSpec
from effprof.remote.target import SPELLING, is_remote, parse_target
from effprof.settings import usable_device

if TYPE_CHECKING:
    from effprof.remote.connection import Connection
    from effprof.sweep_records import Sweep, SweepSpec

DEFAULT_PYTHON = "python3"


def device(text: str) -> str:
    """What --device was given: a device known to be usable here, or one of another machine, spelled rightly."""
    return parse_target(text).url if is_remote(text) else usable_device(text)


def remote_python(text: str) -> str:
    """A program's name or path; `~/` is where ssh starts anyway."""
    name = re.sub(r"\A~/+", "", text)
    if not name or not name.isprintable() or name.startswith("-"):
        raise UsageError(f"--remote-python is {text!r}. Give a name or path there, as in venv/bin/python.")
    return name


def check_models(specs: Sequence[RunSpec]) -> None:
    """All that can be said here without torch: of another machine's libraries and packages nothing."""
    from effprof import zoo

    for spec in specs:
        if spec.model.encode("utf-8", "replace").decode() != spec.model:
            raise UsageError(f"--model is {spec.model!r}, which is not UTF-8. Give the file or folder another name.")
        if not is_remote(spec.device) or zoo.split_source(spec.model).kind in (zoo.Kind.ZOO, zoo.Kind.FILE):
            zoo.check_name(spec.model)


@contextmanager
def measuring(args: argparse.Namespace) -> Iterator[Callable[[RunSpec, Report], Profile]]:
    """What measures a network where --device says; one connection for all of them."""
    if _is_here(args):
        from effprof.measure.processes import measure_rounds

        yield measure_rounds
        return
    from effprof.remote.client import measure_remotely

    with _connection(args) as connection:
        yield partial(measure_remotely, connection)


@contextmanager
def sweeping(args: argparse.Namespace) -> Iterator[Callable[[SweepSpec, Report], Sweep]]:
    """What measures the guidelines' networks where --device says."""
    if _is_here(args):
        with interrupts_deferred():  # an import that is cut in half leaves broken modules behind
            from effprof.bench.sweep import measure_sweep

        yield measure_sweep
        return
    from effprof.remote.client import sweep_remotely

    with _connection(args) as connection:
        yield partial(sweep_remotely, connection)


def _is_here(args: argparse.Namespace) -> bool:
    if is_remote(args.device):
        return False
    if args.remote_python is not None:
        raise UsageError(f"--remote-python is for --device {SPELLING}, and --device is {args.device}.")
    return True


def _connection(args: argparse.Namespace) -> Connection:
    from effprof.remote.connection import Connection

    target = parse_target(args.device)
    if somebody_watches() and not args.quiet:
        say(f"Connecting to {target.where} ...")
    return Connection(target, args.remote_python or DEFAULT_PYTHON)
