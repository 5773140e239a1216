"""Names made harmless, cut and measured."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from effprof.report.untrusted import cells, csv_text, cut_middle, printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("features.0", "features.0"),
        ("a\x1b[31mb\x1b[0m", "ab"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://x\x1b\\link", "alink"),
        ("a\x9b2Jb", "ab"),
        ("a\tb\nc\r\nd", "a b c d"),
        ("a\x00\x7f\x1bb", "a"),
        ("a\u202eb\u200bc", "abc"),
        ("µ × 网络", "µ × 网络"),
        ("\x9b31m", r"'\x9b31m'"),
        ("", ""),
    ],
)
def test_escape_sequences_and_control_characters_go(name: str, shown: str) -> None:
    assert printable(name) == shown


@settings(deadline=None, max_examples=200)
@given(st.text())
def test_nothing_that_moves_the_cursor_is_left(name: str) -> None:
    assert not [char for char in printable(name) if unicodedata.category(char) in ("Cc", "Cf", "Cs")]
    assert not csv_text(name).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_the_middle_goes_and_both_ends_stay() -> None:
    assert cut_middle("stage2.0.branch_main.conv_pw", 13) == "stag…_conv_pw"[:0] + "stag….conv_pw"
    assert cut_middle("short", 13) == "short"


@settings(deadline=None, max_examples=200)
@given(st.text(), st.integers(min_value=0, max_value=40))
def test_a_cut_text_fits(text: str, width: int) -> None:
    assert cells(cut_middle(text, width)) <= width


def test_widths_are_those_of_a_terminal() -> None:
    for text in ("abc", "网络", "é", "e\u0301", "…█░─"):
        assert cells(text) == cell_len(text)
