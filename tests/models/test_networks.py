"""The zoo's networks against published counts and against other libraries' networks."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from twins import TWINS, copy_weights

from effprof import zoo

TABLE = Path(__file__).parents[1] / "tables" / "parameters.csv"
NAMES = [entry.name for entry in zoo.table()]
INPUTS = {entry.name: entry.input_shape for entry in zoo.table()}


def facts() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def torch_mult_adds(network: nn.Module) -> int:
    """torch's own count; on meta, so that nothing is computed."""
    with FlopCounterMode(display=False) as counter:
        network.to("meta").eval()(torch.empty(1, 3, 224, 224, device="meta"))
    return counter.get_total_flops() // 2


def test_every_network_has_a_published_count() -> None:
    assert {fact["network"] for fact in facts() if fact["parameters"]} == set(NAMES)


@pytest.mark.parametrize("fact", facts(), ids=lambda fact: f"{fact['network']}-{fact['source'][:12]}")
def test_counts_agree_with_the_published_ones(fact: dict[str, str]) -> None:
    network = zoo.load(fact["network"], build_on="meta").module
    if fact["parameters"]:
        assert parameters(network) == int(fact["parameters"])
    deviation = abs(torch_mult_adds(network) / 1e6 - float(fact["mult_adds_millions"]))
    assert deviation <= float(fact["tolerance_millions"])
    assert fact["explanation"] or deviation <= 0.5, "a deviation beyond rounding needs its reason in the table"


@pytest.mark.parametrize("name", TWINS)
def test_same_counts_as_another_library(name: str) -> None:
    with torch.device("meta"):
        theirs = TWINS[name]()
    ours = zoo.load(name, build_on="meta").module
    assert parameters(ours) == parameters(theirs)
    assert torch_mult_adds(ours) == torch_mult_adds(theirs)


@pytest.mark.parametrize("name", TWINS)
def test_same_outputs_as_another_library_with_its_weights(name: str) -> None:
    torch.manual_seed(0)
    ours, theirs = zoo.load(name).module.eval(), TWINS[name]().eval()
    images = torch.randn(1, *INPUTS[name])
    copy_weights(theirs, ours, images)
    with torch.inference_mode():
        expected, actual = theirs(images), ours(images)
    # untrained weights may give large outputs (pytorchcv's: 1e4), so the error is relative to the largest
    assert (actual - expected).abs().max() <= 1e-4 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize("name", NAMES)
def test_initial_weights_keep_outputs_finite_and_different(name: str) -> None:
    torch.manual_seed(0)
    network = zoo.load(name).module.eval()
    with torch.inference_mode():
        scores = network(torch.randn(2, 3, 64, 64))
    assert scores.shape == (2, 1000)
    assert torch.isfinite(scores).all()
    assert scores.std() > 0


def built(file: str, constructor: str, **options: float) -> nn.Module:
    package = zoo.own.package()
    network = package.Network("variant", f"{file}:{constructor}", package.NETWORKS[0].paper, options=options)
    with torch.device("meta"):
        return network.build()


@pytest.mark.parametrize(("width", "expected"), [(0.5, 1_366_792), (1.5, 3_503_624), (2.0, 7_393_996)])
def test_shufflenetv2_widths(width: float, expected: int) -> None:
    # torchvision's weights metadata (num_params)
    assert parameters(built("shufflenetv2", "ShuffleNetV2", width=width)) == expected


@pytest.mark.parametrize(
    ("groups", "width", "expected"),
    [
        (1, 1.0, 1_531_936),
        (2, 1.0, 1_733_848),
        (4, 1.0, 1_968_344),
        (8, 1.0, 2_434_768),
        (1, 0.5, 534_484),
        (3, 0.5, 718_324),
        (1, 0.25, 209_746),
        (3, 0.25, 305_902),
    ],
)
def test_shufflenetv1_groups_and_widths(groups: int, width: float, expected: int) -> None:
    # imgclsmob model zoo (O. Semery), Gluon model table
    assert parameters(built("shufflenetv1", "ShuffleNetV1", groups=groups, width=width)) == expected


@pytest.mark.parametrize("groups", [2, 4, 8])
@pytest.mark.parametrize("width", [0.25, 0.5, 1.5])
def test_shufflenetv1_splits_into_groups_at_odd_widths(groups: int, width: float) -> None:
    network = built("shufflenetv1", "ShuffleNetV1", groups=groups, width=width)
    assert network.eval()(torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 1000)


@pytest.mark.parametrize(("width", "published"), [(1.4, 582), (0.75, 209), (0.5, 97), (0.35, 59)])
def test_mobilenetv2_widths(width: float, published: float) -> None:
    # TensorFlow-Slim MobileNetV2 checkpoint table, multiply-adds in millions
    assert round(torch_mult_adds(built("mobilenetv2", "MobileNetV2", width=width)) / 1e6) == published
