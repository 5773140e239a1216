"""The reasons beside a verdict: kernels, traffic by the paper's formulas, calls, settings against the trend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from effprof.guidelines.rules import slowdown
from effprof.statistics import MIN_ROUNDS
from effprof.sweep_records import SweepEntry, SweepPoint, SweepSetting
from effprof.units import counted, format_bytes, format_count


def reasons(entry: SweepEntry, batch_size: int, img_size: int) -> tuple[str, ...]:
    """One sentence each, the most telling first."""
    pixels = batch_size * img_size**2
    return (
        *_too_few_rounds(entry),
        *_kernels(entry),
        *_traffic(entry),
        *_formula(entry, pixels),
        *_calls(entry),
        *_against_the_trend(entry),
        *_decided_by_us(entry),
    )


def g1_access_elements(setting: SweepSetting, pixels: int) -> int:
    """Of one 1x1 convolution c1 -> c2, as in the paper's equation (1): hw(c1 + c2) + c1 c2."""
    c1, c2 = setting.channels, setting.inner_channels
    return pixels * (c1 + c2) + c1 * c2


def g1_bound_elements(setting: SweepSetting, pixels: int) -> float:
    """The least that any c1, c2 of the same work B can move: 2 sqrt(hw B) + B / hw, reached at c1 = c2."""
    work = pixels * setting.channels * setting.inner_channels
    return 2 * math.sqrt(pixels * work) + work / pixels


def g2_access_elements(setting: SweepSetting, pixels: int) -> float:
    """Of one 1x1 convolution in g groups, as in the paper's equation (2): hw c1 + B g / c1 + B / hw."""
    c1, groups = setting.channels, setting.groups
    work = pixels * c1 * c1 // groups
    return pixels * c1 + work * groups / c1 + work / pixels


def _too_few_rounds(entry: SweepEntry) -> Iterator[str]:
    rounds = len(entry.severe.rounds_s)
    if rounds < MIN_ROUNDS:
        yield f"only {counted(rounds, 'round')} finished: a verdict needs at least {MIN_ROUNDS}"


def _traffic(entry: SweepEntry) -> Iterator[str]:
    base, severe = entry.recommended, entry.severe
    ratio = severe.access_elements / base.access_elements * base.mult_adds / severe.mult_adds
    measured = slowdown(severe, base).value
    yield (
        f"access per mult_add: {ratio:.2f} times as much for {severe.setting.label} as for {base.setting.label} "
        f"({_both(severe.access_elements, severe)} against {_both(base.access_elements, base)}); "
        f"measured time per mult_add: {measured:.2f} times"
    )


def _both(elements: float, point: SweepPoint) -> str:
    """Elements and, at the width of those of `point`, their bytes."""
    return f"{format_count(elements)} elements, {format_bytes(elements * point.access_bytes / point.access_elements)}"


def _formula(entry: SweepEntry, pixels: int) -> Iterator[str]:
    ends = entry.recommended, entry.severe
    if entry.guideline == "G1":
        at = [
            f"{_both(g1_access_elements(point.setting, pixels), point)} at {point.setting.label} "
            f"(bound {_both(g1_bound_elements(point.setting, pixels), point)})"
            for point in ends
        ]
        yield f"the paper's hw(c1+c2) + c1c2 for one convolution: {'; '.join(at)}"
    elif entry.guideline == "G2":
        at = [f"{_both(g2_access_elements(point.setting, pixels), point)} at {point.setting.label}" for point in ends]
        yield f"the paper's hw*c1 + B*g/c1 + B/hw for one convolution: {'; '.join(at)}"


def _calls(entry: SweepEntry) -> Iterator[str]:
    base, severe = entry.recommended, entry.severe
    if base.op_count != severe.op_count:
        yield f"calls: {severe.op_count} for {severe.setting.label}, {base.op_count} for {base.setting.label}"


def _kernels(entry: SweepEntry) -> Iterator[str]:
    picked = _labels_by_kernel((point.setting.label, point.kernel) for point in entry.points)
    if len(picked) > 1:
        yield f"kernels differ: torch picked {_listed(picked)}; times may differ because of them, not of memory alone"
    for kernel in picked if len(picked) == 1 else ():
        yield f"same kernel for every setting: {kernel}"
    others = [(p.setting.label, p.kernel, *p.kernel_elsewhere) for p in entry.points if p.kernel_elsewhere is not None]
    changed = _labels_by_kernel((label, there) for label, here, _, there in others if there != here)
    if changed:
        threads = others[0][2]
        yield (
            f"with {counted(threads, 'thread')} torch picks {_listed(changed)}: the slowdown may be "
            "another there because of the kernel, not of memory"
        )


def _labels_by_kernel(pairs: Iterable[tuple[str, str | None]]) -> dict[str, list[str]]:
    by_kernel: dict[str, list[str]] = {}
    for label, kernel in pairs:
        if kernel is not None:
            by_kernel.setdefault(kernel, []).append(label)
    return by_kernel


def _listed(by_kernel: dict[str, list[str]]) -> str:
    return "; ".join(f"{kernel} for {', '.join(labels)}" for kernel, labels in by_kernel.items())


def _against_the_trend(entry: SweepEntry) -> Iterator[str]:
    fast, slow = entry.recommended, entry.severe
    if slowdown(slow, fast).ci95[1] < 1:
        yield f"the other way round: {slow.setting.label} is faster than {fast.setting.label}"
        fast, slow = slow, fast
    for point in entry.points[1:-1]:
        label = point.setting.label
        if slowdown(point, slow).ci95[0] > 1:
            yield f"not monotone: {label} is slower than {slow.setting.label}"
        if slowdown(point, fast).ci95[1] < 1:
            yield f"not monotone: {label} is faster than {fast.setting.label}"


def _decided_by_us(entry: SweepEntry) -> Iterator[str]:
    for point in entry.points:
        setting = point.setting
        if setting.paper_channels is not None:
            yield (
                f"{setting.label} has {setting.channels} channels: the paper's {setting.paper_channels} cannot be "
                f"split into {setting.groups} groups"
            )
    if entry.guideline == "G4":
        inner, outer = entry.severe.setting.inner_channels, entry.severe.setting.channels
        yield f"the paper does not state the unit's size: a bottleneck {outer}-{inner}-{outer} is taken"
