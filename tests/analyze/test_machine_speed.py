"""Rounds that the machine was slower in, by the fixed work between their runs."""

from __future__ import annotations

import statistics
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from small_profile import ROUND, TIMED

from effprof.analyze import analyze
from effprof.analyze.machine_speed import SLOWED, machine_slowdown, slowed, usual_work_s
from effprof.records import Profile, Round

works = st.lists(st.floats(1e-4, 1e-2), min_size=1, max_size=9)


def rounds(*works_s: tuple[float, ...]) -> list[Round]:
    return [replace(ROUND, fixed_work_s=work_s) for work_s in works_s]


def profile_with(*works_s: tuple[float, ...]) -> Profile:
    return replace(TIMED, rounds=tuple(rounds(*works_s)))


@settings(deadline=None)
@given(st.lists(works, min_size=1, max_size=6))
def test_a_round_is_slowed_when_its_median_is(works_s: list[list[float]]) -> None:
    medians_s = [statistics.median(values) for values in works_s]
    best_s = min(medians_s)
    expected = {place: time_s / best_s for place, time_s in enumerate(medians_s) if time_s / best_s > SLOWED}
    assert dict(slowed(rounds(*map(tuple, works_s)))) == expected


def test_a_few_slow_moments_slow_no_round() -> None:
    assert slowed(rounds((1e-3, 1e-3, 1e-3, 9e-3), (1e-3, 1e-3, 1e-3, 1e-3))) == ()


def test_old_profiles_and_single_rounds_say_nothing() -> None:
    assert slowed(rounds((), ())) == ()
    assert slowed(rounds((1e-3, 2e-3))) == ()
    assert slowed(rounds((), (1e-3,), (2e-3,))) == ((2, 2.0),)
    assert usual_work_s(rounds((), ())) is None
    assert usual_work_s(rounds((), (1e-3, 3e-3, 2e-3), (4e-3,))) == 3e-3
    assert machine_slowdown(None, 1e-3) is None
    assert machine_slowdown(1.5e-3, 1e-3) == 1.5


def test_the_note_names_the_worst() -> None:
    (note,) = (n for n in analyze(profile_with((1e-3,), (1.5e-3,))).notes if n.code == "machine-slowed")
    assert "In 1 of 2 rounds a fixed piece of work took up to 1.50 times as long" in note.text
    quiet = analyze(profile_with((1e-3,), (1.05e-3,)))
    assert "machine-slowed" not in {note.code for note in quiet.notes}
