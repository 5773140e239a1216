"""Edits that move calls: siblings merged, copies left out."""

from __future__ import annotations

import pytest
import torch
from edited_networks import (
    Branching,
    FunctionalSiblings,
    Inception,
    NeedlessCopies,
    WrittenBetween,
    image,
    randomised,
    untouched,
)
from torch import Tensor, fx, nn

from effprof.capture import Inputs
from effprof.edits import apply_edits
from effprof.edits.base import observed
from effprof.edits.siblings import sibling_groups
from effprof.errors import NotApplicableError


def ops(model: nn.Module, inputs: Inputs) -> list[str]:
    return [call.op for call in observed(model, inputs).calls]


@pytest.mark.parametrize("batch", [1, 2])
def test_siblings_with_what_follows_them_become_one(batch: int) -> None:
    model, inputs = randomised(Inception()), image(batch)
    with untouched(model):
        applied = apply_edits(model, ["merge-siblings"], inputs)
    found = ops(applied.model, inputs)
    assert found.count("conv2d") == 3, "three siblings in one, the 3x3, and the one behind the pool"
    assert found.count("batch_norm") == found.count("relu") == 3
    assert applied.changes[0].layers == ("alone.conv", "reduce.conv", "other.conv")
    assert applied.difference.relative < 1e-5
    merged = applied.model.get_submodule("merged_0.0")
    assert merged.weight.shape == (4 + 2 + 5, 3, 1, 1)
    copied = "1 later convolution read a strided piece" in applied.changes[0].text
    assert copied == (batch > 1), "at batch 1 a piece of the channels is dense"


def test_functions_are_merged_too_and_a_missing_bias_is_zero() -> None:
    model = randomised(FunctionalSiblings())
    applied = apply_edits(model, ["merge-siblings"], image())
    found = ops(applied.model, image())
    assert [found.count(op) for op in ("conv2d", "batch_norm", "relu")] == [1, 1, 1]
    bias = applied.model.get_submodule("merged_0.0").bias
    assert torch.equal(bias[:4], model.a.bias)
    assert bias[4:].tolist() == [0.0, 0.0]


def test_folded_siblings_are_merged_with_their_activation() -> None:
    applied = apply_edits(randomised(Inception()), ["merge-siblings", "fold-batch-norm"], image())
    found = ops(applied.model, image())
    assert [found.count(op) for op in ("conv2d", "batch_norm", "relu")] == [3, 0, 3]
    assert [change.text.split()[1] for change in applied.changes] == ["batch-norms", "convolutions"], "folded first"


def test_merging_twice_is_not_applicable() -> None:
    once = apply_edits(randomised(Inception()), ["merge-siblings"], image()).model
    with pytest.raises(NotApplicableError, match="no two plain convolutions"):
        apply_edits(once, ["merge-siblings"], image())


def test_a_write_in_between_keeps_convolutions_apart() -> None:
    model = WrittenBetween().eval()
    assert sibling_groups(dict(model.named_modules()), observed(model, image())) == []


@pytest.mark.parametrize(
    "other",
    [
        nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1, stride=2), nn.Conv2d(4, 4, 1, padding=1),
        nn.Conv2d(4, 4, 1, groups=2), nn.Conv2d(4, 4, 1, dtype=torch.float64),
    ],
    ids=["kernel", "stride", "padding", "groups", "type"],
)  # fmt: skip
def test_convolutions_of_another_geometry_are_no_siblings(other: nn.Conv2d) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Conv2d(4, 4, 1), other

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.one(x).sum() + self.other(x.to(other.weight.dtype)).sum()

    model = Two().eval()
    assert sibling_groups(dict(model.named_modules()), observed(model, image(channels=4))) == []


@pytest.mark.parametrize("edit", ["merge-siblings", "drop-copies"])
def test_what_torch_cannot_trace_is_left_with_the_reason(edit: str) -> None:
    model = Branching()
    with untouched(model), pytest.raises(NotApplicableError, match=r"torch\.fx cannot trace its forward: TraceError"):
        apply_edits(model, [edit], image())


def test_a_hook_would_be_lost() -> None:
    model = Inception()
    model.pool.register_forward_pre_hook(lambda module, given: None)
    with pytest.raises(NotApplicableError, match="a hook is registered on pool"):
        apply_edits(model, ["merge-siblings"], image())


def test_copies_that_nothing_needs_are_left_out() -> None:
    model, inputs = NeedlessCopies().eval(), image(size=6)
    with untouched(model):
        applied = apply_edits(model, ["drop-copies"], inputs)
    before, after = ops(model, inputs), ops(applied.model, inputs)
    assert before.count("clone") + before.count("contiguous") == 2
    assert after.count("clone") + after.count("contiguous") == 1, "the view needs its copy"
    assert before.count("to") - after.count("to") == 2, "by way of float64 nothing is lost, by way of float16 there is"
    assert after.count("t") == 0
    assert applied.difference.max_abs == 0
    text = "left out: 1 copy to contiguous memory, 1 cast there and back, 1 pair of views"
    assert applied.changes[0].text == text


def test_dropping_twice_is_not_applicable(capfd: pytest.CaptureFixture[str]) -> None:
    once = apply_edits(NeedlessCopies(), ["drop-copies"], image(size=6)).model
    with pytest.raises(NotApplicableError, match="needed as it is"):
        apply_edits(once, ["drop-copies"], image(size=6))
    assert capfd.readouterr() == ("", ""), "what was tried and failed is nobody's business"


@fx.wrap
def only_contiguous(x: Tensor) -> Tensor:
    if not x.is_contiguous():
        raise ValueError("contiguous memory, please")
    return x


class Checked(nn.Module):
    """A function of its own checks what it is given; a second copy serves nobody."""

    def forward(self, x: Tensor) -> Tensor:
        needed = only_contiguous(x.transpose(2, 3).contiguous())
        return needed.transpose(1, 2).contiguous() + 1


def test_a_copy_that_the_network_s_own_check_asks_for_stays_and_others_go() -> None:
    applied = apply_edits(Checked(), ["drop-copies"], image())
    assert applied.changes[0].text == "left out: 1 copy to contiguous memory"
