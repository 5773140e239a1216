"""The parts of the userland: whole or not at all, built anew when their recipe changes, and never removed with a mount
in them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from arm.steps import Clock, logged, shown
from arm.userland import ArmError, Userland, alone, build, in_own_mounts, is_built, remove


def test_a_part_is_whole_or_not_there(tmp_path: Path) -> None:
    part = tmp_path / "site"

    def fails(folder: Path) -> None:
        (folder / "half").touch()
        raise ArmError("no network")

    with pytest.raises(ArmError, match="no network"):
        build(part, "first", fails)
    assert not part.exists()
    assert not is_built(part, "first")
    build(part, "first", lambda folder: (folder / "whole").touch())
    assert sorted(path.name for path in part.iterdir()) == ["recipe", "whole"]
    assert is_built(part, "first")
    assert not is_built(part, "second")
    build(part, "second", lambda folder: (folder / "other").touch())
    assert sorted(path.name for path in part.iterdir()) == ["other", "recipe"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("point", ["", "/proc", "/a b"])
def test_nothing_is_removed_through_a_mount(tmp_path: Path, point: str) -> None:
    part, mounts = tmp_path / "root", tmp_path / "mounts"
    part.mkdir()
    mounts.write_text(f"proc /proc proc rw 0 0\nproc {part}{point} proc rw 0 0\n".replace("a b", "a\\040b"))
    with pytest.raises(ArmError, match=f"something is mounted at {part}{point}"):
        remove(part, mounts)
    assert part.exists()
    mounts.write_text(f"proc /proc proc rw 0 0\nproc {part}2 proc rw 0 0\n")
    remove(part, mounts)
    assert not part.exists()
    remove(part, mounts)


def test_the_tree_is_copied_without_what_was_made_from_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("effprof/cli.py", "tests/x.py", ".git/HEAD", ".cache/arm64/x", ".venv/x", "reports/runs/x/report.json",
                 "effprof/__pycache__/x.pyc", "reports/table.csv"):  # fmt: skip
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    userland = Userland(tmp_path / "arm64")
    userland.source.mkdir(parents=True)
    (userland.source / "old").touch()
    userland.copy_source(tree)
    found = [path.relative_to(userland.source).as_posix() for path in userland.source.rglob("*") if path.is_file()]
    assert sorted(found) == ["effprof/cli.py", "reports/table.csv", "tests/x.py"]


def test_only_one_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path / "arm64"), pytest.raises(ArmError, match="another `make test-arm`"), alone(tmp_path / "arm64"):
        pass


def test_a_step_that_fails_shows_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log" / "step.log"
    logged(Clock(), ["sh", "-c", "echo fine"], log, 60)
    with pytest.raises(ArmError, match=r"sh failed \(exit status 7\)(.|\n)*    fine\n    no such mirror"):
        logged(Clock(), ["sh", "-c", "echo no such mirror >&2; exit 7"], log, 60)


def test_no_step_takes_longer_than_it_may(tmp_path: Path) -> None:
    forever = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(ArmError, match="did not end in time"):
        logged(Clock(), forever, tmp_path / "log", 0.1)
    assert shown(forever, 0.1) is None
    assert shown(["sh", "-c", "exit 3"], 60) == 3
    assert Clock(60).limit_s(100) == pytest.approx(60, abs=10)
    with pytest.raises(ArmError, match="the 0 minutes are over"):
        Clock(0).limit_s(1)


def can_mount() -> bool:
    words = ["unshare", "--mount", "true"]
    return sys.platform == "linux" and os.getuid() == 0 and subprocess.run(words, capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="only root may mount")
def test_what_is_mounted_in_there_is_not_seen_here(tmp_path: Path) -> None:
    point = tmp_path / "point"
    point.mkdir()
    script = f"mount -t tmpfs tmpfs {point} && touch {point}/seen && ls {point}"
    done = subprocess.run(in_own_mounts(["sh", "-c", script]), capture_output=True, text=True, check=True)
    assert done.stdout == "seen\n"
    assert list(point.iterdir()) == []
    assert str(point) not in Path("/proc/self/mounts").read_text()
