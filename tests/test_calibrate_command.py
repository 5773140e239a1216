"""`effprof calibrate` and what `effprof run` and `effprof render` make of it, on a make-believe device."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from small_ceilings import PLAN, write_plan

from effprof.cli import main
from effprof.errors import InterruptedRunError
from effprof.store.ceilings_json import HOME_VARIABLE, loads_ceilings

RUN = ("run", "--model", "shufflenetv2_0.5", "--img-size", "64", "--max-time", "1")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home" / "ceilings"


@pytest.fixture
def device(tmp_path: Path) -> str:
    write_plan(tmp_path)
    return "fake:plan.json"


def calibrate(device: str, *words: str) -> int:
    return main(["calibrate", "--device", device, "--quick", *words])


def test_it_saves_shows_and_is_not_done_twice(device: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calibrate(device) == 0
    first = capsys.readouterr()
    (file,) = home.iterdir()
    found = loads_ceilings(file.read_bytes())
    assert found.compute_of("matmul").mult_adds_per_s.value == pytest.approx(4e10)
    assert "about" in first.err
    assert max(map(len, first.out.splitlines())) <= 80
    for word in ("matmul", "40.00 G", "100.0 GB", "memory", "between processes", "torch"):
        assert word.lower() in first.out.lower()
    before = file.read_bytes()
    assert calibrate(device) == 0
    second = capsys.readouterr()
    assert "--force measures again" in second.err
    assert "about" not in second.err
    assert file.read_bytes() == before
    assert second.out == first.out
    assert calibrate(device, "--force") == 0
    assert file.read_bytes() != before, "at least its date and duration are new"


def test_json_to_stdout_is_the_saved_record(device: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calibrate(device, "--json", "--quiet") == 0
    (file,) = home.iterdir()
    captured = capsys.readouterr()
    assert captured.out.encode() == file.read_bytes()
    assert captured.err == ""
    assert calibrate(device, "--json", "copy.json", "--quiet") == 0
    assert Path("copy.json").read_bytes() == file.read_bytes()


def test_ctrl_c_keeps_nothing(
    device: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: Any) -> None:
        raise InterruptedRunError("Interrupted before anything was measured.")

    monkeypatch.setattr("effprof.ceilings.session.measure_ceilings", interrupted)
    assert calibrate(device) == 130
    assert os.listdir(home) == []
    assert "Traceback" not in capsys.readouterr().err


def test_a_damaged_calibration_is_measured_anew(
    device: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calibrate(device, "--quiet") == 0
    (file,) = home.iterdir()
    whole = loads_ceilings(file.read_bytes())
    file.write_bytes(b"{")
    assert calibrate(device) == 0
    assert "Calibrating anew" in capsys.readouterr().err
    assert loads_ceilings(file.read_bytes()).compute == whole.compute


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--device", "ssh://pi@board"], 2, "Run effprof calibrate there"),
        (["--device", "tpu9"], 2, "No device named"),
        (["--threads", "0"], 2, "--threads is '0'"),
        (["--precision", "int8"], 2, "--precision is 'int8'"),
        (["--json", "no/where/x.json"], 2, "cannot be written"),
    ],
)
def test_bad_options_are_a_line(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert main(["calibrate", *words]) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not home.exists()


def test_a_place_that_cannot_be_written_is_said_before_anything_is_measured(
    device: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.parent.write_text("in the way")
    assert calibrate(device) == 2
    assert HOME_VARIABLE in capsys.readouterr().err


def test_a_run_without_a_calibration_says_so_once(device: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--device", device, "--output-dir", "out"]) == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "No ceilings for make-believe clock (1 thread, fp32): not calibrated yet. `effprof calibrate --device "
        "fake:plan.json --threads 1` measures them.",
        "Charts, report.json and what else there is: out",
    ]
    report = json.loads(Path("out/report.json").read_bytes())
    assert report["ceilings"]["mult_adds_per_s"] is None
    assert report["ceilings"]["reason"].startswith("not calibrated: effprof calibrate")
    assert {op["bound"] for op in report["ops"]} == {None}
    assert not {"ceilings.json", "roofline.png"} & set(os.listdir("out"))


def test_a_run_with_one_holds_every_op_against_it(
    device: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calibrate(device, "--quiet") == 0
    assert main([*RUN, "--device", device, "--output-dir", "out"]) == 0
    captured = capsys.readouterr()
    assert "ceilings" not in captured.err
    assert "What bounds the ops" in captured.out
    assert max(map(len, captured.out.splitlines())) <= 80
    assert {"ceilings.json", "roofline.png", "roofline.svg"} <= set(os.listdir("out"))
    report = json.loads(Path("out/report.json").read_bytes())
    assert report["ceilings"]["reason"] is None
    assert report["ceilings"]["mult_adds_per_s"]["matmul"] == pytest.approx(4e10)
    assert "above-ceiling" not in {note["code"] for note in report["notes"]}
    check_shares(report)
    header = Path("out/ops.csv").read_text().splitlines()[0]
    assert header.endswith("input_shapes,output_shapes,mult_adds_per_s,bytes_per_s,bound,ceiling_share")


def check_shares(report: dict[str, Any]) -> None:
    """An op takes mult_adds / 30 G + bytes / 10 G here; what a convolution takes at best is worked out again."""
    rates = PLAN["ceilings"]["mult_adds_per_s"]
    seen = set()
    for op in report["ops"]:
        if op["category"] == "overhead":
            assert (op["bound"], op["ceiling_share"]) == ("overhead", None)
            continue
        moved = op["read_bytes"] + op["write_bytes"]
        assert op["mult_adds_per_s"] == pytest.approx(op["mult_adds"] / op["time_s"])
        assert op["bytes_per_s"] == pytest.approx(moved / op["time_s"])
        assert 0 < op["ceiling_share"] <= 1
        if op["kind"] in ("dense", "pointwise", "depthwise"):
            work_s = op["mult_adds"] / rates.get(op["kind"], PLAN["rates"]["mult_adds_per_s"])
            memory_s = moved / (100e9 if moved <= 2**16 else 40e9)
            times_s = {"compute": work_s, "memory": memory_s, "overhead": 1e-7}
            bound = max(times_s, key=lambda name: times_s[name])
            # Between two working sets the smaller one's rate counts, so near a cache's end either may.
            if not 2**16 < moved < 2**17:
                assert op["ceiling_share"] == pytest.approx(times_s[bound] / op["time_s"], rel=1e-6)
                assert op["bound"] == bound
        seen.add(op["bound"])
    assert {"compute", "memory"} <= seen


def test_render_makes_it_again_from_the_folder_alone(
    device: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calibrate(device, "--quiet") == 0
    assert main([*RUN, "--device", device, "--output-dir", "out"]) == 0
    for file in home.iterdir():
        file.unlink()
    assert main(["render", "out", "--output-dir", "again"]) == 0
    assert set(os.listdir("again")) == set(os.listdir("out"))
    for name in set(os.listdir("out")) - {"decomposition.png", "roofline.png"}:
        assert Path("again", name).read_bytes() == Path("out", name).read_bytes(), name
    from effprof import load

    assert load("again").to_dict() == json.loads(Path("out/report.json").read_bytes())


def test_faster_than_planned_is_called_a_fault(
    device: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The calibration is of a device whose convolutions are ten times as slow as they then turn out to be."""
    slow = {"dense": 1e9, "pointwise": 1e9, "depthwise": 1e9}
    write_plan(tmp_path, mult_adds_per_s=slow)
    assert calibrate(device, "--quiet") == 0
    write_plan(tmp_path)
    assert main([*RUN, "--device", device, "--output-dir", "out"]) == 0
    assert "above-ceiling" in capsys.readouterr().out
    report = json.loads(Path("out/report.json").read_bytes())
    note = next(note for note in report["notes"] if note["code"] == "above-ceiling")
    assert "measurement fault" in note["text"]


@pytest.mark.parametrize(
    ("ceilings", "said"),
    [
        ({"mult_adds_per_s": {"dense": 1e19}}, "is not kept: a rate is not above 0 and up to 1e+18 a second"),
        ({"seconds_per_call": 1e9}, "is not kept: the time of a call is not from 0 to 1e+06 s"),
        ({"spread": 1e3}, "is not a plan for the fake device"),
    ],
)
def test_what_no_device_can_be_is_a_line(
    ceilings: dict[str, Any], said: str, device: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_plan(tmp_path, **ceilings)
    assert calibrate(device, "--quiet") == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not home.exists() or list(home.iterdir()) == []
