"""`effprof guidelines`: the paper's four experiments on this device, and whether each guideline holds here."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from effprof.commands.baseline import add_baseline_options, read_baseline, require_alike
from effprof.commands.comparing import TOO_NOISY, exit_code, percent, print_comparison, write_comparison
from effprof.commands.latencies import add_latency_options, read_table
from effprof.commands.on_device import sweeping
from effprof.commands.options import add_device_options, add_form_options, add_output_options, check_cores
from effprof.commands.outputs import Destination, claim
from effprof.commands.progress import progress_bar, somebody_watches
from effprof.commands.said import say
from effprof.commands.stdout import json_text, write_out
from effprof.errors import InterruptedRunError
from effprof.interrupts import interrupts_deferred
from effprof.remote.target import is_gpu
from effprof.settings import one_of, seconds, whole_number
from effprof.store.files import write_atomically
from effprof.sweep_records import GUIDELINES, SCALES, GuidelineId, Platform, Scale, SweepSpec

if TYPE_CHECKING:
    from effprof.analyze.regression_study import Regression
    from effprof.commands.baseline import Compared
    from effprof.sweep_records import Guidelines

QUICK_ROUNDS, QUICK_S = 6, 6.0


def configure(parser: argparse.ArgumentParser) -> None:
    _add_experiment_options(parser)
    add_device_options(parser)
    _add_timing_options(parser)
    add_latency_options(parser)
    add_baseline_options(parser)
    add_output_options(parser, default_folder="none is written", json_content="write the verdicts as JSON")


def run(args: argparse.Namespace) -> int:
    spec = sweep_spec(args)
    latencies = read_table(args)
    destination = claim(args, models=())
    baseline = read_baseline(args, spec)

    with interrupts_deferred():  # an import that is cut in half leaves broken modules behind
        from effprof.guidelines import judge

    with sweeping(args) as measure:
        if baseline is not None:
            require_alike(baseline, spec)
        if somebody_watches() and not args.quiet:
            say(how_long(spec))
        with progress_bar("guidelines", args.quiet) as progress:
            sweep = measure(spec, progress)
    result = judge(sweep)
    is_shown = not (args.quiet or destination.json_to_stdout or (baseline and baseline.outputs.stdout))
    regression = compared = None
    try:
        if latencies is not None and not sweep.partial:
            regression = latencies.explain()
        if baseline is not None and not sweep.partial:
            compared = baseline.compare(sweep)
    finally:  # what was measured is written, also when a table cannot be fitted or a baseline not be compared
        _write(result, regression, compared, destination, is_shown)
    if baseline is not None and compared is not None:
        write_comparison(*compared, baseline.outputs)
        if is_shown:
            print_comparison(*compared)
    if sweep.partial or (latencies is not None and regression is None):
        return InterruptedRunError.exit_code
    is_undecided = all(verdict.verdict == "inconclusive" for verdict in result.verdicts)
    return (exit_code(compared[1]) if compared is not None else 0) or (TOO_NOISY if is_undecided else 0)


def sweep_spec(args: argparse.Namespace) -> SweepSpec:
    """What the options mean together."""
    check_cores(args)
    platform: Platform = "gpu" if is_gpu(args.device) else "arm"
    others: tuple[Scale, ...] = ()
    if not (args.quick or args.one_scale):
        others = tuple(scale for scale in SCALES if scale != args.scale)
    chosen = [guideline for group in args.only or () for guideline in group]
    max_time_s = args.max_time_s
    if max_time_s is None:
        max_time_s = QUICK_S if args.quick else SweepSpec.max_time_s
    return SweepSpec(
        device=args.device,
        guidelines=tuple(guideline for guideline in GUIDELINES if not chosen or guideline in chosen),
        platform=platform if args.widths is None else args.widths,
        scale=args.scale,
        other_scales=others,
        batch_size=args.batch_size,
        img_size=args.img_size,
        precision=args.precision,
        channels_last=args.channels_last,
        threads=args.threads,
        cpus=args.cpus,
        malloc=args.malloc,
        seed=args.seed,
        min_rounds=QUICK_ROUNDS if args.quick else SweepSpec.min_rounds,
        max_time_s=max_time_s,
        margin=args.margin,
        command=getattr(args, "command_line", ""),
    )


def how_long(spec: SweepSpec) -> str:
    """Said before anything is timed; how much is left is said all the way."""
    from effprof.bench.turns import GRACE_S

    count = len(spec.guidelines) * (1 + len(spec.other_scales))
    most_s = count * (spec.max_time_s + GRACE_S)
    most = f"{most_s:.0f} s" if most_s < 120 else f"{most_s / 60:.0f} min"
    experiments = "1 experiment" if count == 1 else f"{count} experiments"
    quick = " (--quick: under a minute)" if spec.other_scales else ""
    return f"{experiments}: at most {most}, usually far less{quick}."


def _add_experiment_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("experiments")
    group.add_argument(
        "--only", metavar="G1,...", action="append", type=_guidelines, help="some of G1, G2, G3, G4 (default: all)"
    )
    group.add_argument(
        "--scale", type=one_of("--scale", SCALES), default="x1", metavar="{x1,x2,x4}",
        help="times the paper's channels; the verdicts are about this one (default: x1)",
    )  # fmt: skip
    group.add_argument("--one-scale", action="store_true", help="do not measure the other two scales as well")
    group.add_argument(
        "--widths", type=one_of("--widths", ("gpu", "arm")), metavar="{gpu,arm}",
        help="the paper's widths for its GPU or its ARM processor (default: arm on a CPU, gpu on a GPU)",
    )  # fmt: skip
    group.add_argument("-b", "--batch-size", metavar="N", type=whole_number("--batch-size", 1), default=1)
    group.add_argument(
        "--img-size", metavar="N", type=whole_number("--img-size", 1, 100_000), default=56,
        help="height and width (default: 56, as in the paper)",
    )  # fmt: skip
    add_form_options(group)
    group.add_argument(
        "--seed", metavar="N", type=whole_number("--seed", 0), default=0, help="of weights, inputs and order"
    )
    group.add_argument(
        "--margin", metavar="PERCENT", type=percent("--margin"), default=SweepSpec.margin,
        help="a slowdown below it is not worth a guideline (default: 2%%)",
    )  # fmt: skip


def _add_timing_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("timing")
    group.add_argument(
        "--max-time", dest="max_time_s", metavar="S", type=seconds("--max-time"),
        help=f"seconds for one guideline at one scale, at most (default: {SweepSpec.max_time_s:g})",
    )  # fmt: skip
    group.add_argument(
        "--quick", action="store_true", help="under a minute for all four: the judged scale alone, fewer rounds"
    )


def _guidelines(text: str) -> tuple[GuidelineId, ...]:
    known = one_of("--only", GUIDELINES)
    names = [known(name.strip().upper()) for name in text.split(",")]
    return tuple(guideline for guideline in GUIDELINES if guideline in names)


def _write(
    result: Guidelines,
    regression: Regression | None,
    compared: Compared | None,
    destination: Destination,
    is_shown: bool,
) -> None:
    from effprof.report.guidelines_json import guidelines_dict

    if destination.folder is not None:
        from effprof.report.guidelines_saving import save_guidelines

        save_guidelines(result, destination.folder, regression)
    if destination.json_path is not None or destination.json_to_stdout:
        content = guidelines_dict(result, regression)
        if compared is not None:
            from effprof.report.compare_json import comparison_dict

            content["comparison"] = comparison_dict(*compared)
        if destination.json_path is not None:
            write_atomically(destination.json_path, json_text(content).encode())
        else:
            write_out(json_text(content))
    if is_shown:
        from effprof.report.guidelines_text import render_guidelines_text
        from effprof.report.text import style_for

        write_out(render_guidelines_text(result, style_for(sys.stdout), regression))
