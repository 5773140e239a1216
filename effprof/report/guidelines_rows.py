"""What the guidelines report says, before any markup: the same words and cells in every view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from effprof import units
from effprof.report.headline import emulated
from effprof.report.untrusted import printable
from effprof.sweep_records import GuidelineId, Guidelines, JudgedPoint, Platform, Ratio, Verdict

TITLES: dict[GuidelineId, str] = {
    "G1": "Equal channel widths minimise memory access",
    "G2": "Many groups raise memory access",
    "G3": "Fragmentation reduces parallelism",
    "G4": "Element-wise operations are not negligible",
}
_PRECISION = 3
WITHIN = "within one process"
"""What every interval here is of: the noise of one process over the seconds its rounds took."""


@dataclass(frozen=True)
class PointRow:
    """One setting, as it is shown; `-` where the paper has no cell. Times are in the unit of `time_scale`."""

    label: str
    mult_adds: str
    time: str
    speed: str
    interval: str
    paper_gpu: str
    paper_arm: str


def title(result: Guidelines) -> str:
    partial = " (partial: interrupted before the end)" if result.sweep.partial else ""
    return f"effprof · guidelines{partial}"


def facts(result: Guidelines) -> tuple[tuple[str, str], ...]:
    """(label, what it is): device, setting, sampling."""
    sweep, spec = result.sweep, result.sweep.spec
    threads = sweep.device.threads
    device = [printable(sweep.device.name), sweep.device.kind]
    if threads is not None:
        device.append(units.counted(threads, "thread"))
    device += emulated(sweep.device, sweep.environment)
    layout = "channels_last" if spec.channels_last else "contiguous"
    setting = (
        f"batch {spec.batch_size}", f"{spec.img_size} x {spec.img_size}", spec.precision, layout,
        f"{platform_name(spec.platform)} widths {spec.scale}",
    )  # fmt: skip
    rounds = [len(verdict.points[0].point.rounds_s) for verdict in (*result.verdicts, *result.others)]
    sampling = f"{min(rounds)} to {max(rounds)} rounds in random order, seed {spec.seed}"
    return ("device", " · ".join(device)), ("setting", " · ".join(setting)), ("sampling", sampling)


def platform_name(platform: Platform) -> str:
    return f"the paper's {platform.upper()}"


def headline(verdict: Verdict, where: str = f" {WITHIN}") -> str:
    """`G1 holds: 1:12 takes 1.53 times as long per mult_add as 1:1 (95 % within one process: 1.51 to 1.81)`.

    Args:
        where: what the interval is of; empty where that is said beside it.
    """
    low, high = (_number(value) for value in verdict.slowdown.ci95)
    severe, recommended = verdict.points[-1].point.setting.label, verdict.points[0].point.setting.label
    return (
        f"{verdict.guideline} {verdict.verdict}: {severe} takes {_number(verdict.slowdown.value)} times as long per "
        f"mult_add as {recommended} (95 %{where}: {low} to {high})"
    )


def point_rows(verdict: Verdict, result: Guidelines) -> tuple[PointRow, ...]:
    scale = time_scale(verdict)
    return tuple(
        PointRow(
            label=printable(judged.point.setting.label),
            mult_adds=units.format_count(judged.point.mult_adds),
            time=scale.number(judged.point.time_s),
            speed=_number(judged.relative_speed.value),
            interval=_interval(judged.relative_speed, is_base=judged is verdict.points[0]),
            paper_gpu=_optional(paper_speed(result, verdict, judged, "gpu")),
            paper_arm=_optional(paper_speed(result, verdict, judged, "arm")),
        )
        for judged in verdict.points
    )


def time_scale(verdict: Verdict) -> units.TimeScale:
    """The common scale of the times of one guideline."""
    return units.time_scale(max(judged.point.time_s for judged in verdict.points))


def paper_speed(result: Guidelines, verdict: Verdict, judged: JudgedPoint, platform: Platform) -> float | None:
    """The paper's relative speed of the same setting at the same scale on its own device."""
    for point in result.paper:
        if (point.guideline, point.platform, point.scale, point.label) == (
            verdict.guideline,
            platform,
            verdict.scale,
            judged.point.setting.label,
        ):
            return point.relative_speed
    return None


def other_rows(verdicts: Iterable[Verdict]) -> Iterator[tuple[str, str, str, str, str]]:
    """guideline, scale, verdict, slowdown, interval."""
    for verdict in verdicts:
        slowdown = verdict.slowdown
        yield verdict.guideline, verdict.scale, verdict.verdict, _number(slowdown.value), _interval(slowdown)


def _interval(ratio: Ratio, is_base: bool = False) -> str:
    return "" if is_base else f"{_number(ratio.ci95[0])}-{_number(ratio.ci95[1])}"


def _number(value: float) -> str:
    """Three digits that count: `0.69`, `1.53`, `12.3`."""
    return f"{value:.{max(0, _PRECISION - len(str(int(value))))}f}"


def _optional(value: float | None) -> str:
    return units.UNKNOWN if value is None else _number(value)
