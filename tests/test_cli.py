"""The command line: what bad input gets told, exit codes, and the commands that need no measurement."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_profile import TIMED

from effprof import cli
from effprof import settings as effprof_settings
from effprof.cli import explain, main
from effprof.commands import COMMANDS
from effprof.commands.options import parse_device, run_specs
from effprof.errors import EffprofError, UnavailableError, UnknownNameError
from effprof.records import RunSpec
from effprof.store import dumps_profile

ROOT = Path(__file__).parents[1]
MODEL = ["--model", "mobilenetv2"]

BAD_INPUT = [
    ([], 2, "usage: effprof"),
    (["rnu"], 2, "No command named 'rnu'. Known: run, count, guidelines, "),
    (["--nonsense"], 2, "required: COMMAND"),
    (["run"], 2, "required: --model"),
    (["run", *MODEL, "--nonsense"], 2, "unrecognized arguments: --nonsense"),
    (["run", *MODEL, "--batch", "4"], 2, "unrecognized arguments: --batch 4"),
    (["run", *MODEL, "--device", "tpu9"], 2, "No device named 'tpu9'. Known: auto, cpu, cuda[:N], fake[:PLAN.json], s"),
    (["run", *MODEL, "--device", "cpuu"], 2, "Did you mean cpu?"),
    (["run", *MODEL, "--device", "cpu:1"], 2, "No device named 'cpu:1'"),
    (["run", *MODEL, "--device", "cuda:999"], 3, "'cuda:999' is not available: "),
    (["run", *MODEL, "--device", "cuda:999"], 3, "Available: cpu and fake."),
    (["run", *MODEL, "--device", "fake:no.json"], 2, "There is no plan file 'no.json'"),
    (["run", *MODEL, "-b", "0"], 2, "--batch-size is '0'. It must be a whole number from 1 up."),
    (["run", *MODEL, "-b", "-1"], 2, "--batch-size is '-1'"),
    (["run", *MODEL, "-b", "1.5"], 2, "--batch-size is '1.5'"),
    (["run", *MODEL, "-b", "9" * 5000], 2, "--batch-size is '999"),
    (["run", *MODEL, "--threads", "0"], 2, "--threads is '0'. It must be a whole number from 1 to 1024."),
    (["run", *MODEL, "--threads", "100000"], 2, "--threads is '100000'"),
    (["run", *MODEL, "--rounds", "0"], 2, "--rounds is '0'"),
    (["run", *MODEL, "--warmup", "-1"], 2, "--warmup is '-1'"),
    (["run", *MODEL, "--min-time", "nan"], 2, "--min-time is 'nan'. It must be a number of seconds from 0 to 86400."),
    (["run", *MODEL, "--min-time", "inf"], 2, "--min-time is 'inf'"),
    (["run", *MODEL, "--max-time", "-3"], 2, "--max-time is '-3'"),
    (["run", *MODEL, "--max-time", "soon"], 2, "--max-time is 'soon'"),
    (["run", *MODEL, "--min-time", "9", "--max-time", "8"], 2, "--max-time is 8, less than --min-time. Give --max-"),
    (["run", *MODEL, "--precision", "fp61"], 2, "Known: fp32, fp16, bf16, amp. Did you mean fp16?"),
    (["run", *MODEL, "--malloc", "jemalloc"], 2, "Known: default, steady."),
    (["run", *MODEL, "--img-size", "0"], 2, "--img-size is '0'"),
    (["run", *MODEL, "--input-shape", "3x0x4"], 2, "--input-shape is '3x0x4'. Write the axes without the batch"),
    (["run", *MODEL, "--img-size", "8", "--input-shape", "3x8x8"], 2, "Give one of them"),
    (["run", "--model", "mobilenetv3"], 2, "No model named 'mobilenetv3'. Did you mean mobilenetv2"),
    (["count", "--model", "no.py:build"], 2, "no.py"),
    (["count", *MODEL, "--output-dir", "pyproject.toml"], 2, "The output folder pyproject.toml is a file"),
    (["count", *MODEL, "--output-dir", "effprof"], 2, "which effprof did not write"),
    (["count", *MODEL, "--json", "no/where.json"], 2, "No such file or directory"),
    (["render", "no/where"], 2, "There is no no/where"),
    (["render", "LICENSE"], 2, "not whole JSON"),
    (["models", "--provider", "torchvison"], 2, "Did you mean torchvision"),
]


@pytest.mark.parametrize(("words", "code", "message"), BAD_INPUT, ids=lambda value: str(value)[:50])
def test_bad_input_is_a_few_lines(
    words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(words) == code
    captured = capsys.readouterr()
    assert message in (captured.err or captured.out)
    assert len(captured.err.splitlines()) <= 4
    assert all(len(line) <= 400 for line in captured.err.splitlines())
    assert "Traceback" not in captured.err
    assert captured.err.startswith("effprof: ") or not words


@settings(deadline=None, max_examples=100)
@given(st.text())
def test_an_error_is_shown_without_what_steers_a_terminal(text: str) -> None:
    lines = explain(EffprofError(text)).split("\n")
    assert len(lines) <= 4
    assert not [char for line in lines for char in line if unicodedata.category(char) in ("Cc", "Cf")]
    assert max(map(len, lines)) <= 400


def test_an_error_keeps_its_words() -> None:
    assert explain(EffprofError("layer \x1b[31mred\x1b[0m\nSee this.")) == "effprof: layer red\nSee this."


class FakeCommand:
    """A command that does what a test wants."""

    def __init__(self, outcome: BaseException | int) -> None:
        self.outcome = outcome

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, _args: argparse.Namespace) -> int:
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


@pytest.mark.parametrize(
    ("outcome", "code", "stderr"),
    [
        (0, 0, ""),
        (4, 4, ""),
        (EffprofError("Found this."), 2, "effprof: Found this.\n"),
        (UnavailableError("Not here."), 3, "effprof: Not here.\n"),
        (KeyboardInterrupt(), 130, "effprof: Interrupted.\n"),
    ],
)
def test_outcomes_become_exit_codes(
    outcome: BaseException | int,
    code: int,
    stderr: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "load_command", lambda _name: FakeCommand(outcome))
    assert main(["devices"]) == code
    assert capsys.readouterr().err == stderr


def test_a_bug_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "load_command", lambda _name: FakeCommand(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError):
        main(["devices"])


@pytest.mark.parametrize("words", [["--debug", "devices"], ["devices", "--debug"]])
def test_debug_shows_where_an_error_comes_from(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "load_command", lambda _name: FakeCommand(EffprofError("Found this.")))
    assert main(words) == 2
    captured = capsys.readouterr().err
    assert "Traceback" in captured
    assert captured.endswith("\neffprof: Found this.\n")


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "effprof 0.1.0\n"
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    listed = [line.split()[0] for line in text.splitlines() if line.startswith("    ") and line[4] != " "]
    assert listed == list(COMMANDS)


def start(words: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=ROOT, text=True, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload]


def test_both_modules_are_the_command() -> None:
    one = start(["effprof", "run", *MODEL, "-b", "0"])
    other = start(["effprof.run", *MODEL, "-b", "0"])
    assert one.returncode == other.returncode == 2
    assert one.stderr == other.stderr == "effprof: --batch-size is '0'. It must be a whole number from 1 up.\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = start(["effprof", "models", "--json"], stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_behind_stdout_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = start(["effprof", "models"], stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith("effprof: Could not write to stdout: No space left on device.")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", ("auto", None)),
        ("cpu", ("cpu", None)),
        ("cuda", ("cuda", None)),
        ("cuda:1", ("cuda", "1")),
        ("fake", ("fake", None)),
        ("fake:a:b.json", ("fake", "a:b.json")),
    ],
)
def test_a_device_is_a_kind_and_its_argument(text: str, expected: tuple[str, str | None]) -> None:
    assert parse_device(text) == expected


@pytest.mark.parametrize("text", ["", "gpu", "CPU", "cpu:", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "fake:", "auto:1"])
def test_no_device_of_that_name(text: str) -> None:
    with pytest.raises(UnknownNameError, match="Known: auto, cpu"):
        parse_device(text)


def test_an_input_shape_is_written_with_crosses() -> None:
    assert effprof_settings.input_shape("3x224x192") == (3, 224, 192)
    assert effprof_settings.input_shape("7") == (7,)


def parsed(*words: str) -> argparse.Namespace:
    return cli.build_parser("run").parse_args(["run", *words])


def test_without_options_a_spec_has_its_defaults() -> None:
    # --device auto is the CPU, also where there is a GPU
    assert run_specs(parsed(*MODEL)) == (RunSpec("mobilenetv2", device="cpu"),)


def test_every_option_reaches_the_spec() -> None:
    words = (
        "--model a --model b -b 4 --input-shape 3x8x8 --input-shape 5 --precision bf16 --channels-last --threads 2 "
        "--fold-bn --malloc steady --rounds 3 --warmup 7 --min-time 0.5 --max-time 2 --seed 9 --device fake"
    )
    expected = RunSpec(
        model="a",
        device="fake",
        batch_size=4,
        input_shape=((3, 8, 8), (5,)),
        precision="bf16",
        channels_last=True,
        threads=2,
        fold_bn=True,
        malloc="steady",
        rounds=3,
        warmup=7,
        min_time_s=0.5,
        max_time_s=2.0,
        seed=9,
    )
    first, second = run_specs(parsed(*words.split()))
    assert first == expected
    assert (second.model, second.batch_size) == ("b", 4)


def test_an_image_size_leaves_the_other_axes_to_the_network() -> None:
    (spec,) = run_specs(parsed(*MODEL, "--img-size", "96"))
    assert (spec.img_size, spec.input_shape) == (96, ())


def test_devices_says_what_is_here_and_why_the_rest_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--json"]) == 0
    cpu, cuda, fake = json.loads(capsys.readouterr().out)["devices"]
    assert (cpu["kind"], cpu["available"], cpu["reason"]) == ("cpu", True, None)
    assert cpu["cores"] >= 1
    assert (cuda["kind"], cuda["available"]) == ("cuda", cuda["reason"] is None)
    assert (fake["kind"], fake["available"]) == ("fake", True)


NETWORK = """
from torch import nn
def build():
    return nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.ReLU())
