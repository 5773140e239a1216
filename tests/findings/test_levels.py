"""What measuring makes of a finding's level: confirmed, open or refuted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from effprof.finding_records import Finding, Found, Level, MeasuredHow
from effprof.findings.levels import any_at, is_at, level_now

FINDING = Finding("G4-batch-norm", "G4", "info", ("norm",), None, (("share", 0.1),), "Text.", "Edit.", True)
LATENCY_S = 1.0


@pytest.mark.parametrize(
    ("how", "gain_s", "ci95_s", "level", "now"),
    [
        ("advise", 0.05, (0.04, 0.06), "info", "warn"),  # surely, and worth it
        ("price", 0.05, (0.04, 0.06), "info", "info"),  # a price is no speed-up
        ("advise", 0.02, (-0.01, 0.05), "warn", "warn"),  # open
        ("advise", 0.002, (0.001, 0.003), "warn", None),  # surely less than 1 %
        ("price", -0.05, (-0.06, -0.04), "warn", None),
        ("advise", -0.05, (-0.06, -0.04), "info", None),
        ("advise", -0.05, None, "warn", "warn"),  # too few rounds to refute anything
        (None, None, None, "warn", "warn"),
    ],
)
def test_level_now(
    how: MeasuredHow | None, gain_s: float | None, ci95_s: tuple[float, float] | None, level: Level, now: Level | None
) -> None:
    finding = replace(FINDING, level=level, measured_gain_s=gain_s, measured_ci95_s=ci95_s, measured_how=how)
    assert level_now(finding, LATENCY_S) == now


def test_a_warning_is_an_information_too() -> None:
    assert [is_at(level, "info") for level in ("warn", "info", None)] == [True, True, False]  # type: ignore[arg-type]
    assert [is_at(level, "warn") for level in ("warn", "info", None)] == [True, False, False]  # type: ignore[arg-type]
    networks = [Found("a", (), None), Found("b", (FINDING,), LATENCY_S)]
    assert any_at(networks, "info")
    assert not any_at(networks, "warn")
