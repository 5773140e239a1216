"""The options that commands share, and what they mean together."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from effprof.commands.on_device import device, remote_python
from effprof.commands.verdicts import saved_sweep
from effprof.errors import UsageError
from effprof.records import RunSpec
from effprof.remote.target import device_there, is_remote
from effprof.sensors.affinity import require_usable
from effprof.settings import (
    MAX_THREADS,
    PRECISIONS,
    TIMERS,
    check_precision,
    check_timer,
    cores,
    input_shape,
    one_of,
    parse_device,
    seconds,
    whole_number,
)

__all__ = [
    "add_device_options",
    "add_form_options",
    "add_guidelines_option",
    "add_model_options",
    "add_output_options",
    "add_timing_options",
    "add_view_options",
    "check_cores",
    "parse_device",
    "run_specs",
]

STDOUT = "-"


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Which network, on which input, in which form."""
    group = parser.add_argument_group("network")
    group.add_argument(
        "--model",
        dest="models",
        metavar="NAME",
        action="append",
        required=True,
        help="a name from `effprof models`, torchvision:NAME, timm:NAME, pytorchcv:NAME, package.module:callable or "
        "path/to/file.py:callable; repeat it for several networks",
    )
    group.add_argument("-b", "--batch-size", metavar="N", type=whole_number("--batch-size", 1), default=1)
    group.add_argument(
        "--img-size", metavar="N", type=whole_number("--img-size", 1), help="height and width of images; channels stay"
    )
    group.add_argument(
        "--input-shape",
        dest="input_shapes",
        metavar="SHAPE",
        action="append",
        type=input_shape,
        help="one input without the batch, 3x224x224; repeat it for several inputs (default: the network's own)",
    )
    add_form_options(group)
    group.add_argument("--fold-bn", action="store_true", help="fold batch-norms into their convolutions first")
    group.add_argument(
        "--seed", metavar="N", type=whole_number("--seed", 0), default=0, help="of weights and inputs (default: 0)"
    )


