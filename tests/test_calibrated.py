"""Which ceilings belong to a profile, and what is said where none do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_ceilings import small_ceilings
from small_profile import TIMED

from effprof.calibrated import ceilings_beside, ceilings_for, how_to, why_not, why_old
from effprof.machine_records import CoreGroup, CpuState
from effprof.records import Note, Profile
from effprof.store.ceilings_json import CEILINGS_JSON, HOME_VARIABLE, ceilings_path, dumps_ceilings, save_ceilings

CEILINGS = small_ceilings()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))


def profile(device: dict[str, Any] | None = None, environment: dict[str, Any] | None = None, **spec: Any) -> Profile:
    assert TIMED.device is not None
    return replace(
        TIMED,
        spec=replace(TIMED.spec, **spec),
        device=replace(TIMED.device, **(device or {})),
        environment=replace(TIMED.environment, **(environment or {})),
    )


def test_those_of_the_device_are_used_in_silence() -> None:
    save_ceilings(CEILINGS)
    found = ceilings_for(TIMED)
    assert (found.ceilings, found.said) == (CEILINGS, None)


def test_missing_ones_are_one_line_that_says_what_to_do() -> None:
    found = ceilings_for(TIMED)
    assert found.ceilings is None
    assert found.said == (
        "No ceilings for Imaginary CPU (1 thread, fp32): not calibrated yet. `effprof calibrate --threads 1` measures "
        "them."
    )


@pytest.mark.parametrize(
    ("changed", "is_other"),
    [
        (profile({"threads": 2}), False),
        (profile(precision="bf16"), False),
        (profile({"name": "New CPU"}), True),
        (profile({"arch": "aarch64"}), True),
    ],
)
def test_those_of_another_setting_are_not_used(changed: Profile, is_other: bool) -> None:
    save_ceilings(CEILINGS)
    found = ceilings_for(changed)
    assert found.ceilings is None
    assert found.said is not None
    assert ("of another CPU" in found.said) == is_other
    assert why_not(CEILINGS, changed) is not None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (profile(environment={"torch": "2.15.0"}), "calibrated with torch 2.14.1, and this is 2.15.0"),
        (profile(environment={"started_utc": "2026-04-02T03:04:05Z"}), None),
        (profile(environment={"started_utc": "2026-04-03T03:04:06Z"}), "calibrated 91 days before"),
        (profile(environment={"started_utc": "yesterday"}), None),
        (profile(environment={"started_utc": "2020-01-01T00:00:00Z"}), None),
    ],
)
def test_old_ones_are_used_and_said_to_be_old(changed: Profile, said: str | None) -> None:
    save_ceilings(CEILINGS)
    found = ceilings_for(changed)
    assert found.ceilings == CEILINGS
    assert why_old(CEILINGS, changed.environment) == said
    assert (found.said is None) == (said is None)
    assert said is None or said in (found.said or "")


def test_those_measured_beside_busy_programs_are_used_and_said_to_be_so() -> None:
    save_ceilings(replace(CEILINGS, notes=(Note("other-load", "busy", ""),)))
    found = ceilings_for(TIMED)
    assert found.ceilings is not None
    assert found.said == (
        "The ceilings were measured beside busy programs. `effprof calibrate --threads 1 --force` on a quiet machine."
    )


def test_a_damaged_file_is_said_and_stops_nothing() -> None:
    path = save_ceilings(CEILINGS)
    path.write_bytes(path.read_bytes()[:100])
    found = ceilings_for(TIMED)
    assert found.ceilings is None
    assert "not whole JSON" in (found.said or "")


def test_a_file_that_was_moved_to_the_place_of_another_is_not_used() -> None:
    other = profile({"threads": 2})
    assert other.device is not None
    ceilings_path(other.device, CEILINGS.spec).parent.mkdir(parents=True)
    ceilings_path(other.device, CEILINGS.spec).write_bytes(dumps_ceilings(CEILINGS))
    found = ceilings_for(other)
    assert found.ceilings is None
    assert "the calibration is of 1 thread" in (found.said or "")


def test_some_cores_of_several_kinds_are_another_device() -> None:
    kinds = (CoreGroup((0, 1), "Cortex-A55"), CoreGroup((2, 3), "Cortex-A76"))
    big = profile(environment={"cpu_state": CpuState(kinds)}, cpus=(2, 3))
    assert "kept to some" in (why_not(CEILINGS, big) or "")
    assert why_not(CEILINGS, replace(big, spec=replace(big.spec, cpus=()))) is None
    assert why_not(CEILINGS, profile(environment={"cpu_state": CpuState(kinds[:1])}, cpus=(0,))) is None


@pytest.mark.parametrize("changed", [replace(TIMED, device=None), profile({"kind": "cuda"}), profile({"host": "pi@b"})])
def test_nobody_is_told_to_do_what_would_not_help(changed: Profile) -> None:
    found = ceilings_for(changed)
    assert (found.ceilings, found.said) == (None, None)


def test_the_command_names_the_setting() -> None:
    fake = profile({"kind": "fake", "threads": 3}, precision="bf16")
    fake = replace(fake, spec=replace(fake.spec, device="fake:plan.json"))
    assert how_to(fake) == "effprof calibrate --device fake:plan.json --threads 3 --precision bf16"


def test_the_copy_in_a_run_folder(tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    assert ceilings_beside(file, TIMED) is None
    (tmp_path / CEILINGS_JSON).write_bytes(dumps_ceilings(CEILINGS))
    assert ceilings_beside(file, TIMED) == CEILINGS
    assert ceilings_beside(file, profile({"threads": 2})) is None
