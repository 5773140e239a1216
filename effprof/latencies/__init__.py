"""From a table of whole-network latencies to how well counted work explains them.

    read_latencies -> Latencies table -> count_table -> CountedTable -> regression_of -> Regression

Reading is torch-free and checks all that can be checked; counting asks torch for shapes alone; fitting is arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from effprof.analyze.regression import Formula, Work, arm_roofline, cpu_roofline, gpu_roofline
from effprof.analyze.regression_checks import MIN_NETWORKS
from effprof.analyze.regression_study import RESAMPLES, LeftOut, Regression, judge_latencies
from effprof.errors import UsageError
from effprof.latencies.names import group_of
from effprof.latencies.networks import Counted, count_apart, left_out_of
from effprof.latencies.table import LatencyTable, read_latencies

__all__ = ["KINDS", "CountedTable", "Kind", "LatencyTable", "count_table", "read_latencies", "regression_of"]

Kind = Literal["cpu", "gpu", "arm"]
KINDS: tuple[Kind, ...] = ("cpu", "gpu", "arm")
"""How a table's devices run networks: PyTorch op by op on a CPU or a GPU, or an inference engine on one ARM core."""
_FORMULAS: dict[Kind, Callable[[], Formula]] = {"cpu": cpu_roofline, "gpu": gpu_roofline, "arm": arm_roofline}
_SHOWN = 3


@dataclass(frozen=True)
class CountedTable:
    """A table with enough networks that could be counted."""

    table: LatencyTable
    works: dict[str, tuple[Work, ...]]
    """By label."""
    latencies: dict[str, dict[str, float]]
    """Seconds by device and label, of what was counted."""
    left_out: tuple[LeftOut, ...]


def count_table(table: LatencyTable, kind: Kind, count: Callable[..., Counted] = count_apart) -> CountedTable:
    """Counts every network of the table, in a process of its own unless `count` is another function.

    Networks that are not known or cannot be counted, and devices with too few others, are left out and listed.

    Raises UsageError when no device is left.
    """
    asked = list(table.networks.values())
    counted = count(asked, fused=kind == "arm")
    left_out = list(left_out_of(asked, counted.reasons))
    latencies = {}
    for device, rows in table.latencies.items():
        known = {label: seconds for label, seconds in rows.items() if label in counted.works}
        models = {group_of(table.networks[label].model) for label in known}
        if len(models) >= MIN_NETWORKS:
            latencies[device] = known
        else:
            left_out.append(
                LeftOut(device, len(rows), f"{_networks(len(models))} of it can be counted; a fit needs {MIN_NETWORKS}")
            )
    if not latencies:
        raise UsageError(f"{table.name}: no device is left to fit. {_reasons(left_out)}")
    # In the table's order, so that the same table gives the same figures.
    works = {label: counted.works[label] for label in table.networks if label in counted.works}
    return CountedTable(table, works, latencies, tuple(left_out))


def regression_of(
    counted: CountedTable, kind: Kind, *, notes: Sequence[str] = (), resamples: int = RESAMPLES
) -> Regression:
    """All formulas on every device of the table; a network is left out at all its sizes and batches together.

    So it is under all its names and from whichever library: see `group_of`.
    """
    groups = {label: group_of(asked.model) for label, asked in counted.table.networks.items()}
    return judge_latencies(
        counted.table.name,
        counted.works,
        counted.latencies,
        _FORMULAS[kind](),
        group=groups.__getitem__,
        left_out=counted.left_out,
        notes=notes,
        resamples=resamples,
    )


def _networks(count: int) -> str:
    return f"{count} network{'' if count == 1 else 's'}"


def _reasons(left_out: Sequence[LeftOut]) -> str:
    shown = [f"{one.name}: {one.reason}" for one in reversed(left_out)][:_SHOWN]
    more = len(left_out) - len(shown)
    return "; ".join(shown) + (f"; and {more} more." if more else ".")
