"""Published and user-made tables of whole-network latencies, read into seconds by device and network."""

from __future__ import annotations

import csv
import gzip
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from latency_networks import NCNN, known_name

from effprof.errors import UnavailableError, UsageError

DATA = "EFFPROF_DATA"
GPU_BATCH = 12
COLUMNS = ("device", "model", "batch", "median_ms")


@dataclass(frozen=True)
class Asked:
    """A network as a table has it: what has to be counted."""

    model: str
    batch: int
    img_size: int | None = None

    @property
    def label(self) -> str:
        size = f" at {self.img_size}" if self.img_size else ""
        return f"{self.model}{size}{f' x{self.batch}' if self.batch > 1 else ''}"


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


def user_latencies(path: Path) -> tuple[dict[str, dict[str, float]], dict[str, Asked]]:
    """A table with the columns device, model, batch, median_ms and, if wanted, img_size; and what it asks to count.

    Raises UsageError, which names the line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(f"{path} has no column {missing[0]!r}; needed are {', '.join(COLUMNS)}.")
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"Could not read {path}: {getattr(error, 'strerror', None) or error}.") from None
    found: dict[str, dict[str, float]] = {}
    asked: dict[str, Asked] = {}
    for line, row in rows:
        where = f"{path}, line {line}"
        batch = _number(row["batch"], f"{where}, batch")
        size = row.get("img_size")
        side = int(_number(size, f"{where}, img_size")) if size else None
        if batch != int(batch) or not row["model"] or not row["device"]:
            raise UsageError(f"{where}: a whole batch, a model and a device are needed, found {dict(row)}.")
        network = Asked(known_name(row["model"]), int(batch), side)
        of_device = found.setdefault(row["device"], {})
        if network.label in of_device:
            raise UsageError(f"{where}: {row['model']} at this batch and size is there twice for {row['device']}.")
        of_device[network.label] = _number(row["median_ms"], f"{where}, median_ms") / 1e3
        asked[network.label] = network
    if not found:
        raise UsageError(f"{path} has no rows.")
    return found, asked


def _number(text: str | None, where: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{where}: found {text!r}; a positive number is needed.")
    return value
