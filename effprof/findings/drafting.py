"""From what a rule saw to a `Finding`: what every finding says alike, and which are worth saying."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from effprof.finding_records import Evidence, Finding, Source
from effprof.findings.network import Network, access_of, time_of
from effprof.records import CostedOp
from effprof.sweep_records import GuidelineId
from effprof.units import counted, format_percent

LEAST_SHARE = 0.01
"""Of the latency (of all access, where nothing was timed): what takes or gains less is no finding."""
WARN_SHARE = 0.03
"""An expected gain from here on is a warning."""


@dataclass(frozen=True)
class Draft:
    """What a rule saw."""

    code: str
    ops: tuple[CostedOp, ...]
    """The calls that the finding is about; none where it cannot be told in whose time the cost is."""
    text: str
    """One sentence."""
    edit: str
    guideline: GuidelineId | None = None
    exact: bool = False
    exact_edit: str | None = None
    evidence: Evidence = ()
    expected: tuple[float, Source] | None = None
    """Seconds gained, and where that comes from; None where nothing is known of it."""
    is_of_whole: bool = False
    """About how the network is run, not about a place in it."""
    at_stake_s: float | None = None
    """What can be gained at most, where that is not the time of `ops`."""
    time_s: float | None = None
    """What the finding is about, where that is not the time of `ops`: the time between them."""


def findings_of(drafts: Iterator[Draft], network: Network) -> list[Finding]:
    """Those that matter: at least 1 % of the latency to gain, or where the gain is unknown, that much time at stake."""
    found = []
    for draft in drafts:
        if _at_stake_s(draft) >= LEAST_SHARE * network.whole:
            found.append(_finding(draft, network))
    return found


def _at_stake_s(draft: Draft) -> float:
    if draft.expected is not None:
        return draft.expected[0]
    return time_of(draft.ops) if draft.at_stake_s is None else draft.at_stake_s


def _finding(draft: Draft, network: Network) -> Finding:
    time_s = draft.time_s if draft.time_s is not None else time_of(draft.ops) if draft.ops else None
    share = None if time_s is None else time_s / network.whole
    gain_s, gain_from = draft.expected if draft.expected is not None and network.is_timed else (None, None)
    is_known = bool(draft.ops) and all(op.cost.access_bytes is not None for op in draft.ops)
    access = (("access_bytes", access_of(draft.ops)),) if is_known else ()
    of_ceiling = network.share_of_ceiling(draft.ops)
    ceiling = () if of_ceiling is None else (("share_of_ceiling", of_ceiling),)
    figures = (("time_s", time_s if network.is_timed else None), ("share", share), *access, *ceiling)
    dearest = sorted(draft.ops, key=lambda op: op.time_s or 0.0, reverse=True)
    return Finding(
        code=draft.code,
        guideline=draft.guideline,
        level="warn" if gain_s is not None and gain_s >= WARN_SHARE * network.whole else "info",
        layers=("",) if draft.is_of_whole else tuple(dict.fromkeys(op.call.layer for op in dearest)),
        source=None if draft.is_of_whole else dearest[0].call.source,
        evidence=(*figures, *draft.evidence),
        text=draft.text,
        edit=draft.edit,
        exact=draft.exact,
        exact_edit=draft.exact_edit,
        expected_gain_s=gain_s,
        expected_from=gain_from,
    )


def subject(ops: Sequence[CostedOp], one: str, many: str | None = None) -> str:
    """`3 copies (stem, head and 1 more)`."""
    return f"{counted(len(ops), one, many)} ({places(ops)})"


def verb(ops: Sequence[CostedOp], one: str, many: str) -> str:
    """What agrees with that: `writes` for one, `write` for several."""
    return one if len(ops) == 1 else many


def share_text(part: float, whole: float) -> str:
    """`12 %`."""
    return format_percent(part / whole, 0)


def places(ops: Sequence[CostedOp], shown: int = 2) -> str:
    """The dearest layers by name: `features.0.1, features.2.conv.4 and 50 more`."""
    dearest = sorted(ops, key=lambda op: op.time_s or 0.0, reverse=True)
    names = list(dict.fromkeys(op.call.layer or "the network itself" for op in dearest))
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
