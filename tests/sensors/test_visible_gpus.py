"""CUDA_VISIBLE_DEVICES: CUDA's own examples, and torch's reading of the same text."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.cuda import _parse_visible_devices, _transform_uuid_to_ordinals

from effprof.sensors.visible_gpus import mig_parent, visible_gpus

UUIDS = ("GPU-8932f937-d72c", "GPU-89aa0000-0001", "GPU-12345678-0002")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, (0, 1, 2)),
        ("", ()),
        ("2,1", (2, 1)),  # the guide: device 0 is invisible, device 2 comes before device 1
        ("0,2,-1,1", (0, 2)),  # the guide: devices 0 and 2 are visible, 1 is not
        ("-1", ()),
        ("0,3,1", (0,)),
        ("NoDevFiles", ()),
        ("1, 0", (1, 0)),
        ("1,1", ()),
        ("GPU-8932f937", (0,)),
        ("GPU-1,GPU-8932", (2, 0)),
        ("GPU-89", ()),  # two start so
        ("GPU-1,GPU-89,GPU-8932", (2,)),
        ("GPU-1,GPU-12", ()),  # one GPU by two names
        ("GPU-1,0", (2,)),
        ("0,GPU-1", (0,)),
        ("MIG-8932f937-0000,MIG-1", ("MIG-8932f937-0000", "MIG-1")),
        ("MIG-GPU-8932f937-d72c/1/0,GPU-1", ("MIG-GPU-8932f937-d72c/1/0",)),
        ("MIG-1,MIG-1", ()),
    ],
)
def test_by_hand(text: str | None, expected: tuple[int | str, ...]) -> None:
    assert visible_gpus(text, UUIDS) == expected


NAMES = (*UUIDS, "GPU-", "GPU-8", "GPU-89", "GPU-8932", "GPU-x", "MIG-1", "MIG-")
ENTRY = st.one_of(st.integers(-2, 5).map(str), st.sampled_from([*NAMES, "", " 1", "2x", "+1", "x"]))


@given(st.lists(ENTRY, max_size=5).map(",".join))
def test_as_torch_reads_it(text: str) -> None:
    assume(torch.version.hip is None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", text)
        parsed = _parse_visible_devices()
    if text.startswith("GPU-"):
        parsed = _transform_uuid_to_ordinals(parsed, list(UUIDS))  # type: ignore[arg-type]
    elif not text.startswith("MIG-"):
        beyond = next((place for place, number in enumerate(parsed) if int(number) >= len(UUIDS)), None)
        parsed = parsed[:beyond]
    assert visible_gpus(text, UUIDS) == tuple(parsed)


@pytest.mark.parametrize(
    ("name", "parent"),
    [("MIG-GPU-8932f937-d72c/1/0", "GPU-8932f937-d72c"), ("MIG-8932f937-d72c", None), ("MIG-GPU-8932/1", None)],
)
def test_parent_of_a_mig_part(name: str, parent: str | None) -> None:
    assert mig_parent(name) == parent
