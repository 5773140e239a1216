"""The main job as a user starts it: in a process, from a directory that tries to get in the way."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FILES = {"profile.json", "report.json", "layers.csv", "ops.csv", "decomposition.png", "decomposition.svg"}
QUICK = ("--img-size", "64", "--min-time", "0.01", "--max-time", "0.5", "--threads", "1")


def effprof(cwd: Path, *words: str, module: str = "effprof") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
    )


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A directory with packages and modules named like ours, torch's and Python's, all of which raise."""
    folder = tmp_path / "hostile"
    for package in ("models", "effprof_models", "torch"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text("raise RuntimeError('the wrong package was imported')\n")
    for module in ("statistics", "json", "records", "units", "msgspec"):
        (folder / f"{module}.py").write_text("raise RuntimeError('the wrong module was imported')\n")
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("main-job") / "out"
    return effprof(ROOT, "run", "--model", "mobilenetv2", *QUICK, "--output-dir", str(folder)), folder


def test_it_works_from_a_hostile_directory_and_writes_all_files(hostile: Path) -> None:
    done = effprof(hostile, "--model", "shufflenetv2", *QUICK, "--output-dir", "out", module="effprof.run")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (hostile / "out").iterdir()} == FILES


def test_the_report_keeps_its_contract(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, folder = finished
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    assert list(report)[:16] == [
        "format", "partial", "model", "device", "environment", "setting", "latency", "accounting", "totals",
        "energy", "crosscheck", "ceilings", "categories", "layers", "ops", "findings",
    ]  # fmt: skip
    assert report["format"] == "effprof.report/1"
    assert report["partial"] is False
    assert report["model"]["parameters"] == 3_504_872
    assert report["model"]["input_shape"] == [[1, 3, 64, 64]]
    assert report["crosscheck"]["agrees"] is True
    accounting, latency = report["accounting"], report["latency"]
    whole = accounting["ops_s"] + accounting["overhead_s"] + accounting["residual_s"]
    assert whole == pytest.approx(latency["median_s"], abs=1e-12)
    times = {row["category"]: row["time_s"] for row in report["categories"]}
    assert times.pop("overhead") == pytest.approx(accounting["overhead_s"], abs=1e-12)
    assert sum(times.values()) == pytest.approx(accounting["ops_s"], abs=1e-12)
    assert sum(layer["self_time_s"] for layer in report["layers"]) == pytest.approx(accounting["ops_s"], abs=1e-12)
    assert report["layers"][0]["layer"] == ""
    convolutions = [op for op in report["ops"] if op["op"] == "conv2d"]
    assert len(convolutions) == 52
    assert all(op["source"].startswith("models/") for op in convolutions)
    assert {op["kind"] for op in convolutions} == {"dense", "pointwise", "depthwise"}


def test_the_tables_hold_what_the_report_holds(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, folder = finished
    report = json.loads((folder / "report.json").read_text())
    for name in ("layers", "ops"):
        with (folder / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(report[name])
        assert sum(int(row["access_bytes"]) for row in rows if "access_bytes" in row) >= 0
    assert (folder / "decomposition.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (folder / "decomposition.svg").read_bytes()[:1000]


def test_the_summary_fits_and_names_the_parts(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, _ = finished
    assert max(map(len, done.stdout.splitlines())) <= 80
    for word in ("latency", "conv", "overhead", "residual", "Slowest layers"):
        assert word in done.stdout


def test_render_makes_the_same_files_again(
    finished: tuple[subprocess.CompletedProcess[str], Path], tmp_path: Path
) -> None:
    _, folder = finished
    done = effprof(tmp_path, "render", str(folder), "--output-dir", str(tmp_path / "again"))
    assert done.returncode == 0, done.stderr
    for name in FILES - {"decomposition.png"}:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


def test_a_failed_run_leaves_no_folder_behind(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("def build():\n    raise ValueError('planted')\n")
    done = effprof(tmp_path, "run", "--model", "net.py:build", "--output-dir", "out")
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["effprof: net.py:build raised ValueError: planted (net.py:2)."]
    assert not (tmp_path / "out").exists()
