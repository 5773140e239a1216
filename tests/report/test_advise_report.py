"""Advice in every form: golden text, the JSON contract, Markdown, hostile names."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from small_advice import CHANNELS, FOLD, contest, small_advice
from small_findings import small_found

from effprof.advice_records import EDIT_TEXTS, Advice
from effprof.finding_records import Found
from effprof.records import Note
from effprof.report.advise_json import advice_dict, render_advice_json
from effprof.report.advise_markdown import render_advice_markdown
from effprof.report.advise_rows import gain_text, headline, recipe
from effprof.report.advise_saving import FILES, save_advice
from effprof.report.advise_text import render_advice_text
from effprof.report.findings_rows import measured_rows
from effprof.report.text import TextStyle
from effprof.report.untrusted import cells
from effprof.store import claim_folder

HOSTILE = "evil\x1b[31m\n<img src=x>|`*@everyone\u202e"


def hostile() -> Advice:
    advice = small_advice()
    trials = tuple(replace(trial, text=HOSTILE, layers=(HOSTILE,)) for trial in advice.trials)
    model = replace(advice.model, name=HOSTILE * 20, source=HOSTILE)
    device = replace(advice.device, name=HOSTILE)
    notes = (Note(HOSTILE, HOSTILE, HOSTILE),)
    return replace(advice, trials=trials, model=model, device=device, notes=notes, partial=True)


def hostile_found() -> Found:
    found = small_found(HOSTILE)
    findings = tuple(replace(one, text=HOSTILE, layers=(HOSTILE,), source=HOSTILE) for one in found.findings)
    return replace(found, findings=findings)


def test_text(check_golden: Callable[[bytes, str], None]) -> None:
    check_golden(render_advice_text(small_advice(), TextStyle(), small_found()).encode(), "advice.txt")


def test_markdown(check_golden: Callable[[bytes, str], None]) -> None:
    check_golden(render_advice_markdown(small_advice(), small_found()), "advice.md")


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_line_is_too_long(width: int, encoding: str) -> None:
    for shown in (small_advice(), hostile()):
        text = render_advice_text(shown, TextStyle(width, None, encoding), hostile_found())
        assert max(cells(line) for line in text.splitlines()) <= width
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_hostile_names_do_nothing_in_markdown() -> None:
    text = render_advice_markdown(hostile(), hostile_found()).decode()
    assert "<img" not in text
    assert "@everyone" not in text
    assert "\x1b" not in text


def test_the_headline_is_the_confirmed_figure() -> None:
    figure = "30.0 % less time (30.0 to 30.0 %), 10.40 ms to 7.28 ms"
    assert headline(small_advice()) == f"fold-batch-norm + channels-last: {figure}"


def test_a_figure_that_is_not_confirmed_says_so() -> None:
    advice = small_advice()
    again = contest("final", {(): 10.0, (FOLD, CHANNELS): 10.2})
    advice = replace(advice, contests=(*advice.contests[:3], again))
    assert headline(advice).endswith("measured again, that is not worth it")
    assert "2.0 % more time (2.0 to 2.0 %)" in headline(advice)
    assert recipe(advice) == ()


def test_nothing_to_gain_is_said() -> None:
    advice = small_advice()
    flat = contest("alone", {(): 10.0, (FOLD,): 10.0})
    assert headline(replace(advice, contests=(flat,), chosen=())) == "No edit saves time that is worth it here."
    assert headline(replace(advice, contests=(), chosen=())) == "No edit was measured."


def test_rounds_too_few_to_judge_say_nothing_of_gains() -> None:
    """Interrupted after three rounds: no interval, so neither a gain nor that there is none."""
    few = contest("alone", {(): 10.0, (FOLD,): 4.0}, rounds=3)
    said = headline(replace(small_advice(), contests=(few,), chosen=(), partial=True))
    assert said == "No edit was measured for long enough to be judged."


def test_the_recipe_is_what_apply_takes() -> None:
    lines = recipe(small_advice())
    (call,) = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.Call)]
    assert ast.unparse(call) == "effprof.apply(model, ['fold-batch-norm', 'channels-last'], example_input)"
    assert "#   export MALLOC_MMAP_THRESHOLD_=1073741824" in lines
    everything = replace(small_advice(), chosen=tuple(EDIT_TEXTS))
    assert max(map(len, recipe(everything))) <= 60
    assert ast.unparse(ast.parse("\n".join(recipe(everything)))).count("'") == 2 * len(EDIT_TEXTS)


def test_json_has_everything() -> None:
    content = json.loads(render_advice_json(small_advice()))
    assert list(content)[:5] == ["format", "partial", "model", "device", "environment"]
    assert content["format"] == "effprof.advice/1"
    assert content["recommended"] == [FOLD, CHANNELS]
    assert content["recommended_settings"] == ["malloc-steady"]
    assert content["combined"]["gain"] == pytest.approx(0.3)
    assert [edit["name"] for edit in content["edits"]][:3] == [CHANNELS, "malloc-steady", FOLD]
    fold = next(edit for edit in content["edits"] if edit["name"] == FOLD)
    assert fold["layers"] == ["stem.0", "stem.1"]
    assert fold["relative_difference"] == 3e-7
    failed = next(edit for edit in content["edits"] if edit["verdict"] == "failed")
    assert failed["gain"] is failed["gain_ci95"] is None
    assert len(content["contests"][0]["versions"][0]["rounds_s"]) == 9
    assert content["findings"] == []
    assert advice_dict(small_advice()).keys() == content.keys()


def test_too_few_rounds_have_no_interval_anywhere() -> None:
    advice = replace(small_advice(), contests=(contest("alone", {(): 10.0, (FOLD,): 5.0}, rounds=4),), chosen=())
    assert "too few" not in render_advice_text(advice, TextStyle())
    content = advice_dict(advice)
    assert content["edits"][0]["gain"] == pytest.approx(0.5)
    assert content["edits"][0]["gain_ci95"] is None
    assert content["edits"][0]["verdict"] == "not judged"
    from effprof.analyze.gains import gain

    assert gain_text(gain(advice.contests[0], 1)).endswith("(4 rounds: too few for an interval)")


def test_files(tmp_path: Path) -> None:
    folder = claim_folder(tmp_path / "out")
    save_advice(small_advice(), folder)
    assert {path.name for path in folder.iterdir()} == set(FILES) == {"advice.json", "advice.txt", "advice.md"}
    claim_folder(folder)  # ours, so it may be written again


def test_findings_stand_expected_beside_measured() -> None:
    content = advice_dict(small_advice(), small_found())
    assert content["latency_s"] == 0.0104
    norm, place, kernel, siblings = content["findings"]
    assert (norm["expected_gain_s"], norm["measured_how"]) == (1.04e-3, "advise")
    assert norm["measured_gain_s"] == pytest.approx(1.04e-3)
    assert (kernel["measured_gain_s"], kernel["measured_ci95_s"], kernel["measured_how"]) == (
        0.5e-3, [0.4e-3, 0.6e-3], "price",
    )  # fmt: skip
    assert (siblings["measured_gain_s"], siblings["measured_how"]) == (None, None)
    rows = {row.code: row for row in measured_rows(small_found())}
    shown = rows["G4-batch-norm"]
    assert (shown.expected, shown.measured, shown.interval, shown.how) == (
        "10.0 %", "10.0 %", "10.0 to 10.0 %", "end to end",
    )  # fmt: skip
    assert place["measured_gain_s"] < 0
    assert rows["G4-not-in-place"].level is None
    assert rows["kernel-large"].how == "price"
    assert rows["G3-siblings"].measured == "-"
