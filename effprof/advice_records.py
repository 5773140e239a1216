"""The words of `effprof advise` as data: which edits were tried on a network, and what they gained.

Like `records`: frozen, torch-free and JSON-able; `None` means unknown. `Advice` holds what was observed;
`analyze/gains.py` says what follows from it.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Literal

from effprof.records import DeviceInfo, Environment, ModelInfo, Note, RunSpec

Outcome = Literal["measured", "not-applicable", "failed", "no-time"]
Stage = Literal["alone", "combined", "final", "settings"]

EDIT_TEXTS: dict[str, str] = {
    "fold-batch-norm": "Fold batch-norms into the convolutions before them.",
    "merge-siblings": "Merge convolutions that read the same tensor into one.",
    "drop-copies": "Leave out copies that nothing needs.",
    "in-place": "Let activations write over inputs that nobody else reads.",
    "channels-last": "Keep images as NHWC in memory (channels_last).",
    "pack-weights": "Pack convolutions' weights for oneDNN, as NHWC, and do activations in them.",
}
"""The exact edits (`effprof.edits`) in the order in which several are applied: those that look for modules before those
that move calls, the layout after them, because they make new weights, and last the one that replaces convolutions."""

# ---------------------------------------------------------------------------------------------- what was asked for


@dataclass(frozen=True)
class AdviceSpec:
    """What to try on which network, and for how long."""

    run: RunSpec
    """The network and its setting; `rounds`, `min_time_s` and `max_time_s` are of no concern here."""
    edits: tuple[str, ...] = ()
    """Names of the edits and settings to try; empty: all."""
    applied: tuple[str, ...] = ()
    """Names of edits that the network has had before anything else is tried."""
    max_time_s: float = 180.0
    """For everything: profiling, building, copying, checking, measuring and pricing."""
    prices: bool = True
    """Design edits are priced too."""


# ---------------------------------------------------------------------------------------------------- what was seen


@dataclass(frozen=True)
class Trial:
    """One edit or setting, and how far it got."""

    name: str
    outcome: Outcome
    text: str
    """What was done, or why nothing was."""
    layers: tuple[str, ...] = ()
    max_abs_difference: float | None = None
    """Of the outputs, between the edited copy and the original. None for a setting, and where nothing was run."""
    relative_difference: float | None = None
    """The same as a share of the largest output."""


@dataclass(frozen=True)
class Contest:
    """Versions of one network timed side by side: in turn, in random order, round after round."""

    stage: Stage
    versions: tuple[tuple[str, ...], ...]
    """The edits of each; the first is what the others are compared with."""
    rounds_s: tuple[tuple[float, ...], ...]
    """For each version the median of its plain runs in each round."""
    runs_per_round: tuple[int, ...]
    order: tuple[tuple[int, ...], ...]
    """Positions of the versions as they were visited, for each round."""
    stopped_because: str
    """`interval`, `max-time` or `interrupted`."""
    page_faults: tuple[float | None, ...] = ()
    """Minor page faults a run of each version, median over rounds; None where the platform does not tell."""

    def median_s(self, position: int) -> float:
        return statistics.median(self.rounds_s[position])


@dataclass(frozen=True)
class Advice:
    """The raw record."""

    spec: AdviceSpec
    model: ModelInfo
    environment: Environment
    device: DeviceInfo
    trials: tuple[Trial, ...]
    contests: tuple[Contest, ...]
    chosen: tuple[str, ...]
    """The edits that were kept while combining, in the order in which they are applied."""
    notes: tuple[Note, ...] = ()
    took_s: float = 0.0
    partial: bool = False


# ------------------------------------------------------------------------------------------------- what is derived


@dataclass(frozen=True)
class Gain:
    """What one version saves of the time of what it is compared with."""

    value: float
    """A share: 0.1 is a tenth less time; negative where it takes longer."""
    ci95: tuple[float, float] | None
    """None from too few rounds for one."""
    seconds: float
    seconds_ci95: tuple[float, float] | None
    rounds: int
