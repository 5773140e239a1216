"""Whether an edited network gives what the original gives: on the example, and on two more inputs of its kind, where
the original takes them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import fx, nn

from effprof.capture import Inputs
from effprof.capture.failure import forward_explained
from effprof.errors import EditError, ModelError

TOLERANCE = 1e-4
"""The largest difference, as a share of the output's largest absolute value, that counts as rounding in float32."""
COARSE_EPSILONS = 4.0
"""In a coarser type, so many of its epsilons: bfloat16 rounds to 0.8 %."""
MORE_INPUTS = 2


@dataclass(frozen=True)
class Difference:
    """Between two outputs: the largest one found in any of their tensors."""

    max_abs: float
    relative: float
    """Of `max_abs` to the largest absolute value in the same output; the largest of these."""
    limit: float = TOLERANCE
    """What `relative` may be for the outputs to count as equal."""

    def worse(self, other: Difference) -> Difference:
        return Difference(
            max(self.max_abs, other.max_abs), max(self.relative, other.relative), max(self.limit, other.limit)
        )


SAME = Difference(0.0, 0.0)


class Checker:
    """Knows what the original gives, and compares edited networks with it."""

    def __init__(self, original: nn.Module, inputs: Inputs, seed: int = 0) -> None:
        """Runs `original`, which must be in eval mode and may not be changed afterwards by what holds it."""
        example = inputs.map(torch.clone)
        known = [(example, _output(original, example))]
        for number in range(MORE_INPUTS):
            case = alike(inputs, seed + 1 + number)
            with suppress(ModelError):  # it takes only inputs of a range or an order that random numbers do not keep
                known.append((case, _output(original, case)))
        self._known = tuple(known)

    def check(self, edited: nn.Module) -> Difference:
        """How far its outputs are from the original's.

        Raises:
            EditError: further than rounding explains, of another structure, or nothing in them can be compared.
            ModelError: it raises.
        """
        found = SAME
        for case, expected in self._known:
            found = found.worse(difference(expected, _output(edited, case)))
        if not any(_has_values(expected) for _, expected in self._known):
            raise EditError(
                "Its outputs have no number that could be compared, so that they are the same is not known "
                "(a detector that finds nothing; an object that is not looked into)."
            )
        if found.relative > found.limit:
            raise EditError(
                f"The outputs changed by up to {found.max_abs:.3g}, {found.relative:.2g} of the largest output; "
                f"{found.limit:.2g} is taken for rounding."
            )
        return found


