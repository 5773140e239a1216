"""The commit of the current directory, looked at without touching the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from effprof.measure.environment import git_state

IDENTITY = ("-c", "user.name=Nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    (tmp_path / "file").write_text("one\n")
    for words in (("init", "-q"), ("add", "file"), (*IDENTITY, "commit", "-q", "-m", "one")):
        subprocess.run(["git", *words], check=True, capture_output=True)
    return tmp_path


def test_the_index_stays_as_it_is_and_is_never_locked(repository: Path) -> None:
    """`git status` refreshes it where a file only looks changed, under a lock that stays when it is killed."""
    os.utime(repository / "file", (1, 1))
    index = repository / ".git" / "index"
    before = index.read_bytes(), index.stat().st_mtime_ns
    state = git_state()
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before
    assert state is not None
    assert len(state) == 12, "nothing has changed but a time"


def test_changes_are_told(repository: Path) -> None:
    (repository / "file").write_text("two\n")
    assert (git_state() or "").endswith("+")


def test_no_repository_is_no_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state() is None
