"""Two whole results: what is compared, what is not comparable, and the notes that come with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_comparison import profile_of_rounds, run_result
from small_sweep import planned_sweep

from effprof.compare import Comparison, Rule, compare_results
from effprof.compare.from_run import result_of_profile
from effprof.compare.from_sweep import result_of_sweep
from effprof.compare.words import Change, Result
from effprof.errors import UsageError
from effprof.records import Note, Samples

QUIET = [0.0100, 0.0101, 0.0099, 0.0100, 0.0100]
SLOWER = [1.1 * time_s for time_s in QUIET]


def by_name(comparison: Comparison) -> dict[str, Change]:
    return {change.name: change for change in comparison.changes}


def codes(comparison: Comparison) -> list[str]:
    return [note.code for note in comparison.notes]


def with_setting(result: Result, **changed: str) -> Result:
    return replace(result, setting=tuple((what, changed.get(what, which)) for what, which in result.setting))


def test_a_slower_network_with_the_same_shares() -> None:
    comparison = compare_results(run_result(QUIET), run_result(SLOWER))
    changes = by_name(comparison)
    assert comparison.verdict == "worse"
    assert {name: change.verdict for name, change in changes.items()} == {
        "latency": "worse", "time.conv": "worse", "time.shuffle": "worse", "share.conv": "same",
        "share.shuffle": "same",
    }  # fmt: skip
    assert changes["time.shuffle"].value == pytest.approx(1.1)
    assert comparison.notes == ()
    assert compare_results(run_result(SLOWER), run_result(QUIET)).verdict == "better"
    assert compare_results(run_result(QUIET), run_result(QUIET)).verdict == "same"


def test_a_wider_margin_makes_more_the_same() -> None:
    assert compare_results(run_result(QUIET), run_result(SLOWER), Rule(margin=0.2)).verdict == "same"


def test_all_differences_are_told_at_once() -> None:
    other = with_setting(run_result(QUIET), threads="2", torch="2.9.1")
    with pytest.raises(UsageError, match=r"^Not comparable: threads 1 against 2, torch 2\.14\.1 against 2\.9\.1\. "):
        compare_results(run_result(QUIET), other)
    forced = compare_results(run_result(QUIET), other, force=True)
    assert codes(forced) == ["forced"]
    assert "threads 1 against 2, torch 2.14.1 against 2.9.1" in forced.notes[0].text


def test_what_only_one_side_tells_is_no_difference() -> None:
    old = run_result(QUIET)
    new = replace(old, setting=(*old.setting, ("timer", "entry")))
    assert compare_results(old, new).notes == ()


def test_a_run_and_a_sweep_are_never_comparable() -> None:
    with pytest.raises(UsageError, match=r"runs/one is a network's run, s\.json a guidelines result"):
        compare_results(run_result(QUIET), result_of_sweep(planned_sweep(), "s.json"), force=True)


def test_one_process_is_told_and_widened() -> None:
    comparison = compare_results(run_result(QUIET[:1]), run_result(SLOWER[:1]))
    assert codes(comparison) == ["single-process"]
    assert "The old and the new result is of one process: intervals are widened by 5%" in comparison.notes[0].text
    one_side = compare_results(run_result(QUIET), run_result(SLOWER[:1]))
    assert "The new result is of one process" in one_side.notes[0].text
    assert "the spread of the other side's 5 processes" in one_side.notes[0].text
    given = compare_results(run_result(QUIET[:1]), run_result(SLOWER[:1]), Rule(spread=0.01))
    assert "standard deviation of 1.00%" in given.notes[0].text


def test_a_busy_neighbour_gives_no_verdict_but_a_note() -> None:
    comparison = compare_results(run_result(QUIET), run_result(SLOWER, notes=["other-load"]))
    assert comparison.verdict == "inconclusive"
    assert codes(comparison) == ["disturbed", "doubts-new"]
    assert "5 of 5 verdicts" in comparison.notes[0].text
    latency = by_name(comparison)["latency"]
    assert latency.is_withheld
    assert latency.value == pytest.approx(1.1)
    # a baseline that was slowed down makes the new one look better, never worse
    assert compare_results(run_result(QUIET, notes=["other-load"]), run_result(SLOWER)).verdict == "worse"


def test_a_slow_process_is_left_out_of_everything_and_told() -> None:
    slowed = run_result([*QUIET[:4], 0.0140])
    comparison = compare_results(run_result(QUIET), slowed)
    assert comparison.verdict == "same"
    assert codes(comparison) == ["slow-process-new"]
    assert "One of the new run's 5 processes took 40% longer than their median" in comparison.notes[0].text
    assert by_name(comparison)["time.conv"].value == pytest.approx(by_name(comparison)["latency"].value)
    assert comparison.new.processes == 5


def test_results_of_different_hours_are_told() -> None:
    def begun(started_utc: str) -> Result:
        result = run_result(QUIET)
        return replace(result, environment=replace(result.environment, started_utc=started_utc))

    old = begun("2026-11-24T12:00:00Z")
    later = compare_results(old, begun("2026-11-24T15:30:00Z"))
    assert codes(later) == codes(compare_results(begun("2026-11-24T15:30:00Z"), old)) == ["hours-apart"]
    assert "begun 3.5 hours apart" in later.notes[0].text
    for near in ("2026-11-24T13:00:00Z", "yesterday", "2026-11-24T15:30:00+00:00", ""):
        assert codes(compare_results(old, begun(near))) == []


def test_doubts_of_either_side_are_told() -> None:
    comparison = compare_results(
        run_result(QUIET, notes=["drift", "uncosted-ops"]), replace(run_result(QUIET), partial=True)
    )
    assert codes(comparison) == ["doubts-old", "partial-new"]
    assert comparison.notes[0].text.endswith("doubts: drift.")


def test_another_network_is_comparable_and_told() -> None:
    old = run_result(QUIET)
    new = replace(old, circumstances=(("network", "other"), ("python", "3.12.1")))
    comparison = compare_results(old, new)
    assert [note.text for note in comparison.notes] == ["Also different: network net.py:build against other."]


# ------------------------------------------------------------------------------------------------------ from records


def test_every_process_of_a_profile_counts() -> None:
    result = result_of_profile(profile_of_rounds([1.0, 1.02, 0.98]), "p")
    quantities = {quantity.name: quantity for quantity in result.quantities}
    # plain runs of 3.0 and 3.1 ms
    assert quantities["latency"].processes == pytest.approx((0.00305, 0.00305 * 1.02, 0.00305 * 0.98))
    # spans of 2.0 and 2.1 ms, 1 µs of which is ours; scaled by (sum of medians) / (median of sums) = 1
    assert quantities["time.conv"].processes[0] == pytest.approx(0.00205 - 1e-6)
    assert quantities["share.conv"].processes[0] == pytest.approx((0.00205 - 1e-6) / 0.00305)
    assert quantities["time.conv"].processes[1] == pytest.approx(1.02 * quantities["time.conv"].processes[0])
    assert dict(result.setting)["threads"] == "1"
    assert dict(result.setting)["timer"] == "entry"
    assert dict(result.setting)["cores"] == "all"
    profile = profile_of_rounds([1.0])
    pinned = result_of_profile(replace(profile, spec=replace(profile.spec, cpus=(0, 1, 2, 6))))
    assert dict(pinned.setting)["cores"] == "0-2,6"
    assert result.processes == 3


def test_a_process_that_ended_before_its_parts_were_timed_is_left_out_and_told() -> None:
    whole = profile_of_rounds([1.0, 1.02, 0.98, 1.01, 1.0])
    first, second, *rest = whole.rounds
    cut = replace(
        second, instrumented=Samples(()), ops=tuple(replace(op, times_s=()) for op in second.ops),
        stopped_because="interrupted", order="A" * len(second.plain.times_s),
    )  # fmt: skip
    interrupted = result_of_profile(replace(whole, rounds=(first, cut, *rest), partial=True))
    expected = result_of_profile(replace(whole, rounds=(first, *rest)))
    assert interrupted.quantities == expected.quantities
    assert "time.conv" in {quantity.name for quantity in interrupted.quantities}
    comparison = compare_results(expected, interrupted)
    told = {note.code: note.text for note in comparison.notes}
    assert {"incomplete-round-new", "partial-new"} <= set(told)
    assert "incomplete-round-old" not in told
    assert told["incomplete-round-new"].startswith("Of the new run 1 of 5 processes ended before the parts were timed")
    # with no parts in any process there is the latency still
    only = result_of_profile(replace(whole, rounds=(cut, cut)))
    assert [(q.name, len(q.processes)) for q in only.quantities] == [("latency", 2)]


def test_a_profile_of_one_process_brings_its_own_interval() -> None:
    quantities = {q.name: q for q in result_of_profile(profile_of_rounds([1.0])).quantities}
    assert len(quantities["latency"].processes) == 1
    assert 0 < quantities["latency"].within < 0.05
    assert quantities["time.conv"].within == quantities["latency"].within


def test_rounds_of_one_profile_compared_with_slower_ones() -> None:
    factors = [1.0, 1.01, 0.99, 1.0, 1.0]
    old, new = (result_of_profile(profile_of_rounds([f * factor for f in factors])) for factor in (1.0, 1.1))
    changes = by_name(compare_results(old, new))
    assert changes["latency"].value == pytest.approx(1.1)
    assert changes["time.conv"].verdict == "worse"
    assert changes["share.conv"].value == pytest.approx(0)
    assert changes["time.comm"].verdict == "same"  # none on either side


def test_a_sweep_has_slowdowns_and_settings_at_every_scale() -> None:
    result = result_of_sweep(planned_sweep(), "sweep.json")
    names = [quantity.name for quantity in result.quantities]
    assert names[:5] == ["G1", "G1.1:1", "G1.1:2", "G1.1:6", "G1.1:12"]
    assert {"G3.4-fragment-parallel", "G1.x2", "G2.x2.g=8"} <= set(names)
    assert len(names) == 2 * (4 + 17)
    assert result.headline == ("G1", "G2", "G3", "G4")
    assert result.processes == 1
    values = {quantity.name: quantity.processes[0] for quantity in result.quantities}
    assert values["G1"] == pytest.approx(1.5, rel=0.05)


def test_a_guideline_that_holds_no_more_is_told() -> None:
    old = result_of_sweep(planned_sweep())
    new = replace(old, verdicts=tuple((name, "fails" if name == "G1" else which) for name, which in old.verdicts))
    comparison = compare_results(old, new)
    assert codes(comparison)[0] == "single-process"
    assert codes(comparison)[-1] == "verdict-changed"
    assert comparison.notes[-1].text == "Another verdict than before: G1 holds against fails."
    assert comparison.verdict == "inconclusive"  # one process: 5 % is more than the margin
    assert compare_results(old, new, Rule(margin=0.1)).verdict == "same"


def test_fewer_guidelines_are_compared_as_far_as_they_go() -> None:
    sweep = planned_sweep()
    old = result_of_sweep(sweep)
    new = result_of_sweep(replace(sweep, entries=sweep.entries[:1]))
    comparison = compare_results(old, new)
    assert [change.name for change in comparison.changes] == ["G1", "G1.1:1", "G1.1:2", "G1.1:6", "G1.1:12"]
    assert "G2.g=8" in comparison.only_in_one
    g2 = result_of_sweep(replace(sweep, entries=sweep.entries[1:2]))
    with pytest.raises(UsageError, match="no quantity in common"):
        compare_results(new, g2)


def test_notes_of_the_measurement_are_kept_once() -> None:
    profile = replace(profile_of_rounds([1.0] * 3), notes=(Note("other-load", "x"), Note("other-load", "x")))
    assert [note.code for note in result_of_profile(profile).notes].count("other-load") == 1


def with_work(factors: list[float], works_s: list[float]) -> Result:
    profile = profile_of_rounds(factors)
    rounds = [replace(one, fixed_work_s=(work,)) for one, work in zip(profile.rounds, works_s, strict=True)]
    return result_of_profile(replace(profile, rounds=tuple(rounds)))


def test_rounds_in_which_the_machine_was_slower_count_for_nothing() -> None:
    """Two of five take 1.6 times as long, and so does the fixed work around them."""
    old = with_work([1.0, 1.01, 0.99, 1.0, 1.0], [1e-3] * 5)
    new = with_work([1.0, 1.6, 0.99, 1.6, 1.01], [1e-3, 1.6e-3, 1e-3, 1.6e-3, 1e-3])
    comparison = compare_results(old, new)
    assert by_name(comparison)["latency"].verdict == "same"
    (note,) = (note for note in comparison.notes if note.code == "slowed-rounds-new")
    assert "2 rounds in which the machine itself was slower" in note.text
    few = with_work([1.0, 1.6, 1.6], [1e-3, 1.6e-3, 1.6e-3])
    assert few.processes == 3, "one alone says nothing of how far processes differ"


def test_a_slower_machine_is_no_slower_network() -> None:
    """Everything takes 1.3 times as long, the fixed work too: nothing is said of the network, either way."""
    old, new = with_work([1.0, 1.01, 0.99], [1e-3] * 3), with_work([1.3, 1.31, 1.29], [1.3e-3] * 3)
    for comparison in (compare_results(old, new), compare_results(new, old)):
        assert by_name(comparison)["latency"].verdict == "inconclusive"
        (note,) = (note for note in comparison.notes if note.code == "disturbed")
        assert "took 1.30 times as long" in note.text
    faster = with_work([0.8, 0.81, 0.79], [1.3e-3] * 3)
    assert by_name(compare_results(old, faster))["latency"].verdict == "better", "in spite of the slower machine"


def test_a_slower_network_on_the_same_machine_is_slower() -> None:
    old, new = with_work([1.0, 1.01, 0.99], [1e-3] * 3), with_work([1.3, 1.31, 1.29], [1.03e-3] * 3)
    comparison = compare_results(old, new)
    assert by_name(comparison)["latency"].verdict == "worse"
    assert "disturbed" not in codes(comparison)


def test_another_cpu_s_speed_is_no_disturbance() -> None:
    old, new = with_work([1.0, 1.01, 0.99], [1e-3] * 3), with_work([1.3, 1.31, 1.29], [1.3e-3] * 3)
    new = replace(new, device=replace(new.device, name="Another CPU"))
    assert "disturbed" not in codes(compare_results(old, new, force=True))
