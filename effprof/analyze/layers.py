"""Sums by module: what a layer took and cost, with its children and without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from effprof.records import Category, CostedOp, LayerTotal, ModuleInfo


@dataclass
class _Sum:
    time_s: float = 0.0
    self_time_s: float = 0.0
    mult_adds: int = 0
    access_bytes: int = 0
    op_count: int = 0
    knows_access: bool = False
    is_shapeless: bool = False
    """A call inside may do work, and was recorded without its shapes."""


def layer_totals(
    ops: Iterable[CostedOp], modules: Sequence[ModuleInfo], latency_s: float | None, timed: bool
) -> tuple[LayerTotal, ...]:
    """One row a module, in the order of `modules`, the root first; then layers that calls name and `modules` lacks.

    Views count in no layer: they are overhead, which belongs to the whole network. So `self_time_s` adds up over
    layers to `Accounting.ops_s`, and `op_count` of the root is the number of calls outside overhead. `time_s`,
    `mult_adds`, `access_bytes` and `op_count` include children.
    """
    infos = _rows(ops := tuple(ops), modules)
    sums = {path: _Sum() for path in infos}
    for op in ops:
        if op.category is Category.OVERHEAD:
            continue
        time_s = op.time_s or 0.0
        sums[op.call.layer].self_time_s += time_s
        for path in ancestors(op.call.layer):
            if path in sums:
                total = sums[path]
                total.time_s += time_s
                total.mult_adds += op.cost.mult_adds or 0
                total.access_bytes += op.cost.access_bytes or 0
                total.op_count += op.call.count
                total.knows_access |= op.cost.access_bytes is not None
                total.is_shapeless |= op.cost.mult_adds is None and op.cost.access_bytes is None
    return tuple(_total(infos[path], total, latency_s, timed) for path, total in sums.items())


def ancestors(path: str) -> Iterator[str]:
    """The layer itself, its parents, and the root: `a.b` -> `a.b`, `a`, ``."""
    while path:
        yield path
        path = path.rpartition(".")[0]
    yield ""


def _rows(ops: Iterable[CostedOp], modules: Sequence[ModuleInfo]) -> dict[str, ModuleInfo]:
    infos = {module.path: module for module in modules}
    root = infos.pop("", ModuleInfo("", "", 0))
    infos = {"": root, **infos}
    for op in ops:
        infos.setdefault(op.call.layer, ModuleInfo(op.call.layer, "", 0))
    return infos


def _total(info: ModuleInfo, total: _Sum, latency_s: float | None, timed: bool) -> LayerTotal:
    return LayerTotal(
        layer=info.path,
        module_type=info.module_type,
        time_s=total.time_s if timed else None,
        self_time_s=total.self_time_s if timed else None,
        fraction=total.time_s / latency_s if timed and latency_s else None,
        mult_adds=total.mult_adds if total.mult_adds or not total.is_shapeless else None,
        access_bytes=total.access_bytes if total.knows_access or not total.op_count else None,
        parameters=info.parameters,
        op_count=total.op_count,
    )
