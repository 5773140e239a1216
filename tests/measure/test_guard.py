"""The user's network is byte-identical afterwards, whatever its forward does, also when it raises."""

from __future__ import annotations

import copy
import hashlib
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import effprof
from effprof.errors import EffprofError, ModelError


class Restless(nn.Module):
    """A forward that does all it should not."""

    def __init__(self, actions: frozenset[str]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.norm = nn.BatchNorm2d(2)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("count", torch.zeros(1))
        self.register_buffer("spare", None)
        self.actions = actions
        self.note = "as built"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.drop(self.norm(self.conv(x)))
        if "write-buffer" in self.actions:
            self.count += 1
        if "replace-buffer" in self.actions:
            self.count = self.count * 2 + 1
        if "fill-buffer" in self.actions:
            self.spare = torch.ones(2)
        if "attribute" in self.actions:
            self.note, self.cache = "changed", y
        if "new-child" in self.actions:
            self.extra = nn.ReLU()
        if "hook" in self.actions:
            self.conv.register_forward_hook(lambda *_: None)
        if "train" in self.actions:
            self.norm.training = True
        if "random" in self.actions:
            torch.manual_seed(5)
            y = y + torch.rand(1)
        if "threads" in self.actions:
            torch.set_num_threads(1 + torch.get_num_threads() % 2)
        if "raise" in self.actions:
            raise ValueError("planted")
        return y


ACTIONS = (
    "write-buffer", "replace-buffer", "fill-buffer", "attribute", "new-child", "hook", "train", "random", "threads",
    "raise",
)  # fmt: skip


def fingerprint(model: nn.Module) -> dict[str, Any]:
    """All that must not change, tensors by content and by identity."""

    def content(tensor: torch.Tensor) -> str:
        return hashlib.sha256(tensor.detach().numpy().tobytes()).hexdigest()

    return {
        "state": {name: (id(t), content(t)) for name, t in model.state_dict(keep_vars=True).items()},
        "modes": [(name, module.training) for name, module in model.named_modules()],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "hooks": [list(module._forward_hooks) + list(module._forward_pre_hooks) for module in model.modules()],
        "grads": [(p.requires_grad, p.grad) for p in model.parameters()],
        "plain": vars(model)["note"],
        "rng": content(torch.get_rng_state()),
        "threads": torch.get_num_threads(),
        "grad_mode": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "conv2d": torch.conv2d,
    }


@settings(max_examples=15, deadline=None)
@given(
    actions=st.frozensets(st.sampled_from(ACTIONS)),
    training=st.booleans(),
    call=st.sampled_from(["cpu", "fake", "count"]),
)
def test_the_network_is_left_as_found(actions: frozenset[str], training: bool, call: str) -> None:
    model = Restless(actions).train(training)
    model.norm.eval()
    next(iter(model.parameters())).requires_grad_(False)
    handle = model.norm.register_forward_hook(lambda *_: None)
    before = fingerprint(model)
    image = torch.zeros(1, 1, 8, 8)
    try:
        if call == "count":
            effprof.count(model, image)
        else:
            effprof.profile(model, image, device=call, min_time=0.001, max_time=0.01)
    except EffprofError:
        assert actions & {"raise", "train", "random", "hook"}, actions
    assert fingerprint(model) == before
    handle.remove()
    assert not model.norm._forward_hooks, "a handle given out before must still work"


def test_settings_that_change_a_network_work_on_a_copy() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    before = copy.deepcopy(model.state_dict())
    for setting in ({"precision": "bf16"}, {"channels_last": True}, {"fold_bn": True}):
        effprof.profile(model, torch.zeros(1, 3, 16, 16), min_time=0.001, max_time=0.01, **setting)  # type: ignore[arg-type]
        after = model.state_dict()
        assert list(before) == list(after)
        assert all(torch.equal(before[name], after[name]) for name in before)
        assert {p.dtype for p in model.parameters()} == {torch.float32}
        assert isinstance(model[1], nn.BatchNorm2d)


def test_a_forward_that_writes_its_own_weights_is_refused_before_it_runs() -> None:
    class Learns(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.linear.weight.mul_(0.5)
            return self.linear(x)

    model = Learns()
    before = model.linear.weight.detach().clone()
    with pytest.raises(ModelError, match="writes its own parameters: mul"):
        effprof.profile(model, torch.ones(1, 2))
    assert torch.equal(model.linear.weight, before)
