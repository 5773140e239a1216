"""Names of ARM cores by the implementer and part number of their main ID register (MIDR_EL1).

From Arm's technical reference manuals (MIDR_EL1 of each core), Linux' arch/arm64/include/asm/cputype.h and the tables
of util-linux' `lscpu` (sys-utils/lscpu-arm.c). Only cores that a network is likely to be measured on.
"""

from __future__ import annotations

IMPLEMENTERS = {
    0x41: "ARM",
    0x42: "Broadcom",
    0x43: "Cavium",
    0x46: "Fujitsu",
    0x48: "HiSilicon",
    0x4E: "NVIDIA",
    0x50: "APM",
    0x51: "Qualcomm",
    0x53: "Samsung",
    0x61: "Apple",
    0x6D: "Microsoft",
    0xC0: "Ampere",
}

PARTS = {
    0x41: {
        0xB76: "ARM1176",
        0xC07: "Cortex-A7",
        0xC08: "Cortex-A8",
        0xC09: "Cortex-A9",
        0xC0E: "Cortex-A17",
        0xC0F: "Cortex-A15",
        0xD02: "Cortex-A34",
        0xD03: "Cortex-A53",
        0xD04: "Cortex-A35",
        0xD05: "Cortex-A55",
        0xD07: "Cortex-A57",
        0xD08: "Cortex-A72",
        0xD09: "Cortex-A73",
        0xD0A: "Cortex-A75",
        0xD0B: "Cortex-A76",
        0xD0C: "Neoverse-N1",
        0xD0D: "Cortex-A77",
        0xD0E: "Cortex-A76AE",
        0xD40: "Neoverse-V1",
        0xD41: "Cortex-A78",
        0xD42: "Cortex-A78AE",
        0xD44: "Cortex-X1",
        0xD46: "Cortex-A510",
        0xD47: "Cortex-A710",
        0xD48: "Cortex-X2",
        0xD49: "Neoverse-N2",
        0xD4A: "Neoverse-E1",
        0xD4B: "Cortex-A78C",
        0xD4C: "Cortex-X1C",
        0xD4D: "Cortex-A715",
        0xD4E: "Cortex-X3",
        0xD4F: "Neoverse-V2",
        0xD80: "Cortex-A520",
        0xD81: "Cortex-A720",
        0xD82: "Cortex-X4",
        0xD84: "Neoverse-V3",
        0xD85: "Cortex-X925",
        0xD87: "Cortex-A725",
        0xD8E: "Neoverse-N3",
        0xD8F: "Cortex-A320",
    },
    0x43: {0x0A1: "ThunderX-88XX", 0x0AF: "ThunderX2-99xx"},
    0x46: {0x001: "A64FX"},
    0x48: {0xD01: "TaiShan-v110"},
    0x4E: {0x003: "Denver-2", 0x004: "Carmel"},
    0x51: {
        0x001: "Oryon",
        0x800: "Falkor-V1/Kryo",
        0x801: "Kryo-V2",
        0x802: "Kryo-3XX-Gold",
        0x803: "Kryo-3XX-Silver",
        0x804: "Kryo-4XX-Gold",
        0x805: "Kryo-4XX-Silver",
    },
    0x61: {
        0x022: "Icestorm-M1",
        0x023: "Firestorm-M1",
        0x024: "Icestorm-M1-Pro",
        0x025: "Firestorm-M1-Pro",
        0x028: "Icestorm-M1-Max",
        0x029: "Firestorm-M1-Max",
        0x032: "Blizzard-M2",
        0x033: "Avalanche-M2",
    },
    0x6D: {0xD49: "Azure-Cobalt-100"},
    0xC0: {0xAC3: "Ampere-1", 0xAC4: "Ampere-1a"},
}


def core_name(implementer: int, part: int) -> str:
    """`Cortex-A76`; of a core in no table its numbers: `ARM part 0xd99`, `implementer 0x69 part 0x001`."""
    name = PARTS.get(implementer, {}).get(part)
    if name is not None:
        return name
    return f"{IMPLEMENTERS.get(implementer, f'implementer {implementer:#04x}')} part {part:#05x}"


def midr_name(midr: int) -> str:
    """By MIDR_EL1: the implementer in bits 31 to 24, the part number in bits 15 to 4."""
    return core_name(midr >> 24 & 0xFF, midr >> 4 & 0xFFF)