def alike(inputs: Inputs, seed: int) -> Inputs:
    """Random inputs of the same shapes and types: normal with the example's mean and spread, whole numbers within its
    range."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.numel() == 0 or tensor.is_complex():
            return tensor.clone()
        if not tensor.is_floating_point():
            low, high = int(tensor.min()), int(tensor.max())
            return torch.randint(low, high + 1, tuple(tensor.shape), generator=generator).to(tensor.dtype)
        known = tensor.double().nan_to_num(0.0, 0.0, 0.0)
        spread = float(known.std()) if known.numel() > 1 else 0.0
        values = torch.randn(tuple(tensor.shape), generator=generator, dtype=torch.float64)
        return torch.empty_like(tensor).copy_(values * (spread or 1.0) + float(known.mean()))

    return inputs.map(drawn)


def difference(expected: Any, actual: Any) -> Difference:
    """Of two outputs of the same structure: tensors in nested tuples, lists, dicts and dataclasses.

    Raises:
        EditError: the structure, a shape, a type or a value that is no tensor differs.
    """
    found = SAME
    for path, one, other in _pairs(expected, actual, "the output"):
        found = found.worse(_of_tensors(one, other, path))
    return found


def gives(expected: Any, module: fx.GraphModule, inputs: Inputs) -> bool:
    """Whether a traced network's output on a copy of `inputs` is the expected one; it is not where the network raises
    (a branch that torch.fx took, a view of memory that is no longer contiguous, its own checks)."""
    case = inputs.map(torch.clone)
    try:
        with forward_explained(case):
            actual = module.forward(*case.args, **case.kwargs)  # past __call__, which prints a traceback of what fails
        return difference(expected, actual).relative <= TOLERANCE
    except (ModelError, EditError):
        return False


def _has_values(output: Any) -> bool:
    return any(one.numel() > 0 for _, one, _ in _pairs(output, output, "the output"))


def _of_tensors(expected: torch.Tensor, actual: torch.Tensor, path: str) -> Difference:
    if expected.shape != actual.shape or expected.dtype != actual.dtype:
        raise EditError(
            f"{path} is {tuple(actual.shape)} {str(actual.dtype)[6:]}, and was {tuple(expected.shape)} "
            f"{str(expected.dtype)[6:]}."
        )
    if expected.numel() == 0:
        return SAME
    if not (expected.is_floating_point() or expected.is_complex()):
        return SAME if torch.equal(expected, actual) else Difference(math.inf, math.inf)
    limit = max(TOLERANCE, COARSE_EPSILONS * torch.finfo(expected.dtype).eps)
    wide = torch.complex128 if expected.is_complex() else torch.float64
    one, other = expected.to(wide), actual.to(wide)
    usual = torch.isfinite(one)
    odd_alike = torch.equal(one[~usual].nan_to_num(), other[~usual].nan_to_num())
    if not (odd_alike and torch.equal(usual, torch.isfinite(other)) and torch.equal(one.isnan(), other.isnan())):
        return Difference(math.inf, math.inf, limit)
    if not bool(usual.any()):
        return Difference(0.0, 0.0, limit)
    max_abs = float((one[usual] - other[usual]).abs().max())
    scale = float(one[usual].abs().max())
    return Difference(max_abs, 0.0 if max_abs == 0 else max_abs / scale if scale else math.inf, limit)


def _pairs(expected: Any, actual: Any, path: str) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    if isinstance(expected, torch.Tensor) and isinstance(actual, torch.Tensor):
        yield from _dense_pairs(expected, actual, path)
        return
    if type(expected) is not type(actual):
        raise EditError(f"{path} is a {type(actual).__name__}, and was a {type(expected).__name__}.")
    parts, others = _parts(expected), _parts(actual)
    if type(expected) is float:  # read from a tensor, and rounded like one
        yield path, torch.tensor(expected), torch.tensor(actual)
        return
    if parts is None or others is None:
        if _is_plain(expected) and expected != actual:
            raise EditError(f"{path} is {actual!r}, and was {expected!r}.")
        return
    if parts.keys() != others.keys():
        raise EditError(f"{path} has {len(others)} parts or other names, and had {len(parts)}.")
    for name, part in parts.items():
        yield from _pairs(part, others[name], f"{path}[{name!r}]")


def _dense_pairs(
    expected: torch.Tensor, actual: torch.Tensor, path: str
) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """A nested tensor is compared part by part, one of another layout as it is when written out."""
    if expected.is_nested != actual.is_nested or expected.layout != actual.layout:
        raise EditError(f"{path} has another layout in memory than it had.")
    if expected.is_nested:
        yield from _pairs(expected.unbind(), actual.unbind(), path)
    elif expected.layout is torch.strided:
        yield path, expected, actual
    else:
        yield path, expected.to_dense(), actual.to_dense()


def _parts(value: Any) -> dict[Any, Any] | None:
    """What an output consists of, by name or place; None for what is not taken apart."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (list, tuple)):
        return dict(enumerate(value))
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in fields(value)}
    return None


def _is_plain(value: Any) -> bool:
    return isinstance(value, (int, float, str, bool))


def _output(model: nn.Module, case: Inputs) -> Any:
    fresh = case.map(torch.clone)
    with torch.random.fork_rng(devices=[]), torch.no_grad(), forward_explained(fresh):
        torch.manual_seed(0)  # a forward that draws random numbers must draw the same in both networks
        return fresh.run(model)
