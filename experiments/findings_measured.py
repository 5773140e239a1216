"""What findings expect against what their edits gain: does the expectation have the right sign, and the right size?

    python experiments/findings_measured.py [--networks mobilenetv2,...] [--threads 1] [--resume] [--minutes 30]
    python experiments/findings_measured.py --device fake --networks mobilenetv2 --output reports/runs/try

Each network is profiled, its findings with an expected gain are taken, and each is measured: an exact edit by `effprof
advise` (end to end, beside the original), a design edit by timing its layers' shapes beside their twins, which is a
price. A row is on disk at once, in reports/findings-<cpu>/findings.csv; the table is printed and written beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from results import (
    Measured,
    command_line,
    device_option,
    keep_row,
    machine_text,
    measure_all,
    measured_of,
    read_rows,
    refuse_to_overwrite,
    slug,
)

from effprof.advice_records import AdviceSpec
from effprof.advise.process import advise
from effprof.analyze import analyze
from effprof.analyze.gains import gains_alone
from effprof.bench.finding_prices import price_finding
from effprof.bench.prices import Form
from effprof.bench.turns import Budget
from effprof.devices.cpuinfo import cpu_name
from effprof.devices.fake import Plan
from effprof.finding_records import Finding
from effprof.findings import find
from effprof.measure.processes import measure_rounds
from effprof.records import Profile, RunSpec
from effprof.store import write_atomically

REPORTS = Path(__file__).parents[1] / "reports"
NETWORKS = (
    *("mobilenetv2", "shufflenetv2", "shufflenetv1", "mobilenetv1", "googlenet", "resnet50", "densenet121"),
    *("resnet18", "alexnet", "se_resnet50", "xception", "shufflenetv1_g8"),
)
AIM = 0.02
"""Expected gains above this share of the latency count."""


@dataclass(frozen=True, kw_only=True)
class FindingRow(Measured):
    network: str
    threads: int
    code: str
    exact: bool
    latency_s: float
    expected_s: float | None = None
    expected_from: str | None = None
    measured_s: float | None = None
    low_s: float | None = None
    high_s: float | None = None
    how: str = ""
    """`advise`, `price`, or why nothing could be measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--malloc", default="steady", choices=("default", "steady"))
    parser.add_argument("--device", default="cpu", type=device_option)
    parser.add_argument("--seconds", type=float, default=20.0, help="of measuring for one network's edits, and prices")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--output", type=Path, default=REPORTS / f"findings-{slug(cpu_name() or 'cpu')}")
    args = parser.parse_args()
    path = args.output / "findings.csv"
    rows = read_rows(path, FindingRow)
    refuse_to_overwrite(path, rows, args.resume)
    known = {(row.network, row.threads) for row in rows}
    networks = [name for name in args.networks.split(",") if (name, args.threads) not in known]

    def keep(found: list[FindingRow]) -> str:
        for row in found:
            keep_row(path, rows, row)
        return f"{found[0].network}: {len(found)} findings"

    failed = measure_all(networks, lambda name: list(rows_of(name, args)), keep, named=str, minutes=args.minutes)
    text = f"# Expected against measured\n\n{machine_text(rows)}\n{table(rows)}\n\n{summary(rows)}\n"
    write_atomically(args.output / "findings.md", text.encode())
    print(text, *failed, sep="\n")


def rows_of(name: str, args: argparse.Namespace) -> Iterator[FindingRow]:
    spec = RunSpec(name, args.device, threads=args.threads, malloc=args.malloc, command=command_line())
    profile = measure_rounds(spec, lambda text, part: None)
    analysis = analyze(profile)
    latency_s = analysis.latency.median_s if analysis.latency is not None else 0.0
    findings = [one for one in find(profile, analysis) if one.expected_gain_s is not None]
    exact = tuple(dict.fromkeys(one.exact_edit for one in findings if one.exact_edit is not None))
    gains = {}
    if exact:
        advice = advise(AdviceSpec(spec, exact, max_time_s=args.seconds), lambda text, part: None)
        gains = gains_alone(advice)
    for finding in findings or [None]:
        if finding is None:  # a row all the same, so that --resume knows the network
            yield FindingRow(**measured_of(profile), network=name, threads=args.threads, code="", exact=False,
                             latency_s=latency_s, how="nothing found")  # fmt: skip
            continue
        measured_s = low_s = high_s = None
        how = "no tool applies this edit"
        if finding.exact_edit is not None:
            gain = gains.get(finding.exact_edit)
            how = "advise" if gain is not None else "the edit did not apply"
            if gain is not None:
                measured_s, (low_s, high_s) = gain.seconds, gain.seconds_ci95 or (None, None)
        else:
            priced = _priced(finding, profile, args)
            if priced is not None:
                how, measured_s, (low_s, high_s) = "price", priced.gain_s, priced.ci95_s
        yield FindingRow(
            **measured_of(profile), network=name, threads=args.threads, code=finding.code, exact=finding.exact,
            latency_s=latency_s, expected_s=finding.expected_gain_s, expected_from=finding.expected_from,
            measured_s=measured_s, low_s=low_s, high_s=high_s, how=how,
        )  # fmt: skip


def _priced(finding: Finding, profile: Profile, args: argparse.Namespace):  # type: ignore[no-untyped-def]
    plan = Plan() if args.device == "fake" else None
    budget = Budget(10, args.seconds / 2)
    return price_finding(finding, profile.calls, Form(args.threads), budget, lambda text, part: None, plan)


def table(rows: Sequence[FindingRow]) -> str:
    lines = ["| network | finding | edit | expected | from | measured | 95 % |", "|---|---|---|---:|---|---:|---|"]
    for row in rows:
        if row.expected_s is None:
            continue
        measured, interval = row.how, ""
        if row.measured_s is not None:
            measured = f"{row.measured_s / row.latency_s:+.1%} ({row.how})"
        if row.low_s is not None and row.high_s is not None:
            interval = f"{row.low_s / row.latency_s:+.1%} to {row.high_s / row.latency_s:+.1%}"
        cells = (row.network, row.code, "exact" if row.exact else "design", f"{row.expected_s / row.latency_s:.1%}")
        lines.append(f"| {' | '.join((*cells, row.expected_from or '', measured, interval))} |")
    return "\n".join(lines)


def summary(rows: Sequence[FindingRow]) -> str:
    """How often the sign is right where an expectation above `AIM` was measured."""
    lines = []
    for name, wanted in (("all", (True, False)), ("exact edits", (True,)), ("design edits (prices)", (False,))):
        counted = [row for row in rows if row.exact in wanted and is_counted(row)]
        right = sum(1 for row in counted if (row.measured_s or 0.0) > 0)
        share = f", {right / len(counted):.0%} (wanted: at least 80 %)" if counted and name == "all" else ""
        lines.append(f"{name}: the measured gain has the expected sign in {right} of {len(counted)}{share}")
    unmeasured = sum(1 for row in rows if row.expected_s is not None and row.measured_s is None)
    return "\n".join((*lines, f"not measured: {unmeasured}"))


def is_counted(row: FindingRow) -> bool:
    return row.measured_s is not None and row.expected_s is not None and row.expected_s > AIM * row.latency_s


if __name__ == "__main__":
    main()
