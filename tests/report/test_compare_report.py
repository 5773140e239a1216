"""A comparison in every form: golden text, the JSON contract, Markdown and JUnit that hostile names cannot break."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from small_comparison import run_result
from small_sweep import planned_sweep

from effprof.compare import Comparison, compare_results
from effprof.compare.fail_on import Checked, check, parse_threshold
from effprof.compare.from_sweep import result_of_sweep
from effprof.compare.words import Quantity
from effprof.records import Note
from effprof.report.compare_json import comparison_dict, render_comparison_json
from effprof.report.compare_junit import render_comparison_junit
from effprof.report.compare_markdown import code, plain, render_comparison_markdown
from effprof.report.compare_text import render_comparison_text
from effprof.report.text import TextStyle
from effprof.report.untrusted import cells

QUIET = [0.0100, 0.0101, 0.0099, 0.0100, 0.0100]
HOSTILE = "evil|`\x1b[31m\n<script>@everyone #1 https://x.example www.x.example \u202e]]>[a](b)\x00\ufffe"


@pytest.fixture(scope="module")
def worse() -> Comparison:
    """12 % slower."""
    old, new = run_result(QUIET), run_result([1.12 * time_s for time_s in QUIET], notes=["drift"])
    return compare_results(old, replace(new, path="runs/two"))


def checked(comparison: Comparison, *limits: str) -> tuple[Checked, ...]:
    return check(comparison, [parse_threshold(limit) for limit in limits])


def hostile() -> Comparison:
    result = run_result(QUIET)
    quantities = (*result.quantities, Quantity(f"time.{HOSTILE}", "s", (0.1, 0.2)))
    odd = replace(
        result, name=HOSTILE, path=HOSTILE, notes=(Note(HOSTILE, HOSTILE, HOSTILE),), quantities=quantities,
        setting=(("device", HOSTILE),), environment=replace(result.environment, started_utc=HOSTILE),
        circumstances=(("network", HOSTILE),),
    )  # fmt: skip
    return compare_results(replace(odd, circumstances=(("network", "x"),)), odd)


def test_text(worse: Comparison, check_golden: Callable[[bytes, str], None]) -> None:
    text = render_comparison_text(worse, TextStyle(), checked(worse, "latency:5%", "share.shuffle:2pt"))
    check_golden(text.encode(), "compare.txt")


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_line_is_too_long(worse: Comparison, width: int, encoding: str) -> None:
    sweep = result_of_sweep(planned_sweep(), "sweep.json")
    for shown in (worse, hostile(), compare_results(sweep, sweep)):
        text = render_comparison_text(shown, TextStyle(width, None, encoding))
        assert max(cells(line) for line in text.splitlines()) <= width
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_sections_of_a_sweep() -> None:
    sweep = result_of_sweep(planned_sweep(), "sweep.json")
    text = render_comparison_text(compare_results(sweep, sweep), TextStyle())
    headings = [line for line in text.splitlines() if re.fullmatch(r"G[1-4]( at x2)?", line)]
    assert headings == [*(f"G{n}" for n in range(1, 5)), *(f"G{n} at x2" for n in range(1, 5))]


def test_json(worse: Comparison) -> None:
    content: dict[str, Any] = json.loads(render_comparison_json(worse, checked(worse, "latency:5%")))
    assert content == comparison_dict(worse, checked(worse, "latency:5%"))
    assert content["format"] == "effprof.comparison/1"
    assert (content["kind"], content["verdict"]) == ("run", "worse")
    assert {"margin", "spread", "old", "new", "quantities", "only_in_one", "fail_on", "notes"} <= set(content)
    latency, *_ = content["quantities"]
    assert {"quantity", "unit", "verdict", "old", "new", "ratio", "difference", "ci95", "margin", "withheld"} <= set(
        latency
    )
    assert latency["ratio"] == pytest.approx(1.12)
    assert latency["ci95"][0] < 1.12 < latency["ci95"][1]
    assert latency["difference"] is None
    share = next(q for q in content["quantities"] if q["quantity"] == "share.conv")
    assert (share["ratio"], share["difference"]) == (None, 0.0)
    assert content["fail_on"] == [{"quantity": "latency", "limit": 0.05, "unit": "%", "outcome": "failed"}]
    assert content["old"]["processes"] == 5
    assert content["new"]["path"] == "runs/two"


def test_json_says_which_way_a_busy_side_may_mislead() -> None:
    """A new time may look larger than it is, an old one smaller growth; shares may go either way."""
    slower = [1.12 * time_s for time_s in QUIET]
    for notes, expected in (
        ((), {(False, False)}),
        (("new",), {(True, False), (True, True)}),
        (("old",), {(False, True), (True, True)}),
    ):
        sides = {side: ["other-load"] * (side in notes) for side in ("old", "new")}
        comparison = compare_results(run_result(QUIET, notes=sides["old"]), run_result(slower, notes=sides["new"]))
        quantities = comparison_dict(comparison)["quantities"]
        assert {(q["may_look_larger"], q["may_look_smaller"]) for q in quantities} == expected
        assert all(q["may_look_larger"] and q["may_look_smaller"] for q in quantities if notes and q["unit"] == "share")


def test_markdown(worse: Comparison) -> None:
    text = render_comparison_markdown(worse, checked(worse, "latency:5%")).decode()
    assert text.startswith("### 🔴 effprof")
    assert "**--fail-on latency:<!-- -->5%:<!-- --> failed**" in text
    table = [line for line in text.splitlines() if line.startswith("| `")]
    assert table[0].startswith("| `latency` | 10.00 ms | 11.20 ms | 1.120 | ")
    assert table[0].endswith("| 🔴 worse |")
    assert len(table) == 5


def test_markdown_shows_hostile_names_as_text() -> None:
    text = render_comparison_markdown(hostile()).decode()
    assert "\x1b" not in text
    outside_code = re.sub("`+ .* `+", "", text)
    assert "evil" in outside_code
    assert [word for word in ("<script", "@everyone", "https://", "www.") if word in outside_code] == []
    assert not re.search(r"(?<!\\)\[a", outside_code)
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    # bars that are not escaped: six cells have seven
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}


def test_code_spans_hold_backticks_and_bars() -> None:
    assert code("plain") == "`plain`"
    assert code("a`b``c") == "``` a`b``c ```"
    assert code("a|b") == "`a\\|b`"


def test_plain_text_links_nowhere() -> None:
    assert plain("@x #1 a:b") == "@<!-- -->x \\#<!-- -->1 a:<!-- -->b"
    assert plain("<b>&") == "&lt;b&gt;&amp;"
    assert plain("GH-12 gh-7 GH-x") == "GH-<!-- -->12 gh-<!-- -->7 GH-x"
    assert plain("abc123") == "abc123"
    shown = plain("at 0123456789abcdef0123456789abcdef01234567, Deadbee")
    assert not re.search("(?i)[0-9a-f]{7}", shown)
    assert shown.replace("<!-- -->", "") == "at 0123456789abcdef0123456789abcdef01234567, Deadbee"
    assert "www" not in plain("www.x.example WWW.x.example").lower().replace("<!-- -->", "|")


def suites(data: bytes) -> ElementTree.Element:
    suite = ElementTree.fromstring(data).find("testsuite")
    assert suite is not None
    counts = {name: int(suite.get(name, "-1")) for name in ("tests", "failures", "skipped", "errors")}
    assert counts == {
        "tests": len(suite.findall("testcase")),
        "failures": len(suite.findall("testcase/failure")),
        "skipped": len(suite.findall("testcase/skipped")),
        "errors": 0,
    }
    return suite


def names(suite: ElementTree.Element, child: str) -> list[str]:
    return [case.get("name", "") for case in suite.findall("testcase") if case.find(child) is not None]


def test_junit_without_thresholds_fails_what_is_worse(worse: Comparison) -> None:
    suite = suites(render_comparison_junit(worse))
    assert names(suite, "failure") == ["latency", "time.conv", "time.shuffle"]
    assert names(suite, "skipped") == []
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message", "").startswith("latency is worse: 1.120 times as long")


def test_junit_with_thresholds_fails_what_they_fail(worse: Comparison) -> None:
    suite = suites(render_comparison_junit(worse, checked(worse, "latency:20%", "time.conv:5%")))
    assert names(suite, "failure") == ["time.conv"]


def test_junit_skips_what_is_inconclusive() -> None:
    noisy = compare_results(run_result(QUIET[:1]), run_result(QUIET[:1]))
    suite = suites(render_comparison_junit(noisy, checked(noisy, "latency:2%")))
    assert "latency" in names(suite, "skipped")
    assert names(suite, "failure") == []


def test_junit_is_xml_whatever_the_names() -> None:
    suite = suites(render_comparison_junit(hostile()))
    case = suite.findall("testcase")[-1]
    assert "<script>" in case.get("classname", "")
    assert case.get("name", "").startswith("time.evil|` <script>@everyone")
    assert not {"\x1b", "\x00", "\ufffe", "\u202e"} & set(case.get("name", ""))
