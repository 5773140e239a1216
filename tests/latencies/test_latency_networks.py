"""Counting what a table names: known networks by hand-known numbers, everything else told apart with a reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from effprof import zoo
from effprof.analyze.regression import MOVED, Work
from effprof.errors import UnknownNameError, UsageError
from effprof.latencies import Counted, LatencyTable, count_table, regression_of
from effprof.latencies.names import group_of, known_name
from effprof.latencies.networks import count_apart, count_networks, left_out_of
from effprof.latencies.table import Asked

FIVE = ("alexnet", "mobilenetv2", "resnet18", "squeezenet1_1", "vgg11")


def table(*models: str, device: str = "here") -> LatencyTable:
    networks = [Asked(model, 1) for model in models]
    return LatencyTable(
        "mine.csv",
        {device: {network.label: 1e-3 * (place + 1) for place, network in enumerate(networks)}},
        {network.label: network for network in networks},
    )


def made_up(asked: list[Asked], *, fused: bool) -> Counted:
    """Everything but `unknown` is known; no torch."""
    works = {
        network.label: (Work(0, 1000 * (place + 1), 10), Work(MOVED, 0, 300 + place * place))
        for place, network in enumerate(asked)
        if network.model != "unknown"
    }
    return Counted(works, {network.label: "no such network" for network in asked if network.model == "unknown"})


def test_names_are_the_zoos_then_torchvisions() -> None:
    assert known_name("resnet18") == "resnet18"
    assert known_name("resnet") == "resnet50"
    assert known_name("efficientnet_b0") == "torchvision:efficientnet_b0"
    assert known_name("timm:resnet18") == "timm:resnet18"


@pytest.mark.parametrize(
    "names",
    [
        ("resnet50", "resnet", "torchvision:resnet50", "timm:resnet50", "pytorchcv:resnet50"),
        ("swin_t", "torchvision:swin_t"),
        ("vgg16", "vgg", "torchvision:vgg16"),
    ],
)
def test_all_names_of_a_network_are_one_group(names: tuple[str, ...]) -> None:
    assert {group_of(name) for name in names} == {names[0]}


@pytest.mark.parametrize("name", ["os:abort", "net.py:build", "./net.py:build", "a/b.py", "..:x"])
def test_a_table_never_runs_code(name: str) -> None:
    with pytest.raises(UnknownNameError, match="a table may name networks of the zoo"):
        known_name(name)


def test_networks_are_counted_at_their_batch_and_size() -> None:
    asked = [Asked("mobilenetv2", 1), Asked("mobilenetv2", 2), Asked("resnet18", 1, 112), Asked("lenet5", 1, 24)]
    counted = count_networks([*asked, Asked("vgg11000", 1), Asked("os:abort", 1)], fused=False)
    work = {label: sum(one.mult_adds for one in works) for label, works in counted.works.items()}
    entry = next(entry for entry in zoo.table() if entry.name == "mobilenetv2")
    assert work["mobilenetv2"] == entry.mult_adds
    assert work["mobilenetv2 x2"] == 2 * work["mobilenetv2"]
    full = next(entry for entry in zoo.table() if entry.name == "resnet18").mult_adds
    assert full is not None
    # 512 x 1000 of them are the linear layer's, the same at any size.
    assert work["resnet18 at 112"] - 512_000 == pytest.approx((full - 512_000) / 4, rel=0.1)
    assert set(counted.reasons) == {"lenet5 at 24", "vgg11000", "os:abort"}
    assert "vgg11" in counted.reasons["vgg11000"]


def test_counting_apart_gives_the_same() -> None:
    asked = [Asked("lenet5", 1), Asked("nothing\x1b[31m", 1)]
    here, apart = (count(asked, fused=True) for count in (count_networks, count_apart))
    assert here == apart
    assert set(apart.works) == {"lenet5"}
    assert "\x1b" not in "".join(apart.reasons.values())


def test_what_is_left_out_is_listed_once_with_its_rows() -> None:
    asked = [Asked("a", 1), Asked("a", 2), Asked("b", 1)]
    found = left_out_of(asked, {"a": "gone", "a x2": "gone", "b": "odd"})
    assert [(one.name, one.rows, one.reason) for one in found] == [("a", 2, "gone"), ("b", 1, "odd")]


def test_a_device_with_too_few_networks_is_left_out_and_the_others_stay() -> None:
    full = table(*FIVE, "unknown")
    mixed = replace(full, latencies={**full.latencies, "there": {"alexnet": 0.1}})
    counted = count_table(mixed, "cpu", made_up)
    assert set(counted.latencies) == {"here"}
    assert set(counted.latencies["here"]) == set(FIVE)
    assert [(one.name, one.rows) for one in counted.left_out] == [("unknown", 1), ("there", 1)]
    assert counted.left_out[1].reason == "1 network of it can be counted; a fit needs 5"


def test_no_device_left_is_an_error_that_says_why() -> None:
    with pytest.raises(UsageError) as caught:
        count_table(table(*FIVE[:4], "unknown"), "cpu", made_up)
    assert str(caught.value) == (
        "mine.csv: no device is left to fit. here: 4 networks of it can be counted; a fit needs 5; "
        "unknown: no such network."
    )


def test_sizes_of_one_network_are_one_network() -> None:
    sizes = [Asked("resnet18", 1, side) for side in (96, 128, 160, 192, 224)]
    rows = {network.label: 1e-3 for network in sizes}
    with pytest.raises(UsageError, match="1 network of it can be counted"):
        count_table(LatencyTable("t", {"d": rows}, {network.label: network for network in sizes}), "cpu", made_up)


def test_a_network_is_left_out_at_all_its_sizes() -> None:
    """Each network at two sizes; what the fit says of one does not change with that network's own times."""
    networks = [Asked(model, 1, side) for model in ("a1", "b1", "c1", "d1", "e1", "f1") for side in (32, 64)]
    seconds = {network.label: 1e-3 * (place + 1) ** 1.3 for place, network in enumerate(networks)}
    labels = {network.label: network for network in networks}
    first = count_table(LatencyTable("t", {"d": seconds}, labels), "cpu", made_up)
    spoilt = {label: value * (7 if label.startswith("c1") else 1) for label, value in seconds.items()}
    second = count_table(LatencyTable("t", {"d": spoilt}, labels), "cpu", made_up)
    before, after = (
        {(row.network, row.formula): row.predicted_s for row in regression_of(counted, "cpu", resamples=2).predictions}
        for counted in (first, second)
    )
    assert {network for network, formula in before if before[network, formula] == after[network, formula]} == {
        "c1 at 32",
        "c1 at 64",
    }
    assert regression_of(first, "cpu", resamples=2).figures[0].networks == 6


