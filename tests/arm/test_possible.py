"""Where `make test-arm` cannot run, it says in one line what is missing and what would be right."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("possible.sh")
TOOLS = ("sh", "cat", "grep", "basename", "unshare", "setpriv", "chroot", "mount", "ssh", "ssh-keygen")
HANDLER = """\
enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: {flags}
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""
Machine = Callable[..., tuple[int, str]]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A made-up machine: programs that answer as told, and a folder for the kernel's binfmt_misc."""
    programs, binfmt_misc = tmp_path / "bin", tmp_path / "binfmt_misc"
    programs.mkdir()

    def program(name: str, script: str) -> None:
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(stat.S_IRWXU)

    for name in TOOLS:
        real = shutil.which(name)
        if real is not None:
            (programs / name).symlink_to(real)
        else:
            program(name, ":")

    def check(
        *, system: str = "Linux", arch: str = "x86_64", user: int = 0, handlers: dict[str, str] | None = None,
        without: str = "", binfmt: str | None = "enabled",
    ) -> tuple[int, str]:  # fmt: skip
        program("uname", f'[ "$1" = -s ] && echo {system} || echo {arch}')
        program("id", f'[ "$1" = -u ] && echo {user} || echo somebody')
        program("debootstrap", ":")
        if without:
            (programs / without).unlink()
        if binfmt is not None:
            binfmt_misc.mkdir()
            for name, content in {"status": binfmt, "register": "", **(handlers or {})}.items():
                (binfmt_misc / name).write_text(f"{content}\n")
        done = subprocess.run(
            [str(programs / "sh"), str(SCRIPT), str(binfmt_misc)], env={"PATH": str(programs)}, capture_output=True,
            text=True,
        )  # fmt: skip
        assert done.stdout == ""
        return done.returncode, done.stderr

    return check


def handler(flags: str = "POCF") -> str:
    return HANDLER.format(flags=flags)


def test_nothing_is_said_where_it_can_run(machine: Machine) -> None:
    others = {"qemu-arm": handler().replace("b700", "2800"), "python3.11": "enabled\nmagic 6f0d0d0a"}
    assert machine(handlers={**others, "qemu-aarch64": handler()}) == (0, "")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"system": "Darwin"}, "it needs Linux, and this is Darwin."),
        ({"arch": "aarch64"}, "this machine is arm64 itself: `make test` is the real thing."),
        ({"user": 1000}, "only root can build and enter a userland, and this is somebody. Run it as root."),
        ({"without": "debootstrap"}, "there is no debootstrap. On Debian and Ubuntu: apt-get install debootstrap"),
        ({"without": "unshare"}, "there is no unshare. On Debian and Ubuntu: apt-get install"),
        ({"binfmt": None}, "binfmt_misc is not mounted. Right would be: mount -t binfmt_misc binfmt_misc "),
        ({"binfmt": "disabled"}, "binfmt_misc is off. Right would be: echo 1 > "),
        ({}, "binfmt_misc has nothing that runs arm64 programs. On Debian and Ubuntu: apt-get install"),
        ({"handlers": {"qemu-aarch64": handler().replace("enabled", "disabled")}}, "binfmt_misc has nothing that"),
        ({"handlers": {"qemu-arm": handler().replace("b700", "2800")}}, "binfmt_misc has nothing that"),
        ({"handlers": {"qemu-aarch64": handler("OC")}}, "qemu-aarch64 in binfmt_misc lacks the flag F, so it works in"),
    ],
)
def test_one_line_says_what_is_missing(machine: Machine, made: dict[str, object], said: str) -> None:
    code, error = machine(**made)
    assert code == 3
    assert error.startswith(f"make test-arm: {said}")
    assert error.count("\n") == 1


def test_make_asks_before_it_installs_anything() -> None:
    """In the order of the rule's prerequisites, which `.NOTPARALLEL` keeps."""
    rules = (ROOT / "Makefile").read_text().splitlines()
    assert "test-arm: arm-possible .venv/.installed-test" in rules
    assert ".NOTPARALLEL:" in rules
    assert rules[rules.index("arm-possible:") + 1] == "\t@sh tests/arm/possible.sh"
