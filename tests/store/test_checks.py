"""What a profile may hold that looks like a contradiction and is none."""

from __future__ import annotations

from dataclasses import replace

from small_profile import CALLS, TIMED

from effprof.store import dumps_profile, loads_profile


def test_sparse_and_nested_tensors_have_a_shape_and_no_strides() -> None:
    first = CALLS[0]
    without = replace(first, inputs=(replace(first.inputs[0], strides=()), *first.inputs[1:]))
    profile = replace(TIMED, calls=(without, *CALLS[1:]))
    assert loads_profile(dumps_profile(profile)) == profile
