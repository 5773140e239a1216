"""Tables of op names, written as plain text so that they stay readable."""

from __future__ import annotations


def names(text: str) -> frozenset[str]:
    """The words of a text, in no order."""
    return frozenset(text.split())
