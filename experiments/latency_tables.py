"""Published tables of whole-network latencies, read into seconds by device and network."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator
from pathlib import Path

from latency_networks import NCNN

from effprof.errors import UnavailableError

DATA = "EFFPROF_DATA"
GPU_BATCH = 12


def latency_folder() -> Path:
    """Raises UnavailableError where EFFPROF_DATA does not lead to one."""
    root = os.environ.get(DATA)
    if not root:
        raise UnavailableError(f"{DATA} is not set: it names the folder of recorded data, with latency/ in it.")
    folder = Path(root) / "latency"
    if not folder.is_dir():
        raise UnavailableError(f"{folder} is not a folder: {DATA} names the folder of recorded data.")
    return folder


def _rows(path: Path) -> Iterator[dict[str, str]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    yield from csv.DictReader(text.splitlines())


def gpu_latencies() -> dict[str, dict[str, float]]:
    """fp32 inference at batch 12, median of the timed steps."""
    found: dict[str, dict[str, float]] = {}
    for row in _rows(latency_folder() / "torchvision_gpu_steps.csv"):
        if row["mode"] == "inference" and row["dtype"] == "float32":
            found.setdefault(row["device"], {})[row["model"]] = float(row["median_ms"]) / 1e3
    return found


def arm_latencies(*, history: bool, least: int = 10) -> dict[str, dict[str, float]]:
    """arm64 CPUs, one thread, floating point, mean of the loops, for devices with `least` networks we can count.

    One table is one device, its cores (`powersave` 1: small, 2: big) and, in the history, one commit of ncnn.
    """
    name = "ncnn_benchmark_history.csv.gz" if history else "ncnn_benchmark.csv"
    found: dict[str, dict[str, float]] = {}
    for row in _rows(latency_folder() / name):
        is_wanted = row["backend"] == "cpu" and row["cpu_arch"] == "arm64" and row["num_threads"] == "1"
        if not is_wanted or row["precision"] != "fp" or row["model"] not in NCNN:
            continue
        cores = {"1": " small cores", "2": " big cores"}.get(row["powersave"], "")
        device = row["device"].split(" (")[0] + cores
        if history:
            device = f"{device} {row['first_seen_commit']}"
        elif row["device"].startswith("Rockchip RK3588 (Quad"):
            device = f"{device} {row['note']}"
        found.setdefault(device, {}).setdefault(row["model"], float(row["avg_ms"]) / 1e3)
    return {device: of_device for device, of_device in found.items() if len(of_device) >= least}
