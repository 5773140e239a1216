"""A table of latencies judged: every formula on networks it never saw, its coefficients, and what was left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from effprof.analyze.regression import (
    FEATURES,
    WORK_AND_BYTES,
    WORK_ONLY,
    Array,
    Formula,
    Latencies,
    Networks,
    as_array,
    fit_devices,
)
from effprof.analyze.regression_checks import error_bars, leave_out, mape, rank_agreement

RESAMPLES = 60
SIMPLE = (WORK_ONLY, WORK_AND_BYTES, FEATURES)
_SIZES = re.compile(
    r"(?<!^)_(?:atto|femto|pico|nano|micro|mini|tiny|base|medium|huge|giant|(?:patch|window)\d+"
    r"|(?:xx?_?)?(?:small|large|[sl])|[nmbthg])(?=_|$)"
)
"""`_tiny`, `_x_small`, `_b` and `_patch16`, but not the `_b` of `_b0`, which is the name of a series."""


@dataclass(frozen=True)
class Figure:
    """A formula on a device, judged on networks left out of the fit."""

    device: str
    formula: str
    networks: int
    """At several input sizes or batches, a network counts once."""
    network_mape: float
    family_mape: float | None
    """With whole families left out; None where the device has networks of one family only."""
    spearman: float


@dataclass(frozen=True)
class Prediction:
    device: str
    network: str
    formula: str
    measured_s: float
    predicted_s: float
    """From a fit that did not see the network."""


@dataclass(frozen=True)
class LeftOut:
    """A network or a device of the table that is in no figure."""

    name: str
    rows: int
    reason: str


@dataclass(frozen=True)
class Regression:
    """One table of latencies, all formulas: the simple ones first, the full one last."""

    table: str
    """Its file's name."""
    formulas: tuple[Formula, ...]
    latencies: Latencies
    figures: tuple[Figure, ...]
    predictions: tuple[Prediction, ...]
    """Of multiply-adds alone and of the full formula."""
    coefficients: Mapping[str, Mapping[str, Array]]
    """By formula and device, in the formula's order."""
    bars: Mapping[str, Mapping[str, Array]]
    """Their 95 % intervals, (coefficients, 2)."""
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def full(self) -> Formula:
        return self.formulas[-1]

    def figure(self, device: str, formula: str) -> Figure:
        return next(row for row in self.figures if (row.device, row.formula) == (device, formula))


def judge_latencies(
    table: str,
    networks: Networks,
    latencies: Latencies,
    formula: Formula,
    *,
    group: Callable[[str], str] = lambda name: name,
    left_out: Sequence[LeftOut] = (),
    notes: Sequence[str] = (),
    resamples: int = RESAMPLES,
) -> Regression:
    """Fits the simple formulas and `formula` to each device.

    Args:
        networks: the work of every network that `latencies` (seconds by device and network) names.
        group: of a network's name; what is in one group is left out together: one network at several sizes.
        resamples: of the bootstrap that gives the error bars.
    """
    formulas = (*SIMPLE, formula)
    networks = {name: as_array(network) for name, network in networks.items()}
    figures, predictions = [], []
    for candidate in formulas:
        by_network = leave_out(candidate, networks, latencies, group)
        by_family = leave_out(candidate, networks, latencies, lambda name: family(group(name)))
        for device, measured in latencies.items():
            found = by_network[device]
            figures.append(
                Figure(
                    device,
                    candidate.name,
                    len({group(name) for name in measured}),
                    mape(found, measured),
                    mape(by_family[device], measured) if by_family[device] else None,
                    rank_agreement(found, measured),
                )
            )
            if candidate in (WORK_ONLY, formula):
                predictions += [
                    Prediction(device, network, candidate.name, measured[network], seconds)
                    for network, seconds in found.items()
                ]
    return Regression(
        table=table,
        formulas=formulas,
        latencies=latencies,
        figures=tuple(figures),
        predictions=tuple(predictions),
        coefficients={each.name: fit_devices(each, networks, latencies) for each in formulas},
        bars={each.name: error_bars(each, networks, latencies, resamples, group=group) for each in formulas},
        left_out=tuple(left_out),
        notes=tuple(notes),
    )


def family(model: str) -> str:
    """`torchvision:vgg16_bn` -> `vgg`, `mobilenetv1_0.5` and `mobilenet_v2` -> `mobilenet`, `swin_t` -> `swin`.

    Variants of one family are near twins, so leaving one out leaves much of it in.
    """
    bare = _SIZES.sub("", model.rpartition(":")[2])
    name = re.match(r"(\D.*?)_?v?\d", bare)
    return name[1] if name else bare
