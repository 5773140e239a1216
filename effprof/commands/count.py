"""`effprof count`: multiply-adds, memory access and parameters; runs no convolution."""

from __future__ import annotations

import argparse

from effprof.commands.options import add_model_options, add_output_options, add_view_options, run_specs
from effprof.commands.outputs import claim, print_summary, write_json
from effprof.commands.views import seen_as


def configure(parser: argparse.ArgumentParser) -> None:
    add_model_options(parser)
    group = parser.add_argument_group("counting")
    group.add_argument(
        "--run", action="store_true", help="count from one real pass: for networks whose forward looks at values"
    )
    group.add_argument("--crosscheck", action="store_true", help="also count with fvcore and torch, and compare")
    add_view_options(parser)
    add_output_options(parser, default_folder="none, nothing is written")


def run(args: argparse.Namespace) -> int:
    from effprof import zoo
    from effprof.api import count_named

    specs = run_specs(args)
    for spec in specs:
        zoo.check_name(spec.model)
    destination = claim(args, args.models)
    reports = [seen_as(count_named(spec, run=args.run, crosscheck=args.crosscheck), args) for spec in specs]
    for report, folder in zip(reports, destination.report_folders, strict=False):
        report.save(folder)
    write_json(reports, destination)
    print_summary(reports, args, destination)
    return 0
