"""The field `regression` of effprof.guidelines/1, regression.csv and a file for each fitted device, as plain data."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from effprof.analyze.regression_checks import coefficient_records, device_record, rounded
from effprof.analyze.regression_study import RESAMPLES, Regression
from effprof.report.untrusted import csv_text

COLUMNS = ("device", "network", "formula", "measured_s", "predicted_s")
_LONGEST_NAME = 120


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


def device_files(regression: Regression, source: Mapping[str, Any]) -> dict[str, bytes]:
    """File name -> JSON of each fitted device: what it achieved by the full formula, how sure that is, and whence.

    Args:
        source: what is known of the table's origin beside its name.
    """
    formula = regression.full
    shared = 0 if formula.shared is None else len(regression.latencies) - 1
    files = {}
    for device, name in zip(regression.latencies, _file_names(regression.latencies), strict=True):
        row = regression.figure(device, formula.name)
        record = device_record(
            formula,
            device,
            regression.coefficients[formula.name][device],
            regression.bars[formula.name][device],
            {"mape": row.network_mape, "spearman": row.spearman, "family_left_out_mape": row.family_mape},
            {
                "table": regression.table,
                "networks": sorted(regression.latencies[device]),
                "profile_shared_with_devices": shared,
                "bootstrap_resamples": RESAMPLES,
                **source,
            },
        )
        files[name] = (json.dumps(record, indent=1, allow_nan=False) + "\n").encode()
    return files


def _file_names(devices: Iterable[str]) -> Iterator[str]:
    """`Pixel 7 / big` -> `pixel-7-big.json`: plain, no two alike, whatever the devices are called."""
    taken: set[str] = set()
    for device in devices:
        plain = re.sub(r"[^a-z0-9]+", "-", device.lower())[:_LONGEST_NAME].strip("-") or "device"
        name = next(one for number in itertools.count(1) if (one := _numbered(plain, number)) not in taken)
        taken.add(name)
        yield f"{name}.json"


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"
