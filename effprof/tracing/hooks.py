"""Which module is running, told by global hooks.

Hooks registered on modules would switch off torch's fused transformer path.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from effprof.capture.layers import module_paths


@contextmanager
def layer_hooks(model: nn.Module, enter: Callable[[str], object], leave: Callable[[], object]) -> Iterator[None]:
    """`enter(path)` before the forward of each module of the network and `leave()` after it, properly nested.

    Modules that the network runs in threads of its own, or that are not its children, are passed over. Afterwards no
    hook is left and `leave` was called for every `enter`, also when a forward raised.
    """
    paths, owner = module_paths(model), threading.get_ident()
    running: list[nn.Module] = []

    def before(module: nn.Module, args: Any) -> None:
        path = paths.get(id(module))
        if path is not None and threading.get_ident() == owner:
            running.append(module)
            enter(path)

    def after(module: nn.Module, args: Any, output: Any) -> None:
        if id(module) in paths and threading.get_ident() == owner:
            while running.pop() is not module:  # one inside raised, and its caller went on
                leave()
            leave()

    handles = (register_module_forward_pre_hook(before), register_module_forward_hook(after))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        while running:
            running.pop()
            leave()
