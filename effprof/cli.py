"""The command line: the parser, and the one place that turns an EffprofError into a line and an exit code."""

from __future__ import annotations

import argparse
import importlib
import io
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn, Protocol, cast

from effprof import __version__
from effprof.commands import COMMANDS
from effprof.commands.said import broken
from effprof.commands.stdout import write_out
from effprof.errors import EffprofError, InterruptedRunError, UnknownNameError, UsageError
from effprof.zoo.names import did_you_mean

MAX_LINES = 4
MAX_LINE_LENGTH = 400
BROKEN_PIPE = 141
"""128 + SIGPIPE: what a shell reports of any program whose reader went away."""


class Command(Protocol):
    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


class Parser(argparse.ArgumentParser):
    """argparse, with its errors in our family and without abbreviations: a new option must not change an old call."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\nSee {self.prog} --help.")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (see the table in the README). Prints no traceback for bad input."""
    words = sys.argv[1:] if argv is None else list(argv)
    _tolerate_odd_characters()
    try:
        return _run(words)
    except EffprofError as error:
        if "--debug" in words:
            traceback.print_exc()
        _complain(explain(error))
        return error.exit_code
    except KeyboardInterrupt:
        _complain("effprof: Interrupted.")
        return InterruptedRunError.exit_code
    except BrokenPipeError:
        return BROKEN_PIPE


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """All commands by name, and the options of the one that is named: only its module is imported."""
    parser = Parser(prog="effprof", description="Where the time of a PyTorch network goes, and how sure that is.")
    parser.add_argument("--version", action="version", version=f"effprof {__version__}")
    _add_debug(parser, default=False)
    commands = parser.add_subparsers(dest="command_name", metavar="COMMAND", required=True, parser_class=Parser)
    for name, (_, summary) in COMMANDS.items():
        child = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == command:
            # Given after the command too; without a default, or it would undo one given before.
            _add_debug(child, default=argparse.SUPPRESS)
            load_command(name).configure(child)
    return parser


def load_command(name: str) -> Command:
    return cast("Command", importlib.import_module(f"effprof.commands.{COMMANDS[name][0]}"))


def explain(error: EffprofError) -> str:
    """The message as at most four lines without control characters; text that came from a model may hold any."""
    from effprof.report.untrusted import printable

    lines = [printable(line) for line in f"effprof: {error}".splitlines()]
    return "\n".join(_cut(line) for line in lines[:MAX_LINES])


def _run(words: list[str]) -> int:
    command = next((word for word in words if not word.startswith("-")), None)
    if command is not None and command not in COMMANDS:
        raise UnknownNameError(
            f"No command named {command!r}. Known: {', '.join(COMMANDS)}.{did_you_mean(command, COMMANDS)}\n"
            "See effprof --help."
        )
    parser = build_parser(command)
    if not words:
        write_out(parser.format_help())
        return UsageError.exit_code
    try:
        args = parser.parse_args(words)
    except SystemExit:  # --help and --version; errors are raised
        write_out()
        return 0
    # A file name that is not UTF-8 reaches Python with lone surrogates, which JSON cannot hold.
    args.command_line = shlex.join(["effprof", *words]).encode("utf-8", "backslashreplace").decode()
    return load_command(args.command_name).run(args)


def _add_debug(parser: argparse.ArgumentParser, default: object) -> None:
    parser.add_argument("--debug", action="store_true", default=default, help="show the traceback of an error")


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LINE_LENGTH else f"{line[: MAX_LINE_LENGTH - 1]}…"


def _complain(text: str) -> None:
    try:
        print(broken(text), file=sys.stderr, flush=True)
    except BrokenPipeError:
        sys.stderr = None  # nobody listens; the exit code still tells


def _tolerate_odd_characters() -> None:
    """A terminal that cannot show `µ` gets a `?`, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
