"""Files of the user's, new processes, and the one line that loading fails with."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from effprof import zoo
from effprof.errors import EffprofError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a Python file into the current directory, a fresh one, and give its name."""
    monkeypatch.chdir(tmp_path)

    def write_file(text: str, name: str = "net.py") -> str:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
        return name

    return write_file


@pytest.fixture
def message() -> Callable[[type[EffprofError], str], str]:
    """The one line that loading a name fails with."""

    def load_and_fail(kind: type[EffprofError], text: str) -> str:
        with pytest.raises(kind) as caught:
            zoo.load(text)
        assert type(caught.value) is kind
        line = str(caught.value)
        assert line.isprintable()
        return line

    return load_and_fail


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str], str]:
    """Run code in a new process in a fresh directory, with this source tree on the path; gives what it printed."""

    def run_code(code: str) -> str:
        result = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run_code
