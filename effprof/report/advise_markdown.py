"""Advice as Markdown for an issue or a pull-request comment; what names hold is shown as text (`compare_markdown`)."""

from __future__ import annotations

from effprof.advice_records import Advice
from effprof.report import advise_rows as rows
from effprof.report.compare_markdown import code, plain


def render_advice_markdown(advice: Advice) -> bytes:
    """Headline, table, steps and recipe."""
    lines = [f"### {plain(rows.title(advice))}", "", f"**{plain(rows.headline(advice))}**", ""]
    lines += [f"- {label}: {plain(content)}" for label, content in rows.facts(advice)]
    lines += ["", "| " + " | ".join(rows.HEADER) + " |", "|---|---:|---:|---:|---:|---|"]
    edits = rows.edit_rows(advice)
    for row in edits:
        cells = (code(row.edit), row.gain, row.interval, row.saves, row.difference, row.standing)
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    lines += [f"- {plain(rows.explained(row))}" for row in edits]
    lines += ["", plain(rows.WITHIN)]
    steps = list(rows.step_lines(advice))
    if steps:
        lines += ["", "Combined, the best first:", "", *(f"- {plain(step)}" for step in steps)]
    recipe = rows.recipe(advice)
    if recipe:
        lines += ["", "```python", *recipe, "```"]
    if advice.notes:
        lines += ["", "Notes:", ""]
        lines += [f"- **{plain(n.code)}**: {plain(n.text)} {plain(n.remedy)}".rstrip() for n in advice.notes]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")
