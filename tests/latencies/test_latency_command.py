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
    (fitted,) = out.glob("device-*.json")
    record = json.loads(fitted.read_text())
    assert (fitted.name, record["format"], record["device"]) == (
        "device-here.json", "effprof.device-regression/1", "=here",
    )  # fmt: skip
    assert record["coefficients"] == device["formulas"][-1]["coefficients"]
    assert record["source"]["table"] == "mine.csv"
    assert record["source"]["networks"] == ["alexnet", "mobilenetv2", "resnet18", "squeezenet1_1", "vgg11"]
    assert record["source"]["command"].startswith("effprof guidelines --device fake")
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


def test_a_fit_that_fails_is_one_line_and_keeps_what_was_measured(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import effprof.latencies

    def failing(*_args: object, **_options: object) -> None:
        raise ValueError("Residuals are not finite in the initial point.")

    monkeypatch.setattr(effprof.latencies, "regression_of", failing)
    out = tmp_path / "out"
    assert main([*WORDS, "--latencies", str(path), "--quiet", "--output-dir", str(out)]) == 2
    assert capsys.readouterr().err == (
        "effprof: mine.csv could not be fitted: Residuals are not finite in the initial point. "
        "Give measured medians, in milliseconds.\n"
    )
    content = json.loads((out / "guidelines.json").read_text())
    assert content["regression"] is None
    assert content["guidelines"][0]["verdict"]
    assert (out / "sweep.json").is_file()


def test_a_bug_in_the_fit_does_not_lose_what_was_measured_either(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import effprof.latencies

    def wrong(*_args: object, **_options: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(effprof.latencies, "regression_of", wrong)
    with pytest.raises(KeyError):
        main([*WORDS, "--latencies", str(path), "--quiet", "--output-dir", str(tmp_path / "out")])
    assert (tmp_path / "out" / "sweep.json").is_file()


@pytest.mark.parametrize("extreme_ms", ["1e-06", "8.64e7"])
def test_times_at_the_bounds_are_fitted(extreme_ms: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(TABLE.replace("alexnet,1,9", f"alexnet,1,{extreme_ms}"))
    assert main([*WORDS, "--latencies", str(path), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["regression"]["table"] == "mine.csv"
