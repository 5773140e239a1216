"""`effprof render`: the outputs again from a saved profile; needs no torch."""

from __future__ import annotations

import argparse
from pathlib import Path

from effprof.commands.options import add_output_options, add_view_options
from effprof.commands.outputs import claim, print_summary, write_json
from effprof.commands.views import report_of


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("profile", metavar="RESULT", type=Path, help="a run folder, or its profile.json")
    add_view_options(parser)
    add_output_options(parser, default_folder="beside the profile")


def run(args: argparse.Namespace) -> int:
    from effprof.calibrated import ceilings_beside
    from effprof.store import PROFILE_JSON, claim_folder, find_profile, read_profile

    found = find_profile(args.profile)
    profile = read_profile(found)
    destination = claim(args, [profile.spec.model])
    folder = destination.folder or found.parent
    # Beside a profile that has its own name is our folder, or the user made it so; elsewhere we ask as for a new one.
    if destination.folder is None and found.name != PROFILE_JSON:
        claim_folder(folder)
    report = report_of(profile, args, ceilings_beside(found, profile))
    report.save(folder)
    write_json([report], destination)
    print_summary([report], args, destination)
    return 0
