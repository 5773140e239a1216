"""`effprof calibrate`: what this device can do at best, measured once and kept for `effprof run`."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from effprof.calibrated import KINDS
from effprof.ceiling_records import CeilingSpec
from effprof.commands.options import STDOUT
from effprof.commands.progress import progress_bar
from effprof.commands.said import say
from effprof.commands.stdout import write_out
from effprof.errors import BadFileError, UnavailableError, UsageError
from effprof.interrupts import interrupts_deferred
from effprof.remote.target import is_remote
from effprof.settings import MAX_THREADS, PRECISIONS, check_precision, one_of, usable_device, whole_number
from effprof.store.files import write_atomically
from effprof.store.folders import claim_file

if TYPE_CHECKING:
    from pathlib import Path

    from effprof.ceiling_records import Ceilings
    from effprof.ceilings.session import Stand


def configure(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("device")
    group.add_argument(
        "--device", type=_device, default="auto", metavar="DEVICE",
        help="auto, cpu, or fake[:PLAN.json], a make-believe clock (default: auto)",
    )  # fmt: skip
    group.add_argument(
        "--threads", metavar="N", type=whole_number("--threads", 1, MAX_THREADS),
        help="threads of one operator (default: as torch chooses)",
    )  # fmt: skip
    group.add_argument(
        "--precision", type=one_of("--precision", PRECISIONS), default="fp32", metavar="{" + ",".join(PRECISIONS) + "}",
        help="of what is multiplied (default: fp32)",
    )  # fmt: skip
    group = parser.add_argument_group("timing")
    group.add_argument("--quick", action="store_true", help="about a third of the time, in fewer processes")
    group.add_argument("--force", action="store_true", help="measure again where a calibration is there")
    group = parser.add_argument_group("output")
    group.add_argument(
        "--json", metavar="PATH", nargs="?", const=STDOUT,
        help="also write the calibration to PATH; without PATH, or for -, to stdout instead of the summary",
    )  # fmt: skip
    group.add_argument("--quiet", action="store_true", help="no progress and no summary, only errors")


def run(args: argparse.Namespace) -> int:
    from effprof.store.ceilings_json import ceilings_path, claim_ceilings_folder, save_ceilings

    json_path = claim_file(args.json) if args.json not in (None, STDOUT) else None
    with interrupts_deferred():  # an import that is cut in half leaves broken modules behind
        from effprof.ceilings.session import measure_ceilings, stand_for

    check_precision("--precision", args.precision, args.device)
    spec = CeilingSpec(args.device, args.threads, args.precision, args.quick, command=args.command_line)
    stand = stand_for(spec)
    path = ceilings_path(stand.device, spec)
    claim_ceilings_folder(path)
    ceilings = None if args.force else _usable(path, args.quiet)
    if ceilings is None:
        _announce(spec, stand, args.quiet)
        with progress_bar("calibrate", args.quiet) as progress:
            ceilings = measure_ceilings(spec, stand, progress)
        save_ceilings(ceilings)
    _show(ceilings, path, args, json_path)
    return 0


def _device(text: str) -> str:
    if is_remote(text):
        raise UsageError(f"--device is {text!r}, another machine. Run effprof calibrate there.")
    name = usable_device(text)
    if name.partition(":")[0] not in KINDS:
        raise UnavailableError(f"--device is {text!r}: effprof calibrate measures {' and '.join(KINDS)} devices.")
    return name


def _usable(path: Path, quiet: bool) -> Ceilings | None:
    """The calibration that is there, unless it is damaged or too old; what is done with it is said."""
    from effprof.calibrated import why_old
    from effprof.measure.environment import environment
    from effprof.store.ceilings_json import read_ceilings

    try:
        found = read_ceilings(path)
    except BadFileError as error:
        _say(f"Calibrating anew: {error}", quiet)
        return None
    old = None if found is None else why_old(found, environment("default"))
    if old is not None:
        _say(f"Calibrating anew: {old}.", quiet)
    elif found is not None:
        _say(f"Calibrated on {found.environment.started_utc[:10]}; --force measures again.", quiet)
    return None if old is not None else found


def _announce(spec: CeilingSpec, stand: Stand, quiet: bool) -> None:
    from effprof.calibrated import setting_text
    from effprof.ceilings.session import likely_s

    minutes, seconds = divmod(round(likely_s(spec, stand)), 60)
    takes = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    name = f"{stand.device.name}, {setting_text(stand.device, spec.precision)}"
    _say(f"Calibrating {name}: about {takes}. Keep the machine quiet.", quiet)


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        say(text)


def _show(ceilings: Ceilings, path: Path, args: argparse.Namespace, json_path: Path | None) -> None:
    from effprof.store.ceilings_json import dumps_ceilings

    if json_path is not None:
        write_atomically(json_path, dumps_ceilings(ceilings))
    if args.json == STDOUT:
        write_out(dumps_ceilings(ceilings).decode())
    elif not args.quiet:
        from effprof.report.ceilings_text import render_ceilings_text
        from effprof.report.text import style_for

        write_out(render_ceilings_text(ceilings, _shown(path), style_for(sys.stdout)))


def _shown(path: Path) -> str:
    """Below the home folder as `~/...`."""
    home = os.path.expanduser("~")
    return f"~{str(path)[len(home) :]}" if home != "~" and str(path).startswith(home + os.sep) else str(path)
