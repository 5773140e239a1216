"""Steps of bounded time, each with a line when it begins, a line a minute, and a line when it is done."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from arm.userland import ArmError

TOTAL_S = 45 * 60.0
_LINE_EVERY_S = 60.0
_LAST_LINES = 15


@dataclass
class Clock:
    """Time since the beginning, and how much a step may still take."""

    total_s: float = TOTAL_S
    _started_s: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._started_s), 60)
        print(f"[{minutes:2d}:{seconds:02d}] {text}", flush=True)

    def limit_s(self, wanted_s: float) -> float:
        left_s = self.total_s - (time.monotonic() - self._started_s)
        if left_s <= 0:
            raise ArmError(f"the {self.total_s / 60:.0f} minutes are over")
        return min(wanted_s, left_s)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.say(f"{name} ...")
        began_s = time.monotonic()
        yield
        self.say(f"{name}: done in {time.monotonic() - began_s:.0f} s")


def logged(
    clock: Clock, words: Sequence[str], log: Path, limit_s: float, env: Mapping[str, str] | None = None
) -> None:
    """Runs `words` with its output in `log`. Raises ArmError with its last lines if it fails, or after `limit_s`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=env)
        try:
            code = _waited_for(process, clock, log, clock.limit_s(limit_s))
        finally:
            process.kill()
            process.wait()
    if code != 0:
        what = "did not end in time" if code is None else f"failed (exit status {code})"
        last = "\n".join(f"    {line}" for line in _lines(log)[-_LAST_LINES:])
        raise ArmError(f"{Path(words[0]).name} {what}; all it said is in {log}, and last:\n{last}")


def shown(words: Sequence[str], limit_s: float, env: Mapping[str, str] | None = None) -> int | None:
    """Runs `words` with its output on the terminal; its exit status, None if it did not end in time."""
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, env=env)
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        process.kill()
        process.wait()


def _waited_for(process: subprocess.Popen[bytes], clock: Clock, log: Path, limit_s: float) -> int | None:
    give_up_s = time.monotonic() + limit_s
    while (left_s := give_up_s - time.monotonic()) > 0:
        try:
            return process.wait(min(_LINE_EVERY_S, left_s))
        except subprocess.TimeoutExpired:
            clock.say(f"    {(_lines(log) or ['...'])[-1][:90]}")
    return None


def _lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()
