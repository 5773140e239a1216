"""`effprof compare OLD NEW`: two saved results, quantity by quantity; needs no torch."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from effprof.commands.comparing import (
    add_comparison_outputs,
    add_rule_options,
    claim_outputs,
    exit_code,
    print_comparison,
    rule_of,
    write_comparison,
)

FORMS = ("json", "markdown", "junit")


def configure(parser: argparse.ArgumentParser) -> None:
    accepted = "a folder of `effprof run` or `effprof guidelines`, or its profile.json, report.json or guidelines.json"
    parser.add_argument("old", metavar="OLD", type=Path, help=accepted)
    parser.add_argument("new", metavar="NEW", type=Path, help="the same kind of result, measured later")
    group = parser.add_argument_group("rule")
    add_rule_options(group, "--margin")
    outputs = parser.add_argument_group("output")
    outputs.add_argument("--json", metavar="PATH", help="write the comparison as JSON; - is stdout")
    add_comparison_outputs(outputs)
    outputs.add_argument("--quiet", action="store_true", help="no summary, only files and the exit code")


def run(args: argparse.Namespace) -> int:
    from effprof.compare import compare_results, read_result
    from effprof.compare.calibration import calibrated_spread
    from effprof.compare.fail_on import check, parse_threshold

    thresholds = [parse_threshold(text) for text in args.fail_on]
    outputs = claim_outputs(args, FORMS)
    old, new = read_result(args.old), read_result(args.new)
    rule = replace(rule_of(args), calibrated=calibrated_spread(old, new))
    comparison = compare_results(old, new, rule, force=args.force)
    checked = check(comparison, thresholds)
    write_comparison(comparison, checked, outputs)
    if outputs.stdout is None and not args.quiet:
        print_comparison(comparison, checked)
    return exit_code(checked)
