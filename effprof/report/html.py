"""The report as an HTML fragment for notebooks: no script, no link, own style only; every name is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effprof.report import rows
from effprof.report.findings_rows import finding_rows, found_in
from effprof.report.headline import headline, title
from effprof.report.palette import COLOURS, RESIDUAL, ink_on, key_of
from effprof.report.roofline_rows import roofline_tables

if TYPE_CHECKING:
    from effprof.report import Report

# A label inside a bar needs about this share of it.
_SMALLEST_LABELLED = 0.06

_TEMPLATE = """\
<div class="effprof" style="font-family:sans-serif;max-width:60em;line-height:1.4">
<h3 style="margin:0.3em 0">{{ title }}</h3>
<table style="border:none">
{%- for fact in facts %}
<tr><th style="text-align:left;padding-right:1em">{{ fact.label }}</th>
<td style="text-align:left">{{ fact.parts | join(" · ") }}</td></tr>
{%- endfor %}
</table>
{%- if bar %}
<div style="display:flex;height:2.4em;margin:0.6em 0" role="img" aria-label="Shares of the latency">
{%- for segment in bar %}
<div title="{{ segment.name }} {{ segment.share }} {{ segment.time }}" style="width:{{ segment.width }}%;\
background:{{ segment.background }};color:{{ segment.ink }};font-size:0.8em;line-height:3em;text-align:center;\
overflow:hidden">{{ segment.label }}</div>
{%- endfor %}
</div>
{%- endif %}
{%- for table in tables %}
<h4 style="margin:0.8em 0 0.2em">{{ table.heading }}</h4>
<table>
<thead><tr>{% for column in table.header %}<th style="text-align:left">{{ column }}</th>{% endfor %}</tr></thead>
<tbody>
{%- for row in table.body %}
<tr>{% for cell in row %}<td style="text-align:left">{{ cell }}</td>{% endfor %}</tr>
{%- endfor %}
</tbody>
</table>
{%- if table.below %}
<p>{{ table.below }}</p>
{%- endif %}
{%- endfor %}
{%- if findings %}
<h4 style="margin:0.8em 0 0.2em">What to change</h4>
<ul>
{%- for finding in findings %}
<li><b>{{ finding.code }}</b>{% if finding.level == "warn" %} (warning){% endif %}\
{% if finding.figures %}: {{ finding.figures }}{% endif %}.<br>
{{ finding.text }} <i>{{ finding.edit }}</i>{% if finding.source %} <code>{{ finding.source }}</code>{% endif %}</li>
{%- endfor %}
</ul>
{%- endif %}
{%- if notes %}
<h4 style="margin:0.8em 0 0.2em">Notes</h4>
<ul>
{%- for note in notes %}
<li><b>{{ note.code }}</b>: {{ note.text }}{% if note.remedy %} <i>{{ note.remedy }}</i>{% endif %}</li>
{%- endfor %}
</ul>
{%- endif %}
</div>
"""


def render_html(report: Report) -> bytes:
    """The fragment, UTF-8."""
    from jinja2 import Environment, StrictUndefined

    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(_TEMPLATE)
    timed = rows.whole_s(report) is not None
    text = template.render(
        title=title(report),
        facts=headline(report),
        bar=_segments(report) if timed else [],
        tables=[
            *(_parts_table(report), _layers_table(report), _ops_table(report)),
            *({**vars(one), "below": ""} for one in roofline_tables(report)),
        ],
        findings=finding_rows(found_in(report), limit=None),
        notes=rows.note_rows(report),
    )
    return text.encode()


def _segments(report: Report) -> list[dict[str, str]]:
    """Widths in percent of the bar; where the residual is negative, the parts alone fill it."""
    parts = [part for part in rows.part_rows(report) if (part.fraction or 0.0) > 0]
    drawn = sum(part.fraction or 0.0 for part in parts)
    result = []
    for part in parts:
        share = (part.fraction or 0.0) / drawn
        colour = COLOURS[key_of(part.name)]
        hatched = f"repeating-linear-gradient(45deg,white 0 4px,{colour} 4px 6px)"
        result.append(
            {
                "name": part.name,
                "share": part.share,
                "time": part.time,
                "width": f"{share * 100:.3f}",
                "background": hatched if part.name == RESIDUAL else colour,
                "ink": "#000000" if part.name == RESIDUAL else ink_on(colour),
                "label": part.share if share >= _SMALLEST_LABELLED else "",
            }
        )
    return result


def _parts_table(report: Report) -> dict[str, object]:
    row = rows.accounting_row(report)
    below = "" if row is None else "; ".join(rows.accounting_lines(row, rows.whole_name(report)))
    return {
        "heading": "Where the work is" if row is None else "Where the time goes",
        "header": ("part", "time", "share", "mult_adds", "access", "calls"),
        "body": [(p.name, p.time, p.share, p.mult_adds, p.access, p.calls) for p in rows.part_rows(report)],
        "below": below,
    }


def _layers_table(report: Report) -> dict[str, object]:
    layers = rows.layer_rows(report)
    return {
        "heading": "Heaviest layers (own calls)",
        "header": ("layer", "module", "time", "share", "mult_adds", "access"),
        "body": [(r.layer, r.module_type, r.time, r.share, r.mult_adds, r.access) for r in layers],
        "below": "",
    }


def _ops_table(report: Report) -> dict[str, object]:
    uncosted = rows.uncosted(report)
    return {
        "heading": "Heaviest ops",
        "header": ("op", "kind", "calls", "time", "share", "mult_adds", "access"),
        "body": [(r.op, r.kind, r.calls, r.time, r.share, r.mult_adds, r.access) for r in rows.op_rows(report)],
        "below": f"No formula, missing from the totals: {', '.join(uncosted)}" if uncosted else "",
    }
