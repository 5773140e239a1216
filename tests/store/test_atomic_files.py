"""A file is the old one or the new one, whole, whatever happens while it is written."""

from __future__ import annotations

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from effprof.errors import EffprofError
from effprof.store import write_atomically


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_new_and_an_old_file_get_the_content(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert names(tmp_path) == ["report.json"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_what_the_umask_leaves(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "report.json"
    write_atomically(path, b"old")

    def fail(_descriptor: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else EffprofError
    with pytest.raises(expected) as caught:
        write_atomically(path, b"new")
    assert isinstance(caught.value, KeyboardInterrupt) or "No space left on device" in str(caught.value)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["report.json"]


TOO_LARGE = """
import resource, sys
from effprof.errors import EffprofError
from effprof.store import write_atomically
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(sys.argv[1], bytes(10_000))
except EffprofError as error:
    print(error)
"""


def test_a_file_the_system_refuses_midway_is_one_line(tmp_path: Path) -> None:
    # A file size limit stands in for a full disk: the first 1000 bytes are written, the rest is refused.
    path = tmp_path / "report.json"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", TOO_LARGE, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"Could not write {path}: File too large.")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["report.json"]


def test_a_missing_folder_and_a_folder_as_target_are_explained(tmp_path: Path) -> None:
    with pytest.raises(EffprofError, match="No such file or directory"):
        write_atomically(tmp_path / "no" / "file", b"x")
    with pytest.raises(EffprofError, match="Is a directory"):
        write_atomically(tmp_path, b"x")
    assert names(tmp_path) == []


def test_the_longest_possible_name_can_be_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("n" * 255), b"x")
    assert names(tmp_path) == ["n" * 255]


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        write_atomically(pipe, b"through")
        output, _ = reader.communicate(timeout=30)
    assert output == b"through"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


LOOP = """
import itertools, sys
from effprof.store.files import write_atomically
for number in itertools.count():
    write_atomically(sys.argv[1], bytes([65 + number % 26]) * (100_000 + number % 7))
"""


def test_killed_at_any_moment_the_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    moments = random.Random(0)
    for _ in range(8):
        with subprocess.Popen([sys.executable, "-c", LOOP, str(path)]) as child:
            deadline = time.monotonic() + 60
            while not path.exists() and time.monotonic() < deadline:
                time.sleep(0.001)
            for _ in range(20):
                assert_whole(path)
                time.sleep(moments.uniform(0, 0.004))
            child.send_signal(signal.SIGKILL)
        assert_whole(path)
    left = [name for name in names(tmp_path) if name != "profile.json"]
    assert all(name.startswith(".effprof-") for name in left)


def assert_whole(path: Path) -> None:
    data = path.read_bytes()
    assert 100_000 <= len(data) <= 100_006
    assert data == data[:1] * len(data)
