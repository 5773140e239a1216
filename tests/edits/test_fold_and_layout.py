"""Batch-norm folding and channels_last: what changes, what stays, and when there is nothing to do."""

from __future__ import annotations

import pytest
import torch
from edited_networks import Block, Inception, Shared, image, randomised, untouched
from torch import nn

from effprof.edits import EDITS, apply_edits
from effprof.edits.base import observed
from effprof.errors import NotApplicableError


def test_folding_removes_every_batch_norm_and_keeps_the_outputs() -> None:
    model = randomised(Inception())
    with untouched(model):
        applied = apply_edits(model, ["fold-batch-norm"], image())
    ops = [call.op for call in observed(applied.model, image()).calls]
    assert "batch_norm" not in ops
    assert ops.count("conv2d") == 5
    assert applied.difference.relative < 1e-5
    assert applied.changes[0].text == "5 batch-norms folded into the convolutions before them"
    assert applied.changes[0].layers[:2] == ("alone.conv", "alone.norm")


def test_folded_weights_are_those_of_the_formula() -> None:
    """w' = w * gamma / sqrt(var + eps), b' = beta - mean * gamma / sqrt(var + eps)."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1, eps=0.25)).eval()
    with torch.no_grad():
        model[0].weight.fill_(3.0)
        model[1].running_mean.fill_(2.0)
        model[1].running_var.fill_(3.75)
        model[1].weight.fill_(8.0)
        model[1].bias.fill_(1.0)
    folded = apply_edits(model, ["fold-batch-norm"], image(channels=1)).model
    assert folded[0].weight.item() == pytest.approx(3 * 8 / 2)  # type: ignore[index]
    assert folded[0].bias.item() == pytest.approx(1 - 2 * 8 / 2)  # type: ignore[index]


def test_a_block_under_two_names_is_folded_under_both() -> None:
    model = randomised(Shared())
    folded = apply_edits(model, ["fold-batch-norm"], image()).model
    assert folded.get_submodule("first.norm") is folded.get_submodule("second.norm")
    assert isinstance(folded.get_submodule("second.norm"), nn.Identity)


def test_folding_twice_is_not_applicable() -> None:
    model = apply_edits(randomised(Block(3, 4)), ["fold-batch-norm"], image()).model
    with pytest.raises(NotApplicableError, match="fold-batch-norm does not apply: it has no batch-norm"):
        apply_edits(model, ["fold-batch-norm"], image())


def test_what_cannot_be_folded_says_why() -> None:
    class TwoReaders(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x)
            return self.norm(x) + x

    with pytest.raises(NotApplicableError, match="used elsewhere too"):
        apply_edits(TwoReaders(), ["fold-batch-norm"], image())


def test_channels_last_takes_the_ordinary_input_and_runs_nhwc() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 4, 1)).eval()
    with untouched(model):
        applied = apply_edits(model, ["channels-last"], image())
    assert applied.changes[0].layers == ("0", "2", "3")
    (x,) = image().tensors()
    assert x.is_contiguous()
    for call in observed(applied.model, image()).calls:
        if call.op == "conv2d" and call.index > 0:
            assert call.inputs[0].strides[1] == 1, "activations are NHWC"
    assert torch.allclose(applied.model(x), model(x), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), "no 2-D convolution"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)).to(memory_format=torch.channels_last), "already"),
    ],
)
def test_channels_last_with_nothing_to_do(model: nn.Module, reason: str) -> None:
    with pytest.raises(NotApplicableError, match=reason):
        apply_edits(model, ["channels-last"], image())


def test_every_edit_says_in_a_sentence_what_it_does() -> None:
    for name, edit in EDITS.items():
        assert edit.name == name
        assert edit.text.endswith(".")
        assert len(edit.text) <= 80


def test_a_network_of_1x1_and_depthwise_convolutions_runs_nhwc_too() -> None:
    """Their weights lie in memory alike in both formats, and what is in between may make the activations NCHW again."""

    class Shuffled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.depthwise, self.last = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x).unflatten(1, (2, 2)).transpose(1, 2).contiguous().flatten(1, 2)
            return self.last(self.depthwise(x))

    inputs = image(channels=4)
    applied = apply_edits(Shuffled(), ["channels-last"], inputs)
    outputs = [call.outputs[0] for call in observed(applied.model, inputs).calls if call.op == "conv2d"]
    assert len(outputs) == 3
    assert all(spec.strides[1] == 1 for spec in outputs)
    with pytest.raises(NotApplicableError, match="already"):
        apply_edits(applied.model, ["channels-last"], inputs)


class AlwaysTraining(nn.Sequential):
    """As frameworks keep it that draw samples with dropout."""

    def train(self, mode: bool = True) -> AlwaysTraining:
        super().train(True)
        return self


def test_a_batch_norm_that_stays_in_train_mode_is_left_with_the_reason() -> None:
    network = AlwaysTraining(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
    with untouched(network), pytest.raises(NotApplicableError, match="takes the statistics of each batch"):
        apply_edits(network, ["fold-batch-norm"], image(channels=4))
