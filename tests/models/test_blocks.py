"""Channel shuffle moves whole channels, and moves them where the paper says."""

from __future__ import annotations

import importlib

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof import zoo

zoo.own.package()
blocks = importlib.import_module("effprof_models.blocks")


def numbered_channels(channels: int) -> torch.Tensor:
    """(1, channels, 2, 3) where every entry of channel k is k."""
    return torch.arange(float(channels)).view(1, channels, 1, 1).expand(1, channels, 2, 3).contiguous()


def test_six_channels_in_two_groups() -> None:
    # groups (0 1 2) and (3 4 5), dealt out in turn
    shuffled = blocks.channel_shuffle(numbered_channels(6), groups=2)
    assert shuffled[0, :, 0, 0].tolist() == [0, 3, 1, 4, 2, 5]
    assert shuffled[0, :, 1, 2].tolist() == [0, 3, 1, 4, 2, 5]


@settings(deadline=None, max_examples=50)
@given(groups=st.integers(1, 9), per_group=st.integers(1, 9))
def test_shuffle_is_a_permutation_that_swaps_the_two_axes(groups: int, per_group: int) -> None:
    channels = groups * per_group
    x = numbered_channels(channels)
    shuffled = blocks.channel_shuffle(x, groups)
    order = shuffled[0, :, 0, 0].int().tolist()
    assert sorted(order) == list(range(channels))
    for group in range(groups):
        for k in range(per_group):
            assert order[k * groups + group] == group * per_group + k
    assert torch.equal(blocks.channel_shuffle(shuffled, per_group), x), "the other factor undoes it"


@settings(deadline=None, max_examples=25)
@given(groups=st.integers(1, 4), per_group=st.integers(1, 4), batch=st.integers(1, 3), size=st.integers(1, 4))
def test_shuffle_equals_torchs_own(groups: int, per_group: int, batch: int, size: int) -> None:
    x = torch.randn(batch, groups * per_group, size, size)
    assert torch.equal(blocks.channel_shuffle(x, groups), torch.nn.functional.channel_shuffle(x, groups))
