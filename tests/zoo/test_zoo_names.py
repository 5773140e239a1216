"""What `--model` takes, and our own networks by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof import zoo
from effprof.errors import EffprofError, UnavailableError, UnknownNameError
from effprof.zoo import Kind, Source

ROOT = Path(__file__).parents[2]
Message = Callable[[type[EffprofError], str], str]
Python = Callable[[str], str]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("mobilenetv2", Source(Kind.ZOO, "zoo", "mobilenetv2")),
        ("mobilenetv2_1.4", Source(Kind.ZOO, "zoo", "mobilenetv2_1.4")),
        ("torchvision:resnet18", Source(Kind.PROVIDER, "torchvision", "resnet18")),
        ("timm:resnet50.a1_in1k", Source(Kind.PROVIDER, "timm", "resnet50.a1_in1k")),
        ("pytorchcv:", Source(Kind.PROVIDER, "pytorchcv", "")),
        ("nets.small:Net", Source(Kind.MODULE, "nets.small", "Net")),
        ("net.py:build", Source(Kind.FILE, "net.py", "build")),
        ("a/b.py:build", Source(Kind.FILE, "a/b.py", "build")),
        ("C:\\nets\\net.py:build", Source(Kind.FILE, "C:\\nets\\net.py", "build")),
        ("net.py", Source(Kind.FILE, "net.py", "")),
        ("nets/net", Source(Kind.FILE, "nets/net", "")),
        ("", Source(Kind.ZOO, "zoo", "")),
    ],
)
def test_split_source(text: str, source: Source) -> None:
    assert zoo.split_source(text) == source


def test_names_are_checked_without_torch(tmp_path: Path, python: Python) -> None:
    (tmp_path / "net.py").write_text("raise SystemExit('run')\n", encoding="utf-8")
    code = """
        import sys
        from effprof import zoo
        for name in ("mobilenetv2", "net.py:build", "net:build", "timm:resnet18"):
            zoo.check_name(name)
        print(len(zoo.table()), "torch" in sys.modules)
    """
    assert python(code).split() == [str(len(zoo.table())), "False"]


def test_table_says_what_is_known_without_building() -> None:
    by_name = {entry.name: entry for entry in zoo.table()}
    assert set(by_name) >= {"mobilenetv2", "shufflenetv1_g3", "shufflenetv2", "resnet50"}
    assert by_name["shufflenetv2"].year == 2018
    assert by_name["shufflenetv2"].input_shape == (3, 224, 224)
    assert by_name["shufflenetv2"].parameters == 2_278_604
    assert by_name["shufflenetv1_g3"].aliases == ("shufflenetv1",)
    assert {entry.family for entry in by_name.values()} <= set(zoo.own.package().FAMILIES)


def test_a_typo_gets_the_nearest_name(message: Message) -> None:
    assert message(UnknownNameError, "zfnett") == (
        "No model named 'zfnett'. Did you mean zfnet? `effprof models` lists them."
    )
    assert message(UnknownNameError, "mobilnetv2").startswith("No model named 'mobilnetv2'. Did you mean mobilenetv2")
    assert message(UnknownNameError, "ResNet-50").startswith("No model named 'ResNet-50'. Did you mean resnet50")


def test_a_name_like_nothing_gets_no_suggestion(message: Message) -> None:
    assert message(UnknownNameError, "qqq") == "No model named 'qqq'. `effprof models` lists them."


def complaint(text: str) -> str:
    """What checking says, nothing if all is well."""
    try:
        zoo.check_name(text)
    except EffprofError as error:
        return str(error)
    return ""


@settings(deadline=None, max_examples=50)
@given(text=st.text(max_size=12), end=st.sampled_from(["", ":", ".py", ".py:", ":x", "/", "/:"]))
def test_any_text_is_accepted_or_explained_in_a_line(text: str, end: str) -> None:
    assert complaint(text + end).isprintable()


def test_loading_from_the_zoo() -> None:
    loaded = zoo.load("shufflenetv2", build_on="meta")
    assert (loaded.name, loaded.source, loaded.input_shapes) == ("shufflenetv2", "zoo", ((3, 224, 224),))
    assert {parameter.device.type for parameter in loaded.module.parameters()} == {"meta"}


def test_the_current_directory_does_not_shadow_the_zoo(tmp_path: Path, python: Python) -> None:
    for folder in ("models", "effprof_models"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("raise RuntimeError('hostile')\n", encoding="utf-8")
    code = """
        from effprof import zoo
        print(zoo.own.package().__file__, len(zoo.table()))
    """
    assert python(code).split() == [str(ROOT / "models" / "__init__.py"), str(len(zoo.table()))]


def test_the_zoo_is_found_beside_effprof_only(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").touch()
    with pytest.raises(UnavailableError, match="reinstall"):
        zoo.own._init_file(tmp_path)  # somebody's `models` in site-packages
    (tmp_path / "pyproject.toml").touch()
    assert zoo.own._init_file(tmp_path) == tmp_path / "models" / "__init__.py"
    (tmp_path / "effprof_models").mkdir()
    (tmp_path / "effprof_models" / "__init__.py").touch()
    assert zoo.own._init_file(tmp_path) == tmp_path / "effprof_models" / "__init__.py"
