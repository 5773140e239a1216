"""Lists of cores, and small files that may hold anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effprof.sensors.files import cpu_list, cpu_ranges, cpuinfo_blocks, read_int


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0", (0,)), ("0-3,6", (0, 1, 2, 3, 6)), ("0 1 2", (0, 1, 2)), ("3,1,1-2\n", (1, 2, 3)), ("0, 2", (0, 2))],
)
def test_lists(text: str, cpus: tuple[int, ...]) -> None:
    assert cpu_list(text) == cpus


@pytest.mark.parametrize("text", ["", ",", "3-1", "-1", "a", "1-", "0x1", "1:2", "999999", "0-65536", "٣", "1,,2"])
def test_what_is_no_list(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        cpu_list(text)


@given(st.sets(st.integers(0, 200), min_size=1))
def test_ranges_are_read_back(cpus: set[int]) -> None:
    wanted = tuple(sorted(cpus))
    assert cpu_list(cpu_ranges(wanted)) == wanted


def test_ranges_by_hand() -> None:
    assert cpu_ranges((0, 1, 2, 6)) == "0-2,6"
    assert cpu_ranges((4, 5)) == "4-5"


def test_fields_that_come_once_are_in_every_block(tmp_path: Path) -> None:
    """As 32-bit ARM kernels before 3.8 wrote them."""
    path = tmp_path / "proc/cpuinfo"
    path.parent.mkdir()
    path.write_text("processor\t: 0\n\nprocessor\t: 1\n\nFeatures\t: neon\nCPU part\t: 0xc09\n")
    assert [block["CPU part"] for block in cpuinfo_blocks(tmp_path)] == ["0xc09", "0xc09"]


@given(st.binary(max_size=200))
def test_any_content_is_a_number_or_none(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    root = tmp_path_factory.mktemp("any")
    (root / "proc").mkdir()
    (root / "proc/cpuinfo").write_bytes(content)
    found = read_int(root / "proc/cpuinfo")
    assert found is None or abs(found) < 10**20
    assert all(isinstance(block, dict) for block in cpuinfo_blocks(root))
