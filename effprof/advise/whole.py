"""The whole of `effprof advise`: a short profile finds what to change, edits and prices measure it; torch-free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic, time

import msgspec

from effprof.advice_records import EDIT_TEXTS, Advice, AdviceSpec
from effprof.advise import process
from effprof.advise.measured import with_measured_gains, with_prices
from effprof.advise.settings import may_try_settings
from effprof.advise.tasks import WORK, Prices, PricesTask, ProfileTask, Task, Wanted
from effprof.analyze import analyze
from effprof.bench.turns import Progress
from effprof.bench.twin_shapes import twin_pairs
from effprof.calibrated import ceilings_for
from effprof.errors import EffprofError, InterruptedRunError
from effprof.finding_records import Finding, Found
from effprof.findings import find
from effprof.measure.processes import run_worker
from effprof.records import Note, Profile
from effprof.store import loads_profile
from effprof.sweep_records import Verdict
from effprof.units import counted

PROFILE_SHARE = 0.1
"""Of all the time, for the runs of the profile at most."""
PROFILE_MIN_S, PROFILE_MAX_S = 0.5, 3.0
"""Findings need to know what takes 1 % of the time, no more."""
PRICES_SHARE = 0.15
"""Of all the time, where there is anything to price."""
VerdictsOf = Callable[[Profile], Sequence[Verdict]]
"""This device's own verdicts on the guidelines. Raises UsageError where they are of another device."""


@dataclass(frozen=True)
class Advised:
    advice: Advice
    found: Found
    error: EffprofError | None = None
    """Why no edit could be measured, although there are findings; to be raised once those have been shown."""


@dataclass(frozen=True)
class _Seen:
    """The network as asked for."""

    profile: Profile | None
    """None where it could not be had."""
    findings: tuple[Finding, ...] = ()
    latency_s: float | None = None
    notes: tuple[Note, ...] = ()


def advised(spec: AdviceSpec, progress: Progress, verdicts_of: VerdictsOf = lambda profile: ()) -> Advised:
    """Everything within about `spec.max_time_s`; an interrupt ends it early, marks it partial, and keeps what is there.

    Raises:
        EffprofError: the network can neither be profiled nor be edited.
        InterruptedRunError: interrupted before anything was measured.
        UsageError: the verdicts are of another device.
    """
    started = monotonic()
    seen = _look(spec, _part(progress, 0.0, PROFILE_SHARE), verdicts_of)
    wanted = _wanted(spec, seen)
    prices_s = PRICES_SHARE * spec.max_time_s if wanted else 0.0
    gone_s = PROFILE_SHARE * spec.max_time_s if _is_fake(spec) else monotonic() - started
    edits_s = max(spec.max_time_s - prices_s - gone_s, 0.0)
    done = 1 - PRICES_SHARE if wanted else 1.0
    advice, error = _edited(spec, edits_s, seen, _part(progress, PROFILE_SHARE, done))
    findings, notes = with_measured_gains(seen.findings, advice), seen.notes
    if wanted and not advice.partial:
        priced, more = _price(spec, seen, tuple(wanted.values()), prices_s, _part(progress, done, 1.0))
        findings = with_prices(findings, dict(zip(wanted, priced.priced, strict=True)))
        advice, notes = replace(advice, partial=priced.is_partial), (*notes, *more)
    advice = replace(advice, spec=spec, notes=(*advice.notes, *notes), took_s=monotonic() - started)
    return Advised(advice, Found(advice.model.name, findings, seen.latency_s), error)


def _look(spec: AdviceSpec, progress: Progress, verdicts_of: VerdictsOf) -> _Seen:
    """A timed profile and its findings; without it edits can be measured all the same, which is then noted."""
    longest_s = min(PROFILE_MAX_S, PROFILE_SHARE * spec.max_time_s)
    run = replace(spec.run, rounds=1, min_time_s=min(PROFILE_MIN_S, longest_s), max_time_s=longest_s)
    asked = Task(profile=ProfileTask(run, spec.applied))
    try:
        profile = run_worker(msgspec.json.encode(asked), "json", progress, WORK, loads_profile)
    except InterruptedRunError:
        raise
    except EffprofError as error:
        text = f"The network was not profiled, so nothing was looked for in it. {error}"
        return _Seen(None, notes=(Note("no-findings", text),))
    analysis = analyze(profile)
    findings = find(profile, analysis, verdicts_of(profile), ceilings_for(profile).ceilings)
    # The make-believe device's edits are plans, which its profile knows nothing of; channels_last is seen in no call.
    findings = tuple(one for one in findings if one.exact_edit not in spec.applied)
    return _Seen(profile, findings, None if analysis.latency is None else analysis.latency.median_s)


