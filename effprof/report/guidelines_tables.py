"""guidelines.csv: one row a setting, all scales, the paper's cells beside ours."""

from __future__ import annotations

import csv
import io
from typing import Any

from effprof.report.guidelines_rows import paper_speed
from effprof.report.untrusted import csv_text
from effprof.sweep_records import Guidelines, JudgedPoint, Verdict

COLUMNS = (
    *("guideline", "scale", "label", "channels", "inner_channels", "groups", "fragments"),
    *("mult_adds", "access_bytes", "access_elements", "op_count", "kernel", "rounds"),
    *("time_s", "time_low_s", "time_high_s", "time_per_mult_add_s"),
    *("relative_speed", "relative_speed_low", "relative_speed_high", "paper_gpu_relative_speed"),
    *("paper_arm_relative_speed", "slowdown", "slowdown_low", "slowdown_high", "verdict"),
)


def render_guidelines_csv(result: Guidelines) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for verdict in (*result.verdicts, *result.others):
        for judged in verdict.points:
            row = _row(verdict, judged, result)
            writer.writerow({name: csv_text(v) if isinstance(v, str) else v for name, v in row.items()})
    return text.getvalue().encode()


def _row(verdict: Verdict, judged: JudgedPoint, result: Guidelines) -> dict[str, Any]:
    """`slowdown` is the row's own; `verdict` is the entry's, repeated."""
    point, setting = judged.point, judged.point.setting
    return {
        "guideline": verdict.guideline,
        "scale": verdict.scale,
        "label": setting.label,
        "channels": setting.channels,
        "inner_channels": setting.inner_channels,
        "groups": setting.groups,
        "fragments": setting.fragments,
        "mult_adds": point.mult_adds,
        "access_bytes": point.access_bytes,
        "access_elements": point.access_elements,
        "op_count": point.op_count,
        "kernel": point.kernel,
        "rounds": len(point.rounds_s),
        "time_s": point.time_s,
        "time_low_s": judged.ci95_s[0],
        "time_high_s": judged.ci95_s[1],
        "time_per_mult_add_s": judged.time_per_mult_add_s,
        "relative_speed": judged.relative_speed.value,
        "relative_speed_low": judged.relative_speed.ci95[0],
        "relative_speed_high": judged.relative_speed.ci95[1],
        "paper_gpu_relative_speed": paper_speed(result, verdict, judged, "gpu"),
        "paper_arm_relative_speed": paper_speed(result, verdict, judged, "arm"),
        "slowdown": judged.slowdown.value,
        "slowdown_low": judged.slowdown.ci95[0],
        "slowdown_high": judged.slowdown.ci95[1],
        "verdict": verdict.verdict,
    }
