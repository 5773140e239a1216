"""Findings as SARIF 2.1.0 (OASIS), which code hosts show beside the lines that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from effprof import __version__
from effprof.finding_records import Finding
from effprof.findings.pages import page, title
from effprof.report.findings_rows import finding_rows
from effprof.report.to_json import json_bytes
from effprof.report.untrusted import printable

if TYPE_CHECKING:
    from effprof.report import Report

_LEVELS = {"warn": "warning", "info": "note"}


def render_findings_sarif(report: Report) -> bytes:
    """One run, a rule a code, a result a finding; UTF-8 JSON."""
    found = list(zip(report.findings, finding_rows(report, limit=None), strict=True))
    results = [
        {
            "ruleId": finding.code,
            "level": _LEVELS[finding.level],
            "message": {"text": f"{row.text} {row.edit} ({row.figures})"},
            "locations": [_location(finding)],
        }
        for finding, row in found
    ]
    rules = [_rule(code) for code in sorted({finding.code for finding in report.findings})]
    driver = {"name": "effprof", "version": __version__, "rules": rules}
    content = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json_bytes(content)


def _rule(code: str) -> dict[str, Any]:
    text = page(code)
    return {"id": code, "shortDescription": {"text": title(code)}, "help": {"text": text, "markdown": text}}


def _location(finding: Finding) -> dict[str, Any]:
    """The line of the dearest call where it is known, and the layers by name."""
    layers = [{"fullyQualifiedName": printable(layer) or "(root)", "kind": "member"} for layer in finding.layers]
    place: dict[str, Any] = {"logicalLocations": layers}
    path, _, line = (finding.source or "").rpartition(":")
    if path and line.isdigit() and int(line) > 0:
        artifact = {"uri": quote(printable(path))}
        place["physicalLocation"] = {"artifactLocation": artifact, "region": {"startLine": int(line)}}
    return place
