"""What the scripts share: the loop that measures, rows on disk, devices that are not here."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from results import Measured, append_row, keep_row, measure_all, read_rows

from effprof.errors import EffprofError, InterruptedRunError


@dataclass(frozen=True, kw_only=True)
class Row(Measured):
    value: int


def row(value: int, **changed: object) -> Row:
    fields = {"device": "cpu", "cpu": "Imaginary CPU", "torch": "2.14.1", "malloc": "glibc", "git": "abc"}
    return Row(**{**fields, "started_utc": "2026-01-01T00:00:00Z", "command": "python x", "value": value, **changed})


def test_what_cannot_be_measured_is_told_and_the_rest_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    kept: list[int] = []

    def measured(task: int) -> int:
        if task == 2:
            raise EffprofError("it has no output.")
        return 10 * task

    def keep(result: int) -> str:
        kept.append(result)
        return f"value {result}"

    failed = measure_all([1, 2, 3], measured, keep, named=lambda task: f"number {task}")
    assert failed == ["number 2: it has no output."]
    assert kept == [10, 30]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[1/3] value 10, ")
    assert lines[1] == failed[0]
    assert lines[2].startswith("[3/3] value 30, 0 min left")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), InterruptedRunError("Interrupted.")])
def test_an_interrupt_ends_it_and_says_what_is_left(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    kept: list[int] = []

    def measured(task: int) -> int:
        if task == 2:
            raise error
        return task

    assert measure_all([1, 2, 3, 4], measured, lambda n: str(kept.append(n)), named=str, what="entries") == []
    assert kept == [1]
    assert "Interrupted; 3 entries are left for --resume." in capsys.readouterr().out


def test_no_task_begins_that_would_end_too_late(capsys: pytest.CaptureFixture[str]) -> None:
    assert measure_all([1, 2, 3], lambda task: task, str, named=str, minutes=1e-12) == []
    assert "2 runs are left for --resume" in capsys.readouterr().out


def test_rows_of_another_setting_are_not_mixed(tmp_path: Path) -> None:
    path, rows = tmp_path / "rows.csv", [row(1)]
    append_row(path, row(1))
    keep_row(path, rows, row(2, seed=5))
    with pytest.raises(SystemExit, match=r"would mix settings.*Use another --output-dir"):
        keep_row(path, rows, row(3, torch="2.9.1"), "--output-dir")
    assert read_rows(path, Row) == [row(1), row(2, seed=5)]


def test_a_file_from_before_a_column_was_added_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("device,cpu,torch,malloc,git,started_utc,command,value\ncpu,Imaginary CPU,2.14.1,glibc,abc,"
                    "2026-01-01T00:00:00Z,python x,1\n")  # fmt: skip
    assert read_rows(path, Row) == [row(1)]
    append_row(path, row(2, seed=7))
    append_row(path, row(3, seed=8))
    assert read_rows(path, Row) == [row(1), row(2, seed=7), row(3, seed=8)]
    assert path.read_text().splitlines()[1] == "cpu,Imaginary CPU,2.14.1,glibc,abc,2026-01-01T00:00:00Z,python x,,1"


@pytest.mark.parametrize("script", ["zoo_table", "latency_zoo", "compare_rates", "paper_tables", "paper_table8"])
@pytest.mark.parametrize("device", ["NONSENSE", "tpu9", "fake:none.json"])
def test_a_device_that_is_not_here_is_refused(
    script: str, device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And not measured on the CPU under its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"{script}.py", "--device", device])
    with pytest.raises(SystemExit) as caught:
        importlib.import_module(script).main()
    assert caught.value.code == 2
    assert device.removeprefix("fake:") in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
