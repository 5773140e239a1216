"""`effprof cliffs` from the command line to its files, on the make-believe clock and, briefly, on the CPU."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from effprof.bench.cliffs import values_of
from effprof.cli import main
from effprof.cliff_records import AXES, ConvShape
from effprof.store.folders import claim_folder

POINTWISE = ConvShape((1, 1), 58, 58, 1, (1, 1), 28, 28, 1, 2)
DEPTHWISE = ConvShape((3, 3), 58, 58, 58, (1, 1), 28, 28, 1, 2)
GROUPED = ConvShape((3, 3), 64, 64, 4, (1, 1), 28, 28, 1, 2)


def plan(tmp_path: Path, **content: object) -> str:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(content))
    return f"fake:{path}"


def test_a_planted_free_width_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    device = plan(tmp_path, default={"noise": 0.01}, cliffs={"outputs": {"64": 0.7, "72": 1.5}})
    folder = tmp_path / "map"
    words = ["cliffs", "--conv", "1x1", "--channels", "58", "--axes", "outputs", "--max-time", "1"]
    assert main([*words, "--device", device, "--output-dir", str(folder), "--quiet"]) == 0
    assert main([*words, "--device", device, "--json"]) == 0
    (axis,) = json.loads(capsys.readouterr().out)["axes"]
    by_value = {row["value"]: row for row in axis["values"]}
    assert by_value[58]["mark"] == "own"
    assert by_value[64]["mark"] == "free"
    assert by_value[72]["mark"] == "dear"
    assert by_value[64]["time_ratio"] == pytest.approx(0.7 * 64 / 58, rel=0.02)
    assert {(step["below"], step["above"]) for step in axis["steps"]} == {(64, 72)}
    names = {entry.name for entry in folder.iterdir()}
    assert names == {"cliffs.json", "cliffs.csv", "cliffs.txt", "cliffs.png", "cliffs.svg"}
    rows = list(csv.DictReader((folder / "cliffs.csv").read_text().splitlines()))
    assert [row["mark"] for row in rows if row["value"] == "64"] == ["free"]
    assert max(map(len, (folder / "cliffs.txt").read_text().splitlines())) <= 80
    claim_folder(folder)  # all of it is ours


def test_a_layer_of_a_network_is_taken_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["cliffs", "--model", "mobilenetv2", "--layer", "blocks.1.body.expand.0", "--device", "fake"]
    assert main([*words, "--max-time", "1", "--json"]) == 0
    shape = json.loads(capsys.readouterr().out)["shape"]
    assert (shape["inputs"], shape["outputs"], shape["kernel_size"], shape["height"]) == (16, 96, [1, 1], 112)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--conv", "1y1"], "--conv is '1y1'"),
        (["--conv", "0x1"], "--conv is '0x1'"),
        ([], "either --model with --layer, or --conv"),
        (["--model", "mobilenetv2"], "belong together"),
        (["--model", "mobilenetv2", "--layer", "nowhere"], "has no layer nowhere"),
        (["--conv", "1x1", "--channels", "6", "--groups", "4"], "cannot be split into 4 groups"),
        (["--conv", "1x1", "--axes", "colour"], "--axes"),
        (["--conv", "1x1", "--axes", "width"], "nothing to vary along width"),
    ],
)
def test_what_cannot_be_looked_at_is_said(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cliffs", *words, "--device", "fake"]) == 2
    assert complaint in capsys.readouterr().err


def test_values_hold_the_own_one_and_are_possible() -> None:
    for shape in (POINTWISE, DEPTHWISE, GROUPED):
        for axis in AXES:
            values = values_of(shape, axis, cores=2)
            assert shape.value(axis) in values
            assert list(values) == sorted(set(values))
            assert values[0] > 0
            for value in values:
                neighbour = shape.at(axis, value)
                assert neighbour.inputs % neighbour.groups == 0 == neighbour.outputs % neighbour.groups
                assert neighbour.is_depthwise == shape.is_depthwise
    assert 64 in values_of(POINTWISE, "outputs", 2)
    assert values_of(DEPTHWISE, "groups", 2) == (58,)


def test_the_cpu_answers_too(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--conv", "3x3", "--channels", "8", "--img-size", "8", "--axes", "batch,threads", "--threads", "1"]
    assert main(["cliffs", *words, "--device", "cpu", "--max-time", "0.2", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [axis["axis"] for axis in content["axes"]][:1] == ["batch"]
    assert all(row["time_s"] > 0 for axis in content["axes"] for row in axis["values"])


@pytest.mark.parametrize(
    "words",
    [
        ["--channels", "8", "--groups", "8", "--stride", "2"],
        ["--channels", "8", "--stride", "1000"],
    ],
)
def test_a_make_believe_clock_that_hardly_moves_comes_to_an_end(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cliffs", "--conv", "3x3", "--device", "fake", "--axes", "batch", "--json", *words]) == 0
    (axis,) = json.loads(capsys.readouterr().out)["axes"]
    assert [row["value"] for row in axis["values"]] == [1, 2, 4, 8, 16]


def test_what_cannot_fit_is_refused_before_anything_is_built(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cliffs", "--conv", "3x3", "--channels", "100000", "--img-size", "100000", "--device", "cpu"]) == 2
    said = capsys.readouterr().err
    assert "a 3x3 convolution and its neighbours need about" in said
    assert said.count("\n") == 1


def test_items_by_hand() -> None:
    # 2 x 64 x 28 x 28 inputs, 64 filters of 16 x 9; half as many places each way
    shape = ConvShape((3, 3), 64, 64, 4, (2, 2), 28, 28, 2, 1)
    assert shape.held_items == 2 * 64 * 784 + 64 * 16 * 9
    assert shape.output_items == 2 * 64 * 196


def test_where_no_layer_is_near_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["cliffs", "--model", "mobilenetv2", "--device", "fake", "--layer"]
    assert main([*words, "blocks.1.body.expand.O"]) == 2
    assert "Did you mean blocks.1.body.expand.0" in capsys.readouterr().err
    assert main([*words, "nix"]) == 2
    assert "There is stem" in capsys.readouterr().err
