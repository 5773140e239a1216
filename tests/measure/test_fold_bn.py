"""Batch-norm folding: equal outputs, layer paths kept, and what cannot be folded said."""

from __future__ import annotations

import torch
from torch import nn

from effprof.capture import Inputs, capture
from effprof.measure.fold_bn import fold_batch_norms


class Mixed(nn.Module):
    """Two foldable pairs; one output used twice; one convolution used twice; one batch-norm on its own."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.branch, self.branch_norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.shared, self.norm_a, self.norm_b = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.alone = nn.BatchNorm2d(4)
        self.last = nn.ModuleDict({"conv": nn.Conv2d(4, 4, 1), "norm": nn.BatchNorm2d(4)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        y = self.branch(x)
        x = self.branch_norm(y) + y
        x = self.norm_a(self.shared(x)) + self.norm_b(self.shared(x))
        x = self.alone(torch.relu(x))
        return self.last["norm"](self.last["conv"](x))


def randomised(model: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
            nn.init.uniform_(module.weight)
            nn.init.uniform_(module.bias)
    return model.eval()


def test_only_what_may_be_folded_is_and_the_outputs_stay() -> None:
    model, image = randomised(Mixed()), torch.randn(2, 3, 8, 8)
    with torch.inference_mode():
        captured = capture(model, Inputs((image,)))
        folded, note = fold_batch_norms(model, captured)
        assert torch.allclose(folded(image), model(image), atol=1e-5)
        after = capture(folded, Inputs((image,)))
    assert note.text.startswith("2 batch-norms were folded")
    for reason in ("used elsewhere", "more than once", "no convolution before it"):
        assert reason in note.text or "and 1 more" in note.text
    norms = [call.layer for call in captured.calls if call.op == "batch_norm"]
    assert [call.layer for call in after.calls if call.op == "batch_norm"] == [
        path for path in norms if path not in ("stem.1", "last.norm")
    ]
    kept = {call.layer: call.source for call in captured.calls if call.op != "batch_norm"}
    assert {call.layer: call.source for call in after.calls if call.op != "batch_norm"} == kept
