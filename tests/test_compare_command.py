"""`effprof compare` from the command line: outputs, thresholds, exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from small_comparison import profile_of_rounds

from effprof.cli import main
from effprof.records import Note
from effprof.store import dumps_profile

ROUNDS = [1.0, 1.01, 0.99, 1.0, 1.0]
Save = Callable[..., str]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Saves a run that takes `factor` times as long."""

    def save(name: str, factor: float = 1.0, threads: int = 1, rounds: int = 5, *notes: str) -> str:
        profile = profile_of_rounds([factor * value for value in ROUNDS[:rounds]])
        profile = replace(profile, notes=tuple(Note(code, "") for code in notes))
        assert profile.device is not None
        path = tmp_path / name
        path.write_bytes(dumps_profile(replace(profile, device=replace(profile.device, threads=threads))))
        return str(path)

    return save


def test_without_thresholds_the_exit_code_is_0(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", save("old.json"), save("new.json", 1.1)]) == 0
    out = capsys.readouterr().out
    assert "latency is worse: 1.100 times as long" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("factor", "rounds", "limits", "code"),
    [
        (1.1, 5, ["latency:5%"], 1),
        (1.1, 5, ["latency:20%"], 0),
        (1.1, 5, ["latency:20%", "time.conv:5%"], 1),
        (1.1, 5, ["share.conv:2pt"], 0),
        (1.0, 5, ["latency:5%"], 0),
        (1.0, 1, ["latency:5%"], 4),  # one process: at least 5 % to both sides, and its own interval
        (1.0, 1, ["latency:20%"], 0),
        (1.3, 1, ["latency:5%", "time.comm:5%"], 1),
    ],
)
def test_thresholds(
    save: Save, factor: float, rounds: int, limits: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [word for limit in limits for word in ("--fail-on", limit)]
    assert main(["compare", save("old.json", 1.0, 1, rounds), save("new.json", factor, 1, rounds), *options]) == code
    out = capsys.readouterr().out
    for limit in limits:
        assert f"--fail-on {limit}: " in out


@pytest.mark.parametrize(
    ("factor", "disturbed", "limit", "code"),
    [
        (1.045, None, "latency:1%", 1),
        (1.045, "new", "latency:1%", 4),  # inconclusive by itself: 4.5 % is less than the margin
        (1.045, "old", "latency:1%", 1),
        (1.0, "old", "latency:5%", 4),
        (1.0, "new", "latency:5%", 0),
        (1.0, "new", "share.conv:2pt", 4),
    ],
)
def test_thresholds_where_a_side_was_disturbed(
    save: Save, factor: float, disturbed: str | None, limit: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (
        save(f"{side}.json", own, 1, 5, *(["other-load"] * (side == disturbed)))
        for side, own in (("old", 1.0), ("new", factor))
    )
    assert main(["compare", old, new, "--fail-on", limit]) == code
    out = capsys.readouterr().out
    assert "latency is inconclusive" in out or factor == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fail-on", "latency"], "--fail-on is 'latency'"),
        (["--fail-on", "latncy:5%"], "Did you mean latency?"),
        (["--fail-on", "share.conv:5%"], "share.conv:5pt"),
        (["--margin", "-1"], "--margin is '-1'"),
        (["--spread", "nan"], "--spread is 'nan'"),
        (["--json", "-", "--junit", "-"], "--json and --junit cannot both go to stdout"),
        (["--json", "no/where/x.json"], "No such file or directory"),
    ],
)
def test_bad_options_are_a_line(
    save: Save, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", save("old.json"), save("new.json"), *options]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert captured.out == ""


def test_other_threads_are_not_comparable(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", save("old.json"), save("new.json", threads=2)]
    assert main(words) == 2
    assert "Not comparable: threads 1 against 2. Measure both alike, or give --force." in capsys.readouterr().err
    assert main([*words, "--force"]) == 0
    assert "forced: The settings differ: threads 1 against 2." in capsys.readouterr().out


def test_every_form_is_written(save: Save, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {form: tmp_path / f"out.{form}" for form in ("json", "markdown", "junit")}
    options = [word for form, path in files.items() for word in (f"--{form}", str(path))]
    assert main(["compare", save("old.json"), save("new.json", 1.1), *options, "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(files["json"].read_bytes())["verdict"] == "worse"
    assert files["markdown"].read_text().startswith("### 🔴")
    assert ElementTree.parse(files["junit"]).find("testsuite/testcase/failure") is not None


@pytest.mark.parametrize("form", ["json", "markdown", "junit"])
def test_one_form_to_stdout_is_all_there_is(save: Save, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = save("old.json"), save("new.json")
    assert main(["compare", old, new, f"--{form}", "-"]) == 0
    out = capsys.readouterr().out
    starts = {"json": "{", "markdown": "### ", "junit": "<?xml"}
    assert out.startswith(starts[form])
    assert "effprof · compare" not in out or form == "markdown"


def test_a_missing_result_is_a_line(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", save("old.json"), "no/where"]) == 2
    assert "There is no no/where" in capsys.readouterr().err
