"""What is tried: shapes that do what they say, memory that stays within its working set."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.ceiling_records import COMPUTE_KINDS, DISPATCH_KINDS, TRAFFIC_KINDS
from effprof.ceilings.trials import (
    COUNTED,
    ITEM_BYTES,
    LINE_ITEMS,
    MOVED_BYTES,
    STREAMS,
    compute_cells,
    dispatch_cells,
    name_of,
    traffic_cells,
    working_sets,
)

MIB = 2**20


def test_a_cell_for_each_ceiling_in_their_order() -> None:
    assert [cell[0].kind for cell in compute_cells()] == list(COMPUTE_KINDS)
    assert [cell[0].kind for cell in dispatch_cells()] == list(DISPATCH_KINDS)
    sizes = working_sets(32 * MIB, 1, None)
    cells = [(cell[0].kind, cell[0].working_set_bytes) for cell in traffic_cells(sizes, 1)]
    assert cells == [(kind, size) for kind in TRAFFIC_KINDS for size in sizes]
    for cell in (*compute_cells(), *traffic_cells(sizes, 1), *dispatch_cells()):
        assert len({trial.kind for trial in cell}) == 1
        assert len(set(cell)) == len(cell)
        assert all(trial.work > 0 and name_of(trial) for trial in cell)


def test_work_is_counted_as_everywhere() -> None:
    work = {(trial.kind, trial.shape): trial.work for cell in compute_cells() for trial in cell}
    assert work["matmul", (512, 512, 4096)] == 512 * 512 * 4096
    assert work["dense", (1, 128, 28, 128, 3)] == 28 * 28 * 128 * 128 * 9
    assert work["pointwise", (8, 512, 14, 512, 1)] == 8 * 14 * 14 * 512 * 512
    assert work["depthwise", (1, 128, 28, 128, 5)] == 28 * 28 * 128 * 25


@pytest.mark.parametrize(("last_level", "threads"), [(32 * MIB, 1), (32 * MIB, 2), (MIB, 4), (None, 1), (3 * MIB, 1)])
def test_working_sets_reach_four_times_the_last_level(last_level: int | None, threads: int) -> None:
    sizes = working_sets(last_level, threads, None)
    assert sizes[0] == 2**14 * threads
    assert 4 * (last_level or 32 * MIB) <= sizes[-1] < 8 * (last_level or 32 * MIB)
    assert all(after == 2 * before for before, after in pairwise(sizes))


def test_little_memory_limits_them() -> None:
    assert working_sets(32 * MIB, 1, 16 * MIB)[-1] <= 4 * MIB
    assert working_sets(32 * MIB, 1, 1000) == (2**14,)


@settings(deadline=None)
@given(step=st.integers(0, 14), threads=st.integers(1, 8))
def test_traffic_stays_within_its_working_set_and_is_worth_timing(step: int, threads: int) -> None:
    size = 2**14 * threads * 2**step
    for (first, *rest) in traffic_cells((size,), threads):
        for trial in (first, *rest):
            _, parts, windows, items = trial.shape
            span = (items + 2 * (windows - 1) * LINE_ITEMS) * ITEM_BYTES
            streams, counted = STREAMS[trial.kind], COUNTED[trial.kind]  # type: ignore[index]
            assert parts == threads
            assert size // 2 <= span * streams * threads <= size
            assert trial.work == threads * windows**2 * items * ITEM_BYTES * counted
            if trial.form == "windows" and windows < 16:
                assert trial.work >= MOVED_BYTES // 2
