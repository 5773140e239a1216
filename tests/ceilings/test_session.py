"""Whole calibrations of make-believe devices: what was planned comes out, exactly or within the stated error."""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import msgspec
import pytest
from scipy import stats
from small_ceilings import PLAN, G, write_plan

from effprof.ceiling_records import Ceilings, CeilingSpec
from effprof.ceilings.combine import spread_of
from effprof.ceilings.session import likely_s, measure_ceilings, stand_for
from effprof.ceilings.tasks import NETWORKS, QUICK, Observed, Task
from effprof.ceilings.trials import Trial
from effprof.store.ceilings_json import dumps_ceilings, loads_ceilings


def calibrated(folder: Path, threads: int | None = None, **planned: object) -> Ceilings:
    spec = CeilingSpec(f"fake:{write_plan(folder, **planned)}", threads, quick=True)
    return measure_ceilings(spec, stand_for(spec), lambda text, share: None)


def test_what_was_planned_comes_out(tmp_path: Path) -> None:
    found = calibrated(tmp_path)
    for ceiling in found.compute:
        planned = PLAN["ceilings"]["mult_adds_per_s"].get(ceiling.kind, PLAN["rates"]["mult_adds_per_s"])
        assert ceiling.mult_adds_per_s.value == pytest.approx(planned)
        assert ceiling.mult_adds_per_s.ci95 == pytest.approx((planned, planned))
        assert len(ceiling.mult_adds_per_s.processes) == QUICK.processes
        assert ceiling.candidates > 10
        assert ceiling.kind == "matmul" or "NHWC" in ceiling.best
    rates = {one.working_set_bytes: one.bytes_per_s.value for one in found.traffic_of("copy")}
    expected = {size: 100 * G if size <= 2**16 else 40 * G if size <= 2**23 else 10 * G for size in rates}
    assert rates == pytest.approx(expected)
    assert max(rates) >= 4 * 2**23
    assert found.dispatch_of("op").seconds_per_call.value == pytest.approx(1e-7)
    assert [level.name for level in found.caches] == ["L1", "L2"]
    assert [(one.malloc, one.spread, one.processes) for one in found.spreads] == [("default", 0, 3), ("steady", 0, 3)]
    assert found.notes == (), "this machine's load does not touch the make-believe clock"


def test_noise_makes_rates_a_little_lower_and_intervals_wide(tmp_path: Path) -> None:
    """Runs are longer than the best by |N(0, 0.05)|, whose 10 % quantile is 0.0063: rates are at most 5 % low."""
    found = calibrated(tmp_path, noise=0.05)
    estimate = found.compute_of("matmul").mult_adds_per_s
    assert 0.95 * 40 * G < estimate.value < 40 * G
    assert estimate.ci95[0] <= estimate.value <= estimate.ci95[1]
    assert estimate.ci95[0] < estimate.ci95[1]


def test_the_spread_between_processes_is_that_of_their_latencies(tmp_path: Path) -> None:
    found = calibrated(tmp_path, spread=0.04)
    for spread in found.spreads:
        logs = [math.log(median_s) for median_s in spread.networks[0].medians_s]
        assert spread.spread == pytest.approx(statistics.stdev(logs))
        assert 0 < spread.ci95[0] < spread.spread < spread.ci95[1]
    default, steady = found.spreads
    assert default.spread != steady.spread, "they are different processes"
    assert found.compute_of("matmul").mult_adds_per_s.value == pytest.approx(40 * G)


def test_the_spread_by_hand() -> None:
    """Logarithms 0, 0.02, 0.04: a standard deviation of 0.02; the second network does not differ at all."""
    ran = [Observed(networks_s=(math.exp(0.02 * number), 1.0)) for number in range(3)]
    found = spread_of("default", ("a", "b"), ran)
    assert found.spread == pytest.approx(0.02)
    assert [network.spread for network in found.networks] == pytest.approx([0.02, 0.0])
    low, high = (0.02 * math.sqrt(2 / stats.chi2.ppf(tail, 2)) for tail in (0.975, 0.025))
    assert found.ci95 == pytest.approx((low, high))


def test_the_same_seed_gives_the_same_ceilings_and_they_survive_the_file(tmp_path: Path) -> None:
    first, second = (calibrated(tmp_path, noise=0.1, spread=0.1) for _ in range(2))
    assert (first.compute, first.traffic, first.spreads) == (second.compute, second.traffic, second.spreads)
    assert loads_ceilings(dumps_ceilings(first)) == first


def test_threads_are_part_of_the_record(tmp_path: Path) -> None:
    found = calibrated(tmp_path, threads=2)
    assert (found.device.threads, found.spec.threads) == (2, 2)
    assert found.traffic[0].working_set_bytes == 2 * 2**14


def test_progress_goes_forward_to_the_end(tmp_path: Path) -> None:
    spec, shares = CeilingSpec(f"fake:{write_plan(tmp_path)}", quick=True), []
    stand = stand_for(spec)
    measure_ceilings(spec, stand, lambda text, share: shares.append(share))
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    assert shares[-1] > 0.9
    assert likely_s(CeilingSpec("fake"), stand) > likely_s(spec, stand) > 10


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    spec = CeilingSpec(f"fake:{write_plan(tmp_path)}", quick=True)

    def interrupted(text: str, share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_ceilings(spec, stand_for(spec), interrupted)


def test_tasks_reach_their_process_whole() -> None:
    chosen = (Trial("matmul", "plain", (8, 8, 8), 512), Trial("copy", "libc", (2**20, 1, 1, 2**17), 2**20))
    task = Task(CeilingSpec(threads=1), "steady", 3, (2**14,), 1, chosen, NETWORKS)
    assert msgspec.json.decode(msgspec.json.encode(task), type=Task) == task
