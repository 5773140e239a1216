"""A real sshd on loopback, and an ssh on PATH that is none."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from loopback import answers, free_port

ROOT = Path(__file__).parents[2]
REQUIRED = "EFFPROF_REQUIRE_SSHD"
"""Set where the tests must not be skipped (.ci/run)."""

SSHD = """\
ListenAddress 127.0.0.1
Port {port}
PidFile none
HostKey "{folder}/host_key"
AuthorizedKeysFile "{folder}/authorized_keys"
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
SetEnv "PYTHONPATH={root}"
"""
CLIENT = """\
Host refused
  IdentityFile "{folder}/other_key"
Host * !refused
  IdentityFile "{folder}/key"
Host unknown
  UserKnownHostsFile "{folder}/nobody_known"
Host changed
  UserKnownHostsFile "{folder}/changed_hosts"
Host closed
  Port {closed}
Host far
  ProxyJump board
Host missing
  HostName no-such-host.invalid
Host *
  HostName 127.0.0.1
  Port {port}
  IdentitiesOnly yes
  IdentityAgent none
  PasswordAuthentication no
  StrictHostKeyChecking yes
  UserKnownHostsFile "{folder}/known_hosts"
  GlobalKnownHostsFile /dev/null
"""


@dataclass(frozen=True)
class Sshd:
    """A running sshd that lets the current user in by key, and the client's settings for it."""

    port: int
    config: Path

    @property
    def ssh(self) -> str:
        """For EFFPROF_SSH: only the test's own settings."""
        return f"ssh -F {shlex.quote(str(self.config))}"

    @property
    def environment(self) -> dict[str, str]:
        """For an effprof that is to use it."""
        return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "EFFPROF_SSH": self.ssh}

    def url(self, device: str) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}/{device}"


def program(name: str) -> str | None:
    folders = (os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/sbin")
    return shutil.which(name, path=os.pathsep.join(folders))


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    missing = [name for name in ("sshd", "ssh", "ssh-keygen") if program(name) is None]
    if missing:
        reason = f"no {', '.join(missing)} here (Debian and Ubuntu: openssh-server, openssh-client)"
        if os.environ.get(REQUIRED):
            pytest.fail(f"{reason}, and {REQUIRED} is set")
        pytest.skip(reason)
    if os.getuid() == 0:  # the folder that sshd locks its unprivileged part into; a service's start makes it
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    folder = tmp_path_factory.mktemp("sshd")
    for key in ("host_key", "key", "other_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True)
    shutil.copy(folder / "key.pub", folder / "authorized_keys")
    port, process = start(folder)
    try:
        yield Sshd(port, client_config(folder, port))
    finally:
        process.terminate()
        process.wait(10)


def start(folder: Path) -> tuple[int, subprocess.Popen[bytes]]:
    """The port of an sshd that answers; another process may take a port that was free a moment ago."""
    for _ in range(5):
        port = free_port()
        config = folder / "sshd_config"
        config.write_text(SSHD.format(port=port, folder=folder, root=ROOT))
        log = (folder / "sshd.log").open("wb")
        command = [str(program("sshd")), "-D", "-e", "-f", str(config)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        if answers(port, process):
            return port, process
        process.kill()
        process.wait()
    pytest.fail(f"sshd does not start: {(folder / 'sshd.log').read_text()}")


def client_config(folder: Path, port: int) -> Path:
    """`board` is the sshd, `far` the same through a jump host, the others cannot be reached for one reason each."""
    host_key = (folder / "host_key.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    (folder / "changed_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'other_key.pub').read_text()}")
    (folder / "nobody_known").write_text("")
    config = folder / "ssh_config"
    config.write_text(CLIENT.format(port=port, folder=folder, closed=free_port()))
    return config


@pytest.fixture
def effprof_through(sshd: Sshd, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts effprof with the sshd's settings, in `tmp_path`."""

    def run(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "effprof", *words],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=sshd.environment,
        )

    return run


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes `ssh` a shell script of the given lines; its arguments are written to the file that is returned."""

    def make(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        said = tmp_path / "arguments"
        ssh = folder / "ssh"
        ssh.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" > '{said}'\n{script}\n")
        ssh.chmod(ssh.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.delenv("EFFPROF_SSH", raising=False)
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        return said

    return make
