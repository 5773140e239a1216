"""Calibrations on disk: whole or absent, each device and setting in its place, damage explained."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_ceilings import estimate, small_ceilings

from effprof.errors import BadFileError, EffprofError
from effprof.store import ceilings_json
from effprof.store.ceilings_json import (
    HOME_VARIABLE,
    ceilings_folder,
    ceilings_path,
    claim_ceilings_folder,
    dumps_ceilings,
    loads_ceilings,
    other_devices,
    read_ceilings,
    save_ceilings,
)

CEILINGS = small_ceilings()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


def test_what_was_saved_is_read_back(home: Path) -> None:
    path = save_ceilings(CEILINGS)
    assert path.parent == home / "ceilings"
    assert read_ceilings(path) == CEILINGS
    assert os.listdir(path.parent) == [path.name], "no temporary file is left"
    assert json.loads(path.read_bytes())["format"] == "effprof.ceilings/1"
    assert read_ceilings(path.parent / "none.json") is None


def test_every_device_and_setting_has_its_place() -> None:
    device, spec = CEILINGS.device, CEILINGS.spec
    fake = replace(device, kind="fake")
    places = [
        ceilings_path(device, spec),
        ceilings_path(replace(device, threads=2), spec),
        ceilings_path(device, replace(spec, precision="bf16")),
        ceilings_path(replace(device, name="Other CPU"), spec),
        ceilings_path(replace(device, name="Other-CPU"), spec),
        ceilings_path(replace(device, arch="aarch64"), spec),
        ceilings_path(replace(device, name="../../etc/passwd\x00" * 50), spec),
        ceilings_path(replace(device, name="caf\udce9"), spec),
        ceilings_path(fake, replace(spec, device="fake:a.json")),
        ceilings_path(fake, replace(spec, device="fake:b.json")),
    ]
    assert len(set(places)) == len(places)
    assert {place.parent for place in places} == {ceilings_folder()}
    assert all(len(place.name) < 200 for place in places)
    assert ceilings_path(device, replace(spec, quick=True)) == places[0]


def test_those_of_another_cpu_are_seen() -> None:
    device, spec = CEILINGS.device, CEILINGS.spec
    assert list(other_devices(device, spec)) == []
    save_ceilings(CEILINGS)
    assert list(other_devices(device, spec)) == []
    assert len(list(other_devices(replace(device, name="New CPU"), spec))) == 1
    assert list(other_devices(replace(device, name="New CPU", threads=2), spec)) == []


def test_without_a_variable_it_is_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(HOME_VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))  # what platformdirs looks at on Linux
    assert ceilings_folder() == tmp_path / "data" / "effprof" / "ceilings"


def test_a_place_that_cannot_be_written_is_explained(home: Path) -> None:
    home.write_text("in the way")
    with pytest.raises(EffprofError, match=f"cannot be written.*{HOME_VARIABLE}"):
        save_ceilings(CEILINGS)


def test_an_interrupt_while_writing_keeps_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_ceilings(CEILINGS)

    def interrupted(source: str, target: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("effprof.store.files.os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_ceilings(replace(CEILINGS, took_s=1.0))
    assert read_ceilings(path) == CEILINGS
    assert os.listdir(path.parent) == [path.name]


def changed(change: Callable[[dict[str, Any]], None]) -> bytes:
    content = json.loads(dumps_ceilings(CEILINGS))
    change(content)
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(format="effprof.profile/1"), "not 'effprof.ceilings/1'"),
        (lambda c: c["compute"].pop(), "needs the compute ceilings"),
        (lambda c: c["dispatch"].reverse(), "needs the dispatch"),
        (lambda c: c["traffic"].reverse(), "working sets of copy"),
        (lambda c: c.update(traffic=[]), "working sets of copy"),
        (lambda c: c["traffic"][0]["bytes_per_s"].update(value=0), "a rate is not above 0"),
        (lambda c: c["compute"][0]["mult_adds_per_s"].update(value=-1), "a rate is not above 0"),
        (lambda c: c["compute"][0]["mult_adds_per_s"].update(value=1e300), "a rate is not above 0"),
        (lambda c: c["dispatch"][0]["seconds_per_call"].update(value=-1e-6), "the time of a call is not from 0"),
        (lambda c: c["spreads"][0].update(spread=-0.1), "a spread between processes is negative"),
        (lambda c: c["spreads"][0].update(processes=1), "of a single process"),
        (lambda c: c["compute"][0].update(kind="winograd"), "not a saved calibration"),
        (lambda c: c.pop("device"), "not a saved calibration"),
    ],
)
def test_damage_is_one_line(change: Callable[[dict[str, Any]], None], said: str, tmp_path: Path) -> None:
    file = tmp_path / "damaged.json"
    file.write_bytes(changed(change))
    with pytest.raises(BadFileError, match=said) as caught:
        read_ceilings(file)
    assert "\n" not in str(caught.value)
    assert "--force" in str(caught.value)


@settings(deadline=None)
@given(st.integers(0, len(dumps_ceilings(CEILINGS)) - 2))
def test_half_a_file_is_no_calibration(length: int) -> None:
    with pytest.raises(BadFileError):
        loads_ceilings(dumps_ceilings(CEILINGS)[:length])


def test_what_could_not_be_read_back_is_not_written() -> None:
    bad = replace(CEILINGS.compute[0], mult_adds_per_s=estimate(float("nan")))
    with pytest.raises(ValueError, match="a rate is not above 0"):
        dumps_ceilings(replace(CEILINGS, compute=(bad, *CEILINGS.compute[1:])))


def test_members_of_a_later_version_are_ignored() -> None:
    assert loads_ceilings(changed(lambda c: c.update(more=1))) == CEILINGS
    assert CEILINGS.format == ceilings_json.FORMAT


def test_of_a_later_effprof_it_is_said_to_be_so() -> None:
    later = dumps_ceilings(CEILINGS).replace(b"effprof.ceilings/1", b"effprof.ceilings/2")
    with pytest.raises(BadFileError, match=r"format version 2; this effprof knows 1, so update effprof"):
        loads_ceilings(later)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_what_is_no_file_is_refused_before_anything_is_measured_and_never_waited_for() -> None:
    path = ceilings_path(CEILINGS.device, CEILINGS.spec)
    claim_ceilings_folder(path)
    os.mkfifo(path)
    with pytest.raises(BadFileError, match="it is a named pipe"):
        read_ceilings(path)
    with pytest.raises(EffprofError, match="in the place of a calibration and no regular file"):
        claim_ceilings_folder(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(EffprofError, match="in the place of a calibration and no regular file"):
        save_ceilings(CEILINGS)
