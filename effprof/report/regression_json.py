"""The field `regression` of effprof.guidelines/1, and regression.csv: figures and every prediction as plain data."""

from __future__ import annotations

import csv
import io
from typing import Any

from effprof.analyze.regression_checks import coefficient_records, rounded
from effprof.analyze.regression_study import Regression
from effprof.report.untrusted import csv_text

COLUMNS = ("device", "network", "formula", "measured_s", "predicted_s")


def regression_dict(regression: Regression) -> dict[str, Any]:
    """Times in seconds, rates a second; null for a rate that nothing bounds."""
    return {
        "table": regression.table,
        "formulas": [{"name": formula.name, "says": formula.says} for formula in regression.formulas],
        "devices": [_device(regression, device) for device in regression.latencies],
        "left_out": [{"name": one.name, "rows": one.rows, "reason": one.reason} for one in regression.left_out],
        "notes": list(regression.notes),
    }


def _device(regression: Regression, device: str) -> dict[str, Any]:
    predicted: dict[str, dict[str, float]] = {}
    for row in regression.predictions:
        if row.device == device:
            predicted.setdefault(row.network, {})[row.formula] = row.predicted_s
    measured = regression.latencies[device]
    return {
        "device": device,
        "networks": regression.figure(device, regression.full.name).networks,
        "latencies": len(measured),
        "formulas": [_formula(regression, device, number) for number in range(len(regression.formulas))],
        "predictions": [
            {"network": network, "measured_s": measured[network], "predicted_s": by_formula}
            for network, by_formula in predicted.items()
        ],
    }


def _formula(regression: Regression, device: str, number: int) -> dict[str, Any]:
    formula = regression.formulas[number]
    row = regression.figure(device, formula.name)
    values, bars = regression.coefficients[formula.name][device], regression.bars[formula.name][device]
    return {
        "name": formula.name,
        "mape": row.network_mape,
        "family_left_out_mape": row.family_mape,
        "spearman": rounded(row.spearman),
        "coefficients": coefficient_records(formula, values, bars),
    }


def render_regression_csv(regression: Regression) -> bytes:
    """One row a device, network and formula, predicted by a fit that did not see the network."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in regression.predictions:
        names = (csv_text(row.device), csv_text(row.network), row.formula)
        writer.writerow([*names, f"{row.measured_s:.7g}", f"{row.predicted_s:.7g}"])
    return text.getvalue().encode()
