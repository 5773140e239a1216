"""What the machine tells of itself: cores, clocks, temperatures, energy counters, GPUs. Torch-free.

A sensor that is missing, refuses or talks nonsense raises `SensorSilent` inside this room; what leaves it is None
with the reason. Nothing here ever fails a measurement.
"""

from __future__ import annotations


class SensorSilent(Exception):
    """What a sensor could not tell; the message is the reason, one line."""
