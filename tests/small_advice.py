"""One advice with every standing, its figures by hand: times in ms, nine rounds."""

from __future__ import annotations

from small_profile import TIMED

from effprof.advice_records import Advice, AdviceSpec, Contest, Stage, Trial
from effprof.records import RunSpec

ROUNDS = 9
FOLD, CHANNELS, SIBLINGS, COPIES = "fold-batch-norm", "channels-last", "merge-siblings", "drop-copies"
PLACE = "in-place"


def contest(stage: Stage, times_ms: dict[tuple[str, ...], float], rounds: int = ROUNDS) -> Contest:
    """Every version at its time, times 1 to 1.08 from round to round (the same for all: it cancels)."""
    versions = tuple(times_ms)
    return Contest(
        stage=stage,
        versions=versions,
        rounds_s=tuple(tuple(1e-3 * ms * (1 + 0.01 * n) for n in range(rounds)) for ms in times_ms.values()),
        runs_per_round=(3,) * len(versions),
        order=(tuple(range(len(versions))),) * rounds,
        stopped_because="interval",
        page_faults=(0.0,) * len(versions),
    )


def small_advice(model: str = "net") -> Advice:
    profile = TIMED
    assert profile.device is not None
    both = (FOLD, CHANNELS)
    return Advice(
        spec=AdviceSpec(RunSpec(model, threads=1, command=f"effprof advise --model {model}")),
        model=profile.model,
        environment=profile.environment,
        device=profile.device,
        trials=(
            Trial(FOLD, "measured", "52 batch-norms folded into convolutions.", ("stem.0", "stem.1"), 2e-7, 3e-7),
            Trial(SIBLINGS, "failed", "merge-siblings failed: ValueError: planted."),
            Trial(COPIES, "not-applicable", "drop-copies does not apply: it makes no copy that could be left out."),
            Trial(PLACE, "measured", "35 activations made to write over their input.", ("stem.2",), 0.0, 0.0),
            Trial(CHANNELS, "measured", "2 weights turned to channels_last (NHWC).", ("stem.0",), 1e-6, 1e-6),
            Trial("malloc-steady", "measured", "The C library keeps freed memory (--malloc steady)."),
            Trial("threads-1", "no-time", "1 thread in place of 2 (--threads 1)."),
        ),
        contests=(
            contest("alone", {(): 10.0, (FOLD,): 9.0, (PLACE,): 10.5, (CHANNELS,): 8.0}),
            contest("combined", {(CHANNELS,): 8.0, both: 7.0, (PLACE, CHANNELS): 8.1}),
            contest("combined", {both: 7.0, (FOLD, PLACE, CHANNELS): 6.99}),
            contest("final", {(): 10.0, both: 7.0}),
            contest("settings", {both: 7.0, (*both, "malloc-steady"): 5.95}, rounds=6),
        ),
        chosen=both,
        took_s=93.4,
    )
