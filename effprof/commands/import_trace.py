"""`effprof import`: the report of a recorded torch.profiler trace; needs no torch and no GPU."""

from __future__ import annotations

import argparse
from pathlib import Path

from effprof.commands.options import add_output_options, add_view_options
from effprof.commands.outputs import claim, print_summary, write_json
from effprof.commands.views import report_of


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "trace",
        metavar="TRACE",
        type=Path,
        help="a trace of torch.profiler with GPU activities (.json or .json.gz), or a folder with one file a rank",
    )
    add_view_options(parser)
    add_output_options(parser, default_folder="none, nothing is written")


def run(args: argparse.Namespace) -> int:
    from effprof.importers import import_trace, trace_name

    destination = claim(args, [trace_name(args.trace)])
    report = report_of(import_trace(args.trace, args.command_line), args)
    for folder in destination.report_folders:
        report.save(folder)
    write_json([report], destination)
    print_summary([report], args, destination)
    return 0
