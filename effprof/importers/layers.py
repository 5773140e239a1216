"""Ranges around an op -> dotted layer paths, and the modules they are of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from effprof.importers.attribution import LayerName
from effprof.records import ModuleInfo

RANGE_TYPE = "range"
"""What stands as the module type of a range that the user named."""
_INSTANCE = re.compile(r"_\d+$")
_MAX_PART = 100


@dataclass(frozen=True)
class LayerPaths:
    """torch's `nn.Module:` events have a type and a number (`Conv2d_3`); nested, they make a path.

    Where all of them begin with the same module it is the root, whose path is empty, as in a measured run.
    """

    root: str | None
    modules: tuple[ModuleInfo, ...]

    @classmethod
    def of(cls, layers: Iterable[LayerName]) -> LayerPaths:
        """Of all layers that calls are in."""
        layers = sorted(set(layers), key=lambda layer: (layer.kind, layer.parts))
        first = {layer.parts[0] for layer in layers if layer.kind == "module"}
        root = first.pop() if len(first) == 1 else None
        paths = cls(root, ())
        infos = {"": ModuleInfo("", "" if root is None else _type_of(root), None)}
        for layer in layers:
            for length in range(1, len(layer.parts) + 1):
                prefix = LayerName(layer.parts[:length], layer.kind)
                path = paths.path(prefix)
                kind = _type_of(prefix.parts[-1]) if layer.kind == "module" else RANGE_TYPE
                infos.setdefault(path, ModuleInfo(path, "" if layer.kind == "path" else kind, None))
        return cls(root, tuple(infos.values()))

    def path(self, layer: LayerName) -> str:
        """The dotted path; empty for the root and for what is in no layer."""
        parts = layer.parts
        if layer.kind == "module" and parts and parts[0] == self.root:
            parts = parts[1:]
        # A dot within a name would be taken for a step down.
        joint = parts if layer.kind == "path" else [part[:_MAX_PART].replace(".", "·") for part in parts]
        return ".".join(joint)


def _type_of(part: str) -> str:
    return _INSTANCE.sub("", part)