def add_form_options(group: argparse._ArgumentGroup) -> None:
    """The numbers and the memory layout of weights and inputs."""
    group.add_argument(
        "--precision",
        type=one_of("--precision", PRECISIONS),
        default="fp32",
        metavar="{" + ",".join(PRECISIONS) + "}",
        help="of weights and inputs; amp, on a GPU: torch.autocast (default: fp32)",
    )
    group.add_argument("--channels-last", action="store_true", help="keep images as NHWC in memory")


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Where it runs, and in which setting."""
    group = parser.add_argument_group("device")
    group.add_argument(
        "--device",
        type=device,
        default="auto",
        metavar="DEVICE",
        help="auto (the CPU), cpu, cuda[:N], fake[:PLAN.json], a make-believe clock, or "
        "ssh://[user@]host[:port][/DEVICE], another machine (default: auto)",
    )
    group.add_argument(
        "--remote-python",
        metavar="PYTHON",
        type=remote_python,
        help="the Python with effprof on the machine of ssh://, as in venv/bin/python (default: python3)",
    )
    group.add_argument(
        "--threads",
        metavar="N",
        type=whole_number("--threads", 1, MAX_THREADS),
        help="threads of one operator (default: as torch chooses)",
    )
    group.add_argument(
        "--cpus",
        metavar="LIST",
        type=cores("--cpus"),
        default=(),
        help="cores to keep the measuring process to, as in 0-3,6 (default: all that it may use)",
    )
    group.add_argument(
        "--malloc",
        type=one_of("--malloc", ("default", "steady")),
        default="default",
        metavar="{default,steady}",
        help="steady: the C library keeps freed memory, so that runs see no page faults (default: default)",
    )


def add_timing_options(parser: argparse.ArgumentParser) -> None:
    """How long, how often."""
    group = parser.add_argument_group("timing")
    group.add_argument(
        "--rounds",
        metavar="N",
        type=whole_number("--rounds", 1, 1000),
        default=1,
        help="measure in N processes, one after the other (default: 1)",
    )
    group.add_argument(
        "--warmup",
        metavar="N",
        type=whole_number("--warmup", 0, 100_000),
        help="runs before the clock starts (default: until they are steady)",
    )
    group.add_argument(
        "--min-time",
        dest="min_time_s",
        metavar="S",
        type=seconds("--min-time"),
        default=RunSpec.min_time_s,
        help="seconds, at least (default: %(default)g)",
    )
    group.add_argument(
        "--max-time",
        dest="max_time_s",
        metavar="S",
        type=seconds("--max-time"),
        default=RunSpec.max_time_s,
        help="seconds, at most (default: %(default)g)",
    )
    group.add_argument(
        "--timer",
        type=one_of("--timer", TIMERS),
        default=TIMERS[0],
        metavar="{" + ",".join(TIMERS) + "}",
        help="how calls are timed: entry (swapped C functions), dispatch (a dispatch mode) or kineto (torch.profiler); "
        "auto: by entry, by dispatch where that cannot (default: auto)",
    )


def add_view_options(parser: argparse.ArgumentParser) -> None:
    """How the result is looked at; the measurement is the same."""
    group = parser.add_argument_group("view")
    group.add_argument(
        "--depthwise-as",
        type=one_of("--depthwise-as", ("conv", "elemwise")),
        default="conv",
        metavar="{conv,elemwise}",
        help="the category of depthwise convolutions (default: conv)",
    )
    group.add_argument(
        "--paper-categories",
        action="store_true",
        help="the five categories of ShuffleNetV2's Figure 2: Conv, Elemwise, Data, Shuffle, Other",
    )
    add_guidelines_option(group)


def add_guidelines_option(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--guidelines",
        metavar="RESULT",
        type=saved_sweep,
        help="what findings expect, from this device's own `effprof guidelines`: its folder or sweep.json "
        "(default: the paper's tables)",
    )


def add_output_options(
    parser: argparse.ArgumentParser, default_folder: str, json_content: str = "also write report.json"
) -> None:
    """Where the result goes."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--output-dir", metavar="DIR", type=Path, help=f"folder for all files, new or empty (default: {default_folder})"
    )
    group.add_argument(
        "--json",
        metavar="PATH",
        nargs="?",
        const=STDOUT,
        help=f"{json_content} to PATH; without PATH, or for -, to stdout instead of the summary",
    )
    group.add_argument("--quiet", action="store_true", help="no progress and no summary, only errors")


def run_specs(args: argparse.Namespace) -> tuple[RunSpec, ...]:
    """One spec for each --model. What the command has no option for keeps RunSpec's default.

    Raises UsageError for values that contradict each other.
    """
    given = vars(args)
    shapes = tuple(given.get("input_shapes") or ())
    if shapes and given.get("img_size") is not None:
        raise UsageError("--img-size and --input-shape say the same thing. Give one of them.")
    # Options are stored under the names of RunSpec's fields.
    names = {field.name for field in fields(RunSpec)}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if name in names and value is not None}
    spec = RunSpec(model="", input_shape=shapes, command=given.get("command_line", ""), **chosen)
    if spec.max_time_s < spec.min_time_s:
        raise UsageError(
            f"--max-time is {spec.max_time_s:g}, less than --min-time. Give --max-time {spec.min_time_s:g} or more."
        )
    check_timer("--timer", spec.timer, spec.device)
    check_precision("--precision", spec.precision, device_there(spec.device))
    return tuple(replace(spec, model=model) for model in args.models)


def check_cores(args: argparse.Namespace) -> None:
    """Those of --cpus are here; another machine's are looked at there.

    Raises UsageError for cores that this process may not use, UnavailableError where none can be chosen.
    """
    if args.cpus and not is_remote(args.device):
        require_usable(args.cpus)
