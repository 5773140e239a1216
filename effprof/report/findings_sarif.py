"""Findings as SARIF 2.1.0 (OASIS), which code hosts show beside the lines that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from effprof import __version__
from effprof.finding_records import Finding, Found, Level
from effprof.findings.pages import page, title
from effprof.report.findings_rows import finding_rows
from effprof.report.to_json import json_bytes
from effprof.report.untrusted import printable

_LEVELS: dict[Level | None, str] = {"warn": "warning", "info": "note", None: "none"}
"""None: measuring has refuted it."""


def render_findings_sarif(networks: Sequence[Found]) -> bytes:
    """One run a network, a rule a code, a result a finding; UTF-8 JSON."""
    content = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [_run(found) for found in networks],
    }
    return json_bytes(content)


def _run(found: Found) -> dict[str, Any]:
    results = [
        {
            "ruleId": finding.code,
            "level": _LEVELS[row.level],
            "message": {"text": f"{row.text} {row.edit} ({row.figures})"},
            "locations": [_location(finding)],
        }
        for finding, row in zip(found.findings, finding_rows(found, limit=None), strict=True)
    ]
    rules = [_rule(code) for code in sorted({finding.code for finding in found.findings})]
    driver = {"name": "effprof", "version": __version__, "rules": rules}
    # Runs of one tool are told apart by this; what follows the last `/` would name a single run.
    name = {"id": f"effprof/{printable(found.model)}/"}
    return {"tool": {"driver": driver}, "automationDetails": name, "results": results}


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
