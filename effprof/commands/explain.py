"""`effprof explain CODE`: the page of a finding; needs no torch."""

from __future__ import annotations

import argparse
import sys

from effprof.commands.listing import columns, fitted
from effprof.commands.stdout import write_out
from effprof.errors import UnknownNameError
from effprof.zoo.names import did_you_mean


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", nargs="?", help="a finding's code; without one, all codes are listed")


def run(args: argparse.Namespace) -> int:
    from effprof.findings.pages import codes, page, title

    known = codes()
    if args.code is None:
        write_out(fitted(columns([(code, title(code)) for code in known])))
        return 0
    found = next((code for code in known if code.lower() == args.code.lower()), None)
    if found is None:
        near = did_you_mean(args.code, known)
        raise UnknownNameError(f"There is no finding {args.code}.{near}\nSee effprof explain.")
    if sys.stdout is not None and sys.stdout.isatty():
        _show(page(found))
    else:
        write_out(page(found))
    return 0


def _show(text: str) -> None:
    """In a terminal's width; elsewhere a page is the Markdown that it is."""
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text, hyperlinks=False))
