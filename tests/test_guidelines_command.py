"""`effprof guidelines` from the command line: options, outputs, exit codes."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest
from small_sweep import planned_sweep, timed_entry

from effprof.bench import sweep as sweep_module
from effprof.bench.turns import GRACE_S
from effprof.cli import build_parser, main
from effprof.commands.guidelines import TOO_NOISY, how_long, sweep_spec
from effprof.statistics import MIN_ROUNDS
from effprof.sweep_records import GUIDELINES, SweepSpec


def parsed(*words: str) -> argparse.Namespace:
    return build_parser("guidelines").parse_args(["guidelines", *words])


def spec(*words: str) -> SweepSpec:
    return sweep_spec(parsed(*words))


@pytest.fixture
def plan(tmp_path: Path) -> str:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"guidelines": {"G1": 1.5, "G2": 2, "G3": 1.1, "G4": 0.9}}))
    return f"fake:{path}"


def test_defaults() -> None:
    assert spec() == SweepSpec(other_scales=("x2", "x4"))


def test_quick_is_the_judged_scale_with_fewer_rounds() -> None:
    quick = spec("--quick", "--scale", "x2")
    assert (quick.scale, quick.other_scales, quick.min_rounds, quick.max_time_s) == ("x2", (), 6, 6.0)
    assert quick.min_rounds >= MIN_ROUNDS
    assert (quick.max_time_s + GRACE_S) * len(GUIDELINES) < 60  # under a minute, on a slow machine too
    assert spec("--quick", "--max-time", "3").max_time_s == 3


def test_how_long_it_takes_is_said_before() -> None:
    """Twelve times 30 s and a grace of 5; four times 6 and 5; one."""
    assert how_long(spec()) == "12 experiments: at most 7 min, usually far less (--quick: under a minute)."
    assert how_long(spec("--quick")) == "4 experiments: at most 44 s, usually far less."
    assert how_long(spec("--only", "G1", "--one-scale")) == "1 experiment: at most 35 s, usually far less."


def test_every_option_reaches_the_spec() -> None:
    words = "--only g3,G1 --only G4 --scale x4 --one-scale --widths gpu -b 2 --img-size 28 --precision bf16"
    words += " --channels-last --threads 1 --malloc steady --seed 7 --margin 5% --max-time 9 --device cpu"
    assert spec(*words.split()) == SweepSpec(
        device="cpu", guidelines=("G1", "G3", "G4"), platform="gpu", scale="x4", batch_size=2, img_size=28,
        precision="bf16", channels_last=True, threads=1, malloc="steady", seed=7, margin=0.05, max_time_s=9.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "G5"], "--only is 'G5'"),
        (["--scale", "x3"], "--scale is 'x3'"),
        (["--margin", "nan"], "--margin is 'nan'"),
        (["--margin", "-1"], "--margin is '-1'"),
        (["--widths", "tpu"], "--widths is 'tpu'"),
        (["--img-size", "0"], "--img-size is '0'"),
        (["--device", "tpu9"], "No device named 'tpu9'"),
    ],
)
def test_bad_input_is_a_few_lines(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guidelines", *words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) <= 4


def test_json_to_stdout_is_all_there_is(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guidelines", "--device", plan, "--quick", "--only", "G1,G4", "--json", "-"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [(entry["id"], entry["verdict"]) for entry in content["guidelines"]] == [("G1", "holds"), ("G4", "fails")]
    assert content["setting"]["command"].startswith("effprof guidelines --device fake:")


def test_files_are_written_only_when_asked(plan: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["guidelines", "--device", plan, "--quick", "--only", "G1", "--quiet"]
    out, file = tmp_path / "out", tmp_path / "file.json"
    assert main([*words, "--output-dir", str(out), "--json", str(file)]) == 0
    names = {path.name for path in out.iterdir()}
    assert names == {"sweep.json", *(f"guidelines.{ending}" for ending in ("json", "csv", "txt", "png", "svg"))}
    assert file.read_bytes() == (out / "guidelines.json").read_bytes()
    assert capsys.readouterr().out == ""


def test_a_folder_with_other_files_is_refused_before_anything_slow(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["guidelines", "--output-dir", str(tmp_path)]) == 2


def test_nothing_but_doubt_is_exit_4(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    noisy = timed_entry([[0.01] * 6] * 3 + [[0.005, 0.02, 0.005, 0.02, 0.01, 0.01]])
    sweep = replace(planned_sweep(), entries=(noisy,))
    monkeypatch.setattr(sweep_module, "measure_sweep", lambda spec, progress: sweep)
    assert main(["guidelines"]) == TOO_NOISY == 4
    assert "inconclusive" in capsys.readouterr().out


def test_an_interrupted_sweep_is_shown_and_exit_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = replace(planned_sweep(), partial=True)
    monkeypatch.setattr(sweep_module, "measure_sweep", lambda spec, progress: sweep)
    assert main(["guidelines"]) == 130
    assert "partial: interrupted" in capsys.readouterr().out
