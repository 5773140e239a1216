"""A comparison as JUnit XML, which CI systems show as tests: one test a quantity.

Where thresholds were given (`--fail-on`), exactly the quantities above theirs fail and those too noisy to say are
skipped, so that the file and the exit code agree. Without any, `worse` fails. What is inconclusive is skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from effprof.compare.fail_on import Checked
from effprof.compare.words import Change, Comparison
from effprof.report import compare_rows as rows
from effprof.report.untrusted import printable

SUITE = "effprof compare"


def render_comparison_junit(comparison: Comparison, checked: Sequence[Checked] = ()) -> bytes:
    """UTF-8 XML with its declaration."""
    suite = ElementTree.Element("testsuite", {"name": SUITE})
    properties = ElementTree.SubElement(suite, "properties")
    for label, content in rows.facts(comparison):
        ElementTree.SubElement(properties, "property", {"name": label, "value": content})
    for change in rows.shown(comparison):
        _add_case(suite, comparison, change, [one for one in checked if one.threshold.name == change.name], checked)
    notes = "\n".join(f"{note.code}: {note.text} {note.remedy}".rstrip() for note in rows.notes(comparison))
    ElementTree.SubElement(suite, "system-out").text = notes
    for name, tag in (("tests", "testcase"), ("failures", "testcase/failure"), ("skipped", "testcase/skipped")):
        suite.set(name, str(len(suite.findall(tag))))
    suite.set("errors", "0")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add_case(
    suite: ElementTree.Element,
    comparison: Comparison,
    change: Change,
    own: Sequence[Checked],
    checked: Sequence[Checked],
) -> None:
    group = f"effprof.{comparison.new.kind}.{printable(comparison.new.name)}"
    case = ElementTree.SubElement(suite, "testcase", {"classname": group, "name": printable(change.name)})
    outcomes = {one.outcome for one in own}
    sentence = rows.sentence(change)
    limits = ", ".join(rows.checks(own))
    message = f"{sentence} ({limits})" if limits else sentence
    if "failed" in outcomes or (not checked and change.verdict == "worse"):
        failure = ElementTree.SubElement(case, "failure", {"message": message, "type": "regression"})
        failure.text = message
    elif "too noisy" in outcomes or (not own and change.verdict == "inconclusive"):
        ElementTree.SubElement(case, "skipped", {"message": message})
    else:
        ElementTree.SubElement(case, "system-out").text = message
