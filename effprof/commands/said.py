"""What is said beside the result, on stderr: announcements, hints and errors."""

from __future__ import annotations

import sys
import textwrap

from effprof.commands.listing import terminal_width
from effprof.report.untrusted import printable


def say(text: str) -> None:
    print(broken(printable(text)), file=sys.stderr, flush=True)


def broken(text: str) -> str:
    """Broken between words for a terminal; whole in a log, where lines are searched for."""
    if sys.stderr is None or not sys.stderr.isatty():
        return text
    width = terminal_width()
    lines = (textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) for line in text.splitlines())
    return "\n".join("\n".join(line) for line in lines)
