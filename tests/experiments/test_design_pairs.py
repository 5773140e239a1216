"""Both sides of every claim are what its paper writes about."""

from __future__ import annotations

import pytest
import torch
from design_pairs import Pair, pairs

ALL = list(pairs())


@pytest.mark.parametrize("pair", ALL, ids=lambda pair: f"{pair.name}, {pair.settings}")
def test_the_count_is_the_papers_formula(pair: Pair) -> None:
    claim = pair.claim()  # asserts it
    assert (claim.baseline_mult_adds, claim.alternative_mult_adds) == (
        pair.baseline.mult_adds,
        pair.alternative.mult_adds,
    )
    if pair.quantity == "time per mult_add":
        assert abs(claim.work_ratio - 1) <= 0.05


def test_settings_are_told_apart() -> None:
    assert len({(pair.name, pair.settings) for pair in ALL}) == len(ALL)


@pytest.mark.parametrize("pair", [pair for pair in ALL if "7x7" in pair.settings], ids=lambda pair: pair.settings)
def test_both_sides_run_and_leave_their_input_alone(pair: Pair) -> None:
    with torch.inference_mode():
        for side in (pair.baseline, pair.alternative):
            image = torch.randn(1, *side.input_shape)
            before = image.clone()
            assert side.build().eval()(image).isfinite().all()
            assert image.equal(before)
