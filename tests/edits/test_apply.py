"""`effprof.apply`: the narrow door. The caller's network is never changed, whatever happens."""

from __future__ import annotations

import pytest
import torch
from edited_networks import Inception, Nested, image, randomised, untouched
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import effprof
from effprof import edits as edits_module
from effprof.advice_records import EDIT_TEXTS
from effprof.edits import EDITS, Change, Edit, apply_edits, in_order
from effprof.edits.base import observed
from effprof.errors import EditError, ModelError, NotApplicableError, UnknownNameError


def test_edits_by_name_on_a_copy_that_takes_the_same_input() -> None:
    model = randomised(Inception()).train()
    (x,) = image().tensors()
    with untouched(model):
        edited = effprof.apply(model, ["channels-last", "fold-batch-norm"], x)
    assert not edited.training
    assert torch.allclose(edited(x), model.eval()(x), atol=1e-5)
    ops = [call.op for call in observed(edited, image()).calls]
    assert "batch_norm" not in ops


def test_one_name_and_a_dict_of_inputs_will_do() -> None:
    model = randomised(Inception())
    (x,) = image().tensors()
    assert torch.allclose(effprof.apply(model, "in-place", {"x": x})(x), model(x))


def test_no_edits_give_a_plain_copy() -> None:
    model = randomised(Inception())
    edited = effprof.apply(model, [], image())
    assert edited is not model
    assert torch.equal(edited(*image().args), model(*image().args))


def test_nested_outputs_are_compared_and_kept() -> None:
    model = randomised(Nested())
    edited = effprof.apply(model, ["fold-batch-norm", "in-place"], image())
    assert type(edited(*image().args)) is type(model(*image().args))


def test_the_order_is_ours() -> None:
    assert in_order(["channels-last", "in-place", "fold-batch-norm", "in-place"]) == (
        "fold-batch-norm", "in-place", "channels-last",
    )  # fmt: skip
    assert tuple(EDITS) == tuple(EDIT_TEXTS)


def test_an_unknown_edit_is_named_with_its_neighbour() -> None:
    with pytest.raises(UnknownNameError, match="fold-batch-norm"):
        effprof.apply(Inception(), ["fold-batchnorm"], image())


def test_gradients_and_later_training_of_the_original_still_work() -> None:
    model = randomised(Inception())
    effprof.apply(model, list(EDIT_TEXTS)[:2], image())
    model.train()(*image().args).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_copy_can_be_run_with_gradients_too() -> None:
    """Nothing in it was made under inference_mode."""
    edited = effprof.apply(randomised(Inception()), ["fold-batch-norm"], image())
    edited(*image().args).sum().backward()
    wanted = [parameter for parameter in edited.parameters() if parameter.requires_grad]
    assert wanted
    assert all(parameter.grad is not None for parameter in wanted)


@pytest.mark.parametrize("at", ["start", "half way", "end"])
def test_an_edit_that_raises_leaves_the_network_alone(monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    def failing(model: nn.Module, inputs: object) -> Change:
        if at != "start":
            for parameter in model.parameters():
                parameter.zero_()
                if at == "half way":
                    break
            model.alone = nn.Identity()
        raise ValueError("planted")

    monkeypatch.setitem(edits_module.EDITS, "in-place", Edit("in-place", "Fails.", failing))
    model = randomised(Inception())
    with untouched(model), pytest.raises(EditError, match="in-place failed: ValueError: planted"):
        effprof.apply(model, ["fold-batch-norm", "in-place"], image())


def test_an_edit_that_changes_outputs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(model: nn.Module, inputs: object) -> Change:
        model.get_submodule("alone.conv").weight.mul_(1.01)
        return Change(model, ("alone.conv",), "a weight made larger")

    monkeypatch.setitem(edits_module.EDITS, "in-place", Edit("in-place", "Wrong.", wrong))
    model = randomised(Inception())
    with untouched(model), pytest.raises(EditError, match=r"in-place: The outputs changed by up to .* is taken for"):
        effprof.apply(model, "in-place", image())


def test_a_network_that_cannot_be_copied_or_run_is_one_line() -> None:
    class NoCopies(nn.Module):
        def __deepcopy__(self, memo: object) -> nn.Module:
            raise TypeError("not me")

    class Raises(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("planted")

    for model, said in ((NoCopies(), "not me"), (Raises(), "planted")):
        with pytest.raises(ModelError, match=said):
            effprof.apply(model, "channels-last", image())


class Random(nn.Module):
    """Blocks in a row, some with a shortcut, some with siblings."""

    def __init__(self, kinds: list[str]) -> None:
        super().__init__()
        self.kinds = kinds
        self.blocks = nn.ModuleList(self._block(kind) for kind in kinds)

    @staticmethod
    def _block(kind: str) -> nn.Module:
        kernel, act = (3, nn.Hardswish) if kind == "3x3" else (1, nn.ReLU)
        convs = [nn.Conv2d(4, 4, kernel, padding=kernel // 2) for _ in range(2)]
        return nn.ModuleList(nn.Sequential(conv, nn.BatchNorm2d(4), act()) for conv in convs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for kind, (one, other) in zip(self.kinds, self.blocks, strict=True):
            if kind == "siblings":
                x = one(x) + other(x)
            elif kind == "shortcut":
                x = other(one(x)) + x
            else:
                x = other(one(x)).transpose(2, 3).contiguous()
        return x


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(["siblings", "shortcut", "3x3"]), min_size=1, max_size=4),
    st.sets(st.sampled_from(list(EDIT_TEXTS)), min_size=1),
    st.integers(1, 2),
)
def test_any_edits_of_any_network_keep_its_outputs(kinds: list[str], names: set[str], batch: int) -> None:
    model, inputs = randomised(Random(kinds)), image(batch, channels=4)
    wanted = []
    for name in in_order(tuple(names)):
        try:
            apply_edits(model, (*wanted, name), inputs)
            wanted.append(name)
        except NotApplicableError:
            continue
    with untouched(model):
        applied = apply_edits(model, wanted, inputs)
    assert applied.difference.relative <= 1e-5
    with torch.no_grad():
        assert torch.allclose(applied.model(*inputs.args), model(*inputs.args), rtol=1e-4, atol=1e-4)
