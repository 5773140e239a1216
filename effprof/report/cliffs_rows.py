"""What a cliff map shows, chosen and rounded; the renderers only lay it out."""

from __future__ import annotations

from effprof import units
from effprof.analyze.cliffs import MARGIN, JudgedAxis, judge_axis
from effprof.cliff_records import Axis, CliffMap, ConvShape
from effprof.report.untrusted import printable

TITLES: dict[Axis, str] = {
    "outputs": "Output channels",
    "inputs": "Input channels",
    "width": "Channels",
    "groups": "Groups",
    "batch": "Batch",
    "threads": "Threads",
}


def judged_axes(result: CliffMap) -> tuple[JudgedAxis, ...]:
    return tuple(map(judge_axis, result.axes))


def describe(shape: ConvShape) -> str:
    """`3x3 convolution of 64 to 96 channels, stride 2, on 28 x 28, batch 1`."""
    kind = "depthwise convolution" if shape.is_depthwise else "convolution"
    widths = f"{shape.inputs} channels" if shape.is_depthwise else f"{shape.inputs} to {shape.outputs} channels"
    parts = [f"{shape.kernel_size[0]}x{shape.kernel_size[1]} {kind} of {widths}"]
    parts += [f"in {shape.groups} groups"] if shape.groups > 1 and not shape.is_depthwise else []
    parts += [f"stride {shape.stride[0]}"] if shape.stride != (1, 1) else []
    threads = units.counted(shape.threads, "thread")
    return ", ".join((*parts, f"on {shape.height} x {shape.width}", f"batch {shape.batch}", threads))


def sentences(judged: JudgedAxis) -> tuple[str, ...]:
    """What the axis shows, in words; one sentence where it shows nothing."""
    name = TITLES[judged.measured.axis].lower()
    free = [str(value.point.value) for value in judged.values if value.mark == "free"]
    found = []
    if free:
        little = units.format_percent(MARGIN, 0)
        found.append(f"free: {', '.join(free)} do more work in less than {little} more time than {judged.measured.own}")
    for step in judged.steps:
        growth = units.format_percent(step.growth - 1, 0)
        found.append(f"step: from {step.below} to {step.above} the time grows by {growth} beyond the work")
    return tuple(found) or (f"no step and nothing free along {name}",)


def title(result: CliffMap) -> str:
    return f"Cliffs around {printable(result.spec.name)}"


def facts(result: CliffMap) -> tuple[tuple[str, str], ...]:
    spec = result.spec
    form = f"{spec.precision}{', channels_last' if spec.channels_last else ''}"
    return (("device", printable(result.device.name)), ("shape", describe(spec.shape)), ("setting", form))
