"""Networks of other libraries: built without a download, or one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from effprof import zoo
from effprof.errors import EffprofError, UnavailableError, UnknownNameError, UsageError

Message = Callable[[type[EffprofError], str], str]
Write = Callable[..., str]


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("torchvision:squeezenet1_1", ((3, 224, 224),)),
        ("torchvision:inception_v3", ((3, 299, 299),)),
        ("torchvision:r3d_18", ((3, 16, 112, 112),)),
        ("torchvision:lraspp_mobilenet_v3_large", ((3, 224, 224),)),
        ("torchvision:ssdlite320_mobilenet_v3_large", ((3, 224, 224),)),
        ("timm:resnet18.a1_in1k", ((3, 224, 224),)),
        ("timm:inception_v3", ((3, 299, 299),)),
        ("pytorchcv:xception", ((3, 299, 299),)),
        ("pytorchcv:resnet20_cifar10", ((3, 32, 32),)),
        ("pytorchcv:superpointnet", ((1, 224, 224),)),
    ],
)
def test_providers_build_without_downloading(
    name: str, shapes: tuple[tuple[int, ...], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = name.partition(":")[0]
    pytest.importorskip(provider)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a download was tried")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    loaded = zoo.load(name, build_on="meta")
    assert (loaded.name, loaded.source, loaded.input_shapes) == (name, provider, shapes)


@pytest.mark.parametrize(
    ("provider", "some"), [("torchvision", "resnet18"), ("timm", "vit_base_patch16_224"), ("pytorchcv", "xception")]
)
def test_provider_names(provider: str, some: str) -> None:
    pytest.importorskip(provider)
    names = zoo.provider_names(provider)
    assert some in names
    assert names == sorted(names)


def test_unknown_name_in_a_provider(message: Message) -> None:
    pytest.importorskip("torchvision")
    line = message(UnknownNameError, "torchvision:resnet_18")
    assert line.startswith("torchvision has no model named 'resnet_18'. Did you mean resnet18")
    assert line.endswith("`effprof models --provider torchvision` lists them.")
    assert "which network?" in message(UsageError, "torchvision:")


def test_names_that_would_reach_the_net_are_unknown(message: Message) -> None:
    pytest.importorskip("timm")
    assert "has no model named" in message(UnknownNameError, "timm:hf-hub:somebody/network")


def test_unknown_provider() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean timm"):
        zoo.provider_names("tim")


def test_a_library_that_is_absent(monkeypatch: pytest.MonkeyPatch, message: Message) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)  # type: ignore[arg-type]  # Python's way to say: not importable
    assert message(UnavailableError, "timm:resnet18") == "timm is not installed: pip install 'effprof[zoo]'"
    with pytest.raises(UnavailableError):
        zoo.provider_names("timm")


def test_a_library_that_cannot_be_imported(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: Message
) -> None:
    write("raise RuntimeError('built for another torch')", "pytorchcv/__init__.py")
    for name in [name for name in sys.modules if name.partition(".")[0] == "pytorchcv"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    assert "cannot be imported: RuntimeError: built for another torch" in message(UnavailableError, "pytorchcv:any")
