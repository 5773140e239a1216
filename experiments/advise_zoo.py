"""What exact edits gain on this device, network by network, and whether there is more to gain from their best output.

    python experiments/advise_zoo.py [--threads 1 2] [--models NAME ...] [--max-time 60] [--minutes 30] [--resume]
    python experiments/advise_zoo.py --report-only              # the tables again from gains.csv

Each network is advised in a process of its own at each number of threads; where edits were recommended, once more
with them applied, which should find nothing (--once leaves that out). All in random order. Finished rows are on disk at
once; after an interruption, or after --minutes, --resume goes on. Five networks at two numbers of threads take
20 x --max-time at most, 20 minutes. Wants a quiet machine.

Writes into reports/advice-<cpu>/ (--output): gains.csv (a row an edit, and one for all kept ones together) and
gains.md. Prints how far the outputs differ, what of the gains seen in first trials is reached, and every edit that is
still worth 1 % after the recommended ones.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from results import (
    Measured,
    command_line,
    device_option,
    keep_row,
    machine_text,
    measure_all,
    read_rows,
    refuse_to_overwrite,
    slug,
)

from effprof.advice_records import EDIT_TEXTS, Advice, AdviceSpec, Gain
from effprof.advise.process import advise
from effprof.analyze.gains import final_gain, is_worth, judged, recommended
from effprof.devices.cpuinfo import cpu_name
from effprof.errors import InterruptedRunError
from effprof.records import RunSpec
from effprof.store import write_atomically

REPORTS = Path(__file__).parents[1] / "reports"
MODELS = ("mobilenetv2", "shufflenetv2", "googlenet", "densenet121", "resnet50")
TOGETHER = "together"
SPIKE: dict[tuple[str, int], float] = {
    ("mobilenetv2", 1): 0.24, ("mobilenetv2", 2): 0.28, ("shufflenetv2", 1): 0.32, ("shufflenetv2", 2): 0.38,
    ("googlenet", 1): 0.53, ("googlenet", 2): 0.53,
}  # fmt: skip
"""Network and threads -> gain of folded batch-norms and channels_last together, in first trials on one such CPU."""
LIMIT = 1e-4
Task = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class GainRow(Measured):
    """One edit of one network, or all kept ones together."""

    model: str
    threads: int
    applied: str = ""
    """Names of the edits that the network had before, joined by `+`; empty for the network as it is."""
    edit: str
    """Its name, or `together`."""
    edits: str = ""
    """Of `together`: names of the kept ones, joined by `+`."""
    verdict: str
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    base_s: float | None = None
    """Median of the network that the gain is over."""
    rounds: int = 0
    difference: float | None = None
    """Of the outputs, as a share of the largest one."""
    text: str = ""
    took_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", metavar="NAME", default=list(MODELS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--max-time", type=float, default=60.0, help="seconds for one advice (default: 60)")
    parser.add_argument("--malloc", default="steady", choices=("default", "steady"))
    parser.add_argument("--device", type=device_option, default="cpu", help="cpu, or fake:PLAN.json to try the script")
    parser.add_argument("--seed", type=int, default=0, help="of weights, inputs and order")
    parser.add_argument("--once", action="store_true", help="do not advise again with the recommended edits applied")
    parser.add_argument("--minutes", type=float, help="begin no advice that would end later than this")
    parser.add_argument("--resume", action="store_true", help="keep what is measured and measure what is missing")
    parser.add_argument("--report-only", action="store_true", help="measure nothing")
    parser.add_argument("--output", type=Path, help="default: reports/advice-<cpu>, or reports/runs/advice for fake")
    args = parser.parse_args()
    is_fake = args.device.startswith("fake")
    folder = args.output or (REPORTS / "runs" / "advice" if is_fake else REPORTS / f"advice-{slug(cpu_name() or '')}")
    path = folder / "gains.csv"
    rows = read_rows(path, GainRow)
    failed: list[str] = []
    if not args.report_only:
        refuse_to_overwrite(path, rows, args.resume)
        failed = measure_missing(args, rows, path)
    if rows:
        write_atomically(folder / "gains.md", markdown(rows).encode())
        print("\n".join(findings(rows)))
    sys.exit("\n".join(["", "Fell short:", *failed]) if failed else 0)


# ---------------------------------------------------------------------------------------------------------- measuring


def measure_missing(args: argparse.Namespace, rows: list[GainRow], path: Path) -> list[str]:
    """Advises on every network and number of threads of which there are no rows; a second pass goes on from the first's
    recommendations. Gives what could not be measured, and why."""
    started = monotonic()

    def kept(found: tuple[Advice, Task, str]) -> str:
        advice, (model, threads), applied = found
        new = list(gain_rows(advice, model, threads, applied))
        for row in new:
            keep_row(path, rows, row)
        what = f"{model}, {threads} thr{f' after {applied}' if applied else ''}"
        return f"{what}: {new[-1].verdict}, {advice.took_s:.0f} s"

    def run(tasks: Sequence[tuple[Task, str]]) -> list[str]:
        return measure_all(
            tasks,
            lambda task: (advised(args, *task), *task),
            kept,
            named=lambda task: f"{task[0][0]}, {task[0][1]} threads",
            minutes=None if args.minutes is None else max(args.minutes - (monotonic() - started) / 60, 1e-3),
            what="networks",
        )

    done = {(row.model, row.threads) for row in rows if not row.applied}
    tasks = [(model, threads) for model in args.models for threads in args.threads]
    random.Random(args.seed).shuffle(tasks)
    failed = run([(task, "") for task in tasks if task not in done])
    if args.once:
        return failed
    again = {(row.model, row.threads) for row in rows if row.applied}
    best = {(r.model, r.threads): r.edits for r in rows if not r.applied and r.edit == TOGETHER and r.verdict == "kept"}
    return failed + run([(task, best[task]) for task in tasks if task in best and task not in again])


def advised(args: argparse.Namespace, task: Task, applied: str) -> Advice:
    """Raises InterruptedRunError for an advice that was cut short."""
    model, threads = task
    run = RunSpec(
        model, device=args.device, threads=threads, malloc=args.malloc, seed=args.seed, command=command_line()
    )
    names = tuple(applied.split("+")) if applied else ()
    advice = advise(AdviceSpec(run, tuple(EDIT_TEXTS), names, args.max_time), lambda text, share: None)
    if advice.partial:
        raise InterruptedRunError("Interrupted.")
    return advice


def gain_rows(advice: Advice, model: str, threads: int, applied: str) -> Iterator[GainRow]:
    """One an edit, the greatest gain first, and last the kept ones together."""
    run, environment = advice.spec.run, advice.environment
    alone = next((contest for contest in advice.contests if contest.stage == "alone"), None)
    final = next((contest for contest in advice.contests if contest.stage == "final"), None)

    def row(edit: str, verdict: str, found: Gain | None, base_s: float | None, **more: object) -> GainRow:
        low, high = (None, None) if found is None or found.ci95 is None else found.ci95
        return GainRow(
            device=run.device,
            cpu=environment.cpu or "unknown CPU",
            torch=environment.torch or "?",
            malloc=environment.allocator,
            git=environment.git or "",
            started_utc=environment.started_utc,
            command=run.command,
            seed=run.seed,
            model=model,
            threads=threads,
            applied=applied,
            edit=edit,
            verdict=verdict,
            gain=None if found is None else found.value,
            gain_low=low,
            gain_high=high,
            base_s=base_s,
            rounds=0 if found is None else found.rounds,
            took_s=advice.took_s,
            **{"edits": "", **more},  # type: ignore[arg-type]
        )

    for one in judged(advice):
        base_s = None if alone is None else alone.median_s(0)
        yield row(
            one.trial.name, one.standing, one.alone, base_s,
            difference=one.trial.relative_difference, text=one.trial.text,
        )  # fmt: skip
    verdict = "kept" if recommended(advice) else "nothing to gain"
    base_s = None if final is None else final.median_s(0)
    yield row(TOGETHER, verdict, final_gain(advice), base_s, edits="+".join(advice.chosen))


# ------------------------------------------------------------------------------------------------------------ judging


def markdown(rows: Sequence[GainRow]) -> str:
    lines = [f"# What exact edits gain\n\n{machine_text(rows)}"]
    for applied, heading in ((False, "Of the network as it is"), (True, "Of the network with the kept edits applied")):
        own = sorted(
            (row for row in rows if bool(row.applied) == applied),
            key=lambda row: (row.model, row.threads, row.edit != TOGETHER, row.gain is None, -(row.gain or 0.0)),
        )
        if own:
            lines += [f"## {heading}", ""]
            lines += ["| network | threads | edit | gain | 95 % | latency before | outputs differ | verdict |"]
            lines += ["|---|---:|---|---:|---:|---:|---:|---|", *map(_line, own), ""]
    lines += [f"- {text}" for text in findings(rows)]
    return "\n".join(lines) + "\n"


def _line(row: GainRow) -> str:
    name = f"**{row.edits.replace('+', ' + ')}**" if row.edit == TOGETHER and row.edits else row.edit
    gain = "-" if row.gain is None else f"{100 * row.gain:.1f} %"
    interval = "-" if row.gain_low is None or row.gain_high is None else _range(row.gain_low, row.gain_high)
    base = "-" if row.base_s is None else f"{1e3 * row.base_s:.2f} ms"
    differ = "-" if row.difference is None else f"{row.difference:.0e}"
    return f"| {row.model} | {row.threads} | {name} | {gain} | {interval} | {base} | {differ} | {row.verdict} |"


def _range(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def findings(rows: Sequence[GainRow]) -> Iterator[str]:
    """The sentences that the issue asks for."""
    differ = [row.difference for row in rows if row.difference is not None]
    if differ:
        verdict = "within" if max(differ) <= LIMIT else "NOT within"
        yield f"Outputs differ by {max(differ):.1e} of the largest one at most: {verdict} {LIMIT:.0e}."
    for (model, threads), spike in SPIKE.items():
        for row in rows:
            if (row.model, row.threads, row.edit) == (model, threads, TOGETHER) and not row.applied:
                gain = 0.0 if row.gain is None else row.gain
                reached = "reached" if gain >= spike else "in the interval" if _holds(row, spike) else "NOT reached"
                figures = f"{100 * gain:.1f} % less time; {100 * spike:.0f} % expected"
                yield f"{model}, {threads} threads: {figures}, {reached}."
    again = [row for row in rows if row.applied and row.edit != TOGETHER]
    if again:
        alarms = [row for row in again if is_worth(Gain(row.gain or 0.0, _ci95(row), 0.0, None, row.rounds))]
        names = "; ".join(f"{r.model} {r.threads} thr {r.edit} {100 * (r.gain or 0):.1f} %" for r in alarms)
        networks = len({(row.model, row.threads) for row in again})
        yield (
            f"With the kept edits applied to {networks} networks, {len(alarms)} of {len(again)} edits still gain 1 % "
            f"or more for sure{f': {names}' if names else ''}."
        )


def _ci95(row: GainRow) -> tuple[float, float] | None:
    return None if row.gain_low is None or row.gain_high is None else (row.gain_low, row.gain_high)


def _holds(row: GainRow, value: float) -> bool:
    interval = _ci95(row)
    return interval is not None and interval[0] <= value <= interval[1]


if __name__ == "__main__":
    main()
