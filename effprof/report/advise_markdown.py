"""Advice as Markdown for an issue or a pull-request comment; what names hold is shown as text (`compare_markdown`)."""

from __future__ import annotations

from effprof.advice_records import Advice
from effprof.finding_records import Found
from effprof.report import advise_rows as rows
from effprof.report.compare_markdown import code, plain
from effprof.report.findings_rows import MEASURED_HEADER, measured_rows, measured_words


def render_advice_markdown(advice: Advice, found: Found | None = None) -> bytes:
    """Headline, edits, steps, recipe, findings."""
    lines = [f"### {plain(rows.title(advice))}", "", f"**{plain(rows.headline(advice))}**", ""]
    lines += [f"- {label}: {plain(content)}" for label, content in rows.facts(advice)]
    lines += _edits(advice)
    steps = list(rows.step_lines(advice))
    if steps:
        lines += ["", "Combined, the best first:", "", *(f"- {plain(step)}" for step in steps)]
    recipe = rows.recipe(advice)
    if recipe:
        lines += ["", "```python", *recipe, "```"]
    lines += [] if found is None else _findings(found)
    if advice.notes:
        lines += ["", "Notes:", ""]
        lines += [f"- **{plain(n.code)}**: {plain(n.text)} {plain(n.remedy)}".rstrip() for n in advice.notes]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _edits(advice: Advice) -> list[str]:
    edits = rows.edit_rows(advice)
    if not edits:
        return []
    lines = ["", "| " + " | ".join(rows.HEADER) + " |", "|---|---:|---:|---:|---:|---|"]
    for row in edits:
        cells = (code(row.edit), row.gain, row.interval, row.saves, row.difference, row.standing)
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, "", *(f"- {plain(rows.explained(row))}" for row in edits), "", plain(rows.WITHIN)]


def _findings(found: Found) -> list[str]:
    """Expected beside measured, then each in words; nothing where nothing was found."""
    findings = measured_rows(found)
    if not findings:
        return []
    lines = ["", "#### What to change", "", "| " + " | ".join(MEASURED_HEADER) + " |", "|---|---:|---:|---:|---:|---|"]
    for row in findings:
        cells = (code(row.code), row.takes, row.expected, row.measured, row.interval, row.how)
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    for row in findings:
        mark = " (warning)" if row.level == "warn" else ""
        basis = f" ({row.basis})" if row.basis else ""
        lines.append(f"- **{plain(row.code)}**{mark}: {plain(row.text)} {plain(row.edit)}{plain(basis)}")
    return [*lines, "", plain(measured_words(found))]
