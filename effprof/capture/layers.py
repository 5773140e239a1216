"""Which layer and which source line a call belongs to, read from the Python stack at the moment of the call.

The innermost frame that is a method of one of the network's modules names the layer. Frames see what hooks cannot:
a module run through `.forward()`, a helper method, a module called many times. And without hooks nothing of the
network's behaviour changes (hooks registered on modules switch off torch's fused transformer path).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType

import torch
from torch import nn

TORCH_FOLDER = str(Path(torch.__file__).parent) + "/"
OWN_FOLDER = str(Path(__file__).parent.parent) + "/"


def module_paths(model: nn.Module) -> dict[int, str]:
    """`id(module)` -> dotted path; a shared module has its first name."""
    return {id(module): path for path, module in model.named_modules()}


class StackReader:
    """Finds (layer, source) of the running call by walking outwards to the frame that started the pass."""

    def __init__(self, model: nn.Module) -> None:
        self._paths = module_paths(model)
        self._skipped: dict[CodeType, bool] = {}
        self._shown: dict[str, str] = {}

    def where(self) -> tuple[str, str | None]:
        """(layer path, `file:line` or None). Call it from the dispatch mode, below `run_marked`."""
        layer: str | None = None
        source: str | None = None
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            code = frame.f_code
            if code is run_marked.__code__:
                break
            if source is None and not self._is_library(code):
                source = f"{self._show(code.co_filename)}:{frame.f_lineno}"
            if layer is None and code.co_argcount and code.co_varnames[0] == "self":
                layer = self._paths.get(id(frame.f_locals.get("self")))
            if layer is not None and source is not None:
                break
            frame = frame.f_back
        return layer or "", source

    def _is_library(self, code: CodeType) -> bool:
        known = self._skipped.get(code)
        if known is None:
            name = code.co_filename
            known = name.startswith((TORCH_FOLDER, OWN_FOLDER, "<"))
            self._skipped[code] = known
        return known

    def _show(self, filename: str) -> str:
        shown = self._shown.get(filename)
        if shown is None:
            shown = self._shown[filename] = shown_path(Path(filename))
        return shown


def shown_path(file: Path) -> str:
    """A file as a reader knows it: relative to the current directory, else (and when it is installed, whatever folder
    the environment lies in) to the folder that holds its top-level package."""
    if "site-packages" not in file.parts:
        resolved, here = file.resolve(), _current_folder()
        if here is not None and resolved.is_relative_to(here):
            return str(resolved.relative_to(here))
    top = file.parent
    while (top / "__init__.py").exists() and top.parent != top:
        top = top.parent
    return str(file.relative_to(top))


def _current_folder() -> Path | None:
    try:
        return Path.cwd().resolve()
    except OSError:  # it has been deleted
        return None


def run_marked(forward: Callable[[], object]) -> object:
    """Runs `forward`; its frame is where the walk through the stack ends."""
    return forward()
