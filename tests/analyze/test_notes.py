"""Each trouble, planted, gives its note; a quiet measurement gives none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from analyze.by_hand import call, make_profile, one_round, tensor

from effprof.analyze import analyze
from effprof.records import Note, Round

RELU = [call(0, "relu", (tensor(0, (4,)),), (tensor(1, (4,)),))]
NOISE = np.random.default_rng(0).normal(0.010, 0.0001, 100)


def codes(*rounds: Round, **options: Any) -> list[str]:
    return [note.code for note in analyze(make_profile(RELU, rounds, **options)).notes]


def text_of(code: str, measured: Round, **options: Any) -> Note:
    return next(note for note in analyze(make_profile(RELU, [measured], **options)).notes if note.code == code)


def quiet(**options: Any) -> Round:
    return one_round(NOISE, NOISE, [((0,), NOISE * 0.9)], **options)


def test_a_quiet_measurement_has_no_notes() -> None:
    assert codes(quiet(warmup=(0.015,), page_faults=[0] * 100)) == []


def test_planted_troubles_are_told() -> None:
    rng = np.random.default_rng(1)
    assert codes(one_round(NOISE * np.linspace(1, 1.1, 100))) == ["drift"]
    assert "wide-spread" in codes(one_round(NOISE * rng.uniform(0.8, 1.2, 100)))
    assert "two-modes" in codes(one_round(NOISE + 0.005 * (rng.random(100) < 0.4)))
    spiked = NOISE.copy()
    spiked[[3, 50]] *= 4
    assert codes(one_round(spiked)) == ["outliers"]
    assert codes(quiet(warmup=(0.1,))) == ["slow-first-run"]
    assert codes(quiet(stopped_because="max-time")) == ["interval-not-reached"]
    assert codes(one_round([0.01] * 9)) == ["few-runs"]
    assert codes(one_round([0.01] * 20), one_round([0.012] * 20)) == ["rounds-differ"]


def test_page_faults_name_their_remedy() -> None:
    note = text_of("page-faults", quiet(page_faults=[3400] * 100))
    assert "3,400 page faults a run" in note.text
    assert "--malloc steady" in note.remedy
    assert "already" in text_of("page-faults", quiet(page_faults=[3400] * 100), malloc="steady").remedy
    assert codes(quiet(page_faults=[50] * 100)) == []


def test_a_wait_that_instrumentation_never_saw_is_a_large_residual() -> None:
    # plain runs 12 ms, of which the instrumented ones saw 10
    measured = one_round([0.012] * 20, [0.010] * 20, [((0,), [0.009] * 20)])
    note = text_of("large-residual", measured)
    assert note.text.startswith("16.7 % of the latency is neither ops nor overhead (interval 2.00 ms to 2.00 ms)")


def test_distortion_is_told() -> None:
    measured = one_round([0.010] * 20, [0.020] * 20, [((0,), [0.015] * 20)], inside_s=0.010)
    assert "distortion" in codes(measured)
    assert "100.0 % longer" in text_of("distortion", measured).text


def test_uncosted_calls_are_told_with_and_without_times() -> None:
    spin = [call(index, "mylib::spin", (tensor(0, (4,)),), (tensor(1, (4,)),)) for index in range(2)]
    notes = analyze(make_profile(spin)).notes
    assert [note.code for note in notes] == ["uncosted-ops"]
    assert notes[0].text == "2 calls have no known multiply-adds: mylib::spin."


@pytest.mark.parametrize("code", ["other-load", "page-faults"])
def test_notes_of_the_measurement_come_first_and_stay(code: str) -> None:
    own = Note(code, "seen while measuring")
    notes = analyze(make_profile(RELU, [quiet(page_faults=[3400] * 100)], notes=[own])).notes
    assert notes[0] == own
    assert [note.code for note in notes].count("page-faults") == 1
