"""The table of gains: rows, sentences, what is reached and what is still to gain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from advise_zoo import TOGETHER, GainRow, findings, gain_rows, markdown
from results import append_row, read_rows
from small_advice import CHANNELS, FOLD, contest, small_advice


def rows() -> list[GainRow]:
    return list(gain_rows(small_advice("mobilenetv2"), "mobilenetv2", 1, ""))


def test_a_row_an_edit_and_last_the_kept_ones_together() -> None:
    found = rows()
    assert [row.edit for row in found[:3]] == [CHANNELS, "malloc-steady", FOLD]
    assert found[0].gain == pytest.approx(0.2)
    assert found[0].difference == 1e-6
    last = found[-1]
    assert (last.edit, last.edits, last.verdict) == (TOGETHER, "fold-batch-norm+channels-last", "kept")
    assert last.gain == pytest.approx(0.3)
    assert last.base_s == pytest.approx(0.0104)


def test_rows_come_back_from_the_file_as_they_were(tmp_path: Path) -> None:
    for row in rows():
        append_row(tmp_path / "gains.csv", row)
    again = read_rows(tmp_path / "gains.csv", GainRow)
    assert [(row.edit, row.verdict, row.gain is None) for row in again] == [
        (row.edit, row.verdict, row.gain is None) for row in rows()
    ]


def test_what_was_expected_is_held_against_what_was_measured() -> None:
    assert "mobilenetv2, 1 threads: 30.0 % less time; 24 % expected, reached." in list(findings(rows()))
    slow = [replace(row, gain=0.1, gain_low=0.05, gain_high=0.3) if row.edit == TOGETHER else row for row in rows()]
    assert "mobilenetv2, 1 threads: 10.0 % less time; 24 % expected, in the interval." in list(findings(slow))
    slow = [replace(row, gain=0.1, gain_low=0.05, gain_high=0.2) if row.edit == TOGETHER else row for row in rows()]
    assert "mobilenetv2, 1 threads: 10.0 % less time; 24 % expected, NOT reached." in list(findings(slow))


def test_outputs_that_differ_are_not_passed_over() -> None:
    assert next(findings(rows())) == "Outputs differ by 1.0e-06 of the largest one at most: within 1e-04."
    bad = [replace(row, difference=2e-4) for row in rows()]
    assert "NOT within" in next(findings(bad))


@pytest.mark.parametrize(("ms", "alarms"), [(9.5, "1 of"), (9.95, "0 of"), (11.0, "0 of")])
def test_what_is_still_to_gain_after_the_kept_edits_is_counted(ms: float, alarms: str) -> None:
    advice = replace(small_advice(), contests=(contest("alone", {(): 10.0, ("in-place",): ms}),), chosen=())
    again = list(gain_rows(advice, "mobilenetv2", 1, "fold-batch-norm+channels-last"))
    (sentence,) = [text for text in findings([*rows(), *again]) if text.startswith("With the kept edits")]
    assert alarms in sentence
    assert ("in-place 5.0 %" in sentence) == (alarms == "1 of")


def test_the_table_has_every_row_once() -> None:
    text = markdown(rows())
    assert text.count("| mobilenetv2 | 1 |") == len(rows())
    assert "| **fold-batch-norm + channels-last** | 30.0 % | 30.0 to 30.0 % | 10.40 ms |" in text
