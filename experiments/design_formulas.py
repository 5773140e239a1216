"""The survey's design claims as arithmetic: what each paper says a block costs, and ratios with their intervals.

Sizes are heights, equal to widths, of feature maps: `size` is the paper's DF, `kernel` its Dk, M input and N output
channels. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from results import Measured

from effprof.statistics import paired_ratio, paired_ratio_ci95

ESTIMATOR = "median ratio"
Quantity = Literal["time", "time per mult_add"]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Two ways of building the same thing, at one setting, and what counting says about them.

    A ratio is the alternative's share of the baseline: below 1 the alternative costs less.
    """

    name: str
    source: str
    baseline: str
    alternative: str
    settings: str
    quantity: Quantity
    """What is compared. `time per mult_add`: of blocks made to have about equal mult_adds; what is left of the
    difference is divided out of all three ratios."""
    baseline_mult_adds: int
    alternative_mult_adds: int
    baseline_access_bytes: int
    alternative_access_bytes: int

    @property
    def work_ratio(self) -> float:
        return self.alternative_mult_adds / self.baseline_mult_adds

    @property
    def divisor(self) -> float:
        """What a ratio of times is divided by."""
        return self.work_ratio if self.quantity == "time per mult_add" else 1.0

    @property
    def predicted_ratio_mult_adds(self) -> float:
        return self.work_ratio / self.divisor

    @property
    def predicted_ratio_access(self) -> float:
        return self.alternative_access_bytes / self.baseline_access_bytes / self.divisor

    @property
    def key(self) -> tuple[str, str]:
        return self.name, self.settings


@dataclass(frozen=True, kw_only=True)
class ClaimRow(Measured, Claim):
    """A claim and what was measured: medians over rounds, and a ratio with a 95 % interval over rounds."""

    threads: int
    rounds: int
    runs_a_round: str
    """Of the baseline and of the alternative: `12/20`."""
    baseline_s: float
    alternative_s: float
    measured_ratio: float
    low: float
    high: float
    estimator: str = "ratio of the medians"
    """As in rows older than this column, whose intervals are plain percentiles of 1000 resamples."""


def measured_ratio(
    baseline_s: Sequence[float], alternative_s: Sequence[float], divisor: float = 1.0, seed: int = 0
) -> tuple[float, float, float]:
    """Median over rounds of the ratio within a round, and the ends of its 95 % interval.

    What slows a whole round down cancels, and does not widen the interval.
    """
    low, high = paired_ratio_ci95(alternative_s, baseline_s, seed)
    return paired_ratio(alternative_s, baseline_s) / divisor, low / divisor, high / divisor


# ------------------------------------------------------------------------------------------ the papers' formulas


def convolution(height: int, width: int, inputs: int, outputs: int, size: int) -> int:
    """mult_adds of a dense convolution that keeps the size."""
    return height * width * inputs * outputs * size**2


def two_convolutions(first: tuple[int, int], second: tuple[int, int], channels: int, size: int) -> int:
    """Szegedy et al. 2016, sections 3.1 and 3.2: a kernel factorised into two, with as many channels between."""
    return convolution(*first, channels, channels, size) + convolution(*second, channels, channels, size)


def separable(kernel: int, inputs: int, outputs: int, size: int) -> int:
    """Howard et al. 2017, section 3.1: Dk^2 * M * DF^2 + M * N * DF^2."""
    return kernel**2 * inputs * size**2 + inputs * outputs * size**2


SEPARABLE_LAYERS = (
    (32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), *5 * ((512, 512, 1),),
    (512, 1024, 2), (1024, 1024, 1),
)  # fmt: skip
"""Howard et al. 2017, table 1: M, N and stride of MobileNetV1's depthwise-separable convolutions."""


def mobilenetv1(alpha: float, pixels: int, classes: int = 1000) -> int:
    """Sections 3.2 and 3.3: every M and N times alpha, every DF times rho (`pixels` = 224 rho); stem and classifier."""
    size = pixels // 2
    total = convolution(3, 3, 3, int(alpha * 32), size)
    for inputs, outputs, stride in SEPARABLE_LAYERS:
        size //= stride
        total += separable(3, int(alpha * inputs), int(alpha * outputs), size)
    return total + int(alpha * 1024) * classes


def shuffle_unit_v1(channels: int, groups: int, size: int) -> int:
    """Zhang et al. 2018, section 3.2: hw (2cm / g + 9m) with a bottleneck of m = c / 4 channels."""
    narrow = channels // 4
    return size**2 * (2 * channels * narrow // groups + 9 * narrow)


def shuffle_unit_v1_down(inputs: int, groups: int, size: int) -> int:
    """The same with stride 2 and twice the channels: the last 1x1 makes what the pooled shortcut does not bring."""
    narrow = inputs // 2
    return size**2 * inputs * narrow // groups + (size // 2) ** 2 * (9 * narrow + narrow * inputs // groups)


def shuffle_unit_v2(channels: int, size: int) -> int:
    """Ma et al. 2018, figure 3 (c): 1x1, depthwise 3x3 and 1x1 on half of the channels."""
    half = channels // 2
    return size**2 * (2 * half**2 + 9 * half)


def shuffle_unit_v2_down(inputs: int, size: int) -> int:
    """Figure 3 (d) with twice the channels: both branches see all inputs, and each makes half of the outputs."""
    small = (size // 2) ** 2
    return small * (9 * inputs + inputs**2) + size**2 * inputs**2 + small * (9 * inputs + inputs**2)


def closest_width(target: int, mult_adds: Callable[[int], int], step: int) -> int:
    """The multiple of `step` whose mult_adds come nearest to the target."""
    return min(range(step, 2048, step), key=lambda width: abs(mult_adds(width) - target))
