"""The one place where seconds become ms and bytes become GB, at the last moment before a person reads them.

Every function takes the plain unit, accepts negative numbers (a residual may be one) and answers `-` for None.
Scaling is by 1000, as on data sheets: 1 MB is 10^6 bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

UNKNOWN = "-"

# Smallest unit first.
_SECONDS = ((1e9, "ns"), (1e6, "µs"), (1e3, "ms"), (1.0, "s"))
_BYTES = ((1.0, "B"), (1e-3, "kB"), (1e-6, "MB"), (1e-9, "GB"), (1e-12, "TB"))
_JOULES = ((1e6, "µJ"), (1e3, "mJ"), (1.0, "J"), (1e-3, "kJ"))
_COUNTS = ((1.0, ""), (1e-3, "k"), (1e-6, "M"), (1e-9, "G"), (1e-12, "T"))

_Units = tuple[tuple[float, str], ...]


def format_seconds(value_s: float | None) -> str:
    """`11.62 ms`; a value that would round up to 1000 of a unit is written in the next one."""
    if value_s == 0:
        return "0 s"
    return _scaled(value_s, _SECONDS)


def format_bytes(value_bytes: float | None) -> str:
    """`13.60 MB`."""
    return _scaled(value_bytes, _BYTES)


def format_count(value: float | None) -> str:
    """`300.8 M`, `4.09 G`, `17`: multiply-adds, parameters, rates."""
    return _scaled(value, _COUNTS)


def format_joules(value_j: float | None) -> str:
    """`412.0 mJ`."""
    return _scaled(value_j, _JOULES)


def format_percent(fraction: float | None, decimals: int = 1) -> str:
    """`69.9 %` for 0.699; never `-0.0 %`."""
    if fraction is None:
        return UNKNOWN
    return f"{_fixed(fraction * 100, decimals)} %"


def format_shape(shape: tuple[int, ...]) -> str:
    """`1x3x224x224`; a tensor without axes is a `scalar`."""
    return "x".join(map(str, shape)) or "scalar"


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 thread`, `2 threads`, `3 copies`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


@dataclass(frozen=True)
class TimeScale:
    """One unit and one number of decimals for numbers that stand together, so that they can be added by eye."""

    factor: float
    unit: str
    decimals: int

    @property
    def step_s(self) -> float:
        """The smallest difference that shows."""
        return float(10.0**-self.decimals / self.factor)

    def number(self, value_s: float | None) -> str:
        """The number alone, for a column whose unit stands elsewhere."""
        return UNKNOWN if value_s is None else _fixed(value_s * self.factor, self.decimals)

    def format(self, value_s: float | None) -> str:
        return UNKNOWN if value_s is None else f"{self.number(value_s)} {self.unit}"


def time_scale(reference_s: float) -> TimeScale:
    """The scale in which `reference_s` (the whole, usually the latency) has four digits: `11.62`, `1.203`, `250.1`."""
    fitting = (scale for scale in _SECONDS if round(abs(reference_s) * scale[0], 1) < 1000)
    factor, unit = next(fitting, _SECONDS[-1])
    scaled = abs(reference_s) * factor
    digits_before_point = max(1, math.floor(math.log10(scaled)) + 1) if scaled > 0 else 1
    return TimeScale(factor, unit, max(0, 4 - digits_before_point))


def _scaled(value: float | None, units: _Units) -> str:
    if value is None:
        return UNKNOWN
    # Judged after rounding: 999.96 µs is 1.00 ms, not 1000.0 µs.
    fitting = (scale for scale in units if round(abs(value * scale[0]), _decimals(value, scale[0])) < 1000)
    factor, unit = next(fitting, units[-1])
    return f"{_fixed(value * factor, _decimals(value, factor))} {unit}".rstrip()


def _decimals(value: float, factor: float) -> int:
    """Two, or one where three digits stand before the point once rounded (`99.99`, `100.0`); none for what is whole."""
    if factor == 1.0 and isinstance(value, int):
        return 0
    return 1 if round(abs(value * factor), 2) >= 100 else 2


def _fixed(value: float, decimals: int) -> str:
    """Fixed decimals without a negative zero."""
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if not float(text) else text
