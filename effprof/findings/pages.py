"""One page a finding's code: what, why, when it does not matter, the paper's section, how it is measured."""

from __future__ import annotations

from importlib.resources import files

_SUFFIX = ".md"


def codes() -> tuple[str, ...]:
    """Every code that has a page."""
    names = (entry.name for entry in files("effprof.findings").joinpath("texts").iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def page(code: str) -> str:
    """The page as Markdown. Raises KeyError for a code without one."""
    if code not in codes():
        raise KeyError(code)
    return files("effprof.findings").joinpath("texts").joinpath(code + _SUFFIX).read_text(encoding="utf-8")


def title(code: str) -> str:
    """What the page is called, without the code."""
    return page(code).partition("\n")[0].partition(": ")[2]
