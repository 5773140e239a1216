"""What `effprof compare` and `effprof guidelines --baseline` share: options, thresholds, outputs, exit code."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from effprof.commands.options import STDOUT
from effprof.commands.stdout import write_out
from effprof.errors import UsageError
from effprof.store.files import write_atomically
from effprof.store.folders import claim_file

if TYPE_CHECKING:
    from effprof.compare import Comparison, Rule
    from effprof.compare.fail_on import Checked

FAILED, TOO_NOISY = 1, 4
MAX_PERCENT = 100.0


@dataclass(frozen=True)
class Outputs:
    """Places that were tried and can be written to."""

    files: dict[str, Path]
    """Form (`json`, `markdown`, `junit`) -> path."""
    stdout: str | None
    """The form that goes to stdout instead of the summary."""


def add_rule_options(group: argparse._ArgumentGroup, *more_names: str) -> None:
    """`more_names`: of `--change-margin`, where they are free."""
    names = (*more_names, "--change-margin")
    group.add_argument(
        *names, dest="change_margin", metavar="PERCENT", type=percent(names[0]),
        help="a smaller change of a time or slowdown is worth no verdict (default: 5%%)",
    )  # fmt: skip
    group.add_argument(
        "--fail-on", metavar="QUANTITY:LIMIT", action="append", default=[], dest="fail_on",
        help="exit with 1 when it grew by more, with 4 when nobody can tell: latency:5%%, share.shuffle:2pt, G2:10%%; "
        "repeat it for several",
    )  # fmt: skip
    group.add_argument(
        "--spread", metavar="PERCENT", type=percent("--spread"),
        help="standard deviation between processes, for results of one process (default: that of the other result's "
        "processes, else intervals are widened by 5%%)",
    )  # fmt: skip
    group.add_argument("--force", action="store_true", help="compare results of other settings too, with a note")


def add_comparison_outputs(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--markdown", metavar="PATH", help="write a pull-request comment; - is stdout")
    group.add_argument("--junit", metavar="PATH", help="write JUnit XML, a test a quantity; - is stdout")


def rule_of(args: argparse.Namespace) -> Rule:
    """What the options of `add_rule_options` say."""
    from effprof.compare import Rule

    return Rule(spread=args.spread) if args.change_margin is None else Rule(args.change_margin, args.spread)


def percent(option: str) -> Callable[[str], float]:
    """`3%` or `3` -> 0.03."""

    def parse(text: str) -> float:
        try:
            value = float(text.removesuffix("%"))
        except ValueError:
            value = -1.0
        if not 0 <= value <= MAX_PERCENT:  # also false for nan
            raise UsageError(f"{option} is {text!r}. It must be a percentage from 0 to {MAX_PERCENT:.0f}, as in 3%.")
        return value / 100

    return parse


def claim_outputs(args: argparse.Namespace, forms: Iterable[str]) -> Outputs:
    """What the options named like the `forms` ask for. Raises UsageError where a place cannot be written to."""
    asked = {form: getattr(args, form) for form in forms if getattr(args, form) is not None}
    to_stdout = [form for form, path in asked.items() if path == STDOUT]
    if len(to_stdout) > 1:
        raise UsageError(f"--{' and --'.join(to_stdout)} cannot both go to stdout. Give one of them a path.")
    files = {form: claim_file(path) for form, path in asked.items() if path != STDOUT}
    return Outputs(files, to_stdout[0] if to_stdout else None)


def write_comparison(comparison: Comparison, checked: Sequence[Checked], outputs: Outputs) -> None:
    """Every form that was asked for."""
    for form, path in outputs.files.items():
        write_atomically(path, _rendered(form, comparison, checked))
    if outputs.stdout is not None:
        write_out(_rendered(outputs.stdout, comparison, checked).decode())


def print_comparison(comparison: Comparison, checked: Sequence[Checked]) -> None:
    """For a person."""
    import sys

    from effprof.report.compare_text import render_comparison_text
    from effprof.report.text import style_for

    write_out(render_comparison_text(comparison, style_for(sys.stdout), checked))


def exit_code(checked: Sequence[Checked]) -> int:
    """Of the thresholds: 1 where any failed, else 4 where any could not be judged, else 0."""
    outcomes = {one.outcome for one in checked}
    return FAILED if "failed" in outcomes else TOO_NOISY if "too noisy" in outcomes else 0


def _rendered(form: str, comparison: Comparison, checked: Sequence[Checked]) -> bytes:
    if form == "markdown":
        from effprof.report.compare_markdown import render_comparison_markdown

        return render_comparison_markdown(comparison, checked)
    if form == "junit":
        from effprof.report.compare_junit import render_comparison_junit

        return render_comparison_junit(comparison, checked)
    from effprof.report.compare_json import render_comparison_json

    return render_comparison_json(comparison, checked)
