"""Small networks with one thing to edit each, and what every test of an edit checks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from effprof.capture import Inputs


def image(batch: int = 2, size: int = 8, channels: int = 3) -> Inputs:
    return Inputs((torch.randn(batch, channels, size, size, generator=torch.Generator().manual_seed(1)),))


def randomised(model: nn.Module) -> nn.Module:
    """Batch-norms that do something, in eval mode."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1, generator=generator)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2, generator=generator)  # type: ignore[union-attr]
            with torch.no_grad():
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.uniform_(-0.5, 0.5, generator=generator)
    return model.eval()


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Afterwards the network has the same bytes, modules, attributes and modes as before."""
    before, modes = fingerprint(model), [module.training for module in model.modules()]
    objects = [id(part) for part in (*model.modules(), *model.parameters(), *model.buffers())]
    yield
    assert fingerprint(model) == before
    assert [module.training for module in model.modules()] == modes
    assert [id(part) for part in (*model.modules(), *model.parameters(), *model.buffers())] == objects


def fingerprint(model: nn.Module) -> dict[str, object]:
    tensors = {
        name: (tensor.detach().clone().numpy().tobytes(), tensor.stride(), tensor.requires_grad, tensor.data_ptr())
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    }
    return {"tensors": tensors, "structure": repr(model), "flags": {
        path: {name: value for name, value in vars(module).items() if isinstance(value, (bool, int, float, str))}
        for path, module in model.named_modules()
    }}  # fmt: skip


class Block(nn.Module):
    """Convolution, batch-norm, ReLU that is not in place."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        self.norm, self.act = nn.BatchNorm2d(outputs), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(x)))


class Inception(nn.Module):
    """Three 1x1 siblings, one of which a 3x3 follows, and a 1x1 behind a pool that is none."""

    def __init__(self) -> None:
        super().__init__()
        self.alone, self.reduce, self.other = Block(3, 4), Block(3, 2), Block(3, 5)
        self.wide = Block(2, 6, kernel=3)
        self.pool, self.pooled = nn.MaxPool2d(3, stride=1, padding=1), Block(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.alone(x), self.wide(self.reduce(x)), self.other(x), self.pooled(self.pool(x))]
        return torch.cat(parts, 1)


class FunctionalSiblings(nn.Module):
    """As torchvision's googlenet has them: the activation is a function; one has a bias, one none."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 2, 3, padding=1, bias=False)
        self.norm_a, self.norm_b = nn.BatchNorm2d(4, eps=1e-3), nn.BatchNorm2d(2, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        one = F.relu(self.norm_a(self.a(x)), inplace=True)
        other = F.relu(self.norm_b(self.b(x)), inplace=True)
        return torch.cat([one, other], 1)


class WrittenBetween(nn.Module):
    """Two alike convolutions of a tensor that is written in between: no siblings."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = x * 2
        first = self.a(x)
        x.relu_()
        return first + self.b(x)


class ReadAgain(nn.Module):
    """Of four activations only `free` may write over its input."""

    def __init__(self) -> None:
        super().__init__()
        self.of_input, self.shortcut, self.free, self.returned = nn.ReLU(), nn.ReLU(), nn.ReLU(), nn.SiLU()
        self.conv_a, self.conv_b, self.conv_c = (nn.Conv2d(3, 3, 1) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.conv_a(self.of_input(x))
        x = self.shortcut(x) + x
        x = self.free(self.conv_b(x))
        x = self.conv_c(x)
        return self.returned(x), x


class OfAView(nn.Module):
    """The activation's input is half of a tensor whose other half, or all of which, is read later."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 4, 1), nn.Hardswish()

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        half = self.act(x[:, :2])
        return torch.cat([half, x[:, 2:]], 1)


class OfAConstant(nn.Module):
    """What is activated lives on from run to run."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU()
        self.table = torch.randn(3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.act(self.table)


class NeedlessCopies(nn.Module):
    """One copy that a view needs and one that nothing needs; a cast that may go and one that rounds; two views."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([x, x[:, :1]], 1)
        x = self.conv(x.transpose(2, 3).contiguous())
        x = x.transpose(1, 2).contiguous().view(x.shape[0], -1)
        x = x.double().float() + x.half().float()
        return x.t().t()


class Branching(nn.Module):
    """torch.fx cannot trace it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.a(x) + self.b(x) if x.sum() > -1e9 else self.a(x)


@dataclass
class Answer:
    scores: Tensor
    parts: dict[str, tuple[Tensor, ...]]
    name: str = "answer"


class Nested(nn.Module):
    """A dataclass of a tensor and a dict of tuples."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block(3, 4)

    def forward(self, x: Tensor) -> Answer:
        x = self.block(x)
        return Answer(x.mean((2, 3)), {"maps": (x, x.argmax(1))})


class Shared(nn.Module):
    """One block under two names; the forward uses the second."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Block(3, 4)
        self.second = self.first

    def forward(self, x: Tensor) -> Tensor:
        return self.second(x)
