"""compare_rates.py: which runs it takes, that a row is the run, and that the figures follow from the rows."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import compare_rates
import pytest
from compare_networks import INPUT_SHAPE, twenty, twenty_two
from compare_rates import finish, measured, missing, neighbour
from compare_runs import BUSY, FIRST, MORE, SECOND, RunRow, comparisons, report, result_of, run_row
from quiet import Canary, quietly
from results import append_row, read_rows
from small_comparison import profile_of_rounds

import effprof
from effprof.compare import compare_results
from effprof.compare.from_run import result_of_profile
from effprof.measure.named import measure_by_name
from effprof.records import Note, Profile, RunSpec

ROUNDS = [1.0, 1.01, 0.99, 1.0, 1.0]


def row(number: int, which: str, factor: float = 1.0, notes: str = "") -> RunRow:
    made = run_row(profile_of_rounds([factor * value for value in ROUNDS]), number, which, 6.0, "python x")
    return RunRow(**{**vars(made), "notes": notes})


def rows() -> list[RunRow]:
    made = []
    for number in range(1, 5):
        made += [row(number, FIRST), row(number, SECOND, 1 + 0.002 * number), row(number, MORE, 1.1)]
    return [*made, row(1, BUSY, 1.4, "other-load"), row(2, BUSY, 1.4)]


def arguments(**changed: object) -> argparse.Namespace:
    values = {
        "pairs": 2, "busy": 1, "seed": 0, "resume": False, "device": "fake", "threads": 1, "malloc": "default",
        "rounds": 2, "min_time": 0.0, "max_time": 0.1, "repeats": 9,
    }  # fmt: skip
    return argparse.Namespace(**{**values, **changed})


def test_the_second_network_does_ten_per_cent_more_work() -> None:
    import torch

    image = torch.empty(1, *INPUT_SHAPE, device="meta")
    counts = [effprof.count(build().to("meta"), image).analysis.totals.mult_adds for build in (twenty, twenty_two)]
    assert 10 * counts[1] == 11 * counts[0]


def test_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    tasks = missing(arguments(), path)
    assert sorted(tasks) == sorted(
        [(1, FIRST), (1, SECOND), (1, MORE), (1, BUSY), (2, FIRST), (2, SECOND), (2, MORE)]
    )
    append_row(path, row(1, SECOND))
    with pytest.raises(SystemExit, match="has 1 rows: --resume goes on"):
        missing(arguments(), path)
    left = missing(arguments(resume=True), path)
    assert left == [task for task in tasks if task != (1, SECOND)]


def test_a_row_is_the_run() -> None:
    profile = profile_of_rounds(ROUNDS)
    wanted, told = result_of_profile(profile), result_of(row(1, FIRST))
    assert [(q.name, q.unit, q.is_part) for q in told.quantities] == [
        (q.name, q.unit, q.is_part) for q in wanted.quantities
    ]
    for one, other in zip(told.quantities, wanted.quantities, strict=True):
        assert one.processes == pytest.approx(other.processes, rel=1e-6)
    slower = result_of_profile(profile_of_rounds([1.1 * value for value in ROUNDS]))
    from_rows = compare_results(told, result_of(row(1, MORE, 1.1)))
    assert [c.verdict for c in from_rows.changes] == [c.verdict for c in compare_results(wanted, slower).changes]


def test_the_rates() -> None:
    lines = list(report(rows()))
    assert lines[0].startswith("the same network: 0 better, 0 worse, 4 same, 0 inconclusive")
    assert lines[1] == "  better or worse: 0 of 4 (wanted: at most 5 of 100); any quantity: 0"
    assert lines[3] == "  worse: 4 of 4 (wanted: at least 95 of 100)"
    # one neighbour was seen, the other was not
    assert lines[5] == "  better or worse: 1, without a note: 1 (wanted: 0)"
    assert lines[-1].startswith("standard deviation between the processes of a run 0.7")


def test_numbers_without_their_partner_wait() -> None:
    assert len(comparisons([row(1, FIRST), row(2, FIRST), row(2, SECOND)], FIRST, SECOND)) == 1


def test_a_run_is_several_rounds_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the make-believe clock, whose rounds differ only by their noise."""
    monkeypatch.setattr(compare_rates, "measure_in_fork", lambda spec: measure_by_name(spec, with_crosscheck=False))
    plan = tmp_path / "plan.json"
    plan.write_text('{"default": {"noise": 0.05}}')
    one = measured(arguments(device=f"fake:{plan}"), 1, FIRST)
    more = measured(arguments(device=f"fake:{plan}"), 1, MORE)
    assert len(one.values["latency"]) == len(set(one.values["latency"])) == 2
    assert sum(more.values["latency"]) / sum(one.values["latency"]) == pytest.approx(1.1, rel=0.02)
    path = tmp_path / "runs.csv"
    append_row(path, one)
    append_row(path, more)
    again = read_rows(path, RunRow)
    assert [(row.which, row.values, row.setting) for row in again] == [
        (row.which, row.values, row.setting) for row in (one, more)
    ]


