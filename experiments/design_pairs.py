"""The two sides of each design claim as networks, with the papers' formulas held against effprof's count."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import design_formulas as formulas
import torch
from design_formulas import Claim, Quantity, closest_width
from torch import nn

import effprof
from effprof import zoo
from effprof.zoo import own

PYRAMID = ((112, 32), (56, 64), (28, 128), (14, 256), (7, 512))
"""Size and channels, as in networks that halve the one and double the other: all have the same mult_adds."""
UNITS = 8
"""ShuffleNet units one after another (with stride 1), as many as the networks have in their longest stage."""
GROUPS = 3
SHUFFLENETS = "Ma et al. 2018, section 3"
Build = Callable[[], nn.Module]
Kernel = tuple[int, int]


@dataclass(frozen=True)
class Side:
    text: str
    build: Build
    input_shape: tuple[int, ...]
    mult_adds: int
    """By the paper's formula."""

    def counted(self) -> tuple[int, int]:
        """mult_adds and access_bytes by effprof's count, of which the first must be what the paper says."""
        with torch.device("meta"):
            totals = effprof.count(self.build().eval(), torch.empty(1, *self.input_shape)).analysis.totals
        assert totals.mult_adds == self.mult_adds, f"{self.text}: {totals.mult_adds} counted, {self.mult_adds} claimed"
        return totals.mult_adds, totals.access_bytes


@dataclass(frozen=True)
class Pair:
    name: str
    source: str
    settings: str
    baseline: Side
    alternative: Side
    quantity: Quantity = "time"

    def claim(self) -> Claim:
        before, after = self.baseline.counted(), self.alternative.counted()
        return Claim(
            name=self.name,
            source=self.source,
            baseline=self.baseline.text,
            alternative=self.alternative.text,
            settings=self.settings,
            quantity=self.quantity,
            baseline_mult_adds=before[0],
            alternative_mult_adds=after[0],
            baseline_access_bytes=before[1],
            alternative_access_bytes=after[1],
        )


def pairs() -> Iterator[Pair]:
    """All of them, claim by claim."""
    yield from factorised("5x5 as two 3x3", "Szegedy et al. 2016, section 3.1", (5, 5), (3, 3), (3, 3))
    yield from factorised("3x3 as 1x3 and 3x1", "Szegedy et al. 2016, section 3.2", (3, 3), (1, 3), (3, 1))
    yield from separated()
    yield from thinned()
    yield from shrunk()
    yield from shuffle_units()
    yield from shuffle_units_down()


def zoo_file(name: str) -> object:
    """`models/NAME.py`, wherever effprof is installed."""
    return importlib.import_module(f".{name}", own.package().__name__)


def layer(inputs: int, outputs: int, kernel: Kernel, normalised: bool, groups: int = 1) -> nn.Module:
    """A convolution that keeps the size, alone or with batch-norm and ReLU."""
    whole = zoo_file("blocks").conv_bn(inputs, outputs, kernel, groups=groups)
    return whole if normalised else whole[0]


def variants() -> Iterator[tuple[int, int, bool, str]]:
    """Size, channels, with batch-norm and ReLU after each convolution?, and these as text."""
    for normalised, text in ((False, "conv"), (True, "conv, BN, ReLU")):
        for size, channels in PYRAMID:
            yield size, channels, normalised, f"{size}x{size}, {channels} ch, {text}"


def factorised(name: str, source: str, whole: Kernel, first: Kernel, second: Kernel) -> Iterator[Pair]:
    for size, channels, normalised, settings in variants():

        def build(*kernels: Kernel, channels: int = channels, normalised: bool = normalised) -> Build:
            return lambda: nn.Sequential(*(layer(channels, channels, kernel, normalised) for kernel in kernels))

        shape, parts = (channels, size, size), f"{first[0]}x{first[1]}, {second[0]}x{second[1]}"
        dense = formulas.convolution(*whole, channels, channels, size)
        split = formulas.two_convolutions(first, second, channels, size)
        baseline = Side(f"{whole[0]}x{whole[1]}", build(whole), shape, dense)
        yield Pair(name, source, settings, baseline, Side(parts, build(first, second), shape, split))


