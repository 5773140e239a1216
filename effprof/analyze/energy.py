"""The energy of one run, over all rounds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from effprof.records import Energy, Round


def energy_of(rounds: Sequence[Round]) -> Energy:
    """The median of the rounds' figures, their windows and runs added up; else the first round's reason."""
    told = [one.energy for one in rounds if one.energy is not None]
    known = [energy for energy in told if energy.energy_j is not None]
    if known:
        return Energy(
            energy_j=statistics.median(energy.energy_j or 0.0 for energy in known),
            window_s=sum(energy.window_s or 0.0 for energy in known),
            runs=sum(energy.runs for energy in known),
            source=known[0].source,
        )
    if told:
        return Energy(None, reason=told[0].reason)
    return Energy(None, reason="not recorded when this was measured" if rounds else "nothing was run here")


def mean_power_w(energy: Energy) -> float | None:
    """Over the windows, by the median run."""
    if energy.energy_j is None or not energy.window_s:
        return None
    power_w = energy.energy_j * energy.runs / energy.window_s
    return power_w if math.isfinite(power_w) else None
