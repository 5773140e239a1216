"""What the text after `--model` means, and what may have been meant by one that means nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

PROVIDERS = ("torchvision", "timm", "pytorchcv")


class Kind(Enum):
    ZOO = "zoo"
    PROVIDER = "provider"
    FILE = "file"
    MODULE = "module"


@dataclass(frozen=True)
class Source:
    """`where` a network comes from and its `name` there; a part that was not given is empty."""

    kind: Kind
    where: str
    name: str


def split_source(text: str) -> Source:
    """Take apart `NAME`, `torchvision:NAME`, `path/to/file.py:NAME` or `package.module:NAME`; checks nothing."""
    provider, colon, name = text.partition(":")
    if colon and provider in PROVIDERS:
        return Source(Kind.PROVIDER, provider, name)
    where, colon, name = text.rpartition(":")
    if not colon or text.endswith(".py"):  # nothing was named, though a path may hold a colon
        if not _looks_like_path(text):
            return Source(Kind.ZOO, "zoo", text)
        where, name = text, ""
    return Source(Kind.FILE if _looks_like_path(where) else Kind.MODULE, where, name)


def _looks_like_path(text: str) -> bool:
    return text.endswith(".py") or "/" in text or "\\" in text


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean resnet50, resnet101?`, or nothing where no known name is near."""
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), by_lower_case, n=3)
    return f" Did you mean {', '.join(by_lower_case[match] for match in near)}?" if near else ""
