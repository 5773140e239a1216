"""Every network against every count of it that was published.

tests/tables/published_counts.csv has a row for each figure, copied from model_reference.csv of the public data set, and
for each network that has none. `last_digit_millions` is what the last printed digit of the multiply-adds is worth. Ours
agrees when it rounds to what was printed; where it does not, the `..._off_percent` columns say by how much ours is
larger, and `explanation` why. Where the explanation consists of ways of counting alone (tests/counting.py), we count in
that way too, and then it must agree. published_counts_left_out.csv has the reference's other rows of our families.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from counting import (
    CUT_MULT_ADDS,
    CUT_PARAMETERS,
    WAYS,
    agrees,
    counted_like,
    default_size,
    image,
    on_meta,
    tally,
    torch_mult_adds,
    ways_of,
)

from effprof import zoo

Row = dict[str, str]

TABLES = Path(__file__).parents[1] / "tables"
NAMES = [entry.name for entry in zoo.table()]
FIGURES = ("parameters_millions", "parameters_exact", "multiply_adds_millions")
COPIED = ("model", "variant", "input_size_px", *FIGURES, "source")
FAMILIES = {"LeNet", "AlexNet", "ZFNet", "VGG", "Inception", "Highway", "ResNet", "DenseNet", "PyramidNet", "Xception"}
FAMILIES |= {"SENet", "CBAM", "MobileNetV1", "MobileNetV2", "ShuffleNetV1", "ShuffleNetV2"}
"""Of the reference, those that the zoo has a network of."""


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = rows_of(TABLES / "published_counts.csv")
LEFT_OUT = rows_of(TABLES / "published_counts_left_out.csv")
PUBLISHED = [row for row in ROWS if row["source"]]
UNPUBLISHED = [row for row in ROWS if not row["source"]]
EXPLAINED = [row for row in PUBLISHED if row["explanation"] and WAYS.issuperset(ways_of(row["explanation"]))]


def label(row: Row) -> str:
    return f"{row['network']}-{row['img_size']}-{row['source'][:12]}"


def off(ours: float, printed: str) -> str:
    return f"{100 * (ours / float(printed) - 1):+.2f}"


def parameters_agree(row: Row, millions: float, cut_off: bool = False) -> bool:
    """Equal where the exact number is known, else to its last printed digit."""
    if row["parameters_exact"]:
        return round(millions * 1e6) == int(row["parameters_exact"])
    printed = row["parameters_millions"]
    return not printed or agrees(float(printed), 10.0 ** -len(printed.partition(".")[2]), millions, cut_off)


def mult_adds_agree(row: Row, millions: float, cut_off: bool = False) -> bool:
    printed = row["multiply_adds_millions"]
    return not printed or agrees(float(printed), float(row["last_digit_millions"]), millions, cut_off)


def test_every_network_has_a_published_count_or_a_reason_why_there_is_none() -> None:
    published, unpublished = ({row["network"] for row in rows} for rows in (PUBLISHED, UNPUBLISHED))
    assert published | unpublished == set(NAMES)
    assert not published & unpublished
    for row in UNPUBLISHED:
        assert row["explanation"].startswith("none ")
        assert not any(row[column] for column in (*FIGURES, "last_digit_millions", "mult_adds_off_percent"))


@pytest.mark.parametrize("row", PUBLISHED, ids=label)
def test_counts_are_as_published_or_off_by_what_the_table_says(row: Row) -> None:
    ours = tally(row["network"], int(row["img_size"]))
    parameters, mult_adds = ours.parameters / 1e6, ours.mult_adds / 1e6
    expected = "" if parameters_agree(row, parameters) else off(parameters, row["parameters_millions"])
    assert row["parameters_off_percent"] == expected
    expected = "" if mult_adds_agree(row, mult_adds) else off(mult_adds, row["multiply_adds_millions"])
    assert row["mult_adds_off_percent"] == expected
    deviates = bool(row["parameters_off_percent"] or row["mult_adds_off_percent"])
    assert bool(row["explanation"]) == deviates, "a deviation needs its reason, and only that does"


@pytest.mark.parametrize("row", EXPLAINED, ids=label)
def test_counted_in_the_sources_way_they_agree(row: Row) -> None:
    ways = ways_of(row["explanation"])
    parameters, mult_adds = counted_like(ways, row["network"], int(row["img_size"]))
    assert parameters_agree(row, parameters, CUT_PARAMETERS in ways)
    assert mult_adds_agree(row, mult_adds, CUT_MULT_ADDS in ways)


def test_most_deviations_are_ways_of_counting() -> None:
    # or the test before this one would check nothing
    assert len(EXPLAINED) > len([row for row in PUBLISHED if row["explanation"]]) / 2


@pytest.mark.parametrize("row", PUBLISHED, ids=label)
def test_the_last_digit_is_one_that_was_printed(row: Row) -> None:
    printed, digit = row["multiply_adds_millions"], row["last_digit_millions"]
    assert bool(printed) == bool(digit)
    if printed:
        steps = float(printed) / float(digit)
        assert steps == pytest.approx(round(steps), abs=1e-6)
        assert digit.strip("0.") == "1", "a power of ten"
    assert int(row["img_size"]) == int(row["input_size_px"] or default_size(row["network"]))


@pytest.mark.parametrize("name", NAMES)
def test_torch_counts_the_same(name: str) -> None:
    assert torch_mult_adds(on_meta(name), image(name)) == tally(name, default_size(name)).mult_adds


def test_the_tables_are_the_reference() -> None:
    folder = os.environ.get("EFFPROF_DATA")
    reference = Path(folder or "") / "paper" / "model_reference.csv"
    if folder is None or not reference.is_file():
        pytest.skip("paper/model_reference.csv of the public data set: set EFFPROF_DATA to the folder that has paper/")

    def copied(row: Row) -> tuple[str, ...]:
        return tuple(row[column] for column in COPIED)

    expected = [copied(row) for row in rows_of(reference) if row["family"] in FAMILIES]
    assert {copied(row) for row in (*PUBLISHED, *LEFT_OUT)} == set(expected)
    assert not {copied(row) for row in PUBLISHED} & {copied(row) for row in LEFT_OUT}
    assert len(set(expected)) == len(expected)


def test_what_is_left_out_has_a_reason() -> None:
    assert all(row["reason"] for row in LEFT_OUT)
