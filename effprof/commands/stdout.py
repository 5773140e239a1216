"""What goes to stdout: all of it, at once, and failures explained."""

from __future__ import annotations

import json
import os
import sys

from effprof.errors import EffprofError


def write_out(text: str = "") -> None:
    """`text` to stdout, all of it, now: at exit Python could only print a traceback.

    Raises EffprofError when the system does not take it, and BrokenPipeError when the reader went away.
    """
    if sys.stdout is None:  # closed by the caller
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer goes nowhere, or Python would try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise EffprofError(f"Could not write to stdout: {error.strerror}. Send it to a place with room.") from error


def json_text(content: object) -> str:
    """Plain data as JSON text, readable and whole: a lone surrogate from an odd file name stays an escape."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()
