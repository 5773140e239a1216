"""What follows from an advice: gains by hand, what is kept, how findings get their figure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_advice import CHANNELS, COPIES, FOLD, PLACE, SIBLINGS, contest, small_advice

from effprof.advise.measured import with_measured_gains
from effprof.analyze.gains import (
    final_gain,
    gain,
    gains_alone,
    judged,
    level_reached,
    recommended,
    recommended_settings,
    steps,
)
from effprof.finding_records import Finding


def test_a_gain_is_the_share_of_the_time_that_is_saved() -> None:
    found = gain(contest("alone", {(): 10.0, (FOLD,): 9.0}), 1)
    assert found.value == pytest.approx(0.1)
    assert found.ci95 == pytest.approx((0.1, 0.1)), "what slows a whole round down cancels"
    assert found.seconds == pytest.approx(0.1 * 0.0104), "of the median over rounds"
    assert found.rounds == 9


def test_few_rounds_give_no_interval_and_nothing_is_sure() -> None:
    found = gain(contest("alone", {(): 10.0, (FOLD,): 5.0}, rounds=5), 1)
    assert found.value == pytest.approx(0.5)
    assert found.ci95 is None


def test_standings() -> None:
    standings = [(one.trial.name, one.standing) for one in judged(small_advice())]
    assert standings == [
        (CHANNELS, "kept"), ("malloc-steady", "kept"), (FOLD, "kept"), (PLACE, "slower"),
        (SIBLINGS, "failed"), (COPIES, "not applicable"), ("threads-1", "not judged"),
    ]  # fmt: skip


def test_steps_and_the_whole() -> None:
    advice = small_advice()
    assert [(step.base, step.added, step.is_kept) for step in steps(advice)] == [
        ((CHANNELS,), FOLD, True),
        ((FOLD, CHANNELS), PLACE, False),
    ]
    total = final_gain(advice)
    assert total is not None
    assert total.value == pytest.approx(0.3)
    assert recommended(advice) == (FOLD, CHANNELS)
    assert recommended_settings(advice) == ("malloc-steady",)
    assert gains_alone(advice)["malloc-steady"].value == pytest.approx(0.15)


def test_a_combination_that_its_last_rounds_do_not_confirm_is_not_recommended() -> None:
    advice = small_advice()
    unlucky = contest("final", {(): 10.0, (FOLD, CHANNELS): 9.95})
    advice = replace(advice, contests=(*advice.contests[:3], unlucky))
    assert recommended(advice) == ()
    assert {one.trial.name: one.standing for one in judged(advice)}[CHANNELS] == "gains alone"


@pytest.mark.parametrize(("ms", "level"), [(9.0, "warn"), (9.95, "info"), (10.0, None), (11.0, None)])
def test_levels(ms: float, level: str | None) -> None:
    advice = small_advice()
    advice = replace(advice, contests=(contest("alone", {(): 10.0, (FOLD,): ms}),), chosen=())
    assert level_reached(judged(advice)) == level


def test_findings_get_what_their_edit_gained() -> None:
    finding = Finding("G4-batch-norm", "G4", "warn", ("stem.1",), None, (), "Text.", "Fold.", True, FOLD)
    other = replace(finding, code="G1-narrow-wide", exact=False, exact_edit=None)
    unmeasured = replace(finding, exact_edit=COPIES)
    one, two, three = with_measured_gains((finding, other, unmeasured), small_advice())
    assert one.measured_how == "advise"
    assert one.measured_gain_s == pytest.approx(0.1 * 0.0104)
    assert one.measured_ci95_s == pytest.approx((0.1 * 0.0104, 0.1 * 0.0104))
    assert (two, three) == (other, unmeasured)
