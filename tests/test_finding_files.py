"""`effprof run` writes its findings as JUnit and SARIF, and fails on them where that is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from findings import planted_networks as planted

from effprof.cli import main


def run(folder: Path, networks: tuple[str, ...], *more: str) -> int:
    words = ["run", "--device", "fake", "--input-shape", "32x56x56", "--quiet", "--output-dir", str(folder / "out")]
    for network in networks:
        words += ["--model", f"{planted.__file__}:{network}"]
    return main([*words, "--min-time", "0.01", "--max-time", "1", *more])


def test_one_suite_and_one_run_a_network(tmp_path: Path) -> None:
    junit, sarif = tmp_path / "findings.xml", tmp_path / "findings.sarif"
    networks = ("Sound", "BatchNorms")
    assert run(tmp_path, networks, "--junit", str(junit), "--sarif", str(sarif), "--fail-on", "finding:warn") == 1
    sound, norms = ElementTree.parse(junit).getroot()
    assert (sound.get("failures"), norms.get("failures")) == ("0", "1")
    failed = [case.get("name") for case in norms if case.find("failure") is not None]
    assert failed == ["G4-batch-norm"]
    runs = json.loads(sarif.read_text())["runs"]
    warned = [[one["ruleId"] for one in run["results"] if one["level"] == "warning"] for run in runs]
    assert warned == [[], ["G4-batch-norm"]]


@pytest.mark.parametrize(
    ("network", "level", "code"),
    [("Sound", "finding:warn", 0), ("Sound", "finding:info", 1), ("BatchNorms", "finding:warn", 1)],
)
def test_fail_on(network: str, level: str, code: int, tmp_path: Path) -> None:
    """Sound has findings for information: its convolutions are not in channels_last."""
    assert run(tmp_path, (network,), "--fail-on", level) == code


def test_without_fail_on_nothing_fails(tmp_path: Path) -> None:
    assert run(tmp_path, ("BatchNorms",)) == 0


def test_a_place_that_cannot_be_had_is_said_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, ("Sound",), "--junit", str(tmp_path)) == 2
    assert "is a folder" in capsys.readouterr().err
    assert run(tmp_path, ("Sound",), "--fail-on", "finding:error") == 2
