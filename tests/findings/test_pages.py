"""Every code has its page and every page its code; the page says what, why, when not, where in the paper, and how."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import effprof.findings
from effprof.cli import main
from effprof.findings.pages import codes, page, title

SECTIONS = ("What", "Why", "When it does not matter", "In the paper", "How it is measured")


def test_every_code_in_the_rules_has_a_page() -> None:
    folder = Path(effprof.findings.__file__).parent
    source = "".join(path.read_text() for path in folder.glob("*.py"))
    used = set(re.findall(r'"((?:G[1-4]|layout|setting|copies|kernel|width)-[a-z0-9-]+)"', source))
    assert used == set(codes())


@pytest.mark.parametrize("code", codes())
def test_a_page_is_complete(code: str) -> None:
    text = page(code)
    assert text.startswith(f"# {code}: ")
    assert title(code)
    assert re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE) == list(SECTIONS)
    assert max(map(len, text.splitlines())) <= 120


def test_explain_prints_the_page_and_knows_near_misses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "g4-batch-norm"]) == 0
    assert capsys.readouterr().out == page("G4-batch-norm")
    assert main(["explain", "G4-batchnorm"]) == 2
    assert "Did you mean G4-batch-norm" in capsys.readouterr().err
    assert main(["explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(codes())
