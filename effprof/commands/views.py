"""From a profile to what is looked at; torch-free, so that saved profiles can be looked at anywhere."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from effprof.commands.verdicts import verdicts_for

if TYPE_CHECKING:
    from effprof.ceiling_records import Ceilings
    from effprof.records import Profile
    from effprof.report import Report


def report_of(profile: Profile, args: argparse.Namespace, ceilings: Ceilings | None = None) -> Report:
    """The report of a profile, analysed as the view options ask (see `add_view_options`)."""
    from effprof.analyze import analyze
    from effprof.report import Report

    verdicts = verdicts_for(profile, args.guidelines)
    return Report(profile, analyze(profile, depthwise_as=args.depthwise_as), verdicts, ceilings=ceilings)


def seen_as(report: Report, args: argparse.Namespace) -> Report:
    """A report made with the defaults, made again where the view options ask for something else."""
    is_default = args.depthwise_as == "conv" and args.guidelines is None
    return report if is_default else report_of(report.profile, args)
