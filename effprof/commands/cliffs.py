"""`effprof cliffs`: a convolution at neighbouring widths, groups, batches and threads; which of them are free."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from effprof.cliff_records import AXES, Axis, CliffSpec, ConvShape
from effprof.commands.options import add_form_options, add_output_options
from effprof.commands.outputs import claim
from effprof.commands.progress import progress_bar
from effprof.commands.stdout import json_text, write_out
from effprof.errors import InterruptedRunError, UnknownNameError, UsageError
from effprof.interrupts import interrupts_deferred
from effprof.records import RunSpec
from effprof.settings import MAX_THREADS, check_precision, no_gpu, one_of, seconds, whole_number
from effprof.store.files import write_atomically
from effprof.zoo.names import did_you_mean

if TYPE_CHECKING:
    from effprof.records import Profile


def configure(parser: argparse.ArgumentParser) -> None:
    network = parser.add_argument_group("a layer of a network")
    network.add_argument("--model", metavar="NAME", help="as for `effprof run`")
    network.add_argument("--layer", metavar="PATH", help="of a convolution, as `effprof run` shows it: stage.0.conv1")
    network.add_argument("-b", "--batch-size", metavar="N", type=whole_number("--batch-size", 1), default=1)
    own = parser.add_argument_group("or a convolution")
    own.add_argument("--conv", metavar="KxK", type=_kernel, help="kernel size, as in 1x1 or 3x3")
    own.add_argument("--channels", metavar="IN[:OUT]", type=_channels, default=(64, 64), help="default: 64")
    own.add_argument("--groups", metavar="N", type=whole_number("--groups", 1), default=1)
    own.add_argument("--stride", metavar="N", type=whole_number("--stride", 1), default=1)
    both = parser.add_argument_group("setting")
    both.add_argument(
        "--img-size", metavar="N", type=whole_number("--img-size", 1, 100_000),
        help="of the network's input; with --conv of the convolution's (default: 28)",
    )  # fmt: skip
    both.add_argument("--axes", metavar="NAME,...", type=_axes, default=(), help=f"some of {', '.join(AXES)}")
    add_form_options(both)
    both.add_argument("--device", type=no_gpu, default="auto", help="auto, cpu or fake[:PLAN.json]")
    both.add_argument("--threads", metavar="N", type=whole_number("--threads", 1, MAX_THREADS))
    both.add_argument(
        "--malloc", type=one_of("--malloc", ("default", "steady")), default="default", metavar="{default,steady}"
    )
    both.add_argument("--seed", metavar="N", type=whole_number("--seed", 0), default=0)
    both.add_argument(
        "--max-time", dest="max_time_s", metavar="S", type=seconds("--max-time"), default=CliffSpec.max_time_s,
        help="seconds for all axes together, about (default: %(default)g)",
    )  # fmt: skip
    add_output_options(parser, default_folder="none is written", json_content="write the map as JSON")


def run(args: argparse.Namespace) -> int:
    _check(args)
    destination = claim(args, models=())
    with interrupts_deferred():  # an import that is cut in half leaves broken modules behind
        from effprof.bench.cliffs import measure_cliffs, usual_threads
    spec = _spec(args, args.threads or usual_threads())
    with progress_bar("cliffs", args.quiet) as progress:
        result = measure_cliffs(spec, progress)

    from effprof.report.cliffs_tables import cliffs_dict

    if destination.folder is not None:
        from effprof.report.cliffs_saving import save_cliffs

        save_cliffs(result, destination.folder)
    if destination.json_path is not None:
        write_atomically(destination.json_path, json_text(cliffs_dict(result)).encode())
    if destination.json_to_stdout:
        write_out(json_text(cliffs_dict(result)))
    elif not args.quiet:
        from effprof.report.cliffs_text import render_cliffs_text
        from effprof.report.text import style_for

        write_out(render_cliffs_text(result, style_for(sys.stdout)))
    return InterruptedRunError.exit_code if result.partial else 0


def _check(args: argparse.Namespace) -> None:
    if (args.model is None) == (args.conv is None):
        raise UsageError("Give either --model with --layer, or --conv.")
    if (args.model is None) != (args.layer is None):
        raise UsageError("--model and --layer belong together: give both.")


def _spec(args: argparse.Namespace, threads: int) -> CliffSpec:
    check_precision("--precision", args.precision, args.device)
    if args.model is not None:
        name, shape = f"{args.model} {args.layer}", _shape_of_layer(args, threads)
    else:
        inputs, outputs = args.channels
        if inputs % args.groups or outputs % args.groups:
            raise UsageError(f"{inputs}:{outputs} channels cannot be split into {args.groups} groups.")
        size = args.img_size or 28
        shape = ConvShape(
            args.conv, inputs, outputs, args.groups, (args.stride, args.stride), size, size, args.batch_size, threads
        )
        name = f"a {args.conv[0]}x{args.conv[1]} convolution"
    return CliffSpec(
        name=name,
        shape=shape,
        axes=args.axes,
        device=args.device,
        precision=args.precision,
        channels_last=args.channels_last,
        malloc=args.malloc,
        seed=args.seed,
        max_time_s=args.max_time_s,
        command=getattr(args, "command_line", ""),
    )


def _shape_of_layer(args: argparse.Namespace, threads: int) -> ConvShape:
    """Of the layer's first convolution, counted without running the network."""
    from effprof import zoo
    from effprof.api import count_named
    from effprof.bench.conv_shapes import conv_shape

    zoo.check_name(args.model)
    profile = count_named(RunSpec(args.model, batch_size=args.batch_size, img_size=args.img_size)).profile
    calls = {call.layer: call for call in reversed(profile.calls) if call.op == "conv2d"}
    if args.layer not in calls:
        raise UnknownNameError(_no_such_layer(args.layer, profile, [*reversed(calls)]))
    return conv_shape(calls[args.layer], threads)


def _no_such_layer(layer: str, profile: Profile, known: list[str]) -> str:
    if any(module.path == layer for module in profile.model.modules):
        return f"{layer} of {profile.model.name} runs no 2-d convolution itself.{_near(layer, known)}"
    return f"{profile.model.name} has no layer {layer}.{_near(layer, known)}"


def _near(layer: str, known: list[str]) -> str:
    """The near misses, or where nothing is near one that there is."""
    if not known:
        return " It has no 2-d convolution at all."
    return did_you_mean(layer, known) or f" There is {known[0]}, for one; `effprof run` shows all."


def _kernel(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    if not (height.isdecimal() and width.isdecimal() and 0 < int(height) <= 99 and 0 < int(width) <= 99):
        raise UsageError(f"--conv is {text!r}. Give a kernel size as in 1x1 or 3x3.")
    return int(height), int(width)


def _channels(text: str) -> tuple[int, int]:
    number = whole_number("--channels", 1, 100_000)
    inputs, _, outputs = text.partition(":")
    return number(inputs), number(outputs or inputs)


def _axes(text: str) -> tuple[Axis, ...]:
    known = one_of("--axes", AXES)
    names = [known(name.strip()) for name in text.split(",")]
    return tuple(axis for axis in AXES if axis in names)
