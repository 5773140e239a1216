"""What `flops_are_not_latency.py` prints and writes: figures by device, predictions, charts, fitted devices."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from latency_candidates import family
from results import figure_style, new_figure, save_figure, slug, write_rows

from effprof.analyze.regression import (
    FEATURES,
    WORK_AND_BYTES,
    WORK_ONLY,
    Array,
    Formula,
    Latencies,
    Networks,
    fit_devices,
)
from effprof.analyze.regression_checks import (
    device_record,
    error_bars,
    leave_out,
    mape,
    rank_agreement,
)
from effprof.store import write_atomically

RESAMPLES = 60
SIMPLE = (WORK_ONLY, WORK_AND_BYTES, FEATURES)


@dataclass(frozen=True)
class Figure:
    """A formula on a device, judged on networks left out of the fit."""

    device: str
    formula: str
    networks: int
    network_mape: float
    family_mape: float
    spearman: float


@dataclass(frozen=True)
class Prediction:
    device: str
    network: str
    formula: str
    measured_s: float
    predicted_s: float
    """From a fit that did not see the network."""


@dataclass(frozen=True)
class Study:
    """One table of latencies, all formulas."""

    name: str
    table: str
    formula: Formula
    networks: Networks
    latencies: Latencies
    figures: tuple[Figure, ...]
    predictions: tuple[Prediction, ...]
    coefficients: Mapping[str, Array]
    bars: Mapping[str, Array]
    notes: tuple[str, ...]

    def figure(self, device: str, formula: str) -> Figure:
        return next(row for row in self.figures if (row.device, row.formula) == (device, formula))

    def lines(self) -> list[str]:
        """Markdown: one row a device, error beside ranking, then what the coefficients say."""
        formulas = [*(formula.name for formula in SIMPLE), self.formula.name]
        lines = [f"## {self.name}: {self.table}", "", *(f"{note}\n" for note in self.notes)]
        lines += [
            "Error on networks left out of the fit, one at a time (MAPE), and Spearman's rank correlation of the same "
            f"predictions; last the roofline's error with whole families left out. Roofline: {self.formula.says}.",
            "",
            f"| device | networks | {' | '.join(formulas)} | roofline, family left out |",
            f"|---|---|{'---|' * (len(formulas) + 1)}",
        ]
        for device, of_device in self.latencies.items():
            rows = [self.figure(device, formula) for formula in formulas]
            cells = [f"{row.network_mape:.1%}, {row.spearman:.3f}" for row in rows]
            lines.append(f"| {device} | {len(of_device)} | {' | '.join(cells)} | {rows[-1].family_mape:.1%} |")
        medians = []
        for formula in formulas:
            of_formula = [row for row in self.figures if row.formula == formula]
            error = statistics.median(row.network_mape for row in of_formula)
            medians.append(f"{error:.1%}, {statistics.median(row.spearman for row in of_formula):.3f}")
        of_family = statistics.median(row.family_mape for row in self.figures if row.formula == formulas[-1])
        lines.append(f"| **median** | | {' | '.join(medians)} | {of_family:.1%} |")
        return [*lines, "", *self._coefficient_lines(), ""]

    def _coefficient_lines(self) -> list[str]:
        names = [f"{c.name} ({c.unit})" for c in self.formula.coefficients]
        lines = [
            "Achieved, with 95 % bootstrap intervals over networks. A coefficient whose networks are missing, or that "
            "decides nowhere, stays near where the fit began.",
            "",
            f"| device | {' | '.join(names)} |",
            f"|---|{'---|' * len(names)}",
        ]
        for device, values in self.coefficients.items():
            cells = [
                f"{value:.3g} ({low:.2g} to {high:.2g})"
                for value, (low, high) in zip(values, self.bars[device], strict=True)
            ]
            lines.append(f"| {device} | {' | '.join(cells)} |")
        return lines


def judge(
    name: str, networks: Networks, latencies: Latencies, formula: Formula, table: str, notes: tuple[str, ...]
) -> Study:
    figures, predictions = [], []
    for candidate in (*SIMPLE, formula):
        by_network = leave_out(candidate, networks, latencies)
        by_family = leave_out(candidate, networks, latencies, family)
        for device, measured in latencies.items():
            found = by_network[device]
            figures.append(
                Figure(
                    device,
                    candidate.name,
                    len(measured),
                    mape(found, measured),
                    mape(by_family[device], measured),
                    rank_agreement(found, measured),
                )
            )
            if candidate in (WORK_ONLY, formula):
                predictions += [
                    Prediction(device, network, candidate.name, measured[network], seconds)
                    for network, seconds in found.items()
                ]
    coefficients = fit_devices(formula, networks, latencies)
    bars = error_bars(formula, networks, latencies, RESAMPLES)
    found = tuple(figures), tuple(predictions)
    return Study(name, table, formula, networks, latencies, *found, coefficients, bars, notes)


# ------------------------------------------------------------------------------------------------------------ files


def write(folder: Path, studies: list[Study]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for study in studies:
        write_rows(folder / f"{study.name}.csv", study.figures)
        write_rows(folder / f"{study.name}-predictions.csv", study.predictions)
        _chart(study, folder)
        _devices(study, folder / "devices" / study.name)
        write_atomically(folder / f"{study.name}.md", ("\n".join(study.lines()) + "\n").encode())


def _devices(study: Study, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for device, values in study.coefficients.items():
        row = study.figure(device, study.formula.name)
        record = device_record(
            study.formula,
            device,
            values,
            study.bars[device],
            {"mape": row.network_mape, "spearman": row.spearman, "family_left_out_mape": row.family_mape},
            {
                "table": study.table,
                "networks": sorted(study.latencies[device]),
                "profile_shared_with_devices": 0 if study.formula.shared is None else len(study.latencies) - 1,
                "bootstrap_resamples": RESAMPLES,
            },
        )
        write_atomically(folder / f"{slug(device)}.json", (json.dumps(record, indent=1) + "\n").encode())


def _chart(study: Study, folder: Path) -> None:
    """Predicted against measured, multiply-adds alone beside the roofline."""
    devices = list(study.latencies)
    with figure_style():
        figure = new_figure(10, 5)
        axes = figure.subplots(1, 2, sharex=True, sharey=True)
        for axis, formula in zip(axes, (WORK_ONLY, study.formula), strict=True):
            for number, device in enumerate(devices):
                rows = [row for row in study.predictions if (row.device, row.formula) == (device, formula.name)]
                measured = np.array([row.measured_s for row in rows]) * 1e3
                predicted = np.array([row.predicted_s for row in rows]) * 1e3
                colour = f"C{number}" if len(devices) <= 10 else "C0"
                label = device if len(devices) <= 10 else None
                axis.loglog(measured, predicted, ".", color=colour, alpha=0.7, markersize=5, label=label)
            all_ms = [row.measured_s * 1e3 for row in study.predictions]
            ends = (min(all_ms), max(all_ms))
            axis.loglog(ends, ends, "-", color="0.6", linewidth=0.8, zorder=0)
            error = statistics.median(row.network_mape for row in study.figures if row.formula == formula.name)
            axis.set_title(f"{formula.name}: median error {error:.0%}", fontsize=10)
            axis.set_xlabel("measured (ms)")
            for scale in (axis.xaxis, axis.yaxis):
                scale.set_major_formatter("{x:g}")
                scale.set_minor_formatter("")
        axes[0].set_ylabel("predicted, network left out of the fit (ms)")
        if len(devices) <= 10:
            axes[1].legend(fontsize=7)
        figure.tight_layout()
        save_figure(figure, folder, study.name)
