"""Work of a GPU that no captured call did: each process numbers it for itself, and rounds need one numbering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from effprof.device_records import DeviceTrace
from effprof.records import OpCall, Profile, Round

Key = tuple[str, str, str, str]


def with_shared_calls(profiles: Sequence[Profile]) -> list[Profile]:
    """The same profiles, all with the calls that any of them has beside the captured ones."""
    if not any(one.gpu is not None for profile in profiles for one in profile.rounds):
        return list(profiles)
    shared: dict[Key, OpCall] = {}
    for profile in profiles:
        for call in _unlinked(profile):
            shared.setdefault(_key(call), call)
    return [_renumbered(profile, shared) for profile in profiles]


def _unlinked(profile: Profile) -> tuple[OpCall, ...]:
    return tuple(call for call in profile.calls if call.tensors == "unknown")


def _key(call: OpCall) -> Key:
    return call.op, call.aten, call.layer, call.direction


def _renumbered(profile: Profile, shared: dict[Key, OpCall]) -> Profile:
    own = _unlinked(profile)
    captured = profile.calls[: len(profile.calls) - len(own)]
    numbers = {key: len(captured) + place for place, key in enumerate(shared)}
    moved = {call.index: numbers[_key(call)] for call in own}
    calls = tuple(replace(call, index=numbers[key]) for key, call in shared.items())
    rounds = tuple(_with_numbers(one, moved) for one in profile.rounds)
    return replace(profile, calls=(*captured, *calls), rounds=rounds)


def _with_numbers(one: Round, moved: dict[int, int]) -> Round:
    if one.gpu is None or one.gpu.trace is None:
        return one
    trace: DeviceTrace = one.gpu.trace
    activities = tuple(
        replace(activity, call=moved[activity.call]) if activity.call in moved else activity
        for activity in trace.activities
    )
    return replace(one, gpu=replace(one.gpu, trace=replace(trace, activities=activities)))
