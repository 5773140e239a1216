"""`effprof advise` from the command line: options, outputs, exit codes; on the make-believe clock."""

from __future__ import annotations

import argparse
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from planned_advice import GAINS, plan_file
from small_advice import small_advice
from small_findings import small_found

from effprof.advice_records import AdviceSpec
from effprof.advise import whole
from effprof.advise.whole import Advised
from effprof.cli import build_parser, main
from effprof.commands import advise as advise_command
from effprof.commands.advise import advice_spec
from effprof.errors import InterruptedRunError
from effprof.records import RunSpec


def parsed(*words: str) -> argparse.Namespace:
    return build_parser("advise").parse_args(["advise", *words])


def spec(*words: str) -> AdviceSpec:
    return advice_spec(parsed("--model", "lenet5", *words))


def test_every_option_reaches_the_spec() -> None:
    words = "-b 2 --img-size 64 --precision bf16 --channels-last --threads 1 --malloc steady --seed 7 --device cpu"
    words += " --edits in-place,threads-2 --edits malloc-steady --after fold-batch-norm --max-time 9 --no-prices"
    assert spec(*words.split()) == AdviceSpec(
        RunSpec(
            "lenet5", device="cpu", batch_size=2, img_size=64, precision="bf16", channels_last=True, threads=1,
            malloc="steady", seed=7,
        ),
        ("in-place", "threads-2", "malloc-steady"), ("fold-batch-norm",), 9.0, False,
    )  # fmt: skip
    assert (spec().max_time_s, spec().prices) == (180, True)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--edits", "fold-batchnorm"], 2, "fold-batch-norm"),
        (["--after", "malloc-steady"], 2, "--after is 'malloc-steady'"),
        (["--model", "vgg11"], 2, "takes one network at a time"),
        (["--fail-on", "finding:error"], 2, "--fail-on is 'finding:error'"),
        (["--device", "ssh://board"], 3, "Run it there"),
        (["--max-time", "nan"], 2, "--max-time is 'nan'"),
    ],
)
def test_bad_input_is_a_few_lines(
    words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["advise", "--model", "lenet5", *words]) == code
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) <= 4


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> str:
    return plan_file(tmp_path_factory.mktemp("plan"), {**GAINS, "malloc-steady": 0.3})


def test_the_whole_way_through_processes(planned: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, file, markdown = tmp_path / "out", tmp_path / "advice.json", tmp_path / "advice.md"
    words = ["advise", "--model", "lenet5", "--device", planned, "--threads", "1", "--max-time", "30"]
    words += ["--output-dir", str(out), "--json", str(file), "--markdown", str(markdown), "--fail-on", "finding:warn"]
    assert main(words) == 1
    shown = capsys.readouterr()
    assert "about 30 s at most" in shown.err
    assert "fold-batch-norm + channels-last: 28.0 % less time" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    content = json.loads(file.read_text())
    assert content["recommended"] == ["fold-batch-norm", "channels-last"]
    found = {edit["name"]: edit["gain"] for edit in content["edits"] if edit["gain"] is not None}
    assert found == pytest.approx({**GAINS, "malloc-steady": 0.3})
    assert file.read_bytes() == (out / "advice.json").read_bytes()
    assert markdown.read_bytes() == (out / "advice.md").read_bytes()
    assert content["setting"]["command"].startswith("effprof advise --model lenet5 --device fake:")


def test_advice_on_ones_own_best_output_finds_nothing(planned: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["advise", "--model", "lenet5", "--device", planned, "--max-time", "5"]
    words += ["--after", "fold-batch-norm,channels-last", "--edits", ",".join(GAINS), "--json", "-"]
    assert main(words) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["recommended"] == []
    assert {edit["name"] for edit in content["edits"] if edit["verdict"] == "not applicable"} == {
        "fold-batch-norm", "channels-last",
    }  # fmt: skip


def test_an_interrupted_advice_is_shown_and_exit_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(whole, "advised", lambda *given: Advised(replace(small_advice(), partial=True), small_found()))
    assert main(["advise", "--model", "lenet5"]) == 130
    assert "partial: interrupted" in capsys.readouterr().out


def test_an_interrupt_before_anything_was_measured_is_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*given: object) -> Advised:
        raise InterruptedRunError("Interrupted before anything was measured.")

    monkeypatch.setattr(whole, "advised", interrupted)
    assert main(["advise", "--model", "lenet5"]) == 130
    assert "Interrupted before anything was measured." in capsys.readouterr().err


def test_quiet_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(whole, "advised", lambda *given: Advised(small_advice(), small_found()))
    assert main(["advise", "--model", "lenet5", "--quiet"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_ctrl_c_keeps_the_rounds_that_were_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So noisy that no figure is ever known, and as good as endless; the interrupt goes to us, and on to the worker."""
    device = plan_file(tmp_path, {"in-place": 0.1, "channels-last": 0.2}, noise=0.9)

    @contextmanager
    def watching(name: str, quiet: bool) -> Iterator[Callable[[str, float], None]]:
        def report(text: str, share: float) -> None:
            if text == "alone, round 20":
                os.kill(os.getpid(), signal.SIGINT)

        yield report

    monkeypatch.setattr(advise_command, "progress_bar", watching)
    words = ["advise", "--model", "lenet5", "--device", device, "--max-time", "86400", "--json", "-"]
    assert main(words) == 130
    content = json.loads(capsys.readouterr().out)
    assert content["partial"] is True
    assert content["recommended"] == []
    (alone,) = content["contests"]
    assert alone["stopped_because"] == "interrupted"
    assert len({len(version["rounds_s"]) for version in alone["versions"]}) == 1
    assert len(alone["order"]) >= 20
    assert content["findings"], "found before anything was interrupted"
