"""The zoo at two input sizes: which sizes, what a row holds, and the table that comes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from latency_zoo import LATENCIES, RUNS, SECOND_SIDE, ZooLatency, measured_folders, notes_on, sides, table_rows
from results import write_rows

from effprof.latencies import read_latencies
from effprof.latencies.networks import count_networks
from effprof.latencies.table import Asked
from effprof.zoo import own, table

ROW = ZooLatency(
    device="cpu", cpu="Imaginary CPU", torch="2.14.1", malloc="glibc", started_utc="2026-01-01T00:00:00Z", command="c",
    model="resnet18", img_size=224, threads=1, latency_s=0.02, ci95_low_s=0.019, ci95_high_s=0.022, samples=10,
    stopped_because="interval", wall_s=3.0,
)  # fmt: skip


def one_of_each_file() -> list[str]:
    """The cheapest network of every file of the zoo: sizes that fit one width fit all."""
    counts = {entry.name: entry.mult_adds or 0 for entry in table()}
    cheapest: dict[str, str] = {}
    for network in sorted(own.package().NETWORKS, key=lambda network: counts[network.name]):
        cheapest.setdefault(f"{network.builder} {network.input_shape}", network.name)
    return sorted(cheapest.values())


def test_every_network_takes_its_sizes() -> None:
    entries = {entry.name: entry for entry in table()}
    asked = [Asked(name, 1, side) for name in one_of_each_file() for side in sides(entries[name])]
    counted = count_networks(asked, fused=False)
    assert counted.reasons == {}
    assert len(counted.works) == len(asked) == 2 * len(one_of_each_file()) - 1


def test_all_networks_have_two_sizes_but_one() -> None:
    assert sum(len(sides(entry)) for entry in table()) == 2 * 69 - 1
    assert all(sides(entry)[1:] in ((), (SECOND_SIDE[entry.input_shape[-1]],)) for entry in table())


def test_lenet_takes_no_other_size() -> None:
    assert set(count_networks([Asked("lenet5", 1, 24), Asked("lenet5", 1, 48)], fused=False).reasons) == {
        "lenet5 at 24",
        "lenet5 at 48",
    }


def test_the_table_is_one_that_effprof_reads(tmp_path: Path) -> None:
    runs = [replace(ROW, img_size=160, latency_s=0.01), ROW, replace(ROW, threads=2), replace(ROW, model="alexnet")]
    write_rows(tmp_path / LATENCIES, list(table_rows(runs)))
    found = read_latencies(tmp_path / LATENCIES)
    assert found.latencies == {
        "Imaginary CPU, 1 thread": {
            "alexnet at 224": pytest.approx(0.02),
            "resnet18 at 224": pytest.approx(0.02),
            "resnet18 at 160": pytest.approx(0.01),
        },
        "Imaginary CPU, 2 threads": {"resnet18 at 224": pytest.approx(0.02)},
    }


def test_notes_say_how_many_and_what_is_missing() -> None:
    first, absent, wide = list(notes_on([ROW, replace(ROW, img_size=160)]))
    assert first.startswith("2 latencies of 1 of the zoo's 69 networks")
    assert absent.startswith("Not measured: lenet5, alexnet")
    assert "resnet18" not in absent.split(", ")
    assert wide.startswith("In 2 of 2 rows")


def test_measured_folders_are_found(tmp_path: Path) -> None:
    (tmp_path / "zoo-a").mkdir()
    (tmp_path / "zoo-b").mkdir()
    write_rows(tmp_path / "zoo-b" / RUNS, [ROW])
    assert measured_folders(tmp_path) == [tmp_path / "zoo-b"]
