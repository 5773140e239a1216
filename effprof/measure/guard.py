"""The user's network and torch's global state, left as they were found; also when the forward pass raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@contextmanager
def left_as_found(model: nn.Module, threads: int | None = None) -> Iterator[None]:
    """Eval mode and inference mode inside; afterwards everything is as before.

    Restored: each module's attributes (training flags, hooks, parameters, buffers and children by identity, anything
    that `forward` assigned), the contents of buffers that were written in place, random number state, thread count,
    default dtype. Not restored: what a forward does inside its own non-tensor attributes (appending to a list it
    owns) or outside itself. A forward that writes its own parameters is refused before it runs (`static.py`).
    """
    saved = [_SavedModule.of(module) for module in model.modules()]
    contents = [(buffer, buffer.detach().clone()) for buffer in _buffers(model)]
    rng = torch.get_rng_state()
    threads_before = torch.get_num_threads()
    dtype = torch.get_default_dtype()
    try:
        if threads is not None and threads != threads_before:
            torch.set_num_threads(threads)
        model.eval()
        with torch.inference_mode():
            yield
    finally:
        for module in saved:
            module.restore()
        with torch.no_grad():
            for buffer, content in contents:
                # By content: a batch-norm in training mode writes its statistics without counting a version up.
                if not torch.equal(buffer, content):
                    buffer.copy_(content)
        torch.set_rng_state(rng)
        if torch.get_num_threads() != threads_before:
            torch.set_num_threads(threads_before)
        torch.set_default_dtype(dtype)


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


def _buffers(model: nn.Module) -> Iterator[torch.Tensor]:
    """Buffers that a forward could write (counters, caches); they are small beside the weights."""
    for buffer in model.buffers():
        if not buffer.is_meta and not buffer.is_inference():
            yield buffer
