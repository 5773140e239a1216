"""sweep.json: whole round trips, and clear words about damaged files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_sweep import planned_sweep

from effprof.errors import BadFileError
from effprof.store import dumps_sweep, loads_sweep, read_sweep


def changed(**members: Any) -> bytes:
    return json.dumps(json.loads(dumps_sweep(planned_sweep())) | members).encode()


def test_a_sweep_comes_back_as_it_was() -> None:
    sweep = planned_sweep()
    data = dumps_sweep(sweep)
    assert loads_sweep(data) == sweep
    assert data.lstrip(b"{\n ").startswith(b'"format": "effprof.sweep/1"')


def test_members_of_a_later_version_are_ignored() -> None:
    assert loads_sweep(changed(later=1)) == planned_sweep()


def with_times(times: list[float]) -> bytes:
    content = json.loads(dumps_sweep(planned_sweep()))
    content["entries"][0]["points"][0]["rounds_s"] = times
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not whole JSON"),
        (b"\xff\xfe", "not whole JSON"),
        (dumps_sweep(planned_sweep())[:-200], "not whole JSON"),
        (b"{}", "not a saved sweep"),
        (changed(format="effprof.sweep/2"), "its format is 'effprof.sweep/2'"),
        (changed(format="effprof.profile/1"), "its format is 'effprof.profile/1'"),
        (changed(entries=[1]), "not a saved sweep"),
        (with_times([1.0]), "equally many rounds"),
        (with_times([]), "equally many rounds"),
        (with_times([-1.0] * 10), "not positive"),
    ],
)
def test_a_damaged_sweep_is_explained(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "sweep.json"
    path.write_bytes(data)
    with pytest.raises(BadFileError, match=reason) as caught:
        read_sweep(path)
    assert str(path) in str(caught.value)


def test_a_missing_sweep_is_explained(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="No such file"):
        read_sweep(tmp_path / "sweep.json")
