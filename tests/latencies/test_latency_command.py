"""`effprof guidelines --latencies` on the make-believe device: everything that is shown and written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from effprof.cli import main

TABLE = "device,model,batch,median_ms\n" + "".join(
    f"=here,{model},1,{median_ms}\n"
    for model, median_ms in (
        *(("alexnet", 9), ("mobilenetv2", 12), ("resnet18", 20), ("squeezenet1_1", 5), ("vgg11", 70)),
        *(("nothing_1", 3), ("os:abort", 4)),
    )
)
WORDS = ["guidelines", "--device", "fake", "--quick", "--only", "G1"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(TABLE)
    return path


def test_all_outputs_have_the_regression(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main([*WORDS, "--latencies", str(path), "--output-dir", str(out), "--json", "-"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in content["guidelines"]] == ["G1"]
    regression = content["regression"]
    assert regression["table"] == "mine.csv"
    (device,) = regression["devices"]
    assert (device["device"], device["networks"]) == ("=here", 5)
    assert [formula["name"] for formula in device["formulas"]][-1] == "cpu roofline"
    assert {(one["name"], one["rows"]) for one in regression["left_out"]} == {("nothing_1", 1), ("os:abort", 1)}
    assert {"regression.csv", "regression.png", "regression.svg"} <= {file.name for file in out.iterdir()}
    text = (out / "guidelines.txt").read_text()
    assert "Left out: 2 networks or devices with 2 rows." in " ".join(text.split())
    assert (out / "regression.csv").read_text().splitlines()[1].startswith("'=here,alexnet,mult_adds,")
    # A folder of ours may be written again.
    assert main([*WORDS, "--output-dir", str(out), "--quiet"]) == 0


def test_an_interrupt_during_the_fit_keeps_what_was_measured(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import effprof.latencies

    def interrupted(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(effprof.latencies, "regression_of", interrupted)
    assert main([*WORDS, "--latencies", str(path), "--json", "-"]) == 130
    content = json.loads(capsys.readouterr().out)
    assert content["regression"] is None
    assert content["guidelines"][0]["id"] == "G1"
