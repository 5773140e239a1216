"""Findings in the summary, in report.json, as SARIF and as JUnit."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from small_profile import TIMED

from effprof.analyze import analyze
from effprof.finding_records import Finding
from effprof.report import Report
from effprof.report.findings_junit import render_findings_junit
from effprof.report.findings_sarif import render_findings_sarif
from effprof.report.text import TextStyle, render_text

NORM = Finding(
    code="G4-batch-norm",
    guideline="G4",
    level="warn",
    layers=("stem.1", "stem.3"),
    source="net/model file.py:12",
    evidence=(("time_s", 2e-3), ("share", 0.1)),
    text="2 batch-norms could be part of the convolution before.",
    edit="Fold them.",
    exact=True,
    exact_edit="fold-batch-norm",
    expected_gain_s=2e-3,
    expected_from="run",
)
HOSTILE = replace(
    NORM, code="kernel-large", level="info", source=None, layers=("\x1b[31m<script>",), text="a\x1b]0;x\x07 <b>",
    exact=False,
)  # fmt: skip


@pytest.fixture
def report() -> Report:
    made = Report(TIMED, analyze(TIMED))
    made.__dict__["findings"] = (NORM, HOSTILE)  # as if the rules had found them
    return made


def test_the_summary_says_the_warning_first_and_where_to_read_on(report: Report) -> None:
    text = render_text(report, TextStyle())
    shown = text[text.index("What to change") :].splitlines()
    assert shown[1].startswith("  ! G4-batch-norm: 2.00 ms, 10.0 %; expected gain 2.00 ms")
    assert "effprof explain CODE" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_report_json_has_every_promised_field(report: Report) -> None:
    found = report.to_dict()["findings"]
    promised = {
        "code", "guideline", "level", "layers", "source", "evidence", "text", "edit", "expected_gain_s",
        "expected_from", "measured_gain_s", "measured_ci95_s", "exact",
    }  # fmt: skip
    assert promised <= set(found[0])
    assert found[0]["evidence"] == {"time_s": 2e-3, "share": 0.1}


def test_sarif_names_the_line_and_the_rule(report: Report) -> None:
    (run,) = json.loads(render_findings_sarif(report))["runs"]
    norm, hostile = run["results"]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {"G4-batch-norm", "kernel-large"}
    place = norm["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "net/model%20file.py"}, "region": {"startLine": 12}}
    assert norm["level"] == "warning"
    assert hostile["level"] == "note"
    assert "physicalLocation" not in hostile["locations"][0]
    assert "\x1b" not in json.dumps(run, ensure_ascii=False)


def test_junit_fails_what_is_at_the_level(report: Report) -> None:
    for level, failures in ((None, 0), ("warn", 1), ("info", 2)):
        suite = ElementTree.fromstring(render_findings_junit(report, level)).find("testsuite")  # type: ignore[arg-type]
        assert suite is not None
        assert (suite.get("tests"), suite.get("failures")) == ("2", str(failures))
        assert len(suite.findall("testcase/failure")) == failures
