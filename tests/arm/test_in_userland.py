"""effprof's commands inside the emulated arm64 userland, and from this machine into it by ssh: `make test-arm`."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from arm.userland import PROCESSOR, PYTHON, Userland, environment
from loopback import answers, free_port

if "EFFPROF_ARM64" not in os.environ:
    pytest.skip("needs an arm64 userland: `make test-arm` builds one", allow_module_level=True)

ROOT = Path(__file__).parents[2]
USERLAND = Userland(Path(os.environ["EFFPROF_ARM64"]))
PAPER = ("--device", "cpu", "--threads", "1", "--cpus", "0")
"""The paper's ARM set-up: one core, one thread."""
SHORT = ("--min-time", "1", "--max-time", "30")
NETWORKS = {"mobilenetv2": 300_774_272, "shufflenetv2": 144_907_992}
"""mult_adds at 224 px."""
NO_MEASUREMENT = "times are no measurement"


@pytest.fixture(scope="session")
def outputs() -> Path:
    """A new folder that is /tmp/outputs in there."""
    folder = USERLAND.root / "tmp" / "outputs"
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.mkdir()
    return folder


def effprof(*words: str, limit_s: float) -> subprocess.CompletedProcess[str]:
    return USERLAND.run(str(Path(PYTHON).with_name("effprof")), *words, limit_s=limit_s)


def loaded(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def assert_says_emulated(content: dict[str, Any]) -> None:
    """In the record, the device's name and a note."""
    assert content["device"]["arch"] == "aarch64"
    assert content["device"]["name"] == "emulated aarch64"
    assert "aarch64" in content["environment"]["emulated"]
    assert content["environment"]["torch"].split("+")[0] == "2.9.1"
    (note,) = [note for note in content["notes"] if note["code"] == "emulated"]
    assert "no measurement" in note["text"]


def assert_adds_up(report: dict[str, Any], model: str) -> None:
    parts, latency = report["accounting"], report["latency"]
    assert report["totals"]["mult_adds"] == NETWORKS[model]
    assert report["crosscheck"]["agrees"] is True
    assert report["partial"] is False
    assert latency["runs"] >= 1
    assert parts["ops_s"] + parts["overhead_s"] + parts["residual_s"] == pytest.approx(latency["median_s"])


def test_the_device_is_known_for_what_it_is() -> None:
    done = effprof("devices", "--json", limit_s=120)
    assert done.returncode == 0, done.stderr
    cpu = next(device for device in json.loads(done.stdout)["devices"] if device["kind"] == "cpu")
    assert (cpu["name"], cpu["arch"]) == ("emulated aarch64", "aarch64")
    assert "aarch64" in cpu["emulated"]
    assert cpu["core_groups"] == []  # /sys in there is that of the machine below
    assert "emulated" in cpu["missing"]["cores"]


@pytest.mark.parametrize("model", NETWORKS)
def test_the_main_job(outputs: Path, model: str) -> None:
    done = effprof("run", "--model", model, *PAPER, *SHORT, "--output-dir", f"/tmp/outputs/{model}", limit_s=600)
    print(done.stdout)  # the latency, an emulator's
    assert done.returncode == 0, done.stderr
    assert NO_MEASUREMENT in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    report = loaded(outputs / model / "report.json")
    assert_says_emulated(report)
    assert_adds_up(report, model)
    assert report["setting"]["cpus"] == [0]
    assert report["energy"]["energy_j"] is None
    assert (outputs / model / "decomposition.png").read_bytes().startswith(b"\x89PNG")


def test_the_guidelines(outputs: Path) -> None:
    """Verdicts may be inconclusive: the emulator is no processor that they are about."""
    words = ("guidelines", "--quick", *PAPER, "--output-dir", "/tmp/outputs/guidelines")
    done = effprof(*words, limit_s=600)
    print(done.stdout)
    assert done.returncode in (0, 4), done.stderr
    assert NO_MEASUREMENT in done.stdout
    content = loaded(outputs / "guidelines" / "guidelines.json")
    assert_says_emulated(content)
    assert [verdict["id"] for verdict in content["guidelines"]] == ["G1", "G2", "G3", "G4"]
    assert all(point["time_s"] > 0 for verdict in content["guidelines"] for point in verdict["points"])


SSHD = """\
ListenAddress 127.0.0.1
Port {port}
PidFile none
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
SetEnv QEMU_CPU={processor}
"""
CLIENT = """\
Host board
  HostName 127.0.0.1
  Port {port}
  User root
  IdentityFile "{key}"
  IdentitiesOnly yes
  IdentityAgent none
  StrictHostKeyChecking yes
  UserKnownHostsFile "{known_hosts}"
  GlobalKnownHostsFile /dev/null
"""


@pytest.fixture
def ssh(outputs: Path, tmp_path: Path) -> Iterator[str]:
    """For EFFPROF_SSH: gets into an arm64 sshd in there as `board`, with keys made for it."""
    folder, port = outputs / "ssh", free_port()
    folder.mkdir(mode=0o700)
    for key in (folder / "host_key", tmp_path / "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (folder / "key.pub").write_bytes((tmp_path / "key.pub").read_bytes())
    (folder / "sshd_config").write_text(SSHD.format(port=port, folder="/tmp/outputs/ssh", processor=PROCESSOR))
    known_hosts, config = tmp_path / "known_hosts", tmp_path / "ssh_config"
    known_hosts.write_text(f"[127.0.0.1]:{port} {(folder / 'host_key.pub').read_text()}")
    config.write_text(CLIENT.format(port=port, key=tmp_path / "key", known_hosts=known_hosts))
    (USERLAND.root / "run" / "sshd").mkdir(mode=0o755, exist_ok=True)
    words = USERLAND.inside("/usr/sbin/sshd", "-D", "-e", "-f", "/tmp/outputs/ssh/sshd_config")
    with (outputs / "sshd.log").open("wb") as log:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment())
    try:
        assert answers(port, process, 60.0), (outputs / "sshd.log").read_text()
        yield f"ssh -F {shlex.quote(str(config))}"
    finally:
        process.kill()
        process.wait()


def test_remote_from_this_processor_to_that_one(ssh: str, outputs: Path, tmp_path: Path) -> None:
    """This machine asks and reports, the arm64 sshd's machine measures; a wheel of another processor is no obstacle."""
    words = ("run", "--model", "shufflenetv2", "--device", "ssh://board/cpu", "--remote-python", PYTHON, *PAPER[2:])
    done = subprocess.run(
        [sys.executable, "-m", "effprof", *words, *SHORT, "--output-dir", "run"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "EFFPROF_SSH": ssh},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    print(done.stdout)
    assert done.returncode == 0, f"{done.stderr}\n{(outputs / 'sshd.log').read_text()}"
    assert "on board" in done.stdout
    assert NO_MEASUREMENT in done.stdout
    report = loaded(tmp_path / "run" / "report.json")
    assert_says_emulated(report)
    assert_adds_up(report, "shufflenetv2")
    assert report["device"]["host"] == "board"
