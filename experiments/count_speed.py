"""How long counting takes beside torchinfo and fvcore: the same networks, one process, side by side.

    python experiments/count_speed.py [--repeats 3]

For each network and tool: the time to count it (built beforehand: effprof and torchinfo on meta, fvcore, which traces
real tensors, on the CPU), the best of the repeats, in turn. The last row is the sum. Needs the zoo and test extras.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import torch
from torch import nn

import effprof
from effprof import zoo

NAMES = (
    "torchvision:alexnet",
    "torchvision:vgg16",
    "torchvision:resnet50",
    "torchvision:densenet121",
    "torchvision:inception_v3",
    "torchvision:mobilenet_v2",
    "torchvision:shufflenet_v2_x1_0",
    "pytorchcv:alexnet",
    "pytorchcv:vgg16",
    "pytorchcv:resnet50",
    "pytorchcv:densenet121",
    "pytorchcv:pyramidnet101_a360",
    "pytorchcv:xception",
    "pytorchcv:inceptionv3",
    "pytorchcv:inceptionresnetv2",
    "pytorchcv:mobilenet_w1",
    "pytorchcv:mobilenetv2_w1",
    "pytorchcv:shufflenet_g3_w1",
    "pytorchcv:shufflenetv2_w1",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    tools = {"effprof": with_effprof, "torchinfo": with_torchinfo, "fvcore": with_fvcore}
    print(f"{'network':<34}" + "".join(f"{tool:>12}" for tool in tools) + "   seconds")
    sums = dict.fromkeys(tools, 0.0)
    warm(tools)
    for name in NAMES:
        best = dict.fromkeys(tools, float("inf"))
        for _ in range(repeats):
            for tool, count in tools.items():
                best[tool] = min(best[tool], timed(name, tool, count))
        print(f"{name:<34}" + "".join(f"{best[tool]:>12.3f}" for tool in tools), flush=True)
        sums = {tool: sums[tool] + best[tool] for tool in tools}
    print(f"{'sum':<34}" + "".join(f"{sums[tool]:>12.3f}" for tool in tools))
    print(f"effprof / torchinfo {sums['effprof'] / sums['torchinfo']:.2f} (wanted: at most 1)")
    print(f"effprof / fvcore    {sums['effprof'] / sums['fvcore']:.2f} (wanted: at most 0.5)")


def timed(name: str, tool: str, count: Callable[[nn.Module, torch.Tensor], object]) -> float:
    device = "cpu" if tool == "fvcore" else "meta"
    loaded = zoo.load(name, build_on=None if device == "cpu" else "meta")
    model, image = loaded.module.eval(), torch.empty(1, *loaded.input_shapes[0], device=device)
    started = time.perf_counter()
    count(model, image)
    return time.perf_counter() - started


def warm(tools: dict[str, Callable[[nn.Module, torch.Tensor], object]]) -> None:
    """Imports and first calls are not what is compared."""
    for tool, count in tools.items():
        timed("torchvision:resnet18", tool, count)


def with_effprof(model: nn.Module, image: torch.Tensor) -> object:
    return effprof.count(model, image)


def with_torchinfo(model: nn.Module, image: torch.Tensor) -> object:
    from torchinfo import summary

    return summary(model, input_data=image, verbose=0, device="meta")


def with_fvcore(model: nn.Module, image: torch.Tensor) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fvcore uses torch.jit, which is deprecated
        from fvcore.nn import FlopCountAnalysis

        analysis = FlopCountAnalysis(model, image).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        return analysis.total()


if __name__ == "__main__":
    main()
