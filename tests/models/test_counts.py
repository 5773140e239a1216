"""models/counts.py has what a new count gives, for every network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from counting import default_size, tally

from effprof import zoo

TABLE = Path(__file__).parents[2] / "models" / "counts.py"
START = "COUNTS: dict[str, tuple[int, int]] = {\n"


def test_the_table_of_counts_is_what_a_new_count_gives(request: pytest.FixtureRequest) -> None:
    lines = []
    for entry in zoo.table():
        counted = tally(entry.name, default_size(entry.name))
        lines.append(f"    {json.dumps(entry.name)}: ({counted.parameters:_}, {counted.mult_adds:_}),\n")
    before, start, _ = TABLE.read_text(encoding="utf-8").partition(START)
    expected = "".join((before, start, *lines, "}\n"))
    if request.config.getoption("--update-golden"):
        TABLE.write_text(expected, encoding="utf-8")
    assert TABLE.read_text(encoding="utf-8") == expected, "run with --update-golden if the change is meant"
