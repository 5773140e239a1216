"""File names that are not UTF-8, as they come from old disks: one line where they cannot be used, and no traceback."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from effprof.cli import main

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="file names of other systems are Unicode")
ODD = os.fsdecode(b"n\xe9t")


@pytest.mark.parametrize("device", ["fake", "ssh://board"])
def test_a_network_in_a_file_of_such_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str], device: str) -> None:
    net = tmp_path / f"{ODD}.py"
    net.write_text("from torch import nn\n")
    assert main(["run", "--model", f"{net}:Net", "--device", device, "--output-dir", str(tmp_path / "run")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "which is not UTF-8. Give the file or folder another name." in line


def test_a_folder_of_such_a_name_for_the_results(tmp_path: Path) -> None:
    folder = tmp_path / ODD
    words = ["run", "--model", "mobilenetv1_0.25", "--device", "fake", "--img-size", "32", "--max-time", "0.1"]
    assert main([*words, "--min-time", "0", "--quiet", "--output-dir", str(folder)]) == 0
    assert "n\\udce9t" in json.loads((folder / "report.json").read_text())["setting"]["command"]
