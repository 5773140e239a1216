"""Rounds that the machine was slower in, by the fixed work around them: like compared with like."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from small_profile import ROUND, TIMED

from effprof.analyze import analyze
from effprof.analyze.machine_speed import SLOWED, machine_slowdown, slowed, usual_work_s
from effprof.records import Profile, Round

works = st.tuples(st.floats(1e-4, 1e-2), st.floats(1e-4, 1e-2))


def rounds(*works_s: tuple[float, ...]) -> list[Round]:
    return [replace(ROUND, fixed_work_s=work_s) for work_s in works_s]


def profile_with(*works_s: tuple[float, ...]) -> Profile:
    return replace(TIMED, rounds=tuple(rounds(*works_s)))


@settings(deadline=None)
@given(st.lists(works, min_size=1, max_size=6))
def test_a_round_is_slowed_when_either_of_its_works_is(works_s: list[tuple[float, float]]) -> None:
    before_s, after_s = (min(values) for values in zip(*works_s, strict=True))
    expected = {
        place: max(before / before_s, after / after_s)
        for place, (before, after) in enumerate(works_s)
        if before > SLOWED * before_s or after > SLOWED * after_s
    }
    assert dict(slowed(rounds(*works_s))) == expected


def test_a_clock_that_falls_under_every_round_slows_none() -> None:
    """Before a round always 1 ms, after it always 1.3 ms: what the load does to the clock, it does to all."""
    assert slowed(rounds(*[(1e-3, 1.3e-3)] * 3)) == ()


def test_old_profiles_and_single_rounds_say_nothing() -> None:
    assert slowed(rounds((), ())) == ()
    assert slowed(rounds((1e-3, 2e-3))) == ()
    assert usual_work_s(rounds((), ())) == ()
    assert machine_slowdown((), (1e-3, 1e-3)) is None
    assert machine_slowdown((1.2e-3, 1e-3), (1e-3, 1e-3)) == 1.2


def test_the_note_names_the_worst() -> None:
    (note,) = (n for n in analyze(profile_with((1e-3, 1e-3), (1e-3, 1.5e-3))).notes if n.code == "machine-slowed")
    assert "In 1 of 2 rounds a fixed piece of work took up to 1.50 times as long" in note.text
    quiet = analyze(profile_with((1e-3, 1e-3), (1.05e-3, 1e-3)))
    assert "machine-slowed" not in {note.code for note in quiet.notes}
