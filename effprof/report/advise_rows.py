"""What `effprof advise` says, before any markup: the same words and cells in every view."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from effprof.advice_records import EDIT_TEXTS, Advice, Gain
from effprof.analyze.gains import (
    Judged,
    Standing,
    final_gain,
    gains_alone,
    is_worth,
    judged,
    of_stage,
    recommended,
    recommended_settings,
    steps,
)
from effprof.report.headline import emulated
from effprof.report.untrusted import printable
from effprof.units import UNKNOWN, counted, format_percent, format_seconds

HEADER = ("edit", "gain", "95 %", "saves", "differ", "verdict")
_RECIPE_WIDTH = 60
WITHIN = (
    "Gains are shares of the latency saved, of one process, with 95 % intervals over rounds; a saving of less than 1 % "
    "is not worth an edit. Outputs are compared on the example and two random inputs; the difference is a share of the "
    "largest output."
)
SETTINGS = (
    "malloc-steady and threads-N are settings of the process, not edits: measured in fresh processes, with the edits "
    "that were kept, against the setting that was asked for."
)


@dataclass(frozen=True)
class EditRow:
    edit: str
    gain: str
    interval: str
    saves: str
    difference: str
    standing: Standing
    text: str
    """What was done, or why nothing was."""


def title(advice: Advice) -> str:
    partial = " (partial: interrupted before the end)" if advice.partial else ""
    return f"effprof · advice for {printable(advice.model.name)}{partial}"


def facts(advice: Advice) -> tuple[tuple[str, str], ...]:
    """(label, what it is): device, setting, sampling."""
    run, threads = advice.spec.run, advice.device.threads
    device = [printable(advice.device.name), advice.device.kind]
    if threads is not None:
        device.append(counted(threads, "thread"))
    device += emulated(advice.device, advice.environment)
    shapes = " + ".join("x".join(map(str, shape)) for shape in advice.model.input_shape)
    allocator = printable(advice.environment.allocator)
    setting = [shapes, run.precision, advice.model.memory_format, f"allocator {allocator}"]
    if run.fold_bn:
        setting.append("batch-norms folded before")
    if advice.spec.applied:
        setting.append(f"after {' + '.join(advice.spec.applied)}")
    rounds = [len(contest.order) for contest in advice.contests]
    sampling = [f"{min(rounds)} to {max(rounds)} rounds in random order"] if rounds else []
    sampling += [f"seed {run.seed}", f"{advice.took_s:.0f} s of {advice.spec.max_time_s:.0f} s"]
    return ("device", " · ".join(device)), ("setting", " · ".join(setting)), ("sampling", " · ".join(sampling))


def headline(advice: Advice) -> str:
    """The combination's own figure, from rounds that took no part in choosing."""
    found = final_gain(advice)
    if found is None:
        measured = [gain for name, gain in gains_alone(advice).items() if name in EDIT_TEXTS]
        if measured and all(gain.ci95 is None for gain in measured):
            return "No edit was measured for long enough to be judged."
        if measured:
            return "No edit saves time that is worth it here." if not advice.chosen else "Not measured to the end."
        return "No edit was measured."
    names = " + ".join(advice.chosen)
    base_s = next(of_stage(advice, "final")).median_s(0)
    figure = f"{names}: {gain_text(found)}, {format_seconds(base_s)} to {format_seconds(base_s - found.seconds)}"
    return figure if is_worth(found) else f"{figure}; measured again, that is not worth it"


def gain_text(found: Gain) -> str:
    """`24.3 % less time (23.5 to 25.0 %)`."""
    direction = "less" if found.value >= 0 else "more"
    text = f"{format_percent(abs(found.value))} {direction} time"
    if found.ci95 is None:
        return f"{text} ({found.rounds} rounds: too few for an interval)"
    low, high = sorted(found.ci95 if found.value >= 0 else (-found.ci95[1], -found.ci95[0]))
    return f"{text} ({format_percent(low).removesuffix(' %')} to {format_percent(high)})"


def edit_rows(advice: Advice) -> tuple[EditRow, ...]:
    return tuple(map(_edit_row, judged(advice)))


def _edit_row(one: Judged) -> EditRow:
    trial, found = one.trial, one.alone
    relative = trial.relative_difference
    return EditRow(
        edit=printable(trial.name),
        gain=UNKNOWN if found is None else format_percent(found.value),
        interval=interval(found),
        saves=UNKNOWN if found is None else format_seconds(found.seconds),
        difference=UNKNOWN if relative is None else "0" if relative == 0 else f"{relative:.0e}",
        standing=one.standing,
        text=printable(trial.text),
    )


def interval(found: Gain | None) -> str:
    if found is None or found.ci95 is None:
        return UNKNOWN
    return f"{format_percent(found.ci95[0]).removesuffix(' %')} to {format_percent(found.ci95[1])}"


def step_lines(advice: Advice) -> Iterator[str]:
    """How the combination grew, one line a step."""
    for step in steps(advice):
        end = "kept" if step.is_kept else "left out"
        yield f"{' + '.join(step.base)}, then {step.added}: {gain_text(step.gain)}; {end}"


def recipe(advice: Advice) -> tuple[str, ...]:
    """Lines of Python to paste, and settings of the process to start it in; none longer than 60."""
    lines: list[str] = []
    edits = recommended(advice)
    if edits:
        names = [f'"{name}"' for name in (*(name for name in advice.spec.applied if name not in edits), *edits)]
        listed = [f"    [{', '.join(names)}],"]
        if len(listed[0]) > _RECIPE_WIDTH:
            listed = ["    [", *(f"        {name}," for name in names), "    ],"]
        lines += ["import effprof", "model = effprof.apply(", "    model,", *listed, "    example_input,", ")"]
    for name in recommended_settings(advice):
        if name.startswith("threads-"):
            lines += ["import torch", f"torch.set_num_threads({int(name.removeprefix('threads-'))})"]
        else:
            lines += [
                "# before Python starts, as --malloc steady does:",
                "#   export MALLOC_MMAP_THRESHOLD_=1073741824",
                "#   export MALLOC_TRIM_THRESHOLD_=1073741824",
            ]
    return tuple(lines)


def explained(row: EditRow) -> str:
    """What was done, with the edit's name before it."""
    return row.text if row.text.startswith(row.edit) else f"{row.edit}: {row.text}"
