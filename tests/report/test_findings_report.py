"""Findings in the summary, in report.json, as SARIF and as JUnit."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from small_profile import TIMED

from effprof.analyze import analyze
from effprof.finding_records import Finding, Found
from effprof.report import Report
from effprof.report.findings_junit import render_findings_junit
from effprof.report.findings_rows import finding_rows, found_in
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
        "expected_from", "measured_gain_s", "measured_ci95_s", "measured_how", "exact",
    }  # fmt: skip
    assert promised <= set(found[0])
    assert found[0]["evidence"] == {"time_s": 2e-3, "share": 0.1}


def test_sarif_names_the_line_and_the_rule(report: Report) -> None:
    (run,) = json.loads(render_findings_sarif([found_in(report)]))["runs"]
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
        suite = ElementTree.fromstring(render_findings_junit([found_in(report)], level)).find("testsuite")  # type: ignore[arg-type]
        assert suite is not None
        assert (suite.get("tests"), suite.get("failures")) == ("2", str(failures))
        assert len(suite.findall("testcase/failure")) == failures


def test_several_networks_are_a_suite_and_a_run_each(report: Report) -> None:
    networks = [found_in(report), Found("other\x1b[31m<b>", (HOSTILE,), 1e-2)]
    root = ElementTree.fromstring(render_findings_junit(networks))
    assert [(suite.get("tests"), suite.get("failures")) for suite in root] == [("2", "1"), ("1", "0")]
    runs = json.loads(render_findings_sarif(networks))["runs"]
    assert [len(run["results"]) for run in runs] == [2, 1]
    names = [run["automationDetails"]["id"] for run in runs]
    assert len(set(names)) == 2
    assert "\x1b" not in "".join(names)


def test_what_was_refuted_fails_nothing_and_is_said(report: Report) -> None:
    refuted = replace(NORM, measured_gain_s=-1e-4, measured_ci95_s=(-2e-4, -1e-5), measured_how="advise")
    networks = [Found("net", (refuted,), 2e-2)]
    suite = ElementTree.fromstring(render_findings_junit(networks, "info")).find("testsuite")
    assert suite is not None
    assert suite.get("failures") == "0"
    (result,) = json.loads(render_findings_sarif(networks))["runs"][0]["results"]
    assert result["level"] == "none"
    assert "measured gain -100.0 µs (-0.5 %, 95 % -1.0 to -0.1 %); refuted here" in result["message"]["text"]


def test_a_price_is_called_no_speed_up(report: Report) -> None:
    priced = replace(NORM, measured_gain_s=1e-3, measured_ci95_s=(9e-4, 1.1e-3), measured_how="price")
    (row,) = finding_rows(Found("net", (priced,), 2e-2))
    assert row.figures.endswith("; price, not a speed-up: 1.00 ms (5.0 %, 95 % 4.5 to 5.5 %)")
