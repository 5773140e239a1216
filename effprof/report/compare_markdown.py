"""A comparison as Markdown for a pull-request comment (GitHub's flavour).

Names come from files that anybody may have written: whatever they hold is shown as text, links nowhere and calls
nobody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from effprof.compare.fail_on import Checked
from effprof.compare.words import Answer, Comparison
from effprof.report import compare_rows as rows
from effprof.report.untrusted import printable

_MARKS: dict[Answer, str] = {"worse": "🔴", "better": "🟢", "same": "⚪", "inconclusive": "🟡"}
_PUNCTUATION = re.compile(r"([\\`*_\[\]#|~$])")
"""What begins a list or a heading needs no escape: no line begins with a name."""
_LINKED = re.compile(r"(?i)(ww(?=w)|gh-(?=[0-9])|[0-9a-f]{6}(?=[0-9a-f]))")
"""Where `www.`, `GH-12` and a commit of 7 or more hexadecimal digits are split."""
_SPLIT = "<!-- -->"
"""Between two characters that GitHub would take for a mention, a reference or an address; shows as nothing."""


def render_comparison_markdown(comparison: Comparison, checked: Sequence[Checked] = ()) -> bytes:
    """Verdict and headline open, the tables folded away below."""
    lines = [f"### {_MARKS[comparison.verdict]} {plain(rows.title(comparison))}: {comparison.verdict}", ""]
    lines += [f"- {plain(sentence)}" for sentence in rows.headlines(comparison)]
    lines += [f"- **{plain(text)}**" for text in rows.checks(checked)]
    lines += ["", f"<details><summary>All quantities: {rows.counts(comparison)}</summary>", ""]
    for heading, own in rows.sections(comparison):
        lines += [f"**{plain(heading)}**", "", *_table(own), ""]
    lines += [f"- {label}: {plain(content)}" for label, content in rows.facts(comparison)]
    lines += ["", "</details>"]
    notes = rows.notes(comparison)
    if notes:
        lines += ["", "Notes:", ""]
        lines += [f"- **{plain(note.code)}**: {plain(note.text)} {plain(note.remedy)}".rstrip() for note in notes]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it is and GitHub sees no mention, reference, address or tag in it."""
    escaped = _PUNCTUATION.sub(r"\\\1", printable(text))
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = escaped.replace("@", f"@{_SPLIT}").replace("\\#", f"\\#{_SPLIT}").replace(":", f":{_SPLIT}")
    return _LINKED.sub(rf"\1{_SPLIT}", escaped)


def code(text: str) -> str:
    """`text` as a code span in a table cell, whatever backticks and bars it holds."""
    shown = printable(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _table(own: Sequence[rows.ChangeRow]) -> list[str]:
    lines = ["| " + " | ".join(rows.HEADER) + " |", "|---|---:|---:|---:|---:|---|"]
    for row in own:
        cells = (code(row.quantity), row.old, row.new, row.ratio, row.interval)
        lines.append("| " + " | ".join(cells) + f" | {_MARKS[row.verdict]} {row.verdict} |")
    return lines
