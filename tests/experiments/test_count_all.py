"""Counting whole libraries: a network that dies or hangs is a line, and what torch prints on the way is seen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import count_all
import pytest
import torch
from count_one import Row, is_classes, look_at, what_is_printed

COUNTED = Row(name="timm:net", status="counted", mult_adds=7, torch_mult_adds=7)


def test_one_network() -> None:
    row = look_at("lenet5", leave_out=True, one_pass=True)
    assert (row.status, row.built_on, row.output, row.parameters) == ("counted", "meta", "2x10", 61_706)
    assert row.mult_adds == row.torch_mult_adds == row.one_pass_mult_adds
    assert row.is_fine
    assert not look_at("lenet_5", leave_out=True, one_pass=False).is_fine


@pytest.mark.parametrize(
    ("row", "is_fine"),
    [
        (COUNTED, True),
        (replace(COUNTED, torch_mult_adds=None), True),
        (replace(COUNTED, torch_mult_adds=8), False),
        (replace(COUNTED, one_pass_mult_adds=8), False),
        (replace(COUNTED, uncosted_ops="svd 1"), False),
        (replace(COUNTED, printed="UserWarning"), False),
        (replace(COUNTED, status="failed"), False),
        (replace(COUNTED, status="skipped", printed="UserWarning"), True),
    ],
)
def test_what_is_fine(row: Row, is_fine: bool) -> None:
    assert row.is_fine == is_fine


def test_classes_are_one_row_an_image() -> None:
    assert is_classes(torch.zeros(2, 10))
    assert not is_classes(torch.zeros(1, 10))
    assert not is_classes(torch.zeros(2, 10, 1))
    assert not is_classes((torch.zeros(2, 10),))


def test_everything_printed_is_caught(capfd: pytest.CaptureFixture[str]) -> None:
    with what_is_printed() as printed:
        os.write(1, b"one ")
        os.write(2, b"two")
    assert printed() == "one two"
    os.write(1, b"after")
    assert capfd.readouterr().out == "after"


@pytest.mark.parametrize(
    ("look", "argument", "timeout_s", "reason"),
    [(os._exit, 3, 120, "its process died: exit code 3"), (time.sleep, 100, 0.5, "not done after 0.5 s")],
)
def test_a_process_that_dies_or_hangs_is_a_line(
    look: Callable[..., Any], argument: Any, timeout_s: float, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(count_all, "PRELOADED", [])
    row, *none = count_all.in_processes(look, [argument], 1, timeout_s)
    assert (row.status, row.reason, none) == ("failed", reason, [])
