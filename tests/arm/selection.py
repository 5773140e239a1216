"""Which unit tests run in the userland. The rule: those of the rooms left of the Profile (ARCHITECTURE.md) that torch
or the processor can make come out otherwise, and of the arithmetic that everything rests on.

Left out is what cannot come out otherwise there (what is right of the Profile is arithmetic on records, and the same
Python); what `test_in_userland.py` does for real (the command line, workers and rounds, sweeps, ssh); what needs the
zoo's other libraries; and what starts a process a test: each takes 15 s of an emulator's time to import torch.
"""

from __future__ import annotations

RUN = {
    "capture": "torch's C functions, their names and signatures; tensors that share memory",
    "cost": "formulas against torch's own counter and shapes; what torch calls its operators",
    "devices/test_cpuinfo.py": "what the kernel tells of the processor",
    "devices/test_fake.py": "the whole measurement, on the make-believe clock",
    "sensors": "cores, clocks, emulation, energy; NVML through ctypes and a C compiler",
    "test_devices_command.py": "what is shown of this processor",
    "test_statistics.py": "floating-point sums, medians and intervals",
    "test_units.py": "rounding",
}
"""Path below tests/ -> what may come out otherwise there."""
