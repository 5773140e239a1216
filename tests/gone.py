"""Waiting until processes have ended."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path


def assert_gone(processes: Iterable[int], patience_s: float = 60.0) -> None:
    give_up = time.monotonic() + patience_s
    for process in processes:
        while is_running(process):
            assert time.monotonic() < give_up, f"process {process} still runs"
            time.sleep(0.05)


def is_running(process: int) -> bool:
    """Dead ones that nobody has waited for do not count."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
