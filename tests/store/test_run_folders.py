"""Where results may go, and what in a folder is ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from effprof.errors import BadFileError, UsageError
from effprof.store import OUR_FILES, claim_file, claim_folder, find_profile, model_folders
from effprof.store.folders import folder_name


def test_a_folder_is_created_with_its_parents_and_left_empty(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert claim_folder(folder) == folder
    assert os.listdir(folder) == []


def test_our_own_files_may_be_written_again(tmp_path: Path) -> None:
    for name in OUR_FILES:
        (tmp_path / name).touch()
    (tmp_path / "resnet50").mkdir()
    (tmp_path / "resnet50" / "report.json").touch()
    (tmp_path / ".effprof-0123456789abcdef.tmp").touch()  # a run that was killed
    assert claim_folder(tmp_path) == tmp_path


@pytest.mark.parametrize("foreign", ["thesis.tex", "profile.json.bak", "old/thesis.tex", "old/older/report.json"])
def test_a_folder_with_anything_else_is_refused_and_named(tmp_path: Path, foreign: str) -> None:
    (tmp_path / "report.json").touch()
    (tmp_path / foreign).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / foreign).touch()
    with pytest.raises(UsageError, match="which effprof did not write"):
        claim_folder(tmp_path)


def test_our_name_on_something_else_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "report.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"holds report\.json"):
        claim_folder(folder)


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        claim_folder(tmp_path / "file")
    with pytest.raises(UsageError, match="cannot be used"):
        claim_folder(tmp_path / "file" / "below")


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # root may write everywhere, so permission bits would prove nothing
    with pytest.raises(UsageError, match="Permission denied"):
        claim_folder(tmp_path)
    with pytest.raises(UsageError, match="Permission denied"):
        claim_file(tmp_path / "report.json")


def test_a_file_to_write_is_tried_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_bytes(b"old")
    assert claim_file(tmp_path / "old.json").read_bytes() == b"old"
    assert claim_file(tmp_path / "new.json") == tmp_path / "new.json"
    assert os.listdir(tmp_path) == ["old.json"]
    with pytest.raises(UsageError, match="is a folder"):
        claim_file(tmp_path)
    with pytest.raises(UsageError, match="No such file"):
        claim_file(tmp_path / "no" / "new.json")


def test_a_profile_is_found_by_its_folder_or_itself(tmp_path: Path) -> None:
    profile = tmp_path / "resnet50" / "profile.json"
    profile.parent.mkdir()
    profile.touch()
    assert find_profile(profile.parent) == profile
    assert find_profile(profile) == profile
    with pytest.raises(BadFileError, match=r"holds 1 runs.*resnet50"):
        find_profile(tmp_path)
    with pytest.raises(BadFileError, match="There is no"):
        find_profile(tmp_path / "nowhere")
    profile.unlink()
    with pytest.raises(BadFileError, match=r"no profile\.json in"):
        find_profile(profile.parent)


def test_several_networks_get_a_folder_each() -> None:
    top = Path("out")
    assert model_folders(top, ["resnet50"]) == (top,)
    assert model_folders(top, ["resnet50", "nets/a.py:build", "resnet50", "resnet50-2"]) == (
        top / "resnet50",
        top / "nets-a.py-build",
        top / "resnet50-2",
        top / "resnet50-2-2",
    )


@pytest.mark.parametrize("model", ["..", "/", "", "a/../../b", "\x1b[31m", "n" * 300, "-rf"])
def test_a_folder_name_stays_in_its_folder(model: str) -> None:
    name = folder_name(model)
    assert 0 < len(name) <= 80
    assert Path("out", name).resolve().parent == Path("out").resolve()
    assert not name.startswith("-")
