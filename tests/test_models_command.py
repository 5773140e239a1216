"""`effprof models`: the list as people read it and as JSON."""

from __future__ import annotations

import json
import re

import pytest

from effprof import zoo
from effprof.cli import main
from effprof.units import format_count, format_shape

COUNTED = re.compile(r"      (?P<name>\S+) +(?P<input>\S+) +(?P<counts>[\d.]+ [kMG] +[\d.]+ [kMG])(  (?P<aliases>.+))?")


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["models", *words]) == 0
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_json_has_what_the_table_of_the_zoo_has(capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(printed(capsys, "--json"))
    assert (content["format"], content["provider"]) == ("effprof.models/1", "zoo")
    assert [model["name"] for model in content["models"]] == [entry.name for entry in zoo.table()]
    by_name = {model["name"]: model for model in content["models"]}
    assert by_name["resnet50"] == {
        "name": "resnet50",
        "family": "depth",
        "paper": "He et al., Deep Residual Learning for Image Recognition",
        "year": 2016,
        "input_shape": [3, 224, 224],
        "aliases": ["resnet"],
        "parameters": 25_557_032,
        "mult_adds": 4_089_184_256,
    }
    assert [state["provider"] for state in content["providers"]] == ["torchvision", "timm", "pytorchcv"]


def test_text_has_every_network_below_its_paper_and_its_family(capsys: pytest.CaptureFixture[str]) -> None:
    family = paper = ""
    found = []
    for line in printed(capsys).splitlines():
        if match := COUNTED.fullmatch(line):
            found.append((family, paper, *match.group("name", "input"), match["counts"].split("  "), match["aliases"]))
        elif line.endswith("also called"):
            family = line.partition("  ")[0].lower()
        elif re.match(r"\d{4}  ", line):
            paper = line
    assert list(dict.fromkeys(row[0] for row in found)) == list(zoo.own.package().FAMILIES)
    for (family, paper, name, shape, counts, aliases), entry in zip(found, zoo.table(), strict=True):
        assert (family, name, shape) == (entry.family, entry.name, format_shape(entry.input_shape))
        assert [counts[0], counts[-1].strip()] == [format_count(entry.parameters), format_count(entry.mult_adds)]
        assert (aliases or "") == ", ".join(entry.aliases)
        start = paper.removeprefix(f"{entry.year}  ").removesuffix(" …")
        assert start != paper
        assert entry.paper.startswith(start)


def test_text_fits_into_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert max(map(len, printed(capsys).splitlines())) <= 80


@pytest.mark.parametrize("width", ["1", "20", "200"])
def test_every_width_is_enough_for_the_names(
    width: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    text = printed(capsys)
    assert all(f"      {entry.name} " in text for entry in zoo.table())
    assert (zoo.table()[0].paper in text) or width != "200"


def test_the_zoos_counts_are_known_without_building(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("effprof.api.count_named", lambda _: pytest.fail("a network was built"))
    assert all(model["reason"] is None for model in json.loads(printed(capsys, "--counts", "--json"))["models"])


def test_a_librarys_networks_are_counted_on_demand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torchvision")
    monkeypatch.setattr("effprof.zoo.provider_names", lambda _: ["alexnet", "nonsense"])
    words = ["--provider", "torchvision", "--counts"]
    known, unknown = json.loads(printed(capsys, *words, "--json"))["models"]
    assert known == {
        "name": "torchvision:alexnet",
        "parameters": 61_100_840,
        "mult_adds": 714_188_480,
        "reason": None,
    }
    assert unknown["mult_adds"] is None
    assert unknown["reason"].startswith("torchvision has no model named 'nonsense'")
    assert printed(capsys, *words).splitlines() == [
        "name                  parameters  mult_adds",
        "torchvision:alexnet      61.10 M    714.2 M",
        "torchvision:nonsense           -          -",
    ]
    assert printed(capsys, *words[:2]).splitlines() == ["name", "torchvision:alexnet", "torchvision:nonsense"]
