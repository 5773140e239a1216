"""What is left out together, and what is said where nothing can be."""

from __future__ import annotations

import pytest

from effprof.analyze.regression import MOVED, POINTWISE, WORK_ONLY, Work, cpu_roofline
from effprof.analyze.regression_checks import error_bars, rounded
from effprof.analyze.regression_study import family, judge_latencies


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("vgg11", "torchvision:vgg16_bn"), "vgg"),
        (("mobilenetv1_0.5", "mobilenet_v2", "mobilenet", "torchvision:mobilenet_v3_large"), "mobilenet"),
        (("shufflenetv1_g3_0.25", "shufflenet_v2_x1_0", "shufflenetv2"), "shufflenet"),
        (("resnet18", "timm:resnet50"), "resnet"),
        (("wide_resnet50_2",), "wide_resnet"),
        (("resnext50_32x4d",), "resnext"),
        (("se_resnet50",), "se_resnet"),
        (("inception_v3",), "inception"),
        (("inception_resnet_v2",), "inception_resnet"),
        (("pyramidnet110_a48", "pyramidnet101_a360"), "pyramidnet"),
        (("lenet5",), "lenet"),
        (("googlenet",), "googlenet"),
        (("squeezenet1_0", "squeezenet"), "squeezenet"),
        (("50cent",), "50cent"),
        (("convnext_tiny", "convnext_small", "convnext_base", "torchvision:convnext_large"), "convnext"),
        (("swin_t", "swin_s", "swin_b", "swin_v2_t", "timm:swin_base_patch4_window7_224"), "swin"),
        (("vit_b_16", "vit_l_32", "vit_h_14", "timm:vit_base_patch16_224"), "vit"),
        (("efficientnet_b0", "torchvision:efficientnet_b7"), "efficientnet_b"),
        (("efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l"), "efficientnet"),
        (("timm:edgenext_x_small", "timm:edgenext_xx_small"), "edgenext"),
        (("timm:mobilevit_xxs", "timm:mobilevit_s"), "mobilevit"),
        (("mnasnet", "mnasnet0_5"), "mnasnet"),
        (("regnet_x_400mf",), "regnet_x"),
        (("_tiny",), "_tiny"),
    ],
)
def test_families(names: tuple[str, ...], expected: str) -> None:
    assert {family(name) for name in names} == {expected}


def networks(*names: str) -> dict[str, list[Work]]:
    return {name: [Work(POINTWISE, 1000 * (n + 1), 10), Work(MOVED, 0, 50 + n * n)] for n, name in enumerate(names)}


def test_one_family_alone_has_no_error_with_families_left_out() -> None:
    works = networks("a1", "a2", "a3", "a4", "a5")
    seconds = {name: 1e-3 * (n + 1) for n, name in enumerate(works)}
    found = judge_latencies("t", works, {"d": seconds}, cpu_roofline(), resamples=2)
    assert [row.family_mape for row in found.figures] == [None] * 4
    assert rounded(None) is None
    mixed = judge_latencies(
        "t", networks("a1", "a2", "b3", "b4", "b5"), {"d": dict(zip(("a1", "a2", "b3", "b4", "b5"), seconds.values(),
        strict=True))}, cpu_roofline(), resamples=2,
    )  # fmt: skip
    assert all(row.family_mape is not None for row in mixed.figures)


def test_the_bootstrap_draws_a_network_with_all_its_sizes() -> None:
    """Ten rows of each of three networks: drawn apart, thirty rows would hardly move the rate."""
    works = {f"{name}.{n}": [Work(POINTWISE, 10**6 * (n + 1), 10)] for name in "abc" for n in range(10)}
    rates = {"a": 1e8, "b": 1e9, "c": 1e10}
    seconds = {"d": {name: ops[0].mult_adds / rates[name[0]] for name, ops in works.items()}}
    apart = error_bars(WORK_ONLY, works, seconds, 40)["d"][1]
    together = error_bars(WORK_ONLY, works, seconds, 40, group=lambda name: name[0])["d"][1]
    assert together[1] / together[0] > 2 * apart[1] / apart[0]
