"""Advice for the terminal, right at 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effprof.advice_records import Advice
from effprof.analyze.gains import Standing, recommended
from effprof.finding_records import Found
from effprof.report import advise_rows as rows
from effprof.report.findings_rows import MEASURED_HEADER, measured_rows, measured_words
from effprof.report.layout import table
from effprof.report.rows import printable_notes
from effprof.report.text import TextStyle, notes_section, print_lines, section, styled, wrapped
from effprof.report.untrusted import cut_middle

if TYPE_CHECKING:
    from rich.text import Text

_ALL_FIT = 78
_STYLES: dict[Standing, str] = {"kept": "green", "slower": "red", "failed": "red", "not judged": "yellow"}
_ALIGNS = dict(zip(rows.HEADER, "<>>>><", strict=True))


def render_advice_text(advice: Advice, style: TextStyle, found: Found | None = None) -> str:
    """The whole advice, lines of at most `style.width` cells, ending in a newline."""
    lines = [styled(cut_middle(rows.title(advice), style.width), "bold"), styled("", "")]
    for label, content in rows.facts(advice):
        lines += wrapped(content, style, f"  {label:<10}", "")
    lines.append(styled("", ""))
    lines += wrapped(rows.headline(advice), style, "  ", "bold green" if recommended(advice) else "bold")
    lines += _edits_section(advice, style)
    steps = list(rows.step_lines(advice))
    if steps:
        lines += section("Combined, the best first")
        lines += [line for step in steps for line in wrapped(step, style, "  · ", "")]
    recipe = rows.recipe(advice)
    if recipe:
        lines += section("Recipe")
        lines += [styled(f"  {text}", "") for text in recipe]
    lines += [] if found is None else _findings_section(found, style)
    lines += notes_section(printable_notes(advice.notes), style)
    return print_lines(lines, style)


def _edits_section(advice: Advice, style: TextStyle) -> list[Text]:
    edits = rows.edit_rows(advice)
    if not edits:
        return []
    used = [name for name in rows.HEADER if name != "saves" or style.width >= _ALL_FIT]
    cells: list[list[str | Text]] = []
    for row in edits:
        verdict = styled(row.standing, _STYLES.get(row.standing, ""))
        own: list[str | Text] = [row.edit, row.gain, row.interval, row.saves, row.difference, verdict]
        cells.append([cell for name, cell in zip(rows.HEADER, own, strict=True) if name in used])
    lines = [*section("Edits, each alone"), *table(used, cells, "".join(_ALIGNS[n] for n in used), style.width, (0,))]
    lines.append(styled("", ""))
    for row in edits:
        lines += wrapped(rows.explained(row), style, "  · ", "dim")
    lines += wrapped(rows.WITHIN, style, "  ", "dim")
    if any(row.edit.startswith(("malloc-", "threads-")) for row in edits):
        lines += wrapped(rows.SETTINGS, style, "  ", "dim")
    return lines


def _findings_section(found: Found, style: TextStyle) -> list[Text]:
    """Expected beside measured, then each in words; nothing where nothing was found."""
    findings = measured_rows(found)
    if not findings:
        return []
    used = [at for at, name in enumerate(MEASURED_HEADER) if name != "takes" or style.width >= _ALL_FIT]
    every = [(row.code, row.takes, row.expected, row.measured, row.interval, row.how) for row in findings]
    cells = [[row[at] for at in used] for row in every]
    aligns = "".join("<>>>><"[at] for at in used)
    lines = [*section("What to change"), *table([MEASURED_HEADER[at] for at in used], cells, aligns, style.width, (0,))]
    lines.append(styled("", ""))
    for row in findings:
        mark = "  ! " if row.level == "warn" else "  - "
        lines += wrapped(f"{row.code}: {row.text}", style, mark, "")
        lines += wrapped(f"{row.edit} ({row.basis})" if row.basis else row.edit, style, "    → ", "dim")
    lines += wrapped(measured_words(found), style, "  ", "dim")
    return lines + wrapped("effprof explain CODE says more of each", style, "  ", "dim")