def separated() -> Iterator[Pair]:
    source = "Howard et al. 2017, section 3.1"
    for size, channels, normalised, settings in variants():

        def standard(channels: int = channels, normalised: bool = normalised) -> nn.Module:
            return layer(channels, channels, (3, 3), normalised)

        def separable(channels: int = channels, normalised: bool = normalised) -> nn.Module:
            depthwise = layer(channels, channels, (3, 3), normalised, groups=channels)
            return nn.Sequential(depthwise, layer(channels, channels, (1, 1), normalised))

        shape = (channels, size, size)
        dense = formulas.convolution(3, 3, channels, channels, size)
        split = formulas.separable(3, channels, channels, size)
        baseline = Side("3x3", standard, shape, dense)
        alternative = Side("depthwise 3x3, 1x1", separable, shape, split)
        yield Pair("3x3 as depthwise-separable", source, settings, baseline, alternative)


def mobilenet(alpha: float, pixels: int) -> Side:
    name = "mobilenetv1" if alpha == 1 else f"mobilenetv1_{alpha:g}"
    mult_adds = formulas.mobilenetv1(alpha, pixels)
    return Side(f"{name}, {pixels} px", lambda: zoo.load(name).module, (3, pixels, pixels), mult_adds)


def thinned() -> Iterator[Pair]:
    for alpha in (0.75, 0.5, 0.25):
        settings = f"alpha = {alpha:g}, 224 px"
        source = "Howard et al. 2017, section 3.3"
        yield Pair("MobileNetV1, thinner by alpha", source, settings, mobilenet(1, 224), mobilenet(alpha, 224))


def shrunk() -> Iterator[Pair]:
    for pixels in (192, 160, 128):
        settings = f"rho = {pixels}/224, alpha = 1"
        source = "Howard et al. 2017, section 3.4"
        yield Pair("MobileNetV1, smaller by rho", source, settings, mobilenet(1, 224), mobilenet(1, pixels))


def shuffle_units() -> Iterator[Pair]:
    """Channels of V1 as in its stages; those of V2 so that the mult_adds are as near as they get."""
    for size, channels in ((28, 240), (14, 480), (7, 960)):
        work = formulas.shuffle_unit_v1(channels, GROUPS, size)
        width = closest_width(work, lambda c, size=size: formulas.shuffle_unit_v2(c, size), step=2)

        def first(channels: int = channels) -> nn.Module:
            unit = zoo_file("shufflenetv1").ShuffleUnit
            return nn.Sequential(*(unit(channels, channels, 1, GROUPS, GROUPS) for _ in range(UNITS)))

        def second(width: int = width) -> nn.Module:
            return nn.Sequential(*(zoo_file("shufflenetv2").BasicUnit(width) for _ in range(UNITS)))

        v1 = Side("ShuffleNetV1 units", first, (channels, size, size), UNITS * work)
        v2 = Side("ShuffleNetV2 units", second, (width, size, size), UNITS * formulas.shuffle_unit_v2(width, size))
        settings = f"{size}x{size}, {UNITS} units, {channels} against {width} ch"
        yield Pair("ShuffleNet V1 to V2 units, stride 1", SHUFFLENETS, settings, v1, v2, "time per mult_add")


def shuffle_units_down() -> Iterator[Pair]:
    for size, channels in ((56, 120), (28, 240), (14, 480)):
        work = formulas.shuffle_unit_v1_down(channels, GROUPS, size)
        width = closest_width(work, lambda c, size=size: formulas.shuffle_unit_v2_down(c, size), step=1)

        def first(channels: int = channels) -> nn.Module:
            return zoo_file("shufflenetv1").ShuffleUnit(channels, 2 * channels, 2, GROUPS, GROUPS)

        def second(width: int = width) -> nn.Module:
            return zoo_file("shufflenetv2").DownsamplingUnit(width, 2 * width)

        v1 = Side("ShuffleNetV1 unit", first, (channels, size, size), work)
        v2 = Side("ShuffleNetV2 unit", second, (width, size, size), formulas.shuffle_unit_v2_down(width, size))
        settings = f"{size}x{size} to {size // 2}, {channels} against {width} ch"
        yield Pair("ShuffleNet V1 to V2 unit, stride 2", SHUFFLENETS, settings, v1, v2, "time per mult_add")