def _edited(
    spec: AdviceSpec, time_s: float, seen: _Seen, progress: Progress
) -> tuple[Advice, EffprofError | None]:
    """The edits' gains; where they cannot be had, an advice without any, which the findings can be shown with."""
    if seen.profile is not None and seen.profile.partial:
        return _unedited(spec, seen.profile, partial=True), None
    try:
        return process.advise(replace(spec, max_time_s=time_s), progress), None
    except InterruptedRunError:
        if seen.profile is None:
            raise
        return _unedited(spec, seen.profile, partial=True), None
    except EffprofError as error:
        if seen.profile is None:
            raise
        note = Note("no-edits", f"No edit was measured. {error}")
        return _unedited(spec, seen.profile, partial=False, notes=(note,)), error


def _unedited(spec: AdviceSpec, profile: Profile, *, partial: bool, notes: tuple[Note, ...] = ()) -> Advice:
    assert profile.device is not None, "it was timed"
    return Advice(spec, profile.model, profile.environment, profile.device, (), (), (), notes, partial=partial)


def _wanted(spec: AdviceSpec, seen: _Seen) -> dict[int, Wanted]:
    """By position the findings that can be priced: each of their layers is one convolution with a twin."""
    if not spec.prices or seen.profile is None or seen.profile.device is None:
        return {}
    found = {}
    for position, finding in enumerate(seen.findings):
        pairs = tuple(twin_pairs(finding, seen.profile.calls, seen.profile.device.threads or 1))
        if pairs and len(pairs) == len(finding.layers):  # else the price would be of something else than the finding
            found[position] = Wanted(finding.code, pairs)
    return found


def _price(
    spec: AdviceSpec, seen: _Seen, wanted: tuple[Wanted, ...], time_s: float, progress: Progress
) -> tuple[Prices, tuple[Note, ...]]:
    assert seen.profile is not None
    assert seen.profile.device is not None
    channels_last = spec.run.channels_last or "channels-last" in spec.applied
    task = PricesTask(spec.run, seen.profile.device.threads or 1, channels_last, wanted, time_s)
    none = (None,) * len(wanted)
    try:
        asked = msgspec.json.encode(Task(prices=task, since_s=time()))
        prices = run_worker(asked, "json", progress, WORK, _prices)
    except InterruptedRunError:
        return Prices(none, True), ()
    except EffprofError as error:
        return Prices(none, False), (Note("no-prices", f"No design edit was priced. {error}"),)
    late = [one.code for one, price in zip(wanted, prices.priced, strict=True) if price is None]
    if not late or prices.is_partial:
        return prices, ()
    text = f"No time was left for the price of {', '.join(late)}."
    return prices, (Note("no-prices", text, "Give more --max-time."),)


def _prices(told: bytes) -> Prices:
    return msgspec.json.decode(told, type=Prices)


def _part(progress: Progress, begin: float, end: float) -> Progress:
    return lambda text, share: progress(text, begin + share * (end - begin))


def _is_fake(spec: AdviceSpec) -> bool:
    return spec.run.device.partition(":")[0] == "fake"


def plan_text(spec: AdviceSpec) -> str:
    """What is going to happen and how long it may take, for whoever waits."""
    edits = sum(1 for name in EDIT_TEXTS if not spec.edits or name in spec.edits)
    parts = ["a short profile"]
    if edits:
        parts.append(f"{counted(edits, 'edit')} on copies in one process")
    if may_try_settings(spec):
        parts.append("settings in fresh processes")
    if spec.prices:
        parts.append("prices of design edits")
    listed = ", ".join(parts[:-1]) + f" and {parts[-1]}" if len(parts) > 1 else parts[0]
    return f"{spec.run.model}: {listed}, about {spec.max_time_s:.0f} s at most (--max-time)."
