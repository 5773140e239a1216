"""`effprof advise`: what to change and what that gains: exact edits measured on copies, design edits priced."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

from effprof.advice_records import EDIT_TEXTS, AdviceSpec
from effprof.commands.finding_files import (
    FOUND,
    LEVELS,
    add_finding_options,
    claim_finding_files,
    is_forbidden,
    write_findings,
)
from effprof.commands.on_device import check_models
from effprof.commands.options import (
    add_device_options,
    add_guidelines_option,
    add_model_options,
    add_output_options,
    check_cores,
    run_specs,
)
from effprof.commands.outputs import claim
from effprof.commands.progress import progress_bar
from effprof.commands.said import say
from effprof.commands.stdout import write_out
from effprof.commands.verdicts import require_alike, verdicts_for
from effprof.errors import InterruptedRunError, UnavailableError, UsageError
from effprof.remote.target import is_remote
from effprof.settings import one_of, seconds
from effprof.store.files import write_atomically
from effprof.store.folders import claim_file

if TYPE_CHECKING:
    from pathlib import Path

    from effprof.advice_records import Advice
    from effprof.commands.outputs import Destination
    from effprof.finding_records import Found


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
    group.add_argument("--no-prices", action="store_true", help="leave out what edits of the design would be worth")
    add_guidelines_option(group)
    add_finding_options(
        parser,
        "exit 1 where an edit surely saves 1%% of the latency or a warning is not refuted (finding:warn), or where an "
        "edit saves anything at all or any finding is not refuted (finding:info)",
    )
    add_output_options(parser, default_folder="none is written", json_content="write the advice as JSON")
    parser.add_argument("--markdown", metavar="PATH", help="also write it as Markdown to PATH")


def run(args: argparse.Namespace) -> int:
    spec = advice_spec(args)
    check_models([spec.run])
    require_alike(args)
    destination = claim(args, models=())
    markdown = None if args.markdown is None else claim_file(args.markdown)
    files = claim_finding_files(args)

    from effprof.advise.whole import advised, plan_text

    if not args.quiet:
        say(plan_text(spec))
    with progress_bar(spec.run.model, args.quiet) as progress:
        whole = advised(spec, progress, partial(verdicts_for, sweep=args.guidelines))
    advice, found = whole.advice, whole.found
    is_shown = not (args.quiet or destination.json_to_stdout)
    _write(advice, found, destination, markdown, is_shown=is_shown)
    write_findings([found], files, args.fail_on)
    if whole.error is not None:
        raise whole.error
    if advice.partial:
        return InterruptedRunError.exit_code
    fails = args.fail_on is not None and (_is_reached(advice, args.fail_on) or is_forbidden([found], args.fail_on))
    return FOUND if fails else 0


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
    return AdviceSpec(run_specs(args)[0], chosen, args.after, args.advise_time_s, not args.no_prices)


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
    from effprof.findings.levels import is_at

    reached = level_reached(judged(advice))
    return is_at(reached, LEVELS[level])


def _write(
    advice: Advice, found: Found, destination: Destination, markdown: Path | None, *, is_shown: bool
) -> None:
    from effprof.report.advise_json import render_advice_json

    if destination.folder is not None:
        from effprof.report.advise_saving import save_advice

        save_advice(advice, destination.folder, found)
    if destination.json_path is not None:
        write_atomically(destination.json_path, render_advice_json(advice, found))
    if destination.json_to_stdout:
        write_out(render_advice_json(advice, found).decode())
    if markdown is not None:
        from effprof.report.advise_markdown import render_advice_markdown

        write_atomically(markdown, render_advice_markdown(advice, found))
    if is_shown:
        from effprof.report.advise_text import render_advice_text
        from effprof.report.text import style_for

        write_out(render_advice_text(advice, style_for(sys.stdout), found))
