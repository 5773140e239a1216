"""Activations written over their input: only where the recorded pass proves that nobody else reads it."""

from __future__ import annotations

import pytest
import torch
from edited_networks import OfAConstant, OfAView, ReadAgain, image, untouched
from torch import Tensor, nn

from effprof.edits import apply_edits
from effprof.edits.base import observed
from effprof.edits.in_place import reasons_against
from effprof.errors import NotApplicableError


def in_place(model: nn.Module) -> set[str]:
    """Paths of the activations that write over their input."""
    return {path for path, module in model.named_modules() if getattr(module, "inplace", False)}


def test_only_what_nobody_else_reads_is_written_over() -> None:
    model = ReadAgain().eval()
    against = reasons_against(observed(model, image()), ("of_input", "shortcut", "free", "returned"))
    assert against == {
        "of_input": "its input is not the network's own to write over",
        "shortcut": "its input is read again later",
        "free": None,
        "returned": "its input is an output of the network",
    }
    with untouched(model):
        applied = apply_edits(model, ["in-place"], image())
    assert in_place(applied.model) == {"free"}
    assert applied.difference.max_abs == 0
    assert applied.changes[0].text == "1 activation made to write over its input, 3 left"


@pytest.mark.parametrize("model", [OfAView(), OfAConstant()], ids=["a view", "a constant"])
def test_memory_that_is_somebody_elses_stays(model: nn.Module) -> None:
    with pytest.raises(NotApplicableError, match="none may write over its input"):
        apply_edits(model, ["in-place"], image())


def test_the_second_run_gives_what_the_first_gave() -> None:
    """What a run wrote over must not be there in the next."""
    applied = apply_edits(ReadAgain(), ["in-place"], image())
    (x,) = image().tensors()
    first, second = applied.model(x), applied.model(x)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_an_activation_module_that_runs_twice_must_be_free_both_times() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.act = nn.Conv2d(3, 3, 1), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            x = self.act(self.conv(x))
            y = self.conv(x)
            return self.act(y) + y

    with pytest.raises(NotApplicableError, match="read again later"):
        apply_edits(Twice(), ["in-place"], image())


def test_a_hook_may_keep_the_input() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
    model[0].register_forward_hook(lambda module, given, result: None)
    with pytest.raises(NotApplicableError, match="a hook is registered on 0"):
        apply_edits(model, ["in-place"], image())


def test_in_place_already_is_nothing_to_do() -> None:
    with pytest.raises(NotApplicableError, match="not in place already"):
        apply_edits(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True)), ["in-place"], image())


class Sparse(nn.Module):
    """An activation over a sparse product."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(x[0, 0].to_sparse() * 2).to_dense()


def test_an_activation_over_a_sparse_tensor_is_left_with_the_reason() -> None:
    with pytest.raises(NotApplicableError, match="sparse or nested"):
        apply_edits(Sparse(), ["in-place"], image())