"""


def test_count_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    words = ["count", "--model", f"{tmp_path / 'net.py'}:build", "--input-shape", "3x8x8", "-b", "2"]
    assert main([*words, "--json", "-", "--output-dir", str(tmp_path / "out")]) == 0
    content = json.loads(capsys.readouterr().out)
    # 2 images, 8 * 8 places, 3 channels in, 4 out, a filter of one point
    assert content["totals"]["mult_adds"] == 2 * 64 * 3 * 4
    assert (content["model"]["parameters"], content["latency"], content["device"]) == (12, None, None)
    saved = json.loads((tmp_path / "out" / "report.json").read_bytes())
    assert saved["totals"] == content["totals"]


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "profile.json").write_bytes(dumps_profile(TIMED))
    return folder


ALL_FILES = {"profile.json", "report.json", "layers.csv", "ops.csv", "decomposition.png", "decomposition.svg"}


def test_render_writes_all_files_beside_the_profile(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run_folder / "notes.txt").touch()  # the user's own, beside our files
    assert main(["render", str(run_folder)]) == 0
    assert set(os.listdir(run_folder)) == ALL_FILES | {"notes.txt"}
    assert (run_folder / "profile.json").read_bytes() == dumps_profile(TIMED)
    assert "net.py:build" in capsys.readouterr().out


def test_render_can_go_elsewhere_and_look_in_another_way(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    words = ["render", str(run_folder / "profile.json"), "--output-dir", str(other), "--depthwise-as", "elemwise"]
    assert main([*words, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    # the median of 3.0 and 3.1 ms
    assert content["latency"]["median_s"] == pytest.approx(0.00305)
    assert json.loads((other / "report.json").read_bytes()) == content
    assert set(os.listdir(other)) == ALL_FILES
    assert os.listdir(run_folder) == ["profile.json"]


def test_render_beside_a_file_of_another_name_asks_for_a_folder(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run_folder / "profile.json").rename(run_folder / "mine.json")
    assert main(["render", str(run_folder / "mine.json")]) == 2
    assert "holds mine.json, which effprof did not write" in capsys.readouterr().err
    assert os.listdir(run_folder) == ["mine.json"]


def test_quiet_is_quiet(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(run_folder), "--quiet", "--json", str(run_folder.parent / "copy.json")]) == 0
    assert capsys.readouterr() == ("", "")
    assert json.loads((run_folder.parent / "copy.json").read_bytes())["format"] == "effprof.report/1"


def test_render_needs_no_torch(run_folder: Path) -> None:
    code = f"import sys; from effprof.cli import main; main(['render', {str(run_folder)!r}])"
    code += "; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
