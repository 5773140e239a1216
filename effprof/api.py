"""effprof from Python: the rooms composed. `import effprof` hands these out lazily."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from effprof.analyze import analyze
from effprof.calibrated import ceilings_beside, ceilings_for
from effprof.report import Report
from effprof.settings import NO_DEVICE
from effprof.store import find_profile, read_profile

if TYPE_CHECKING:
    from torch import nn

    from effprof.ceiling_records import Ceilings
    from effprof.records import Profile, RunSpec

DepthwiseAs = Literal["conv", "elemwise"]


def profile(
    model: nn.Module,
    example_input: Any,
    *,
    device: str = "cpu",
    threads: int | None = None,
    min_time: float = 1.0,
    max_time: float = 5.0,
    warmup: int | None = None,
    seed: int = 0,
    precision: str | None = None,
    channels_last: bool = False,
    fold_bn: bool = False,
    rounds: int = 1,
    timer: str = "auto",
) -> Report:
    """Measures a network and says where its time goes.

    The network runs in eval mode under inference_mode and is left as found (mode, hooks, buffers, random numbers).

    Args:
        model: the network; not a ScriptModule or compiled module.
        example_input: a tensor, a tuple or list of positional inputs, or a dict of keyword inputs, batch axis included.
        device: `auto`, `cpu`, `cuda[:N]` or `fake[:PLAN.json]`.
        threads: torch's intra-op threads; None leaves them.
        min_time: seconds of plain runs, at least.
        max_time: seconds of plain and instrumented runs, at most; warm-up and calibration come on top.
        warmup: runs before the clock starts; None: until they are steady.
        seed: of the order of runs, and of the fake device's noise.
        precision: `fp32`, `fp16` or `bf16` (on a copy of the network where that changes it), or on a GPU `amp`
            (torch.autocast); None leaves it as it is.
        channels_last: NHWC memory format (on a copy).
        fold_bn: batch-norms folded into the convolutions before them (on a copy).
        rounds: processes to measure in, one after another. More than one needs a picklable network and shows how far
            processes differ, which is what counts when comparing.
        timer: how calls are timed: `entry` (swapped C functions), `dispatch` (a dispatch mode), `kineto`
            (torch.profiler); `auto`: by entry, by dispatch where that cannot.

    Raises:
        UsageError, ModelError, UnavailableError: see `effprof.errors`.
    """
    from effprof.measure.named import check_module, spec_for
    from effprof.measure.prepare import as_inputs
    from effprof.measure.session import measure

    check_module(model)
    inputs = as_inputs(example_input)
    spec = spec_for(
        model,
        inputs,
        device=device,
        threads=threads,
        min_time_s=min_time,
        max_time_s=max_time,
        warmup=warmup,
        seed=seed,
        precision=precision,
        channels_last=channels_last,
        fold_bn=fold_bn,
        rounds=rounds,
        timer=timer,
    )
    if rounds > 1:
        import torch

        from effprof.measure.processes import measure_pickled

        return _measured(measure_pickled(model, inputs, replace(spec, threads=threads or torch.get_num_threads())))
    return _measured(measure(model, inputs, spec, name=type(model).__name__, source="python"))


def count(model: nn.Module, example_input: Any) -> Report:
    """Multiply-adds, memory access and parameters, without running the network: nothing is allocated or computed.

    Args:
        model: may live on any device, meta included.
        example_input: as for `profile`; only shapes and types matter.
    """
    from effprof.measure.named import check_module, count_module, spec_for
    from effprof.measure.prepare import as_inputs

    check_module(model)
    inputs = as_inputs(example_input)
    spec = spec_for(model, inputs, device=NO_DEVICE)
    return _report(count_module(model, inputs, spec, name=type(model).__name__, source="python"))


def apply(model: nn.Module, edits: str | Sequence[str], example_input: Any) -> nn.Module:
    """A copy of `model` with exact edits applied: the same outputs (to rounding) in less time, for inference.

    `effprof advise` measures which of them pay on this device and prints the call. The copy is in eval mode and takes
    the same inputs, channels-last included: its first convolution converts them. merge-siblings, drop-copies and
    pack-weights return the forward as generated code (a torch.fx GraphModule) without the other methods of the class.
    `model` stays as it is.

    Args:
        model: the network; not a ScriptModule or compiled module.
        edits: one name or several: fold-batch-norm, merge-siblings, drop-copies, in-place, channels-last,
            pack-weights. They are applied in this order, whatever theirs.
        example_input: as for `profile`. Which tensors are read by whom is seen on it, and the outputs are compared on
            it and on two random inputs of the same shapes.

    Raises:
        UnknownNameError: there is no such edit.
        NotApplicableError: one has nothing to do in this network, or no proof that it may be done.
        EditError: one failed, or the outputs changed by more than rounding explains.
        UsageError, ModelError: the input or the network cannot be used.
    """
    from effprof.edits import apply_edits
    from effprof.measure.named import check_module
    from effprof.measure.prepare import as_inputs

    check_module(model)
    names = (edits,) if isinstance(edits, str) else tuple(edits)
    return apply_edits(model, names, as_inputs(example_input)).model


def load(path: str | Path, *, depthwise_as: DepthwiseAs = "conv") -> Report:
    """A saved run (its folder or profile.json), analysed anew.

    Raises:
        BadFileError: missing, truncated, or of a format this effprof does not know.
    """
    found = find_profile(path)
    observed = read_profile(found)
    return _report(observed, depthwise_as, ceilings_beside(found, observed))


def count_named(spec: RunSpec, *, run: bool = False, crosscheck: bool = False) -> Report:
    """What `effprof count` does: resolve the name, build on meta, count (or with `run` from one real pass)."""
    from effprof.measure.named import count_by_name

    return _report(count_by_name(spec, run=run, with_crosscheck=crosscheck))


def _measured(observed: Profile) -> Report:
    return _report(observed, ceilings=ceilings_for(observed).ceilings)


def _report(observed: Profile, depthwise_as: DepthwiseAs = "conv", ceilings: Ceilings | None = None) -> Report:
    return Report(observed, analyze(observed, depthwise_as=depthwise_as), ceilings=ceilings)
