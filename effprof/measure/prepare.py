"""The network and its input as the user asked for them: shapes, precision, memory format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from effprof.capture import Inputs
from effprof.edits.copying import copied
from effprof.errors import UsageError
from effprof.records import ModelInfo, ModuleInfo, RunSpec
from effprof.settings import AMP

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
# What a network handed over from Python may come in besides.
NAMES = {**{dtype: name for name, dtype in DTYPES.items()}, torch.float64: "fp64"}
Shape = tuple[int, ...]
STEP_PX = 32
"""Smaller inputs keep to multiples of this: most image networks halve their input five times."""


def as_inputs(example_input: Any) -> Inputs:
    """A tensor, a tuple or list (positional) or a dict (keyword) as `Inputs`."""
    if isinstance(example_input, Inputs):
        return example_input
    if isinstance(example_input, dict):
        return Inputs((), dict(example_input))
    if isinstance(example_input, (tuple, list)):
        return Inputs(tuple(example_input))
    if isinstance(example_input, torch.Tensor):
        return Inputs((example_input,))
    raise UsageError(
        f"example_input is a {type(example_input).__name__}; give a tensor, a tuple of positional inputs or a dict of "
        "keyword inputs."
    )


def random_inputs(shapes: tuple[Shape, ...], batch_size: int, seed: int, device: str = "cpu") -> Inputs:
    """One standard-normal tensor a shape, `(batch_size, *shape)`."""
    if device == "meta":
        return Inputs(tuple(torch.empty(batch_size, *shape, device="meta") for shape in shapes))
    generator = torch.Generator().manual_seed(seed)
    return Inputs(tuple(torch.randn(batch_size, *shape, generator=generator) for shape in shapes))


def own_precision(model: nn.Module, inputs: Inputs) -> str:
    """That of the network's first floating-point parameter, else of its input: `fp32`."""
    for tensor in (*model.parameters(), *inputs.tensors()):
        if tensor.is_floating_point():
            return NAMES.get(tensor.dtype, str(tensor.dtype)[6:])
    return "fp32"


def with_setting(model: nn.Module, inputs: Inputs, spec: RunSpec) -> tuple[nn.Module, Inputs]:
    """Precision and memory format applied, on a copy of the network where that changes it.

    Raises:
        ModelError: the network cannot be copied.
    """
    convert = spec.precision not in (AMP, own_precision(model, inputs))
    if not convert and not spec.channels_last:
        return model, inputs
    model = copied(model)
    if convert:
        dtype = DTYPES[spec.precision]
        model = model.to(dtype)
        inputs = inputs.map(lambda t: t.to(dtype) if t.is_floating_point() else t)
    if spec.channels_last:
        model = model.to(memory_format=torch.channels_last)
        inputs = inputs.map(lambda t: t.contiguous(memory_format=torch.channels_last) if t.dim() == 4 else t)
    return model, inputs


def smaller_inputs(inputs: Inputs) -> Iterator[Inputs]:
    """The same input at about a quarter and a half of its height and width; nothing where there are no images.

    Only tensors of four axes with a height and width of at least 64 are made smaller.
    """
    images = [t for t in inputs.tensors() if t.dim() == 4 and min(t.shape[2:]) >= 2 * STEP_PX]
    if not images:
        return
    seen: set[tuple[int, ...]] = {tuple(images[0].shape[2:])}
    for share in (4, 2):

        def shrink(tensor: torch.Tensor, share: int = share) -> torch.Tensor:
            if tensor.dim() != 4 or min(tensor.shape[2:]) < 2 * STEP_PX:
                return tensor
            height, width = (max(STEP_PX, round(size / share / STEP_PX) * STEP_PX) for size in tensor.shape[2:])
            small = tensor[:, :, :height, :width].clone(memory_format=torch.preserve_format)
            channels_last = tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()
            return small.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)

        small = inputs.map(shrink)
        size = tuple(next(t for t in small.tensors() if t.dim() == 4).shape[2:])
        if size not in seen:
            seen.add(size)
            yield small


def model_info(model: nn.Module, inputs: Inputs, name: str, source: str, spec: RunSpec) -> ModelInfo:
    """Everything about the network that does not depend on running it."""
    modules = tuple(
        ModuleInfo(path, type(module).__name__, sum(p.numel() for p in module.parameters()))
        for path, module in model.named_modules()
    )
    tensors = {id(t): t for t in (*model.parameters(), *model.buffers())}.values()
    floats = [t for t in (*model.parameters(), *inputs.tensors()) if t.is_floating_point()]
    return ModelInfo(
        name=name,
        source=source,
        parameters=modules[0].parameters,
        weights_bytes=sum(t.numel() * t.element_size() for t in tensors),
        input_shape=tuple(tuple(t.shape) for t in inputs.tensors()),
        dtype=str(floats[0].dtype)[6:] if floats else "none",
        memory_format="channels_last" if spec.channels_last else "contiguous",
        modules=modules,
    )
