"""Where a test may not be skipped, what it needs must be there: else the suite does not begin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import required

ROOT = Path(__file__).parents[1]


def test_nothing_is_required_unasked() -> None:
    assert list(required.missing({})) == []
    assert list(required.missing({"EFFPROF_DATA": "/nowhere", "EFFPROF_REQUIRE_DATA": ""})) == []


def test_the_data_must_be_whole(tmp_path: Path) -> None:
    asked = {"EFFPROF_REQUIRE_DATA": "1"}
    assert [line.rpartition(": ")[2] for line in required.missing(asked)] == ["EFFPROF_DATA is not set"]
    asked["EFFPROF_DATA"] = str(tmp_path)
    (tmp_path / "kineto").mkdir()
    (line,) = required.missing(asked)
    assert "there is no paper, latency of the public data set" in line
    for name in required.FOLDERS:
        (tmp_path / name).mkdir(exist_ok=True)
    assert list(required.missing(asked)) == []


def test_a_compiler_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(required.missing({"EFFPROF_REQUIRE_CC": "1"})) == [
        "EFFPROF_REQUIRE_CC is set, and there is no cc, gcc or clang on PATH"
    ]
    (tmp_path / "gcc").touch(mode=0o755)
    assert list(required.missing({"EFFPROF_REQUIRE_CC": "1"})) == []


def test_the_suite_does_not_begin_without() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "EFFPROF_DATA"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/test_required.py"],
        env={**environ, "EFFPROF_REQUIRE_DATA": "1"}, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "EFFPROF_REQUIRE_DATA is set" in done.stderr


def test_continuous_integration_insists_on_all() -> None:
    text = (ROOT / ".ci" / "run").read_text()
    assert "EFFPROF_REQUIRE_SSHD=1" in text
    assert "EFFPROF_REQUIRE_DATA=1" in text
    assert "EFFPROF_REQUIRE_CC=1" in text
