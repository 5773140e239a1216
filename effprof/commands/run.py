"""`effprof run`: the main job. Latency, decomposition, layers, costs, charts."""

from __future__ import annotations

import argparse
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from effprof.commands.finding_files import (
    FOUND,
    add_finding_options,
    claim_finding_files,
    is_forbidden,
    write_findings,
)
from effprof.commands.on_device import check_models, measuring
from effprof.commands.options import (
    add_device_options,
    add_model_options,
    add_output_options,
    add_timing_options,
    add_view_options,
    check_cores,
    run_specs,
)
from effprof.commands.outputs import claim, print_hints, print_summary, write_json
from effprof.commands.progress import progress_bar
from effprof.commands.verdicts import require_alike
from effprof.commands.views import report_of
from effprof.errors import InterruptedRunError
from effprof.records import RunSpec
from effprof.remote.target import device_name
from effprof.store import folder_name

if TYPE_CHECKING:
    from effprof.report import Report

DEFAULT_FOLDER = "reports/runs/<time>-<model>-<device>"


def configure(parser: argparse.ArgumentParser) -> None:
    add_model_options(parser)
    add_device_options(parser)
    add_timing_options(parser)
    add_view_options(parser)
    add_finding_options(parser, "exit 1 where there is a warning (finding:warn) or any finding (finding:info)")
    add_output_options(parser, default_folder=DEFAULT_FOLDER)


def run(args: argparse.Namespace) -> int:
    from effprof.calibrated import ceilings_for
    from effprof.report.findings_rows import found_in
    from effprof.report.saving import save_comparison

    check_cores(args)
    specs = run_specs(args)
    check_models(specs)
    require_alike(args)
    wanted = args.output_dir or default_folder(specs)
    existed = wanted.exists()
    destination = claim(args, args.models, wanted)
    files = claim_finding_files(args)
    reports: list[Report] = []
    said: list[str | None] = []
    try:
        with measuring(args) as measure:
            for spec, folder in zip(specs, destination.report_folders, strict=True):
                with progress_bar(spec.model, args.quiet) as progress:
                    profile = measure(spec, progress)
                known = ceilings_for(profile)
                reports.append(report_of(profile, args, known.ceilings))
                said.append(known.said)
                reports[-1].save(folder)
                if profile.partial:
                    return InterruptedRunError.exit_code
    finally:  # what was measured is shown, also when a later network failed
        if len(reports) > 1:
            save_comparison(reports, wanted)
        if reports:
            write_json(reports, destination)
            write_findings([found_in(report) for report in reports], files, args.fail_on)
            print_summary(reports, args, destination)
            print_hints([*said, f"Charts, report.json and what else there is: {wanted}"], args)
        elif not existed:
            remove_empty(*destination.report_folders, wanted)
    return FOUND if is_forbidden([found_in(report) for report in reports], args.fail_on) else 0


def remove_empty(*folders: Path) -> None:
    """Folders that were made for results that never came."""
    for folder in dict.fromkeys(folders):
        with suppress(OSError):  # not empty: something else was put there meanwhile
            folder.rmdir()


def default_folder(specs: tuple[RunSpec, ...]) -> Path:
    """`reports/runs/<UTC time>-<model>-<device>`, below the current directory."""
    started = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    model = folder_name(specs[0].model) + (f"+{len(specs) - 1}" if len(specs) > 1 else "")
    return Path("reports", "runs", f"{started}-{model}-{folder_name(device_name(specs[0].device))}")
