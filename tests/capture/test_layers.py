"""How a source file is named to a reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from effprof.capture.layers import shown_path


def make(folder: Path, *parts: str) -> Path:
    file = folder.joinpath(*parts)
    file.parent.mkdir(parents=True, exist_ok=True)
    for package in file.parents:
        if package != folder and package.name not in ("site-packages", "lib", ".venv"):
            (package / "__init__.py").touch()
        if package.name == "site-packages" or package == folder:
            break
    file.touch()
    return file


def test_a_file_below_the_current_directory_is_relative_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_path(make(tmp_path, "nets", "deep", "net.py")) == "nets/deep/net.py"


def test_an_installed_file_is_named_from_its_package_wherever_the_environment_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make(tmp_path, ".venv", "lib", "site-packages", "zoo", "models", "net.py")
    monkeypatch.chdir(tmp_path)
    assert shown_path(file) == "zoo/models/net.py"


def test_a_file_elsewhere_is_named_from_its_package_or_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert shown_path(make(tmp_path / "there", "nets", "net.py")) == "nets/net.py"
    assert shown_path(make(tmp_path / "there", "alone.py")) == "alone.py"
