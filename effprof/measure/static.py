"""The network's calls without its arithmetic: one forward pass on meta (or fake) tensors.

No weight is allocated and no convolution computed. A network that asks for the values of its tensors cannot be
followed this way; it says so in one line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from effprof.capture import Capture, Inputs, capture
from effprof.capture.failure import forward_error, forward_explained
from effprof.devices.cpuinfo import available_memory_bytes
from effprof.errors import EffprofError, ModelError, UsageError, ValuesNeededError
from effprof.foreign import describe, place
from effprof.measure.guard import left_as_found
from effprof.records import OpCall
from effprof.units import format_bytes


def static_capture(model: nn.Module, inputs: Inputs) -> Capture:
    """All calls of one forward pass in eval mode, from shapes alone; the network is left as found.

    Tries meta tensors first (fast); tensors that are neither parameters nor buffers of the network make that fail,
    and are taken as constants among fake tensors then.

    Raises:
        ValuesNeededError: the forward asks for values.
        ModelError: it raises anything else.
    """
    try:
        with left_as_found(model):
            swap_tensors(model, on_meta)
            return capture(model, inputs.map(on_meta))
    except (EffprofError, KeyboardInterrupt):
        raise
    except BaseException as meta_error:
        try:
            return _fake_capture(model, inputs)
        except (EffprofError, KeyboardInterrupt):
            raise
        except BaseException as fake_error:
            if _asks_for_values(meta_error) or _asks_for_values(fake_error):
                raise ValuesNeededError(
                    f"The network's forward looks at the values of its tensors{place(fake_error)}, so it cannot be "
                    "counted from shapes alone."
                ) from None
            raise forward_error(fake_error, inputs) from None


def _fake_capture(model: nn.Module, inputs: Inputs) -> Capture:
    from torch._subclasses.fake_tensor import FakeTensorMode

    # The guard outside: among fake tensors the random state it saves would be a fake one.
    with (
        left_as_found(model),
        _quiet_logger("torch._subclasses.fake_tensor"),
        FakeTensorMode(allow_non_fake_inputs=True),
    ):
        swap_tensors(model, lambda t: torch.empty_like(t, device="cpu"))
        return capture(model, inputs.map(lambda t: torch.empty_like(t, device="cpu")))


@contextmanager
def _quiet_logger(name: str) -> Iterator[None]:
    """torch logs a traceback of what it then raises anyway."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def on_meta(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of the same shape, strides and type without memory; itself where it has none already."""
    if tensor.layout is torch._mkldnn:  # type: ignore[attr-defined]  # in blocks that have no strides and no meta form
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    return tensor if tensor.is_meta else torch.empty_like(tensor, device="meta")


def swap_tensors(model: nn.Module, make: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Every parameter and buffer replaced by `make` of it, shared ones once; `left_as_found` puts them back."""
    made: dict[int, torch.Tensor] = {}
    with torch.no_grad():
        for module in model.modules():
            for registry in (module._parameters, module._buffers):
                for name, tensor in registry.items():
                    if tensor is None:
                        continue
                    if id(tensor) not in made:
                        new = make(tensor.detach())
                        is_parameter = registry is module._parameters
                        made[id(tensor)] = nn.Parameter(new, requires_grad=False) if is_parameter else new
                    registry[name] = made[id(tensor)]  # type: ignore[assignment]


def _asks_for_values(error: BaseException) -> bool:
    name = type(error).__name__
    text = describe(error)
    return (
        name in ("DataDependentOutputException", "DynamicOutputShapeException", "GuardOnDataDependentSymNode")
        or ("meta tensors" in text and ("item" in text or "_local_scalar_dense" in text))
        or ".numpy() is not supported for tensor subclasses" in text  # of a fake tensor
    )


def refuse_writes_to_parameters(calls: tuple[OpCall, ...]) -> None:
    """A forward that changes its own weights cannot be left as found, and would measure another network each run."""
    for call in calls:
        for position in call.written:
            if call.inputs[position].role == "parameter":
                where = f" ({call.source})" if call.source else ""
                raise ModelError(
                    f"The network's forward writes its own parameters: {call.op} in layer "
                    f"{call.layer or 'the network itself'!r}{where}. effprof measures forwards that leave them alone."
                )


def refuse_too_large(
    weights_bytes: int, peak_activation_bytes: int, batch_size: int, gpu_bytes: int | None = None
) -> None:
    """Weights and live activations must fit into memory (control group's limit included). The weights are there
    already, so what they take counts as available.

    Args:
        gpu_bytes: what a GPU has for both; None: it is about this machine's memory.
    """
    free = available_memory_bytes()
    available = gpu_bytes if gpu_bytes is not None else None if free is None else free + weights_bytes
    needed = weights_bytes + peak_activation_bytes
    if available is None or needed <= available:
        return
    fits = int(batch_size * max(available - weights_bytes, 0) / max(peak_activation_bytes, 1) * 0.9)
    whose = "the GPU's " if gpu_bytes is not None else ""
    hint = f"a batch of up to about {fits} would fit" if fits >= 1 else "not even a batch of 1 would fit"
    raise UsageError(
        f"Batch {batch_size} needs about {format_bytes(needed)} (weights and live activations), and "
        f"{format_bytes(available)} of {whose}memory are available: {hint}."
    )


Around = Callable[[], AbstractContextManager[object]]


def run_forward(
    model: nn.Module, inputs: Inputs, *, find_spans: bool = False, around: Around = nullcontext
) -> Capture:
    """`capture` on real tensors, with the forward's own errors explained. Not of the very first run: networks fill
    caches then (masks, tables of positions) that later runs only read. Each run gets a copy: it may write its input;
    `around` is entered for each (autocast)."""
    with forward_explained(inputs):
        first, second = inputs.map(torch.clone), inputs.map(torch.clone)
        with around():
            first.run(model)
        with around():
            return capture(model, second, find_spans=find_spans)


def run_unseen(
    model: nn.Module, inputs: Inputs, *, find_spans: bool = False, around: Around = nullcontext
) -> Capture:
    """`run_forward` of a network that could not be counted before: one that writes its own parameters is only found
    out now, and gets them back.

    Raises:
        ModelError: it does.
    """
    contents = [(parameter, parameter.detach().clone()) for parameter in model.parameters()]
    captured = run_forward(model, inputs, find_spans=find_spans, around=around)
    try:
        refuse_writes_to_parameters(captured.calls)
    except ModelError:
        for parameter, content in contents:
            parameter.copy_(content)
        raise
    return captured
