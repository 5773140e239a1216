"""The C library's allocator as part of the setting.

glibc hands large freed blocks back to the kernel until it has freed a bigger one once; every activation is then
mapped and page-faulted anew. `steady` sets the thresholds at which that happens so high that a network's activations
stay in the process.
"""

from __future__ import annotations

import ctypes
import platform

from effprof.errors import UnavailableError

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
STEADY_BYTES = 2**30


def allocator_name(malloc: str) -> str:
    """`glibc 2.36`, with ` (steady)` when that was set."""
    library, version = platform.libc_ver()
    name = f"{library} {version}".strip() or "unknown"
    return f"{name} (steady)" if malloc == "steady" else name


def set_malloc(malloc: str) -> None:
    """Applies `--malloc`; call it before the network is built. There is no way back within a process.

    Raises:
        UnavailableError: `steady` on a C library without mallopt.
    """
    if malloc == "default":
        return
    if platform.libc_ver()[0] != "glibc":
        raise UnavailableError("--malloc steady sets glibc's mallopt, and this system's C library is not glibc.")
    mallopt = ctypes.CDLL(None).mallopt
    done = mallopt(M_MMAP_THRESHOLD, STEADY_BYTES) and mallopt(M_TRIM_THRESHOLD, STEADY_BYTES)
    if not done:
        raise UnavailableError("--malloc steady: glibc refused the thresholds.")
