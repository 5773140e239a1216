"""A guidelines result as a `Result`: from sweep.json, judged anew, or from guidelines.json as it was judged.

A sweep is of one process, so every figure is one value with its interval over the rounds of that process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from effprof.compare.from_run import cores_fact, log_half_width, machine_facts, version_facts
from effprof.compare.words import Facts, Quantity, Result
from effprof.errors import BadFileError
from effprof.guidelines import judge
from effprof.records import DeviceInfo, Environment, Note
from effprof.sweep_records import GuidelineId, Scale, Sweep, SweepSpec, Verdict

NAME = "guidelines"


@dataclass(frozen=True)
class PointFile:
    label: str
    time_s: float
    ci95_s: tuple[float, float]


@dataclass(frozen=True)
class VerdictFile:
    id: GuidelineId
    verdict: str
    slowdown: float
    ci95: tuple[float, float]
    points: tuple[PointFile, ...]


@dataclass(frozen=True)
class GuidelineFile(VerdictFile):
    scales: dict[Scale, VerdictFile] = field(default_factory=dict)


@dataclass(frozen=True)
class SettingFile:
    batch: int
    img_size: int
    precision: str
    memory_format: str
    widths: str
    scale: Scale
    malloc: str
    command: str = ""
    cpus: tuple[int, ...] | None = None


@dataclass(frozen=True)
class GuidelinesFile:
    """Of guidelines.json what a comparison needs."""

    format: str
    device: DeviceInfo
    environment: Environment
    setting: SettingFile
    guidelines: tuple[GuidelineFile, ...]
    notes: tuple[Note, ...] = ()
    partial: bool = False


def result_of_sweep(sweep: Sweep, path: str = "") -> Result:
    judged = judge(sweep)
    verdicts = [(verdict.guideline, _as_in_the_file(verdict)) for verdict in judged.verdicts]
    others = [(f"{verdict.guideline}.{verdict.scale}", _as_in_the_file(verdict)) for verdict in judged.others]
    return _result(
        sweep.device, sweep.environment, _of_spec(sweep.spec), verdicts, others, judged.notes, sweep.partial, path
    )


def result_of_guidelines(content: GuidelinesFile, path: str = "") -> Result:
    """Raises BadFileError when it holds no guideline."""
    verdicts = [(entry.id, entry) for entry in content.guidelines]
    others = [(f"{entry.id}.{scale}", other) for entry in content.guidelines for scale, other in entry.scales.items()]
    return _result(
        content.device, content.environment, content.setting, verdicts, others, content.notes, content.partial, path
    )


def setting_known_before(spec: SweepSpec) -> Facts:
    """Of a sweep that is still to come what its options alone tell."""
    return _setting_facts(_of_spec(spec))


def setting_of_machine(spec: SweepSpec, device: DeviceInfo, environment: Environment) -> Facts:
    """The same once the machine has been looked at."""
    return (*machine_facts(device, environment), *setting_known_before(spec))


def _result(
    device: DeviceInfo,
    environment: Environment,
    setting: SettingFile,
    verdicts: Sequence[tuple[str, VerdictFile]],
    others: Sequence[tuple[str, VerdictFile]],
    notes: tuple[Note, ...],
    partial: bool,
    path: str,
) -> Result:
    if not verdicts:
        raise BadFileError("it holds no guideline at the judged scale")
    return Result(
        kind="guidelines",
        name=NAME,
        path=path,
        device=device,
        environment=environment,
        command=setting.command,
        setting=(*machine_facts(device, environment), *_setting_facts(setting)),
        circumstances=version_facts(environment),
        quantities=tuple(q for name, verdict in (*verdicts, *others) for q in _quantities(name, verdict)),
        headline=tuple(name for name, _ in verdicts),
        notes=notes,
        partial=partial,
        verdicts=tuple((name, verdict.verdict) for name, verdict in (*verdicts, *others)),
    )


def _setting_facts(setting: SettingFile) -> Facts:
    return (
        ("batch", str(setting.batch)),
        ("img_size", str(setting.img_size)),
        ("precision", setting.precision),
        ("memory format", setting.memory_format),
        ("widths", setting.widths),
        ("scale", setting.scale),
        ("malloc", setting.malloc),
        ("cores", cores_fact(setting.cpus)),
    )


def _of_spec(spec: SweepSpec) -> SettingFile:
    layout = "channels_last" if spec.channels_last else "contiguous"
    return SettingFile(
        spec.batch_size, spec.img_size, spec.precision, layout, spec.platform, spec.scale, spec.malloc, spec.command,
        spec.cpus,
    )  # fmt: skip


def _as_in_the_file(verdict: Verdict) -> VerdictFile:
    points = tuple(
        PointFile(judged.point.setting.label, judged.point.time_s, judged.ci95_s) for judged in verdict.points
    )
    return VerdictFile(verdict.guideline, verdict.verdict, verdict.slowdown.value, verdict.slowdown.ci95, points)


def _quantities(name: str, verdict: VerdictFile) -> Iterator[Quantity]:
    for own, value in ((name, verdict.slowdown), *((f"{name}.{p.label}", p.time_s) for p in verdict.points)):
        if not value > 0:
            raise BadFileError(f"{own} is {value}, which is not positive")
    yield Quantity(name, "ratio", (verdict.slowdown,), log_half_width(verdict.slowdown, verdict.ci95))
    for point in verdict.points:
        within = log_half_width(point.time_s, point.ci95_s)
        yield Quantity(f"{name}.{point.label}", "s", (point.time_s,), within)
