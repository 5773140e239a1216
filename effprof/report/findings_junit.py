"""Findings as JUnit XML, which CI systems show as tests: a suite a network, a test a finding, those at a level fail."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from effprof.finding_records import Found, Level
from effprof.findings.levels import is_at
from effprof.report.findings_rows import finding_rows
from effprof.report.untrusted import printable

SUITE = "effprof findings"


def render_findings_junit(networks: Sequence[Found], fail_on: Level | None = "warn") -> bytes:
    """UTF-8 XML with its declaration. Findings of `fail_on` and above are failures, but for those that measuring has
    refuted; None: none is."""
    root = ElementTree.Element("testsuites")
    root.extend(_suite(found, fail_on) for found in networks)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _suite(found: Found, fail_on: Level | None) -> ElementTree.Element:
    model = printable(found.model)
    suite = ElementTree.Element("testsuite", {"name": f"{SUITE}: {model}", "errors": "0", "skipped": "0"})
    rows = finding_rows(found, limit=None)
    for row in rows:
        case = ElementTree.SubElement(suite, "testcase", {"classname": f"effprof.{model}", "name": row.code})
        message = f"{row.text} {row.edit} ({row.figures}){f' {row.source}' if row.source else ''}"
        if row.level is not None and fail_on is not None and is_at(row.level, fail_on):
            ElementTree.SubElement(case, "failure", {"message": message, "type": row.level}).text = message
        else:
            ElementTree.SubElement(case, "system-out").text = message
    suite.set("tests", str(len(rows)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    return suite