def test_a_row_keeps_how_fast_the_machine_was() -> None:
    slow = profile_of_rounds(ROUNDS)
    slow = replace(slow, rounds=tuple(replace(one, fixed_work_s=(1.5e-3, 1.4e-3, 9e-3)) for one in slow.rounds))
    assert result_of(run_row(slow, 1, SECOND, 6.0, "python x")).fixed_work_s == 1.5e-3
    assert result_of(row(1, FIRST)).fixed_work_s is None


def test_the_neighbour_is_there_and_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_rates, "STARTUP_S", 0.0)
    seen = []
    original = compare_rates.subprocess.Popen

    def watched(words: list[str]) -> object:
        seen.append(original(words))
        return seen[-1]

    monkeypatch.setattr(compare_rates.subprocess, "Popen", watched)
    with neighbour():
        assert seen[0].poll() is None
    assert seen[0].poll() is not None


def test_a_round_that_the_machine_slowed_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slower than the fast ones so far, beside other processes, quiet; then a quiet one."""
    network = RunSpec(f"{compare_rates.NETWORKS}:twenty", "fake", input_shape=(INPUT_SHAPE,), min_time_s=0.01)
    some = measure_by_name(network, with_crosscheck=False)
    seen_s = iter([(1.5e-3, ()), (1e-3, (Note("other-load", ""),)), (1e-3, ()), (1.01e-3, ())])

    def seen(spec: RunSpec) -> Profile:
        work_s, notes = next(seen_s)
        return replace(some, rounds=(replace(some.rounds[0], fixed_work_s=(work_s,)),), notes=notes)

    monkeypatch.setattr(compare_rates, "measure_in_fork", seen)
    monkeypatch.setattr(compare_rates, "FAST", compare_rates.FastRounds([1.02e-3] * 4))
    monkeypatch.setattr(compare_rates.CANARY, "wait", lambda: None)
    kept = compare_rates.measured(arguments(device="cpu"), 1, FIRST)
    assert kept.repeats == 2
    assert kept.fixed_work_s == pytest.approx(1.005e-3)
    assert "other-load" not in kept.notes.split()
    assert len(kept.values["latency"]) == 2


def test_the_last_repetition_counts_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Canary, "wait", lambda self: None)
    numbers = iter(range(9))
    assert quietly(Canary(), lambda: next(numbers), lambda number: number < 2, 4, "a run") == (2, 2)
    assert quietly(Canary(), lambda: next(numbers), lambda number: True, 3, "a run") == (6, 3)


@pytest.mark.parametrize(("slowest", "expected"), [(1.0, True), (1.05, True), (1.3, False)])
def test_the_slowest_core_says_whether_the_machine_is_quiet(
    slowest: float, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    medians = iter([1e-3, 1e-3 * slowest])
    monkeypatch.setattr("quiet.usable_cpus", lambda: (0, 1))
    monkeypatch.setattr(Canary, "_median_s", lambda self, cpus: next(medians))
    assert Canary().is_quiet() is expected


def test_everything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for one in rows():
        append_row(tmp_path / "runs.csv", one)
    finish(tmp_path)
    assert "worse: 4 of 4" in capsys.readouterr().out
    assert "worse: 4 of 4" in (tmp_path / "rates.md").read_text()
