"""Is what came back the answer to what was asked? A result of something else is worse than none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from effprof.records import Profile, RunSpec
from effprof.sweep_records import Sweep, SweepSpec

MEASURED_BY_AUTO = ("cpu", "cuda")


def profile_problem(asked: RunSpec, profile: Profile) -> str | None:
    """Why it is no result of `asked`, in words; None when it is one."""
    return next(_profile_problems(asked, profile), None)


def sweep_problem(asked: SweepSpec, sweep: Sweep) -> str | None:
    """As `profile_problem`, of the guidelines."""
    return next(_sweep_problems(asked, sweep), None)


def _profile_problems(asked: RunSpec, profile: Profile) -> Iterator[str]:
    rounds = len(profile.rounds)
    if profile.device is None or not rounds:
        yield "nothing was timed"
        return
    yield from _other_settings(asked, profile.spec)
    yield from _other_device(profile.spec.device, profile.device.kind)
    if rounds > asked.rounds or (rounds < asked.rounds and not profile.partial):
        yield f"it has {rounds} rounds, and {asked.rounds} were asked for"
    has_trace = profile.device_trace is not None or any(one.gpu is not None for one in profile.rounds)
    if has_trace and profile.device.kind != "cuda":
        yield f"it holds a GPU's trace, and the device is {profile.device.kind!r}"


def _sweep_problems(asked: SweepSpec, sweep: Sweep) -> Iterator[str]:
    if not sweep.entries:
        yield "nothing was timed"
    yield from _other_settings(asked, sweep.spec)
    yield from _other_device(sweep.spec.device, sweep.device.kind)
    wanted = [(guideline, scale) for scale in (asked.scale, *asked.other_scales) for guideline in asked.guidelines]
    found = [(entry.guideline, entry.scale) for entry in sweep.entries]
    if found != wanted[: len(found)] or (len(found) < len(wanted) and not sweep.partial):
        yield "its guidelines or scales are not those that were asked for"


def _other_settings(asked: RunSpec | SweepSpec, found: RunSpec | SweepSpec) -> Iterator[str]:
    """What the machine decides is not compared: which device `auto` is, and how many threads where nobody said."""
    for field in fields(asked):
        wanted, told = getattr(asked, field.name), getattr(found, field.name)
        if field.name == "device":
            is_same = _is_device(wanted, told)
        elif field.name == "threads":
            is_same = wanted is None or told in (wanted, None)
        else:
            is_same = wanted == told
        if not is_same:
            yield f"its {field.name} is {told!r}, and {wanted!r} was asked for"


def _is_device(asked: str, found: str) -> bool:
    kind, _, number = asked.partition(":")
    found_kind, _, found_number = found.partition(":")
    if kind == "auto":
        return found_kind in MEASURED_BY_AUTO
    return found_kind == kind and (found_number or "0") == (number or "0")


def _other_device(named: str, kind: str) -> Iterator[str]:
    if named.partition(":")[0] != kind:
        yield f"its device is {named!r} in one place and {kind!r} in another"
