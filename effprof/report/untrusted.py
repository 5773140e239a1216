"""Names that came from a model, a trace or a path are not trusted: they are made harmless before they are shown."""

from __future__ import annotations

import re
import unicodedata

# CSI (colours, cursor), OSC (titles, links; ended by BEL or ST) and two-byte escapes, ECMA-48.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_SPACE = re.compile(r"[\s\u2028\u2029]+")
# Cc and Cf can move the cursor or reverse the reading direction, Cs cannot be encoded, Cn and Co have no known width.
_HARMFUL = ("Cc", "Cf", "Cs", "Cn", "Co")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def printable(text: str) -> str:
    """`text` on one line, without escape sequences, control and direction characters.

    A name of nothing else is spelled out, so that it is not taken for an empty one (the root of a network).
    """
    one_line = _SPACE.sub(" ", _ESCAPES.sub("", text))
    clean = "".join(char for char in one_line if unicodedata.category(char) not in _HARMFUL)
    return clean if clean.strip() or not text.strip(" ") else ascii(text)


def csv_text(text: str) -> str:
    """`text` for a CSV cell; an apostrophe keeps spreadsheets from running it as a formula (OWASP, CSV Injection)."""
    guarded = f"'{text}" if text.startswith(_FORMULA_STARTS) else text
    clean = printable(guarded)
    return f"'{clean}" if clean.startswith(_FORMULA_STARTS) else clean


def cut_middle(text: str, width: int, mark: str = "…") -> str:
    """`text` in at most `width` terminal cells; both ends of a layer path say more than its middle."""
    if cells(text) <= width:
        return text
    room = width - cells(mark)
    if room <= 0:
        return _take(mark, width)
    tail = _take(text[::-1], room - room // 3)[::-1]
    return _take(text, room - cells(tail)) + mark + tail


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` (2 or more) cells, broken at spaces where there are any."""
    lines = [""]
    for word in text.split():
        if lines[-1] and cells(lines[-1]) + 1 + cells(word) <= width:
            lines[-1] += f" {word}"
            continue
        while cells(word) > width:
            head = _take(word, width)
            lines.append(head)
            word = word[len(head) :]
        lines.append(word)
    return [line for line in lines if line]


def cells(text: str) -> int:
    """Width on a terminal: East Asian wide characters take two cells, combining marks none."""
    return sum(_char_cells(char) for char in text)


def _char_cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _take(text: str, width: int) -> str:
    used = 0
    for position, char in enumerate(text):
        used += _char_cells(char)
        if used > width:
            return text[:position]
    return text
