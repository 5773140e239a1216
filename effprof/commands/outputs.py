"""Where a command's reports go: claimed before anything slow, filled at the end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from effprof.commands.options import STDOUT
from effprof.commands.said import say
from effprof.commands.stdout import json_text, write_out
from effprof.store.files import write_atomically
from effprof.store.folders import claim_file, claim_folder, model_folders

if TYPE_CHECKING:
    from effprof.report import Report


@dataclass(frozen=True)
class Destination:
    """Places that were tried and can be written to."""

    folder: Path | None
    """The run folder; None: no files wanted."""
    report_folders: tuple[Path, ...]
    """One a network: the run folder itself for a single one, else its sub-folders. Empty without a run folder."""
    json_path: Path | None
    json_to_stdout: bool


def claim(args: argparse.Namespace, models: Sequence[str], default_folder: Path | None = None) -> Destination:
    """Claims what --output-dir (else `default_folder`) and --json ask for. Raises UsageError where it cannot be had."""
    folder = args.output_dir or default_folder
    report_folders: tuple[Path, ...] = ()
    if folder is not None:
        claim_folder(folder)
        report_folders = model_folders(folder, models)
        for report_folder in report_folders:
            claim_folder(report_folder)
    wants_file = args.json is not None and args.json != STDOUT
    return Destination(folder, report_folders, claim_file(args.json) if wants_file else None, args.json == STDOUT)


def write_json(reports: Sequence[Report], destination: Destination) -> None:
    """What --json asks for: report.json's content; a list of them for several networks."""
    if destination.json_path is None and not destination.json_to_stdout:
        return
    contents = [report.to_dict() for report in reports]
    if destination.json_path is not None:
        write_atomically(destination.json_path, json_text(contents[0] if len(contents) == 1 else contents).encode())
    if destination.json_to_stdout:
        write_out(json_text(contents[0] if len(contents) == 1 else contents))


def print_summary(reports: Sequence[Report], args: argparse.Namespace, destination: Destination) -> None:
    """The reports for a person, unless --quiet or --json to stdout was asked for; several end with a comparison."""
    if args.quiet or destination.json_to_stdout:
        return
    from effprof.report.text import render_comparison, render_text, style_for

    style = style_for(sys.stdout)
    texts = [render_text(report, style, paper_categories=args.paper_categories) for report in reports]
    if len(reports) > 1:
        texts.append(render_comparison(reports, style))
    write_out("\n".join(texts))


def print_hints(lines: Iterable[str | None], args: argparse.Namespace) -> None:
    """What would make the result say more: each line once, on stderr, unless --quiet."""
    for line in dict.fromkeys(line for line in lines if line and not args.quiet):
        say(line)
