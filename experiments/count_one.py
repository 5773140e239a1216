"""How one network counts: by shapes as `effprof count` does it, by torch's flop counter, and in one real pass."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import monotonic

import torch

from effprof import zoo
from effprof.analyze import analyze
from effprof.errors import EffprofError, ModelError, ValuesNeededError
from effprof.foreign import describe, one_line
from effprof.measure.crosscheck import count_with_torch
from effprof.measure.named import count_module, load_on_meta
from effprof.measure.prepare import random_inputs
from effprof.records import RunSpec

BATCH = 2  # tells the batch axis from one of length 1
MOST_PARAMETERS = 100e6  # of timm's


@dataclass(frozen=True, kw_only=True)
class Row:
    """One network. `status` is counted, failed or skipped, `reason` why it is not counted."""

    name: str
    status: str
    reason: str = ""
    parameters: int | None = None
    mult_adds: int | None = None
    torch_mult_adds: int | None = None
    torch_reason: str = ""
    one_pass_mult_adds: int | None = None
    uncosted_ops: str = ""
    output: str = ""
    built_on: str = ""
    printed: str = ""
    seconds: float = 0.0

    @property
    def differs(self) -> bool:
        return any(count not in (None, self.mult_adds) for count in (self.torch_mult_adds, self.one_pass_mult_adds))

    @property
    def is_fine(self) -> bool:
        return self.status == "skipped" or not (
            self.status == "failed" or self.differs or self.uncosted_ops or self.printed
        )


def look_at(name: str, *, leave_out: bool, one_pass: bool) -> Row:
    torch.set_num_threads(1)
    started = monotonic()
    with what_is_printed() as printed:
        try:
            row = count(name, leave_out, one_pass)
        except Exception as error:
            row = failed(name, error)
            if leave_out and name.startswith("pytorchcv:"):
                row = judged_by_a_real_pass(row, needs_values=isinstance(error, ValuesNeededError))
    return replace(row, printed=one_line(printed()), seconds=monotonic() - started)


def count(name: str, leave_out: bool, one_pass: bool) -> Row:
    loaded = load_on_meta(name)
    model = loaded.module
    tensors = [*model.parameters(), *model.buffers()]
    row = Row(
        name=name,
        status="counted",
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        built_on="meta" if all(tensor.is_meta for tensor in tensors) else "cpu",
    )
    reason = why_left_out(row) if leave_out else ""
    if reason:
        return replace(row, status="skipped", reason=reason)
    outputs: list[object] = []
    model.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    inputs = random_inputs(loaded.input_shapes, BATCH, 0, "meta")
    spec = RunSpec(name, batch_size=BATCH)
    totals = analyze(count_module(model, inputs, spec, name=name, source=loaded.source)).totals
    row = replace(
        row,
        mult_adds=totals.mult_adds,
        uncosted_ops=", ".join(f"{op} {calls}" for op, calls in totals.uncosted_ops.items()),
        output=shape_text(outputs[-1]),
    )
    if leave_out and name.startswith("pytorchcv:") and not is_classes(outputs[-1]):
        return replace(row, status="skipped", reason=f"no classifier: its output is {row.output}")
    try:
        row = replace(row, torch_mult_adds=count_with_torch(model, inputs))
    except Exception as error:
        row = replace(row, torch_reason=describe(error))
    if one_pass:
        row = replace(row, one_pass_mult_adds=count_from_one_pass(name)[0])
    return row


def why_left_out(row: Row) -> str:
    """What can be said before counting; of pytorchcv's networks only the output tells."""
    provider, _, network = row.name.partition(":")
    if provider == "torchvision":
        import torchvision

        return "" if network in torchvision.models.list_models(module=torchvision.models) else "no classifier"
    if provider == "timm" and row.parameters is not None and row.parameters > MOST_PARAMETERS:
        return f"{row.parameters / 1e6:.0f} M parameters"
    return ""


def failed(name: str, error: Exception) -> Row:
    ours = "" if isinstance(error, EffprofError) else "effprof's own: "
    return Row(name=name, status="failed", reason=ours + (describe(error) if ours else one_line(str(error))))


def judged_by_a_real_pass(row: Row, needs_values: bool) -> Row:
    """A network that does not count by shapes is left out all the same where it gives no classes for a batch of
    images; where it looks at values, `effprof count --run` counts it."""
    try:
        mult_adds, output = count_from_one_pass(row.name)
    except ModelError as error:
        return replace(row, status="skipped", reason=f"does not run on a batch of images: {one_line(str(error))}")
    except Exception as error:
        return failed(row.name, error)
    row = replace(row, one_pass_mult_adds=mult_adds, output=shape_text(output))
    if not is_classes(output):
        return replace(row, status="skipped", reason=f"no classifier: its output is {row.output}")
    return replace(row, status="counted", mult_adds=mult_adds, built_on="one real pass") if needs_values else row


def count_from_one_pass(name: str) -> tuple[int | None, object]:
    """mult_adds and the output, on the CPU."""
    loaded = zoo.load(name)
    outputs: list[object] = []
    loaded.module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    inputs = random_inputs(loaded.input_shapes, BATCH, 0)
    spec = RunSpec(name, batch_size=BATCH)
    profile = count_module(loaded.module, inputs, spec, name=name, source=loaded.source, run=True)
    return analyze(profile).totals.mult_adds, outputs[-1]


def is_classes(output: object) -> bool:
    return isinstance(output, torch.Tensor) and output.dim() == 2 and output.shape[0] == BATCH


def shape_text(output: object) -> str:
    if isinstance(output, torch.Tensor):
        return "x".join(map(str, output.shape))
    if isinstance(output, (tuple, list)):
        return f"[{', '.join(map(shape_text, output))}]"
    return type(output).__name__


@contextmanager
def what_is_printed() -> Iterator[Callable[[], str]]:
    """Everything written to the process's stdout and stderr inside, by C++ too."""
    with tempfile.TemporaryFile() as file:
        saved = [(number, os.dup(number)) for number in (1, 2)]
        for number, _ in saved:
            os.dup2(file.fileno(), number)
        text = b""
        try:
            yield lambda: text.decode(errors="replace")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, duplicate in saved:
                os.dup2(duplicate, number)
                os.close(duplicate)
            file.seek(0)
            text = file.read()
