"""What `flops_are_not_latency.py` prints and writes: figures by device, predictions, charts, fitted devices."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from results import write_rows

from effprof.analyze.regression import Formula
from effprof.analyze.regression_study import Regression
from effprof.report.regression_chart import render_regression_png, render_regression_svg
from effprof.report.regression_json import device_files
from effprof.report.regression_rows import left_out
from effprof.store import write_atomically
from effprof.units import UNKNOWN

FEW = 2
"""So many devices show the coefficients of every formula."""


@dataclass(frozen=True)
class Study:
    """A judged table under the name of its files."""

    name: str
    regression: Regression
    source: Mapping[str, Any] = field(default_factory=dict)
    """For the files of fitted devices, where more is known than the table's name."""

    def lines(self) -> list[str]:
        """Markdown: one row a device, error beside ranking, then what the coefficients say."""
        regression = self.regression
        notes = [*regression.notes, *([left_out(regression)] if regression.left_out else [])]
        lines = [f"## {self.name}: {regression.table}", "", *(f"{note}\n" for note in notes)]
        lines += [*_figure_lines(regression), ""]
        few = len(regression.latencies) <= FEW
        lines += [
            "Achieved, with 95 % bootstrap intervals over networks. A coefficient whose networks are missing, or that "
            f"decides nowhere, stays near where the fit began{', or is inf where it explains nothing' if few else ''}.",
            "",
        ]
        for formula in regression.formulas if few else (regression.full,):
            lines += [*([f"{formula.name}:", ""] if few else []), *_coefficient_lines(regression, formula), ""]
        return lines


def _figure_lines(regression: Regression) -> list[str]:
    formulas = [formula.name for formula in regression.formulas]
    lines = [
        "Error on networks left out of the fit, one at a time (MAPE), and Spearman's rank correlation of the same "
        f"predictions; last the roofline's error with whole families left out. Roofline: {regression.full.says}.",
        "",
        f"| device | networks | {' | '.join(formulas)} | roofline, family left out |",
        f"|---|---|{'---|' * (len(formulas) + 1)}",
    ]
    for device in regression.latencies:
        rows = [regression.figure(device, formula) for formula in formulas]
        cells = [f"{row.network_mape:.1%}, {row.spearman:.3f}" for row in rows]
        lines.append(f"| {device} | {rows[0].networks} | {' | '.join(cells)} | {_percent(rows[-1].family_mape)} |")
    medians = []
    for formula in formulas:
        of_formula = [row for row in regression.figures if row.formula == formula]
        error = statistics.median(row.network_mape for row in of_formula)
        medians.append(f"{error:.1%}, {statistics.median(row.spearman for row in of_formula):.3f}")
    by_family = [row.family_mape for row in regression.figures if row.formula == formulas[-1]]
    known = [error for error in by_family if error is not None]
    of_family = _percent(statistics.median(known) if known else None)
    return [*lines, f"| **median** | | {' | '.join(medians)} | {of_family} |"]


def _percent(error: float | None) -> str:
    return UNKNOWN if error is None else f"{error:.1%}"


def _coefficient_lines(regression: Regression, formula: Formula) -> list[str]:
    names = [f"{c.name} ({c.unit})" for c in formula.coefficients]
    lines = [f"| device | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    bars = regression.bars[formula.name]
    for device, values in regression.coefficients[formula.name].items():
        cells = [
            f"{value:.3g} ({low:.2g} to {high:.2g})" for value, (low, high) in zip(values, bars[device], strict=True)
        ]
        lines.append(f"| {device} | {' | '.join(cells)} |")
    return lines


# ------------------------------------------------------------------------------------------------------------ files


def write(folder: Path, studies: Sequence[Study]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for study in studies:
        write_rows(folder / f"{study.name}.csv", study.regression.figures)
        write_rows(folder / f"{study.name}-predictions.csv", study.regression.predictions)
        write_atomically(folder / f"{study.name}.png", render_regression_png(study.regression))
        write_atomically(folder / f"{study.name}.svg", render_regression_svg(study.regression))
        _devices(study, folder / "devices" / study.name)
        write_atomically(folder / f"{study.name}.md", ("\n".join(study.lines()) + "\n").encode())


def _devices(study: Study, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in device_files(study.regression, study.source).items():
        write_atomically(folder / name, content)
