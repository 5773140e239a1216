"""The paper's four experiments (Ma et al., ECCV 2018, tables 1 to 4) as frozen settings; torch-free.

Within one entry the settings do the same work, so that only the structure differs. Widths are the paper's, times 2
or 4 for the other scales. Where the paper leaves something open, this is decided here:

- G2: a width must be a multiple of the groups. The paper's ARM width of 180 for 8 groups is none; the nearest
  multiple is taken, of two equally near ones that whose work is nearer to that of one group (184), and noted.
- G3: the paper gives the width of one fragment only. N fragments of width w do the work of one of width c for
  w = c / sqrt(N), rounded. The whole network has that width. Parallel branches read the same input and are added.
- G4: the paper states neither image size nor inner width. 56 x 56 as in its other tables; a bottleneck of 1x1, 3x3
  and 1x1 convolutions with inner width c / 4, as in ResNet. A ReLU follows each convolution, the last one after the
  addition; there is no batch-norm.
"""

from __future__ import annotations

import math

from effprof.sweep_records import GuidelineId, Platform, Scale, SweepSetting

FACTORS: dict[Scale, int] = {"x1": 1, "x2": 2, "x4": 4}

G1_WIDTHS: dict[Platform, dict[str, tuple[int, int]]] = {
    "gpu": {"1:1": (128, 128), "1:2": (90, 180), "1:6": (52, 312), "1:12": (36, 432)},
    "arm": {"1:1": (32, 32), "1:2": (22, 44), "1:6": (13, 78), "1:12": (9, 108)},
}
G2_WIDTHS: dict[Platform, dict[int, int]] = {
    "gpu": {1: 128, 2: 180, 4: 256, 8: 360},
    "arm": {1: 64, 2: 90, 4: 128, 8: 180},
}
G3_WIDTHS: dict[Platform, int] = {"gpu": 128, "arm": 64}
G4_WIDTHS: dict[Platform, int] = {"gpu": 32, "arm": 32}


def settings_of(guideline: GuidelineId, platform: Platform, scale: Scale) -> tuple[SweepSetting, ...]:
    """The settings of one entry, from the recommended to the severe one."""
    make = {"G1": _g1, "G2": _g2, "G3": _g3, "G4": _g4}[guideline]
    return make(platform, scale)


def _g1(platform: Platform, scale: Scale) -> tuple[SweepSetting, ...]:
    factor = FACTORS[scale]
    return tuple(
        SweepSetting("G1", scale, label, c1 * factor, c2 * factor) for label, (c1, c2) in G1_WIDTHS[platform].items()
    )


def _g2(platform: Platform, scale: Scale) -> tuple[SweepSetting, ...]:
    widths = {groups: width * FACTORS[scale] for groups, width in G2_WIDTHS[platform].items()}
    settings = []
    for groups, paper_width in widths.items():
        width = _divisible_width(paper_width, groups, wanted_work=widths[1] ** 2)
        paper_channels = paper_width if width != paper_width else None
        settings.append(
            SweepSetting("G2", scale, f"g={groups}", width, width, groups=groups, paper_channels=paper_channels)
        )
    return tuple(settings)


def _divisible_width(width: int, groups: int, wanted_work: int) -> int:
    below = width // groups * groups
    candidates = (below, below if below == width else below + groups)
    return min(candidates, key=lambda w: (abs(w - width), abs(w * w / groups - wanted_work)))


def _g3(platform: Platform, scale: Scale) -> tuple[SweepSetting, ...]:
    width = G3_WIDTHS[platform] * FACTORS[scale]

    def narrowed(fragments: int) -> int:
        return round(width / math.sqrt(fragments))

    single = SweepSetting("G3", scale, "1-fragment", width, width)
    several = (
        SweepSetting(
            "G3", scale, f"{fragments}-fragment-{arrangement}", narrowed(fragments), narrowed(fragments),
            fragments=fragments, arrangement=arrangement,
        )
        for arrangement in ("series", "parallel")
        for fragments in (2, 4)
    )  # fmt: skip
    return (single, *several)


def _g4(platform: Platform, scale: Scale) -> tuple[SweepSetting, ...]:
    width = G4_WIDTHS[platform] * FACTORS[scale]
    extras = {"none": (False, False), "shortcut": (False, True), "relu": (True, False), "relu+shortcut": (True, True)}
    return tuple(
        SweepSetting("G4", scale, label, width, width // 4, relu=relu, shortcut=shortcut)
        for label, (relu, shortcut) in extras.items()
    )
