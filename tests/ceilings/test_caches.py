"""Caches as kernels list them."""

from __future__ import annotations

from pathlib import Path

from machine_trees import CPU, write

from effprof.ceilings.caches import caches_of


def tree(root: Path) -> Path:
    """Four cores: two with 32 KiB of L1 data, two with 64; L2 of pairs; one L3."""
    files: dict[str, object] = {}
    for cpu in range(4):
        levels = [
            (1, "Data", "32K" if cpu < 2 else "64K", str(cpu)), (1, "Instruction", "32K", str(cpu)),
            (2, "Unified", "1024K", "0-1" if cpu < 2 else "2-3"), (3, "Unified", "8M", "0-3"),
        ]  # fmt: skip
        for number, (level, kind, size, sharing) in enumerate(levels):
            folder = f"{CPU}/cpu{cpu}/cache/index{number}"
            files |= {f"{folder}/level": level, f"{folder}/type": kind, f"{folder}/size": size}
            files[f"{folder}/shared_cpu_list"] = sharing
    write(root, files)
    return root


def sizes(root: Path, threads: int, cpus: tuple[int, ...] | None = None) -> list[tuple[str, int]]:
    return [(level.name, level.capacity_bytes) for level in caches_of(threads, cpus, root)]


def test_capacity_grows_with_the_threads(tmp_path: Path) -> None:
    root = tree(tmp_path)
    kib = 2**10
    assert sizes(root, 1) == [("L1", 64 * kib), ("L2", 1024 * kib), ("L3", 8192 * kib)]
    assert sizes(root, 3) == [("L1", 160 * kib), ("L2", 2048 * kib), ("L3", 8192 * kib)]
    assert sizes(root, 16) == [("L1", 192 * kib), ("L2", 2048 * kib), ("L3", 8192 * kib)]


def test_only_those_of_usable_cores(tmp_path: Path) -> None:
    assert sizes(tree(tmp_path), 2, (0,)) == [("L1", 2**15), ("L2", 2**20), ("L3", 2**23)]


def test_silence_is_no_caches(tmp_path: Path) -> None:
    assert sizes(tmp_path, 1) == []
    write(tmp_path, {f"{CPU}/cpu0/cache/index0/{name}": "odd" for name in ("level", "type", "size", "shared_cpu_list")})
    assert sizes(tmp_path, 1) == []
