"""Findings as JUnit XML, which CI systems show as tests: one test a finding, of which those at a level fail."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from effprof.finding_records import Level
from effprof.report.findings_rows import finding_rows
from effprof.report.untrusted import printable

if TYPE_CHECKING:
    from effprof.report import Report

SUITE = "effprof findings"
_FAILING: dict[Level | None, frozenset[str]] = {
    None: frozenset(),
    "warn": frozenset({"warn"}),
    "info": frozenset({"warn", "info"}),
}


def render_findings_junit(report: Report, fail_on: Level | None = "warn") -> bytes:
    """UTF-8 XML with its declaration. Findings of `fail_on` and above are failures; None: none is."""
    suite = ElementTree.Element("testsuite", {"name": SUITE, "errors": "0", "skipped": "0"})
    rows = finding_rows(report, limit=None)
    for row in rows:
        group = f"effprof.{printable(report.profile.model.name)}"
        case = ElementTree.SubElement(suite, "testcase", {"classname": group, "name": row.code})
        message = f"{row.text} {row.edit} ({row.figures}){f' {row.source}' if row.source else ''}"
        if row.level in _FAILING[fail_on]:
            ElementTree.SubElement(case, "failure", {"message": message, "type": row.level}).text = message
        else:
            ElementTree.SubElement(case, "system-out").text = message
    suite.set("tests", str(len(rows)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
