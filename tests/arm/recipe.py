"""What the userland of `make test-arm` is made of. A change of a recipe has that part built anew."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]

PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
"""What Debian 12's glibc 2.36 can load; pip does not know that the older ones are contained in the newest."""

MARKERS = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "aarch64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
}
"""Debian 12's Python on arm64, for conditions such as `; platform_machine == "aarch64"`."""

NOT_INSTALLED = {"effprof", "ruff", "mypy"}
"""Of the extra `test`: the zoo's libraries (`effprof[zoo]`), and what looks at source text."""


@dataclass(frozen=True)
class DebianRecipe:
    """Debian itself, by debootstrap."""

    suite: str = "bookworm"
    variant: str = "minbase"
    packages: tuple[str, ...] = ("python3", "openssh-server", "gcc", "libc6-dev")

    @property
    def digest(self) -> str:
        return _digest(asdict(self))


@dataclass(frozen=True)
class SiteRecipe:
    """The Python packages, by the host's pip: installing them under emulation takes many times as long."""

    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    from_source: tuple[str, ...] = ("fvcore", "iopath")
    """Pure Python, and published as source alone: the host makes wheels of them."""
    platforms: tuple[str, ...] = PLATFORMS
    python: str = MARKERS["python_version"]

    @property
    def digest(self) -> str:
        return _digest(asdict(self))


def site_recipe(root: Path = ROOT) -> SiteRecipe:
    """From pyproject.toml and constraints.txt, with conditions decided for the userland."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"], "pip", "pytest-xdist"]
    pins = [line.split("#")[0].strip() for line in (root / "constraints.txt").read_text().splitlines()]
    return SiteRecipe(for_userland(wanted), for_userland(filter(None, pins)))


def for_userland(lines: Iterable[str]) -> tuple[str, ...]:
    """Those that hold there, without their conditions."""
    held = []
    for requirement in map(Requirement, lines):
        holds = requirement.marker is None or requirement.marker.evaluate(MARKERS)
        if holds and requirement.name not in NOT_INSTALLED:
            requirement.marker = None
            held.append(str(requirement))
    return tuple(held)


def _digest(content: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
