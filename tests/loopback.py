"""Ports of this machine, and whether an sshd answers there."""

from __future__ import annotations

import socket
import subprocess
import time


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, process: subprocess.Popen[bytes], patience_s: float = 10.0) -> bool:
    """Whether `process` says that it is an sshd before it ends or the time is over."""
    give_up = time.monotonic() + patience_s
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            time.sleep(0.05)
    return False
