"""report.json: the whole report as plain data. Fields are only ever added.

effprof.report/1: first version.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from effprof.analyze.energy import energy_of, mean_power_w
from effprof.analyze.gpu_runs import peak_memory_bytes
from effprof.analyze.roofline import ceiling_notes
from effprof.device_records import UNRECORDED
from effprof.records import CostedOp, Crosscheck, Note
from effprof.report.findings_json import finding_dict
from effprof.report.roofline_json import ceilings_dict, roof_dict

if TYPE_CHECKING:
    from effprof.report import Report

FORMAT = "effprof.report/1"
_OURS = ("batch", "seed", "rounds", "fold_bn", "malloc", "allocator")


def render_json(report: Report) -> bytes:
    return json_bytes(report_dict(report))


def json_bytes(content: dict[str, Any]) -> bytes:
    """Plain data as readable UTF-8 JSON."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    # A lone surrogate (from an odd file name) cannot be UTF-8; backslashreplace writes its JSON escape, \udcXX.
    return (text + "\n").encode("utf-8", "backslashreplace")


def report_dict(report: Report) -> dict[str, Any]:
    """The report as dicts, lists, numbers, text and None, in the order of the documentation."""
    profile, analysis = report.profile, report.analysis
    return {
        "format": FORMAT,
        "partial": profile.partial,
        "model": _recorded(report, _model(report)),
        "device": _recorded(report, _plain(profile.device)),
        "environment": _recorded(report, _plain(profile.environment)),
        "setting": _recorded(report, _setting(report)),
        "latency": _plain(analysis.latency),
        "accounting": _plain(analysis.accounting),
        "totals": _plain(analysis.totals),
        "energy": _energy(report),
        **({} if analysis.device_time is None else {"device_time": _plain(analysis.device_time)}),
        **_gpu_memory(report),
        "crosscheck": _crosscheck(profile.crosscheck, analysis.totals.mult_adds),
        "ceilings": ceilings_dict(report),
        "categories": [_plain(share) for share in analysis.categories],
        "layers": [_plain(layer) for layer in analysis.layers],
        "ops": [op_dict(op) | roof_dict(roof) for op, roof in zip(analysis.ops, report.roofs, strict=True)],
        "findings": [finding_dict(finding) for finding in report.findings],
        "notes": [_plain(note) for note in all_notes(report)],
    }


def is_imported(report: Report) -> bool:
    """Of a trace that somebody recorded, and not of a measurement of ours."""
    return report.profile.device_trace is not None


def all_notes(report: Report) -> tuple[Note, ...]:
    """What was doubted while measuring, then what follows from the samples; each once."""
    above = ceiling_notes(report.analysis.ops, report.roofs)
    return tuple(dict.fromkeys(report.profile.notes + report.analysis.notes + above))


def op_dict(op: CostedOp) -> dict[str, Any]:
    return {
        "index": op.call.index,
        "op": op.call.op,
        "layer": op.call.layer,
        "source": op.call.source,
        "category": op.category.value,
        "kind": op.kind,
        "direction": op.call.direction,
        "time_s": op.time_s,
        "iqr_s": op.iqr_s,
        "mult_adds": op.cost.mult_adds,
        "read_bytes": op.cost.read_bytes,
        "write_bytes": op.cost.write_bytes,
        "input_shapes": [list(spec.shape) for spec in op.call.inputs],
        "output_shapes": [list(spec.shape) for spec in op.call.outputs],
    }


def _recorded(report: Report, section: dict[str, Any] | None) -> dict[str, Any] | None:
    """Of an imported trace, what it does not say is null, and so are the settings of a measurement of ours."""
    if section is None or not is_imported(report):
        return section
    return {name: None if value == UNRECORDED or name in _OURS else value for name, value in section.items()}


def _model(report: Report) -> dict[str, Any]:
    model = report.profile.model
    return {
        "name": model.name,
        "source": model.source,
        "parameters": model.parameters,
        "weights_bytes": model.weights_bytes,
        "peak_activation_bytes": report.analysis.peak_activation_bytes,
        "input_shape": [list(shape) for shape in model.input_shape],
        "dtype": model.dtype,
        "memory_format": model.memory_format,
    }


def _setting(report: Report) -> dict[str, Any]:
    spec, device = report.profile.spec, report.profile.device
    threads = device.threads if device is not None else None
    return {
        "batch": spec.batch_size,
        "threads": threads if spec.threads is None else spec.threads,
        "precision": spec.precision,
        "memory_format": report.profile.model.memory_format,
        "seed": spec.seed,
        "rounds": spec.rounds,
        "fold_bn": spec.fold_bn,
        "malloc": spec.malloc,
        "cpus": list(spec.cpus) or None,
        "timer": "+".join(dict.fromkeys(one.timer for one in report.profile.rounds)) or None,
        "command": spec.command,
    }


def _energy(report: Report) -> dict[str, Any]:
    energy = energy_of(report.profile.rounds)
    return {
        "energy_j": energy.energy_j,
        "mean_power_w": mean_power_w(energy),
        "window_s": energy.window_s,
        "runs": energy.runs,
        "source": energy.source,
        "reason": energy.reason,
    }


def _gpu_memory(report: Report) -> dict[str, Any]:
    """Of a measurement on a GPU alone."""
    cuda, peak_bytes = report.profile.environment.cuda, peak_memory_bytes(report.profile.rounds)
    if cuda is None:
        return {}
    return {"gpu_memory": {"peak_allocated_bytes": peak_bytes, "total_bytes": cuda.memory_bytes}}


def _crosscheck(crosscheck: Crosscheck | None, mult_adds: int | None) -> dict[str, Any]:
    if crosscheck is None:
        crosscheck = Crosscheck(None, None, "not asked for")
    counts = [c for c in (crosscheck.fvcore_mult_adds, crosscheck.torch_mult_adds) if c is not None]
    return {
        "fvcore_mult_adds": crosscheck.fvcore_mult_adds,
        "torch_mult_adds": crosscheck.torch_mult_adds,
        "agrees": all(count == mult_adds for count in counts) if counts else None,
        "reason": crosscheck.reason,
    }


def _plain(record: Any) -> Any:
    """A dataclass as a dict; tuples become lists and enums their value, as in the file."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {field.name: _plain(getattr(record, field.name)) for field in dataclasses.fields(record)}
    if isinstance(record, tuple):
        return [_plain(item) for item in record]
    if isinstance(record, dict):
        return dict(record)
    return getattr(record, "value", record)
