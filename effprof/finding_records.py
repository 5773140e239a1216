"""What effprof proposes to change, as data: a `Finding` names a place, what it costs, the edit and what that gains.

Like `records`: frozen, torch-free and JSON-able; `None` means unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from effprof.sweep_records import GuidelineId

Level = Literal["info", "warn"]
Source = Literal["run", "calibration", "guidelines", "paper"]
"""Where an expected gain comes from: the times of this very run, the device's ceilings, its guideline sweeps, or the
ShuffleNetV2 paper's own devices."""
MeasuredHow = Literal["advise", "price"]
"""`advise`: the edit, end to end beside the network as it is. `price`: shapes of the finding's layers beside those of
twins, which is no speed-up of this network."""
Evidence = tuple[tuple[str, float | int | str | None], ...]


@dataclass(frozen=True)
class Finding:
    """One proposed edit, with the layers it would touch, the dearest first."""

    code: str
    """Stable, of the page that explains it: `G4-batch-norm`."""
    guideline: GuidelineId | None
    level: Level
    layers: tuple[str, ...]
    source: str | None
    """`file:line` of the dearest call; None where it has none."""
    evidence: Evidence
    """Measured figures, units in their names: `time_s`, `share`, `access_over_bound`."""
    text: str
    """One sentence: what was found."""
    edit: str
    """One sentence: what to do."""
    exact: bool
    """The edit leaves the outputs as they are (to rounding); else it changes the network."""
    exact_edit: str | None = None
    """The name by which `effprof.apply` does it."""
    expected_gain_s: float | None = None
    expected_from: Source | None = None
    measured_gain_s: float | None = None
    """Filled by `effprof advise`."""
    measured_ci95_s: tuple[float, float] | None = None
    """None from too few rounds for one."""
    measured_how: MeasuredHow | None = None
    """None where nothing was measured."""


@dataclass(frozen=True)
class Found:
    """The findings of one network, as every view takes them."""

    model: str
    findings: tuple[Finding, ...]
    latency_s: float | None
    """What shares refer to; None where nothing was timed."""
