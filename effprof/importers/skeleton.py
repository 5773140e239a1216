"""Where the events of a list end, from brackets and quotes alone: JSON's skeleton, without reading its values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from effprof.errors import BadFileError

MAX_DEPTH = 200
"""Brackets within brackets; a profiler writes five or six."""

_QUOTE, _OPEN, _CLOSE = 1, 2, 3
_KINDS = np.zeros(256, np.uint8)
_KINDS[ord('"')] = _QUOTE
_KINDS[[ord("{"), ord("[")]] = _OPEN
_KINDS[[ord("}"), ord("]")]] = _CLOSE
_IS_MARK = bytes(int(kind > 0) for kind in _KINDS)
_BACKSLASH = ord("\\")


@dataclass(frozen=True)
class Skeleton:
    """Of bytes that begin between two events of a list."""

    end: int
    """Just past the last whole event; 0 where there is none."""
    closed_at: int | None
    """Position of the bracket that ends the list; None where it goes on."""


def scan(buffer: bytes) -> Skeleton:
    """Raises BadFileError where brackets are nested beyond any trace."""
    places, depths = _depths(buffer)
    ended = np.flatnonzero(depths < 0)
    closed_at = int(places[ended[0]]) if len(ended) else None
    inside = slice(0, ended[0] if len(ended) else len(places))
    places, depths = places[inside], depths[inside]
    if len(depths) and depths.max() > MAX_DEPTH:
        raise BadFileError(f"its brackets are nested {int(depths.max())} deep; no trace needs {MAX_DEPTH}")
    ends = places[depths == 0]
    return Skeleton(int(ends[-1]) + 1 if len(ends) else 0, closed_at)


def are_in_outermost(buffer: bytes, positions: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Which positions in the text of an object stand outside strings, with its bracket alone open; in one pass."""
    places, marks = _marks(buffer)
    quotes = np.cumsum(marks == _QUOTE, dtype=np.int32)
    brackets = (quotes & 1 == 0) & (marks != _QUOTE)
    depths = np.cumsum(np.where(brackets, np.where(marks == _OPEN, 1, -1), 0), dtype=np.int32)
    before = np.searchsorted(places, positions) - 1
    inside: npt.NDArray[np.bool_] = (before >= 0) & (quotes[before] & 1 == 0) & (depths[before] == 1)
    return inside


def _depths(buffer: bytes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int32]]:
    """Positions of the brackets outside strings, and how many are open after each."""
    places, marks = _marks(buffer)
    outside = (np.cumsum(marks == _QUOTE, dtype=np.int32) & 1) == 0
    brackets = outside & (marks != _QUOTE)
    steps = np.where(marks[brackets] == _OPEN, 1, -1)
    return places[brackets], np.cumsum(steps, dtype=np.int32)


def _marks(buffer: bytes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint8]]:
    """Positions and kinds of quotes and brackets, without the quotes that a backslash makes part of a string."""
    codes = np.frombuffer(buffer, np.uint8)
    # bytes.translate and the search in truth values are each several times as fast as what numpy does with numbers.
    places = np.flatnonzero(np.frombuffer(buffer.translate(_IS_MARK), np.bool_))
    marks = _KINDS[codes[places]]
    if b'\\"' not in buffer:
        return places, marks
    suspects = np.flatnonzero((marks == _QUOTE) & (places > 0) & (codes[np.maximum(places - 1, 0)] == _BACKSLASH))
    escaped = [suspect for suspect in suspects.tolist() if _backslashes_before(buffer, int(places[suspect])) % 2]
    kept = np.ones(len(places), bool)
    kept[escaped] = False
    return places[kept], marks[kept]


def _backslashes_before(buffer: bytes, place: int) -> int:
    start = place
    while start > 0 and buffer[start - 1] == _BACKSLASH:
        start -= 1
    return place - start
