"""The baseline of `effprof guidelines --baseline`: checked before anything slow starts, compared with at the end."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from effprof.commands.comparing import Outputs, add_comparison_outputs, add_rule_options, claim_outputs, rule_of
from effprof.commands.options import STDOUT
from effprof.errors import BadFileError, UsageError
from effprof.remote.target import is_remote

if TYPE_CHECKING:
    from effprof.compare import Comparison, Result, Rule
    from effprof.compare.fail_on import Checked, Threshold
    from effprof.compare.words import Facts
    from effprof.sweep_records import Sweep, SweepSpec

FORMS = ("markdown", "junit")
Compared = tuple["Comparison", tuple["Checked", ...]]


@dataclass(frozen=True)
class Baseline:
    """What to compare with, and how."""

    result: Result
    rule: Rule
    thresholds: Sequence[Threshold]
    force: bool
    outputs: Outputs

    def compare(self, sweep: Sweep) -> Compared:
        """The finished sweep against the baseline. Raises UsageError when they turn out not to be comparable."""
        from effprof.compare import compare_results
        from effprof.compare.fail_on import check
        from effprof.compare.from_sweep import result_of_sweep

        comparison = compare_results(self.result, result_of_sweep(sweep), self.rule, force=self.force)
        return comparison, check(comparison, self.thresholds)


def add_baseline_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("regressions")
    group.add_argument(
        "--baseline", metavar="OLD",
        help="compare with an earlier result: a folder of this command, or its sweep.json or guidelines.json",
    )  # fmt: skip
    add_rule_options(group)
    add_comparison_outputs(group)


def read_baseline(args: argparse.Namespace, spec: SweepSpec) -> Baseline | None:
    """None without --baseline.

    Raises:
        BadFileError: it cannot be read, or is no guidelines result.
        UsageError: the options alone show that the sweep will not be comparable, or that a threshold is of nothing.
    """
    outputs = claim_outputs(args, FORMS)
    if args.baseline is None:
        for option in ("fail_on", "force", "spread", "change_margin", *FORMS):
            if getattr(args, option):
                raise UsageError(f"--{option.replace('_', '-')} needs --baseline: give the result to compare with.")
        return None
    if outputs.stdout is not None and args.json == STDOUT:
        raise UsageError(f"--json and --{outputs.stdout} cannot both go to stdout. Give one of them a path.")
    from effprof.compare import read_result
    from effprof.compare.fail_on import check_names, parse_threshold
    from effprof.compare.from_sweep import setting_known_before

    result = read_result(args.baseline)
    if result.kind != "guidelines":
        raise BadFileError(f"{result.path} is a network's run. Give a result of `effprof guidelines` as --baseline.")
    thresholds = [parse_threshold(text) for text in args.fail_on]
    scales: set[str] = {spec.scale, *spec.other_scales}
    known = {q.name: q.unit for q in result.quantities if _is_measured(q.name, set(spec.guidelines), scales)}
    if not known:
        raise UsageError(f"{result.path} has none of {', '.join(spec.guidelines)}. Measure the same guidelines.")
    check_names(thresholds, known)
    baseline = Baseline(result, rule_of(args), thresholds, args.force, outputs)
    _require_alike(baseline, setting_known_before(spec))
    return baseline


def require_alike(baseline: Baseline, spec: SweepSpec) -> None:
    """Looks at this machine before it measures; of another one nothing is known yet. Imports torch.

    Raises UsageError where the baseline has another setting than what is about to be measured.
    """
    if is_remote(spec.device):
        return
    from effprof.compare.from_sweep import setting_of_machine
    from effprof.devices.cpu import cpu_device
    from effprof.devices.fake import fake_device
    from effprof.measure.environment import environment
    from effprof.measure.guard import threads_for, threads_set

    with threads_set(threads_for(spec.threads, spec.cpus)):
        device = fake_device(spec.threads or 1) if spec.device.startswith("fake") else cpu_device()
        _require_alike(baseline, setting_of_machine(spec, device, environment(spec.malloc)))


def _require_alike(baseline: Baseline, setting: Facts) -> None:
    from effprof.compare.results import differences, not_comparable

    different = differences(baseline.result.setting, setting)
    if different and not baseline.force:
        raise UsageError(not_comparable(different))


def _is_measured(name: str, guidelines: set[str], scales: set[str]) -> bool:
    """Whether a baseline's quantity (`G1.1:12`, `G1.x2`) will be measured: the judged scale is in no name."""
    from effprof.sweep_records import SCALES

    guideline, _, rest = name.partition(".")
    scale = rest.partition(".")[0]
    return guideline in guidelines and (scale not in SCALES or scale in scales)
