"""A 2-D convolution for inference on the CPU whose weights lie in memory as oneDNN's kernels want them.

torch's own `conv2d` reorders the weights of many convolutions into blocks at every run, hands some to kernels of its
own, and leaves the activation to a second pass over the output. The operator below is the one that torch's compiler
makes of a convolution in a frozen network; it is not part of torch's public interface, so that whether it is there is
asked first (`is_available`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

_CONVOLUTION = getattr(getattr(torch.ops.mkldnn, "_convolution_pointwise", None), "default", None)
_REORDER = getattr(getattr(torch.ops.mkldnn, "_reorder_convolution_weight", None), "default", None)


@dataclass(frozen=True)
class Activation:
    """As the operator takes it."""

    name: str = "none"
    scalars: tuple[float, ...] = ()
    algorithm: str = ""


NONE = Activation()


def is_available() -> bool:
    """This torch has oneDNN and the operators, and nobody has switched oneDNN off."""
    mkldnn = torch.backends.mkldnn
    return _CONVOLUTION is not None and _REORDER is not None and mkldnn.is_available() and bool(mkldnn.enabled)


def takes(dtype: torch.dtype) -> bool:
    """oneDNN's convolutions take the type on this processor."""
    if dtype is torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype is torch.float32


class PackedConv2d(nn.Module):
    """What an `nn.Conv2d` in eval mode gives, with an activation after it.

    Images (N, C_in, H, W) of any size and format -> (N, C_out, H', W') as NHWC in memory. No gradients; copied and
    pickled as plain weights. `state_dict` holds the packed weight, which torch cannot save: save the network's own
    before the edit.
    """

    bias: nn.Parameter | None

    def __init__(self, conv: nn.Conv2d, image: tuple[int, ...]) -> None:
        """
        Args:
            conv: of the types that `takes` names, `padding_mode` zeros, its padding in numbers and no more than
                dilation * (kernel - 1): with more, oneDNN may end the process.
            image: (N, C_in, H, W), for which the blocks are chosen.
        """
        super().__init__()
        self.in_channels, self.out_channels = conv.in_channels, conv.out_channels
        self.kernel_size = tuple(conv.kernel_size)
        self.stride, self.padding = tuple(conv.stride), tuple(int(length) for length in conv.padding)
        self.dilation, self.groups, self.image = tuple(conv.dilation), conv.groups, image
        self.activation = NONE
        self.weight = self._packed(conv.weight)
        self.bias = None if conv.bias is None else nn.Parameter(conv.bias.detach(), requires_grad=False)
        self.eval()

    def forward(self, input: Tensor) -> Tensor:  # as nn.Conv2d calls it
        activation = self.activation
        result: Tensor = _CONVOLUTION(  # type: ignore[misc]  # is_available
            input, self.weight, self.bias, self.padding, self.stride, self.dilation, self.groups,
            activation.name, activation.scalars, activation.algorithm,
        )  # fmt: skip
        return result

    def extra_repr(self) -> str:
        channels = [str(self.in_channels), str(self.out_channels)]
        words = [*channels, f"kernel_size={self.kernel_size}", f"stride={self.stride}"]
        for name, usual in (("padding", (0, 0)), ("dilation", (1, 1)), ("groups", 1), ("activation", NONE)):
            value = getattr(self, name)
            if value != usual:
                words.append(f"{name}={value.name if isinstance(value, Activation) else value}")
        return ", ".join(words)

    def _packed(self, weight: Tensor) -> nn.Parameter:
        packed = _REORDER(  # type: ignore[misc]  # is_available
            weight.detach(), self.padding, self.stride, self.dilation, self.groups, self.image
        )
        return nn.Parameter(packed, requires_grad=False)

    def _dense(self) -> nn.Parameter:
        return nn.Parameter(self.weight.to_dense().reshape(self.weight.shape), requires_grad=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> PackedConv2d:
        """What `to` and its like do to the weights is done to plain ones."""
        self.weight = self._dense()
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.weight = self._packed(self.weight)
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_parameters": {**self._parameters, "weight": self._dense()}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self.weight = self._packed(self.weight)
