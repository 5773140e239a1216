"""The words of a comparison as data: what a saved result holds (`Result`) and how two of them differ (`Comparison`).

Frozen and torch-free; times are seconds, shares fractions of the latency, slowdowns plain ratios.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from effprof.records import DeviceInfo, Environment, Note

Kind = Literal["run", "guidelines"]
Unit = Literal["s", "ratio", "share"]
Answer = Literal["better", "worse", "same", "inconclusive"]
LATENCY = "latency"
INCOMPLETE = "incomplete-round"
"""Code of the note on processes that were interrupted before their parts were timed."""
SLOWED_ROUNDS = "slowed-rounds"
"""Code of the note on rounds in which the machine itself was slower."""

Facts = tuple[tuple[str, str], ...]
"""(what, which)."""


@dataclass(frozen=True)
class Quantity:
    """One figure of a result, process by process."""

    name: str
    """`latency`, `time.conv`, `share.conv`; `G1` (slowdown), `G1.1:12` (a setting's time), `G1.x2.1:12`."""
    unit: Unit
    processes: tuple[float, ...]
    """One value for each process that measured it."""
    within: float = 0.0
    """Half-width of the 95 % interval inside one process, as a share of the value. Only used where there is one."""
    is_part: bool = False
    """A part of the latency: a change of it matters by what it does to the latency."""


@dataclass(frozen=True)
class Result:
    """A saved result, ready to be compared with another."""

    kind: Kind
    name: str
    """Of the network; `guidelines` for a sweep."""
    path: str
    device: DeviceInfo
    environment: Environment
    command: str
    setting: Facts
    """What two results must have in common to be comparable."""
    circumstances: Facts
    """What is worth a note where it differs."""
    quantities: tuple[Quantity, ...]
    headline: tuple[str, ...]
    """Names of the quantities that answer for the whole."""
    notes: tuple[Note, ...]
    partial: bool = False
    keeps_rounds: bool = True
    """False: it has derived values only, so nobody can tell its processes apart."""
    fixed_work_s: float | None = None
    """What a fixed piece of work took on this machine meanwhile; None where nobody looked."""
    verdicts: Facts = ()
    """Of the guidelines: (`G1`, `holds`)."""

    @property
    def processes(self) -> int:
        """How many measured it, as far as the result tells."""
        return max(len(quantity.processes) for quantity in self.quantities)


@dataclass(frozen=True)
class Change:
    """One quantity, old and new."""

    name: str
    unit: Unit
    old: float
    new: float
    value: float | None
    """new / old; new - old for shares. None where there is nothing to divide by."""
    ci95: tuple[float, float] | None
    margin: float
    """How much is worth a verdict, as a share of `old`; for shares in fractions of the latency."""
    verdict: Answer
    reason: str = ""
    """Why there is no ratio, or why the verdict is withheld."""
    is_withheld: bool = False
    """The interval alone would have said more, but a side was disturbed."""
    may_look_larger: bool = False
    """A disturbed side may have made the growth look larger than it is, whatever the verdict."""
    may_look_smaller: bool = False
    """The other way round: it may hide growth."""


@dataclass(frozen=True)
class Comparison:
    old: Result
    new: Result
    changes: tuple[Change, ...]
    verdict: Answer
    """Of the headline quantities together."""
    margin: float
    spread: float | None
    """Standard deviation between processes as given; None: not known."""
    notes: tuple[Note, ...]
    only_in_one: tuple[str, ...] = ()
    """Quantities that one of the results does not have."""
