"""zoo.md: what was measured, as tables a reader finds a network in, grouped by the survey's families."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from results import machine_text
from zoo_rows import PARTS, RunRow, ZooRow, residual_verdict

from effprof.units import format_bytes, format_count, format_percent

_TOP = """# The zoo, measured

{machine}
One forward pass, batch 1, fp32, eval mode. Latency: median, with an interval in brackets ({runs}). Shares of
the latency at {threads}: the nine categories of ARCHITECTURE.md, of which those with no time anywhere are left out.
The residual is what ops and overhead do not explain. zoo.csv has all numbers, runs.csv each process's own.

![Where the time goes](decomposition.png)

[All networks](decomposition_all.png)

![mult_adds and latency](latency_vs_mult_adds.png)

Residual:

```
{verdict}
```
"""


def zoo_markdown(rows: Sequence[ZooRow], runs: Sequence[RunRow], threads: int) -> str:
    """`threads`: whose shares the tables show."""
    counts = sorted({row.runs for row in rows})
    over = (
        "95 %, of the one process"
        if counts == [1]
        else f"95 %, of {'/'.join(map(str, counts))} processes; the range of five holds the median in 94 %"
    )
    parts = [
        part for part in PARTS if any(abs(row.shares[part]) >= 5e-4 for row in rows if row.threads == threads)
    ]
    text = _TOP.format(
        machine=machine_text(runs),
        runs=over,
        threads=_threads(threads),
        verdict="\n".join(residual_verdict(rows)),
    )
    for family, members in groupby(rows, lambda row: row.family):
        text += f"\n## {family[0].upper()}{family[1:]}\n\n{_table(list(members), parts, threads)}"
    return text


def _table(rows: Sequence[ZooRow], parts: Sequence[str], threads: int) -> str:
    counts = sorted({row.threads for row in rows})
    header = [
        "network", "year", "input", "parameters", "mult_adds", "access",
        *(f"{_threads(count)}, ms" for count in counts), f"mult_adds/s, {_threads(threads)}", *parts,
        *(f"residual, {_threads(count)}" for count in counts if count != threads),
    ]  # fmt: skip
    lines = [header, ["---", "---:", "---"] + ["---:"] * (len(header) - 3)]
    for model, own in groupby(rows, lambda row: row.model):
        by_threads = {row.threads: row for row in own}
        first = by_threads.get(threads) or next(iter(by_threads.values()))
        shares = [format_percent(first.shares[part]) if first.threads == threads else "" for part in parts]
        lines.append([
            model, str(first.year), first.input_shape, format_count(first.parameters), format_count(first.mult_adds),
            format_bytes(first.access_bytes), *(_latency(by_threads.get(count)) for count in counts),
            format_count(first.mult_adds / first.latency_s), *shares,
            *(_residual(by_threads.get(count)) for count in counts if count != threads),
        ])  # fmt: skip
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def _latency(row: ZooRow | None) -> str:
    """`19.11 (18.90 to 19.40)`, three or four digits each."""
    if row is None:
        return ""
    decimals = 3 if row.latency_s < 1e-3 else 2 if row.latency_s < 0.1 else 1
    middle, low, high = (
        f"{1e3 * time_s:.{decimals}f}" for time_s in (row.latency_s, row.ci95_low_s, row.ci95_high_s)
    )
    return f"{middle} ({low} to {high})"


def _residual(row: ZooRow | None) -> str:
    return "" if row is None else format_percent(row.residual_fraction)
