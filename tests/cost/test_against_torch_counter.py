"""Whole networks on meta: our total is half of what torch's counter finds, and no op is unknown.

A representative of every family of torchvision's classification networks; all of them take minutes.
"""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from effprof.capture import Inputs, capture
from effprof.cost import cost_of
from effprof.records import OpCost

torchvision = pytest.importorskip("torchvision")

NETWORKS = """
    alexnet convnext_tiny densenet121 efficientnet_b0 googlenet inception_v3 mnasnet1_0 mobilenet_v2 mobilenet_v3_small
    regnet_y_400mf resnet18 resnext50_32x4d shufflenet_v2_x1_0 squeezenet1_1 swin_v2_t vgg11_bn vit_b_16
"""
# attention is one op in inference_mode; taken apart, its parts write and read the scores in between
WITH_ATTENTION = {"swin_v2_t", "vit_b_16"}


def build(name: str) -> torch.nn.Module:
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if name.startswith("regnet"):  # cannot be built on meta
        return torchvision.models.get_model(name).eval().to("meta")
    with torch.device("meta"):
        return torchvision.models.get_model(name, **options).eval()


def costs(model: torch.nn.Module, image: torch.Tensor, mode: type) -> list[OpCost]:
    with mode():
        calls = capture(model, Inputs((image,))).calls
    found = [(call.op, cost_of(call)) for call in calls]
    assert {op for op, cost in found if cost.mult_adds is None} == set()
    return [cost for _, cost in found]


@pytest.mark.parametrize("name", NETWORKS.split())
def test_network_equals_torchs_counter(name):
    model = build(name)
    side = 299 if name == "inception_v3" else 224
    image = torch.empty(1, 3, side, side, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image)
    composite, parts = (costs(model, image, mode) for mode in (torch.inference_mode, torch.no_grad))
    assert sum(cost.mult_adds for cost in composite) == counter.get_total_flops() // 2
    assert sum(cost.mult_adds for cost in parts) == counter.get_total_flops() // 2
    if name not in WITH_ATTENTION:
        assert sum(cost.access_bytes for cost in composite) == sum(cost.access_bytes for cost in parts)


class Repeated(torch.nn.Module):
    """Gives its one input to a layer that takes several."""

    def __init__(self, layer: torch.nn.Module, inputs: int) -> None:
        super().__init__()
        self.layer, self.inputs = layer, inputs

    def forward(self, x: torch.Tensor) -> object:
        return self.layer(*[x] * self.inputs)


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (torch.nn.MultiheadAttention(12, 3, batch_first=True), 3),
        (torch.nn.TransformerEncoderLayer(12, 3, 20, batch_first=True), 1),
        (torch.nn.TransformerDecoderLayer(12, 3, 20, batch_first=True), 2),
        (torch.nn.LSTM(12, 5, num_layers=2, bidirectional=True, proj_size=3), 1),
        (torch.nn.LSTM(12, 5, num_layers=2, bidirectional=True), 1),
        (torch.nn.GRU(12, 5, num_layers=2), 1),
        (torch.nn.RNN(12, 5, nonlinearity="relu"), 1),
        (torch.nn.Bilinear(12, 12, 4), 2),
        (torch.nn.Conv1d(6, 4, 4, padding="same"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.filterwarnings("ignore:Using padding=.same. with even kernel lengths", "ignore:LSTM with projections")
def test_fused_layers_cost_the_same_on_cpu_and_on_meta(layer, inputs):
    """The CPU has fused kernels that meta has not: the work is the same."""
    model = Repeated(layer, inputs).eval()
    image = torch.zeros(2, 6, 12)
    totals = [
        sum(cost.mult_adds for cost in costs(model.to(device), image.to(device), mode))
        for device in ("cpu", "meta")
        for mode in (torch.inference_mode, torch.no_grad)
    ]
    assert totals == [totals[0]] * 4
    assert totals[0] > 0
