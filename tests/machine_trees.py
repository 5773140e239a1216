"""Made-up /sys and /proc trees, as the kernels of real boards and servers lay them out."""

from __future__ import annotations

from pathlib import Path

CPU = "sys/devices/system/cpu"
ARM_BLOCK = """processor\t: {number}
BogoMIPS\t: 48.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp{more}
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x2
CPU part\t: {part}
CPU revision\t: 0
"""
X86_BLOCK = """processor\t: {number}
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R) Platinum 8480+
cpu MHz\t\t: {mhz}
flags\t\t: fpu sse2 avx fma avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_tile amx_int8
"""


def write(root: Path, files: dict[str, object]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")


def rk3588(root: Path) -> Path:
    """A board of four little cores and two pairs of big ones, each pair with a clock of its own."""
    parts = ["0xd05"] * 4 + ["0xd0b"] * 4
    clusters = ["0 1 2 3"] * 4 + ["4 5"] * 2 + ["6 7"] * 2
    files: dict[str, object] = {
        "proc/cpuinfo": "\n".join(ARM_BLOCK.format(number=n, part=part, more="") for n, part in enumerate(parts)),
        f"{CPU}/online": "0-7",
        f"{CPU}/modalias": "cpu:type:aarch64:feature:,0000,0001,0002",
        "sys/class/thermal/thermal_zone0/type": "soc-thermal",
        "sys/class/thermal/thermal_zone0/temp": 45307,
        "sys/class/thermal/thermal_zone10/type": "gpu-thermal",
        "sys/class/thermal/thermal_zone10/temp": -274000,
        "sys/class/thermal/thermal_zone2/type": "bigcore0-thermal",
        "sys/class/thermal/thermal_zone2/temp": 46230,
    }
    for number, cluster in enumerate(clusters):
        big = number >= 4
        files |= {
            f"{CPU}/cpu{number}/cpu_capacity": 1024 if big else 414,
            f"{CPU}/cpu{number}/cpufreq/related_cpus": cluster,
            f"{CPU}/cpu{number}/cpufreq/scaling_governor": "performance" if big else "ondemand",
            f"{CPU}/cpu{number}/cpufreq/scaling_min_freq": 408000,
            f"{CPU}/cpu{number}/cpufreq/scaling_max_freq": 2400000 if big else 1800000,
            f"{CPU}/cpu{number}/cpufreq/scaling_cur_freq": 2352000 if big else 1008000,
            f"{CPU}/cpu{number}/regs/identification/midr_el1": "0x00000000414fd0b0" if big else "0x00000000412fd050",
        }
    write(root, files)
    return root


def hybrid_laptop(root: Path) -> Path:
    """Two performance cores of two threads each, and four efficient ones; every thread has a clock of its own."""
    files: dict[str, object] = {
        "proc/cpuinfo": "\n".join(X86_BLOCK.format(number=n, mhz=2500.0) for n in range(8)),
        f"{CPU}/online": "0-7",
        "sys/devices/cpu_core/cpus": "0-3",
        "sys/devices/cpu_atom/cpus": "4-7",
    }
    for number in range(8):
        files |= {
            f"{CPU}/cpu{number}/cpufreq/related_cpus": number,
            f"{CPU}/cpu{number}/cpufreq/scaling_governor": "powersave",
            f"{CPU}/cpu{number}/cpufreq/scaling_min_freq": 400000,
            f"{CPU}/cpu{number}/cpufreq/scaling_max_freq": 4700000 if number < 4 else 3500000,
            f"{CPU}/cpu{number}/cpufreq/scaling_cur_freq": 2400000,
        }
    write(root, files)
    return root


def xeon(root: Path, mhz: float = 2000.0, cores: int = 4) -> Path:
    """A virtual server: no cpufreq, no thermal zones, no capacities."""
    blocks = [X86_BLOCK.format(number=n, mhz=mhz + n) for n in range(cores)]
    write(
        root,
        {
            "proc/cpuinfo": "\n".join(blocks),
            "proc/sys/kernel/arch": "x86_64",
            f"{CPU}/online": f"0-{cores - 1}",
            f"{CPU}/modalias": "cpu:type:x86,ven0000fam0006mod008F:feature:,0000,0001",
        },
    )
    return root
