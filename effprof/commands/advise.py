"""`effprof advise`: edits that leave the outputs as they are, measured on copies of the network, alone and together."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from effprof.advice_records import EDIT_TEXTS, AdviceSpec
from effprof.commands.on_device import check_models
from effprof.commands.options import (
    add_device_options,
    add_model_options,
    add_output_options,
    check_cores,
    run_specs,
)
from effprof.commands.outputs import claim
from effprof.commands.progress import progress_bar
from effprof.commands.stdout import write_out
from effprof.errors import InterruptedRunError, UnavailableError, UsageError
from effprof.remote.target import is_remote
from effprof.settings import one_of, seconds
from effprof.store.files import write_atomically
from effprof.store.folders import claim_file

if TYPE_CHECKING:
    from pathlib import Path

    from effprof.advice_records import Advice
    from effprof.commands.outputs import Destination

GAINED = 1
"""The exit code where something is gained that --fail-on forbids."""
LEVELS = ("finding:warn", "finding:info")


def configure(parser: argparse.ArgumentParser) -> None:
    add_model_options(parser)
    add_device_options(parser)
    group = parser.add_argument_group("edits")
    group.add_argument(
        "--edits", metavar="NAME,...", action="append", type=_edits,
        help=f"some of {', '.join(EDIT_TEXTS)}, malloc-steady, threads-N (default: all that apply)",
    )  # fmt: skip
    group.add_argument(
        "--after", metavar="NAME,...", type=_exact, default=(),
        help="edits to apply before anything else is tried, as `effprof.apply` does",
    )  # fmt: skip
    group.add_argument(
        "--max-time", dest="advise_time_s", metavar="S", type=seconds("--max-time"), default=AdviceSpec.max_time_s,
        help="seconds for everything, about (default: %(default)g)",
    )  # fmt: skip
    add_output_options(parser, default_folder="none is written", json_content="write the advice as JSON")
    parser.add_argument("--markdown", metavar="PATH", help="also write it as Markdown to PATH")
    parser.add_argument(
        "--fail-on", metavar="{" + ",".join(LEVELS) + "}", type=one_of("--fail-on", LEVELS),
        help="exit 1 where an edit surely saves 1%% of the latency (finding:warn) or anything at all (finding:info)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    spec = advice_spec(args)
    check_models([spec.run])
    destination = claim(args, models=())
    markdown = None if args.markdown is None else claim_file(args.markdown)

    from effprof.advise.process import advise, plan_text

    if not args.quiet:
        print(plan_text(spec), file=sys.stderr)
    with progress_bar(spec.run.model, args.quiet) as progress:
        advice = advise(spec, progress)
    _write(advice, destination, markdown, is_shown=not (args.quiet or destination.json_to_stdout))
    if advice.partial:
        return InterruptedRunError.exit_code
    return GAINED if args.fail_on is not None and _is_reached(advice, args.fail_on) else 0


def advice_spec(args: argparse.Namespace) -> AdviceSpec:
    """What the options mean together.

    Raises UsageError for several networks, UnavailableError for another machine or a GPU.
    """
    if is_remote(args.device):
        raise UnavailableError(f"advise measures on this machine, and --device is {args.device}. Run it there.")
    if args.device.startswith("cuda"):
        raise UnavailableError("advise measures on the CPU yet. Give --device cpu.")
    if args.remote_python is not None:
        raise UsageError("--remote-python is for --device ssh://, which advise does not take.")
    if len(args.models) > 1:
        raise UsageError(f"--model is given {len(args.models)} times. advise takes one network at a time.")
    check_cores(args)
    chosen = tuple(dict.fromkeys(name for group in args.edits or () for name in group))
    return AdviceSpec(run_specs(args)[0], chosen, args.after, args.advise_time_s)


def _edits(text: str) -> tuple[str, ...]:
    from effprof.advise.settings import MALLOC, is_setting

    known = one_of("--edits", (*EDIT_TEXTS, MALLOC, "threads-1"))
    names = [name.strip() for name in text.split(",")]
    return tuple(name if is_setting(name) else known(name) for name in names)


def _exact(text: str) -> tuple[str, ...]:
    known = one_of("--after", tuple(EDIT_TEXTS))
    return tuple(known(name.strip()) for name in text.split(","))


def _is_reached(advice: Advice, level: str) -> bool:
    from effprof.analyze.gains import judged, level_reached

    reached = level_reached(judged(advice))
    return reached == "warn" or (reached == "info" and level == "finding:info")


def _write(advice: Advice, destination: Destination, markdown: Path | None, is_shown: bool) -> None:
    from effprof.report.advise_json import render_advice_json

    if destination.folder is not None:
        from effprof.report.advise_saving import save_advice

        save_advice(advice, destination.folder)
    if destination.json_path is not None:
        write_atomically(destination.json_path, render_advice_json(advice))
    if destination.json_to_stdout:
        write_out(render_advice_json(advice).decode())
    if markdown is not None:
        from effprof.report.advise_markdown import render_advice_markdown

        write_atomically(markdown, render_advice_markdown(advice))
    if is_shown:
        from effprof.report.advise_text import render_advice_text
        from effprof.report.text import style_for

        write_out(render_advice_text(advice, style_for(sys.stdout)))
