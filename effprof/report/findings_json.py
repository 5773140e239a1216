"""A finding as in report.json."""

from __future__ import annotations

from typing import Any

from effprof.finding_records import Finding


def finding_dict(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "guideline": finding.guideline,
        "level": finding.level,
        "layers": list(finding.layers),
        "source": finding.source,
        "evidence": dict(finding.evidence),
        "text": finding.text,
        "edit": finding.edit,
        "expected_gain_s": finding.expected_gain_s,
        "expected_from": finding.expected_from,
        "measured_gain_s": finding.measured_gain_s,
        "measured_ci95_s": None if finding.measured_ci95_s is None else list(finding.measured_ci95_s),
        "measured_how": finding.measured_how,
        "exact": finding.exact,
        "exact_edit": finding.exact_edit,
    }
