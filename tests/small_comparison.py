"""Results small enough to be compared by hand: latencies as given, two parts that are 70 % and 20 % of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from small_profile import ROUND, TIMED

from effprof.compare.words import Quantity, Result, Unit
from effprof.records import Note, Profile, Samples

PARTS = {"conv": 0.7, "shuffle": 0.2}


def run_result(latencies_s: Sequence[float], *, notes: Sequence[str] = (), within: float = 0.01) -> Result:
    quantities = [Quantity("latency", "s", tuple(latencies_s), within)]
    for name, share in PARTS.items():
        times_s = tuple(share * time_s for time_s in latencies_s)
        quantities.append(Quantity(f"time.{name}", "s", times_s, within, is_part=True))
        quantities.append(Quantity(f"share.{name}", "share", (share,) * len(times_s), within, is_part=True))
    environment, device = TIMED.environment, TIMED.device
    assert device is not None
    return Result(
        kind="run",
        name="net.py:build",
        path="runs/one",
        device=device,
        environment=environment,
        command="effprof run --model net.py:build",
        setting=(("device", "cpu Imaginary CPU"), ("threads", "1"), ("torch", "2.14.1")),
        circumstances=(("network", "net.py:build"), ("python", "3.12.1")),
        quantities=tuple(quantities),
        headline=("latency",),
        notes=tuple(Note(code, "") for code in notes),
    )


def quantity(values: Sequence[float], *, unit: Unit = "s", within: float = 0.0, is_part: bool = False) -> Quantity:
    return Quantity("time.conv" if is_part else "latency", unit, tuple(values), within, is_part)


def profile_of_rounds(factors: Sequence[float]) -> Profile:
    """The small profile with one round a factor; every time in it is so many times as long."""

    def scaled(times_s: Sequence[float], factor: float) -> tuple[float, ...]:
        return tuple(factor * time_s for time_s in times_s)

    rounds = tuple(
        replace(
            ROUND,
            plain=Samples(scaled(ROUND.plain.times_s, f)),
            instrumented=Samples(scaled(ROUND.instrumented.times_s, f)),
            ops=tuple(replace(op, times_s=scaled(op.times_s, f)) for op in ROUND.ops),
            calibration=replace(ROUND.calibration, inside_s=1e-6 * f, outside_s=2e-6 * f),
        )
        for f in factors
    )
    return replace(TIMED, rounds=rounds)
