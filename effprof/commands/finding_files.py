"""What `effprof run` and `effprof advise` do alike with findings: JUnit and SARIF files, and `--fail-on`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from effprof.settings import one_of
from effprof.store.files import write_atomically
from effprof.store.folders import claim_file

if TYPE_CHECKING:
    from effprof.finding_records import Found, Level

FOUND = 1
"""The exit code where --fail-on forbids what is there."""
LEVELS: dict[str, Level] = {"finding:warn": "warn", "finding:info": "info"}


@dataclass(frozen=True)
class FindingFiles:
    """Places that were tried and can be written to."""

    junit: Path | None
    sarif: Path | None


def add_finding_options(parser: argparse.ArgumentParser, fail_on: str) -> None:
    """`fail_on`: when this command exits with 1."""
    group = parser.add_argument_group("findings")
    group.add_argument(
        "--fail-on", metavar="{" + ",".join(LEVELS) + "}", type=one_of("--fail-on", tuple(LEVELS)), help=fail_on
    )
    group.add_argument("--junit", metavar="PATH", help="write findings as JUnit XML, a suite a network")
    group.add_argument("--sarif", metavar="PATH", help="write findings as SARIF 2.1.0, a run a network")


def claim_finding_files(args: argparse.Namespace) -> FindingFiles:
    """What --junit and --sarif ask for. Raises UsageError where it cannot be had."""
    junit, sarif = (None if path is None else claim_file(path) for path in (args.junit, args.sarif))
    return FindingFiles(junit, sarif)


def write_findings(networks: Sequence[Found], files: FindingFiles, fail_on: str | None) -> None:
    """Failures of JUnit are what `fail_on` forbids; warnings where it was not given."""
    if files.junit is not None:
        from effprof.report.findings_junit import render_findings_junit

        write_atomically(files.junit, render_findings_junit(networks, LEVELS[fail_on or "finding:warn"]))
    if files.sarif is not None:
        from effprof.report.findings_sarif import render_findings_sarif

        write_atomically(files.sarif, render_findings_sarif(networks))


def is_forbidden(networks: Sequence[Found], fail_on: str | None) -> bool:
    """Whether any finding is at the level of --fail-on or above."""
    from effprof.findings.levels import any_at

    return fail_on is not None and any_at(networks, LEVELS[fail_on])
