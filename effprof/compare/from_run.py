"""A network's run as a `Result`: from its profile, process by process, or from what its report.json holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from effprof.analyze import analyze
from effprof.analyze.machine_speed import slowed, usual_work_s
from effprof.compare.rule import MIN_FOR_SPREAD
from effprof.compare.words import INCOMPLETE, LATENCY, SLOWED_ROUNDS, Facts, Quantity, Result
from effprof.errors import BadFileError
from effprof.records import Accounting, Analysis, DeviceInfo, Environment, Latency, Note, Profile, Round, Share
from effprof.sensors.files import cpu_ranges
from effprof.units import counted, format_count, format_shape

NO_SAMPLES = Note(
    "derived-only",
    "report.json keeps no samples: its latency counts as one process's, and its interval stands in for those of the "
    "parts.",
    "Give the profile.json beside it.",
)


@dataclass(frozen=True)
class ReportModel:
    name: str
    parameters: int | None
    input_shape: tuple[tuple[int, ...], ...]
    dtype: str
    memory_format: str


@dataclass(frozen=True)
class ReportSetting:
    batch: int
    precision: str
    fold_bn: bool
    malloc: str
    command: str = ""
    cpus: tuple[int, ...] | None = None


@dataclass(frozen=True)
class ReportTotals:
    mult_adds: int | None


@dataclass(frozen=True)
class ReportFile:
    """Of report.json what a comparison needs."""

    format: str
    model: ReportModel
    device: DeviceInfo | None
    environment: Environment
    setting: ReportSetting
    latency: Latency | None
    accounting: Accounting | None
    totals: ReportTotals
    categories: tuple[Share, ...]
    notes: tuple[Note, ...] = ()
    partial: bool = False


def result_of_profile(profile: Profile, path: str = "") -> Result:
    """Raises BadFileError when nothing was timed."""
    analysis = analyze(profile)
    if profile.device is None or analysis.latency is None:
        raise BadFileError("nothing was timed in it")
    rounds, left_out = _undisturbed([one for one in profile.rounds if one.plain.times_s])
    timed = [analyze(replace(profile, rounds=(one,))) for one in rounds]
    by_process = [one for one in timed if one.accounting is not None] or timed
    model, spec = profile.model, profile.spec
    report_model = ReportModel(model.name, model.parameters, model.input_shape, model.dtype, model.memory_format)
    setting = ReportSetting(spec.batch_size, spec.precision, spec.fold_bn, spec.malloc, cpus=spec.cpus)
    timers = "+".join(dict.fromkeys(one.timer for one in profile.rounds))
    return Result(
        kind="run",
        name=model.name,
        path=path,
        device=profile.device,
        environment=profile.environment,
        command=spec.command,
        setting=(*_setting(report_model, setting, profile.device, profile.environment), ("timer", timers)),
        circumstances=_circumstances(report_model, analysis.totals.mult_adds, profile.environment),
        quantities=tuple(_quantities(by_process)),
        headline=(LATENCY,),
        notes=tuple(
            dict.fromkeys((*profile.notes, *analysis.notes, *left_out, *_incomplete(len(timed), len(by_process))))
        ),
        partial=profile.partial,
        fixed_work_s=usual_work_s(rounds),
    )


def result_of_report(report: ReportFile, path: str = "") -> Result:
    """Raises BadFileError when nothing was timed."""
    if report.device is None or report.latency is None:
        raise BadFileError("nothing was timed in it")
    shares = report.categories if report.accounting is not None else ()
    return Result(
        kind="run",
        name=report.model.name,
        path=path,
        device=report.device,
        environment=report.environment,
        command=report.setting.command,
        setting=_setting(report.model, report.setting, report.device, report.environment),
        circumstances=_circumstances(report.model, report.totals.mult_adds, report.environment),
        quantities=tuple(_of_one_process(report.latency, shares)),
        headline=(LATENCY,),
        notes=(*report.notes, NO_SAMPLES),
        partial=report.partial,
        keeps_rounds=False,
    )


def log_half_width(value: float, ci95: tuple[float, float]) -> float:
    """Of an interval, in the logarithm; what lies at or below zero counts as a thousandth of the value."""
    low, high = (max(bound, value / 1000) for bound in ci95)
    return max(abs(math.log(high / value)), abs(math.log(value / low)))


def _undisturbed(rounds: Sequence[Round]) -> tuple[list[Round], tuple[Note, ...]]:
    """The rounds in which the machine was as fast as in the best, where enough of them are left; else all."""
    slow = dict(slowed(rounds))
    kept = [one for place, one in enumerate(rounds) if place not in slow]
    if not slow or len(kept) < MIN_FOR_SPREAD:
        return list(rounds), ()
    text = f"{counted(len(slow), 'round')} in which the machine itself was slower count for nothing."
    return kept, (Note(SLOWED_ROUNDS, text),)


def _setting(model: ReportModel, setting: ReportSetting, device: DeviceInfo, environment: Environment) -> Facts:
    return (
        *machine_facts(device, environment),
        ("input", ", ".join(map(format_shape, model.input_shape))),
        ("batch", str(setting.batch)),
        ("precision", setting.precision),
        ("dtype", model.dtype),
        ("memory format", model.memory_format),
        ("fold_bn", str(setting.fold_bn).lower()),
        ("malloc", setting.malloc),
        ("cores", cores_fact(setting.cpus)),
    )


def machine_facts(device: DeviceInfo, environment: Environment) -> Facts:
    return (
        ("device", f"{device.kind} {device.name}"),
        ("architecture", device.arch),
        ("cpu", environment.cpu or "unknown"),
        ("threads", "unknown" if device.threads is None else str(device.threads)),
        ("torch", environment.torch or "unknown"),
        ("allocator", environment.allocator),
        *_cuda_facts(environment),
    )


def _cuda_facts(environment: Environment) -> Facts:
    """What decides which kernels a GPU runs; nothing on other devices."""
    cuda, gpu = environment.cuda, environment.gpu_before
    if cuda is None:
        return ()
    return (
        ("driver", "unknown" if gpu is None or gpu.driver is None else gpu.driver),
        ("cudnn", "unknown" if cuda.cudnn is None else str(cuda.cudnn)),
        ("float32 convolutions", cuda.conv_precision),
        ("float32 matrix products", cuda.matmul_precision),
    )


def cores_fact(cpus: tuple[int, ...] | None) -> str:
    """`0-3`; without `--cpus` a process may use all."""
    return cpu_ranges(cpus) if cpus else "all"


def version_facts(environment: Environment) -> Facts:
    return (
        ("effprof", environment.effprof),
        ("python", environment.python),
        ("platform", environment.platform),
    )


def _circumstances(model: ReportModel, mult_adds: int | None, environment: Environment) -> Facts:
    return (
        ("network", model.name),
        ("mult_adds", format_count(mult_adds)),
        ("parameters", format_count(model.parameters)),
        *version_facts(environment),
    )


def _incomplete(timed: int, used: int) -> Iterator[Note]:
    if used < timed:
        text = f"{timed - used} of {timed} processes ended before the parts were timed, and count for nothing."
        yield Note(INCOMPLETE, text, "Measure it again.")


def _quantities(by_process: Sequence[Analysis]) -> Iterator[Quantity]:
    """Latency, and the parts where every process has them."""
    timed = [(a.latency, a.categories if a.accounting is not None else ()) for a in by_process]
    known = [(latency, shares) for latency, shares in timed if latency is not None]
    if len(known) == 1:
        yield from _of_one_process(*known[0])
        return
    yield Quantity(LATENCY, "s", tuple(latency.median_s for latency, _ in known))
    for place in range(min(len(shares) for _, shares in known)):
        own = [shares[place] for _, shares in known]
        name = own[0].category.value
        yield Quantity(f"time.{name}", "s", tuple(share.time_s or 0.0 for share in own), is_part=True)
        yield Quantity(f"share.{name}", "share", tuple(share.fraction or 0.0 for share in own), is_part=True)


def _of_one_process(latency: Latency, shares: Sequence[Share]) -> Iterator[Quantity]:
    """How well one process knows its parts nobody says; as well as the latency is taken."""
    if latency.median_s <= 0:
        raise BadFileError(f"its latency is {latency.median_s} s")
    within = log_half_width(latency.median_s, latency.ci95_s)
    yield Quantity(LATENCY, "s", (latency.median_s,), within)
    for share in shares:
        name = share.category.value
        yield Quantity(f"time.{name}", "s", (share.time_s or 0.0,), within, is_part=True)
        yield Quantity(f"share.{name}", "share", (share.fraction or 0.0,), within, is_part=True)
