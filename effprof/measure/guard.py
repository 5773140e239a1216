"""The user's network and torch's global state, left as they were found; also when the forward pass raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from effprof.errors import ModelError


@contextmanager
def left_as_found(model: nn.Module, threads: int | None = None) -> Iterator[None]:
    """Eval mode and inference mode inside; afterwards everything is as before.

    Restored: each module's attributes (training flags, hooks, parameters, buffers and children by identity, anything
    that `forward` assigned), the contents of buffers and of tensors kept as attributes, `requires_grad`, random number
    state, thread count, default dtype. Not restored: what a forward does inside its own non-tensor attributes
    (appending to a list it owns) or outside itself. A forward that writes its own parameters is refused (`static.py`).
    """
    saved = [_SavedModule.of(module) for module in model.modules()]
    contents = [(tensor, tensor.detach().clone()) for tensor in _small_tensors(model)]
    grads = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    rng = torch.get_rng_state()
    dtype = torch.get_default_dtype()
    try:
        with threads_set(threads):
            _eval(model)
            with torch.inference_mode():
                yield
    finally:
        torch.set_rng_state(rng)
        torch.set_default_dtype(dtype)
        for module in saved:
            module.restore()
        for parameter, requires_grad in grads:
            if parameter.requires_grad != requires_grad:
                parameter.requires_grad_(requires_grad)
        with torch.no_grad():
            for tensor, content in contents:
                if not _same(tensor, content):
                    tensor.copy_(content)


def threads_for(threads: int | None, cpus: tuple[int, ...]) -> int | None:
    """As asked for; where that is left open, no more than chosen cores: torch counted all when it was loaded."""
    return min(torch.get_num_threads(), len(cpus)) if threads is None and cpus else threads


@contextmanager
def threads_set(threads: int | None) -> Iterator[None]:
    """torch's thread count inside, None for as it is; afterwards it is as before, whoever changed it."""
    before = torch.get_num_threads()
    try:
        if threads is not None and threads != before:
            torch.set_num_threads(threads)
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


def _eval(model: nn.Module) -> None:
    try:
        model.eval()
    except NotImplementedError:  # the module of an exported program
        raise ModelError(
            "The network cannot be put into eval mode; of an exported program pass the network it was exported from."
        ) from None


def _same(tensor: torch.Tensor, content: torch.Tensor) -> bool:
    """By content: a batch-norm in training mode writes its statistics without counting a version up. Tensors that
    torch cannot compare (sparse ones) are taken as changed."""
    return tensor.layout is torch.strided and not tensor.is_quantized and torch.equal(tensor, content)


@dataclass(frozen=True)
class _SavedModule:
    module: nn.Module
    attributes: dict[str, Any]
    registries: tuple[tuple[dict[Any, Any], dict[Any, Any]], ...]
    """Each dict among the attributes (parameters, buffers, children, hooks) with a copy of its contents."""

    @classmethod
    def of(cls, module: nn.Module) -> _SavedModule:
        attributes = dict(vars(module))
        registries = tuple((value, dict(value)) for value in attributes.values() if isinstance(value, dict))
        return cls(module, attributes, registries)

    def restore(self) -> None:
        _restore(self.module.__dict__, self.attributes)
        for registry, contents in self.registries:
            _restore(registry, contents)  # in place: hook handles hold a reference to the very dict


def _restore(target: dict[Any, Any], contents: dict[Any, Any]) -> None:
    same = len(target) == len(contents) and all(
        key in target and target[key] is value for key, value in contents.items()
    )
    if not same:
        target.clear()
        target.update(contents)


def _small_tensors(model: nn.Module) -> Iterator[torch.Tensor]:
    """Buffers and tensors kept as plain attributes, which a forward could write (counters, caches); they are small
    beside the weights."""
    for module in model.modules():
        for tensor in (*module._buffers.values(), *vars(module).values()):
            if isinstance(tensor, torch.Tensor) and not tensor.is_meta and not tensor.is_inference():
                yield tensor
