"""Lines on stderr: broken between words in a terminal, whole in a log."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.commands import said
from effprof.commands.said import broken


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@settings(deadline=None)
@given(st.lists(st.from_regex(r"[a-z/-]{1,30}", fullmatch=True), min_size=1, max_size=40))
def test_no_word_is_lost_and_no_line_too_long(words: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(said, "terminal_width", lambda: 40)
        patch.setattr("sys.stderr", Terminal())
        lines = broken(" ".join(words)).splitlines()
    assert " ".join(lines).split() == words
    assert max(map(len, lines)) <= 40


def test_in_a_log_a_line_stays_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    said.say("word " * 40)
    assert len(capsys.readouterr().err.splitlines()) == 1