def test_names_of_one_network_are_one_network() -> None:
    with pytest.raises(UsageError, match="4 networks of it can be counted; a fit needs 5"):
        count_table(table("vgg11", "alexnet", "lenet5", "resnet50", "resnet", "torchvision:resnet50"), "cpu", made_up)


def test_a_network_is_left_out_under_all_its_names() -> None:
    """What the fit says of resnet50 does not change with the times of its other names."""
    names = table("a1", "b1", "c1", "d1", "resnet50", "e1", "torchvision:resnet50", "resnet")
    (seconds,) = names.latencies.values()
    spoilt = {label: value * (7 if label.endswith(("resnet", ":resnet50")) else 1) for label, value in seconds.items()}
    before, after = (
        {
            (row.network, row.formula): row.predicted_s
            for row in regression_of(
                count_table(replace(names, latencies={"here": rows}), "cpu", made_up), "cpu", resamples=2
            ).predictions
        }
        for rows in (seconds, spoilt)
    )
    unmoved = {network for network, formula in before if before[network, formula] == after[network, formula]}
    assert unmoved == {"resnet50", "torchvision:resnet50", "resnet"}
    assert before != after


def test_the_child_process_explains_its_death(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from effprof.errors import ModelError
    from effprof.latencies import networks

    monkeypatch.setattr(networks, "START", "import sys; sys.exit('out of luck')")
    with pytest.raises(ModelError, match="out of luck"):
        count_apart([Asked("lenet5", 1)], fused=False)
