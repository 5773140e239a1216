"""Numbers as people read them; the borders are where formatting goes wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.units import format_bytes, format_count, format_percent, format_seconds, format_shape, time_scale


@pytest.mark.parametrize(
    ("value_s", "text"),
    [
        (0.01162, "11.62 ms"),
        (1.5, "1.50 s"),
        (0.2501, "250.1 ms"),
        (999.94e-6, "999.9 µs"),
        (999.96e-6, "1.00 ms"),
        (0.9999996, "1.00 s"),
        (99.996e-3, "100.0 ms"),
        (3e-9, "3.00 ns"),
        (7200.0, "7200.0 s"),
        (0.0, "0 s"),
        (-0.0, "0 s"),
        (-120e-6, "-120.0 µs"),
        (-999.96e-6, "-1.00 ms"),
        (None, "-"),
    ],
)
def test_seconds_take_the_unit_in_which_they_are_short(value_s: float | None, text: str) -> None:
    assert format_seconds(value_s) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (300_774_272, "300.8 M"),
        (4_089_184_256, "4.09 G"),
        (999, "999"),
        (1000, "1.00 k"),
        (999_960_000, "1.00 G"),
        (17, "17"),
        (0, "0"),
        (86.06, "86.06"),
        (-1234, "-1.23 k"),
        (None, "-"),
    ],
)
def test_counts_are_scaled_by_thousands(value: float | None, text: str) -> None:
    assert format_count(value) == text


@pytest.mark.parametrize(
    ("value_bytes", "text"),
    [(512, "512 B"), (1000, "1.00 kB"), (13_600_000, "13.60 MB"), (999_999_999, "1.00 GB"), (0, "0 B"), (None, "-")],
)
def test_bytes_are_scaled_by_thousands_as_on_data_sheets(value_bytes: float | None, text: str) -> None:
    assert format_bytes(value_bytes) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.699, "69.9 %"), (1.0, "100.0 %"), (-0.021, "-2.1 %"), (-0.0001, "0.0 %"), (0.0, "0.0 %"), (None, "-")],
)
def test_percent_has_no_negative_zero(fraction: float | None, text: str) -> None:
    assert format_percent(fraction) == text


def test_shapes_are_joined_by_x() -> None:
    assert format_shape((1, 3, 224, 224)) == "1x3x224x224"
    assert format_shape(()) == "scalar"


@pytest.mark.parametrize(
    ("reference_s", "texts"),
    [
        (11.62e-3, ["11.62 ms", "0.05 ms", "-0.30 ms"]),
        (1.203e-3, ["1.203 ms", "0.050 ms", "-0.300 ms"]),
        (0.2501, ["250.1 ms", "0.1 ms", "-0.3 ms"]),
    ],
)
def test_a_column_shares_unit_and_decimals(reference_s: float, texts: list[str]) -> None:
    scale = time_scale(reference_s)
    assert [scale.format(value_s) for value_s in (reference_s, 50e-6, -300e-6)] == texts
    assert scale.format(None) == "-"


@settings(deadline=None, max_examples=200)
@given(st.floats(min_value=-1e6, max_value=1e6).filter(lambda x: x == 0 or abs(x) > 1e-8))
def test_what_is_printed_is_the_value_to_three_digits(value_s: float) -> None:
    text = format_seconds(value_s)
    number, unit = text.split(" ")
    assert abs(float(number)) < 1000 or unit == "s"
    back_s = float(number) * {"s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
    assert back_s == pytest.approx(value_s, rel=6e-3)
