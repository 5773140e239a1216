"""Where one process is compared, a calibration of the device says how far processes differ."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats
from small_ceilings import small_ceilings
from small_comparison import profile_of_rounds, quantity

from effprof.cli import main
from effprof.compare.calibration import calibrated_spread
from effprof.compare.from_run import result_of_profile
from effprof.compare.rule import RUN_SPREAD, CalibratedSpread, Rule, judge
from effprof.store import dumps_profile
from effprof.store.ceilings_json import HOME_VARIABLE, save_ceilings

CEILINGS = small_ceilings()
KNOWN = Rule(calibrated=CalibratedSpread(0.03, 5, "2026-01-02"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))


def half_width(old: list[float], new: list[float], rule: Rule) -> float:
    change = judge(quantity(old), quantity(new), rule)
    assert change.ci95 is not None
    return math.log(change.ci95[1] / change.ci95[0]) / 2


def test_the_interval_by_hand() -> None:
    """One process a side; t has the calibration's five processes less one."""
    expected = stats.t.ppf(0.975, 4) * math.sqrt(2 * 0.03**2 + 2 * RUN_SPREAD**2)
    assert half_width([1.0], [1.1], KNOWN) == pytest.approx(expected)
    of_a_share = judge(quantity([0.5], unit="share"), quantity([0.5], unit="share"), KNOWN)
    assert of_a_share.ci95 == pytest.approx((-0.25 * expected, 0.25 * expected))


def test_what_is_known_better_goes_first() -> None:
    several = [1.0, 1.01, 0.99]
    assert half_width(several, [1.1], KNOWN) == half_width(several, [1.1], Rule())
    given = Rule(spread=0.02)
    assert half_width([1.0], [1.1], replace(given, calibrated=KNOWN.calibrated)) == half_width([1.0], [1.1], given)
    assert half_width(several, several, KNOWN) == half_width(several, several, Rule())


def test_it_is_that_of_the_results_device_and_allocator() -> None:
    result = result_of_profile(profile_of_rounds([1.0]))
    assert calibrated_spread(result, result) is None
    save_ceilings(CEILINGS)
    assert calibrated_spread(result, result) == CalibratedSpread(0.03, 5, "2026-01-02")
    setting = tuple((name, "steady" if name == "malloc" else value) for name, value in result.setting)
    steady = replace(result, setting=setting)
    assert calibrated_spread(steady, steady) == CalibratedSpread(0.01, 5, "2026-01-02")
    assert calibrated_spread(steady, result) == CalibratedSpread(0.03, 5, "2026-01-02")
    for changes in ({"kind": "guidelines"}, {"environment": replace(result.environment, torch="9.9")}):
        other = replace(result, **changes)  # type: ignore[arg-type]
        assert calibrated_spread(other, other) is None
    other = replace(result, device=replace(result.device, threads=2))
    assert calibrated_spread(other, other) is None


def test_the_command_uses_and_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, factor in (("old", 1.0), ("new", 1.1)):
        (tmp_path / name).write_bytes(dumps_profile(profile_of_rounds([factor])))
    words = ["compare", str(tmp_path / "old"), str(tmp_path / "new")]
    assert main(words) == 0
    assert "nobody knows how far processes differ" in " ".join(capsys.readouterr().out.split())
    save_ceilings(CEILINGS)
    assert main(words) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the standard deviation of 3.00% that this device was calibrated with on 2026-01-02" in said
