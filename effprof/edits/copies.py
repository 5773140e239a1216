"""Copies that nothing needs: `.contiguous()` for nobody, a cast there and back, views that undo each other.

In the torch.fx graph each candidate is left out on trial, and stays out where the network still runs and gives the same
output for the example. A cast there and back is only a candidate where the type between holds every value (float32 by
way of float64; never by way of float16, which rounds).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from effprof.capture import Inputs
from effprof.edits.base import Change
from effprof.edits.checking import gives
from effprof.edits.graphs import layer_of, rebuilt, traced
from effprof.errors import NotApplicableError

CASTS = {"to", "type", "float", "double", "half", "bfloat16"}
VIEWS = {"permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "view", "reshape"}
VIEW_FUNCTIONS = (torch.permute, torch.transpose, torch.swapaxes, torch.swapdims, torch.movedim, torch.moveaxis)
WHAT = {"copy": "copy to contiguous memory", "cast": "cast there and back", "views": "pair of views"}
SEVERAL = {"copy": "copies to contiguous memory", "cast": "casts there and back", "views": "pairs of views"}


@dataclass(frozen=True)
class Candidate:
    kind: str
    """`copy`, `cast` or `views`."""
    node: str
    """Name of the node that can go."""
    source: str
    """Name of the node that can take its place."""


@dataclass(frozen=True)
class _Value:
    """What a node gave in the example's run."""

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype


class _Watched(fx.Interpreter):
    """Runs the graph and writes down what each node gave."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.values: dict[str, _Value] = {}

    def run_node(self, node: fx.Node) -> Any:
        result = super().run_node(node)
        if isinstance(result, torch.Tensor) and result.layout is torch.strided:
            self.values[node.name] = _Value(result.data_ptr(), tuple(result.shape), result.stride(), result.dtype)
        return result


def drop_copies(model: nn.Module, inputs: Inputs) -> Change:
    module = traced(model)
    positional = _positional(module, inputs)
    expected = module(*_cloned(positional))
    dropped: list[tuple[Candidate, str]] = []
    refused: set[Candidate] = set()
    while fresh := [found for found in _candidates(module, positional) if found not in refused]:
        for found in fresh:
            if not _is_there(module.graph, found):  # went with one before it
                continue
            layer, trial = layer_of(_node(module.graph, found.node)), _without(module, found)
            if gives(expected, trial, Inputs(positional)):
                module = trial
                dropped.append((found, layer))
            else:
                refused.add(found)
    if not dropped:
        raise NotApplicableError(
            "what it copies is needed as it is" if refused else "it makes no copy that could be left out"
        )
    kinds = [found.kind for found, _ in dropped]
    counts = [
        f"{number} {WHAT[kind] if number == 1 else SEVERAL[kind]}" for kind in WHAT if (number := kinds.count(kind))
    ]
    return Change(module, tuple(dict.fromkeys(layer for _, layer in dropped)), f"left out: {', '.join(counts)}")


def _candidates(module: fx.GraphModule, positional: tuple[Any, ...]) -> Iterator[Candidate]:
    watched = _Watched(module)
    watched.run(*_cloned(positional))
    for node in module.graph.nodes:
        found = _candidate(node, watched.values)
        if found is not None:
            yield found


def _candidate(node: fx.Node, values: dict[str, _Value]) -> Candidate | None:
    source = _source(node)
    if source is None or node.name not in values or source.name not in values:
        return None
    own, given = values[node.name], values[source.name]
    if node.op == "call_method" and node.target == "contiguous":
        # one that copies nothing costs nothing
        return Candidate("copy", node.name, source.name) if own.address != given.address else None
    first = _source(source)
    if first is None or first.name not in values:
        return None
    origin = values[first.name]
    if _is_cast(node) and _is_cast(source):
        is_lossless = origin.dtype.is_floating_point and given.dtype.is_floating_point
        is_lossless = is_lossless and torch.promote_types(origin.dtype, given.dtype) is given.dtype
        returns = own.dtype is origin.dtype and given.dtype is not origin.dtype
        return Candidate("cast", node.name, first.name) if is_lossless and returns else None
    if _is_view(node) and _is_view(source):
        return Candidate("views", node.name, first.name) if own == origin else None
    return None


def _source(node: fx.Node) -> fx.Node | None:
    """The node whose tensor this one copies, casts or views."""
    source = node.args[0] if node.args else None
    return source if isinstance(source, fx.Node) else None


def _is_cast(node: fx.Node) -> bool:
    return node.op == "call_method" and node.target in CASTS


def _is_view(node: fx.Node) -> bool:
    return (node.op == "call_method" and node.target in VIEWS) or (
        node.op == "call_function" and node.target in VIEW_FUNCTIONS
    )


def _without(module: fx.GraphModule, found: Candidate) -> fx.GraphModule:
    graph = copy.deepcopy(module.graph)
    node, source = _node(graph, found.node), _node(graph, found.source)
    between = _source(node)
    node.replace_all_uses_with(source)
    graph.erase_node(node)
    if between is not None and between is not source and not between.users:
        graph.erase_node(between)
    return rebuilt(module, graph)


def _is_there(graph: fx.Graph, found: Candidate) -> bool:
    names = {node.name for node in graph.nodes}
    return found.node in names and found.source in names


def _node(graph: fx.Graph, name: str) -> fx.Node:
    found: fx.Node = next(node for node in graph.nodes if node.name == name)
    return found


def _positional(module: fx.GraphModule, inputs: Inputs) -> tuple[Any, ...]:
    """The example's arguments in the order of the graph's placeholders."""
    names = [str(node.target) for node in module.graph.nodes if node.op == "placeholder"]
    given, rest = list(inputs.args), dict(inputs.kwargs)
    for name in names[len(given) :]:
        if name not in rest:
            break
        given.append(rest.pop(name))
    if rest:
        raise NotApplicableError(f"the example's {', '.join(rest)} cannot be given by position")
    return tuple(given)


def _cloned(positional: tuple[Any, ...]) -> tuple[Any, ...]:
    return Inputs(positional).map(torch.clone).args
