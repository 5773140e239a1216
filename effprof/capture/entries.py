"""torch's C entry points, found and swapped for timed twins.

Python reaches torch's operators through C functions: `torch.conv2d`, `Tensor.__add__`, `torch._C._nn.gelu`. For a
timed run, exactly those that a network calls are replaced, wherever a module binds them by name, by a twin that reads
the clock before and after. That costs one to four microseconds a call where a Python dispatch mode costs
fifteen to twenty-five, and leaves dispatch as it is (figures and machine: docs/how-we-measure.md).

Which ones a network calls is found in the capture pass, where every entry point is swapped for a recording twin. An
operator that reached the dispatcher past all of them (a function kept in a list or a closure, C++ calling C++) is
*uncovered*; a network with one is timed by the dispatch mode instead.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import Any

import torch
from torch import nn
from torch.overrides import _get_overridable_functions
from torch.utils._device import _device_constructors

Function = Callable[..., Any]
Site = tuple[Any, str]
"""A namespace (module, class or module instance) and the name by which it binds an entry point."""

# Methods of torch.Tensor that never reach an operator, or that must not be touched while a network runs.
UNTOUCHED_METHODS = {
    "__class__", "__delattr__", "__dir__", "__doc__", "__getattribute__", "__getstate__", "__hash__", "__init__",
    "__init_subclass__", "__new__", "__reduce__", "__reduce_ex__", "__repr__", "__setattr__", "__setstate__",
    "__sizeof__", "__str__", "__subclasshook__", "__torch_dispatch__", "__torch_function__", "__deepcopy__",
    "__format__", "__len__", "_is_view", "dim", "element_size", "has_names", "is_complex", "is_contiguous",
    "is_floating_point", "is_inference", "ndimension", "numel", "nelement", "size", "storage_offset", "stride",
    "data_ptr", "_make_subclass", "as_subclass", "register_hook", "untyped_storage", "backward", "requires_grad_",
}  # fmt: skip
C_NAMESPACES = ("_nn", "_special", "_fft", "_linalg", "_nested", "_sparse")
# torch keeps functions by identity in these.
CACHES = (_device_constructors, _get_overridable_functions)
# Classes whose call is the way into operators of other libraries (torch.library, torch.ops).
OPERATOR_CLASSES = (torch._ops.OpOverloadPacket, torch._ops.OpOverload)


@dataclass(frozen=True)
class EntryPoint:
    """One C function (or operator class call) and all places that bind it."""

    name: str
    function: Function
    sites: tuple[Site, ...]


@dataclass(frozen=True)
class EntryCall:
    """One call of an entry point in the capture pass."""

    entry: int
    parent: int | None
    """Index of the entry call around it."""


class EntryRecorder:
    """Swaps every entry point for a recording twin during the capture pass."""

    def __init__(self, model: nn.Module) -> None:
        self.entries: tuple[EntryPoint, ...] = find_entry_points(model)
        self.calls: list[EntryCall] = []
        self.in_other_threads: set[str] = set()
        """Names of entry points called from threads that the network started: nothing attributes those calls."""
        self._open: list[int] = []
        self._paused = False

    @property
    def current(self) -> int | None:
        """Index in `calls` of the innermost entry call that is running."""
        return self._open[-1] if self._open else None

    @contextmanager
    def installed(self) -> Iterator[None]:
        with swapped(self.entries, [self._twin(i, e.function) for i, e in enumerate(self.entries)]):
            yield

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is recorded inside: the recorder passing a call on is not the network entering torch."""
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before

    def _twin(self, number: int, function: Function) -> Function:
        calls, opened, owner = self.calls, self._open, threading.get_ident()

        def recording(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != owner:
                self.in_other_threads.add(self.entries[number].name)
                return function(*args, **kwargs)
            if self._paused:
                return function(*args, **kwargs)
            calls.append(EntryCall(number, opened[-1] if opened else None))
            opened.append(len(calls) - 1)
            try:
                return function(*args, **kwargs)
            finally:
                opened.pop()

        return recording


@dataclass(frozen=True)
class SpanPlan:
    """What one timed run will meet: the entry points to swap, and the calls inside each timed span, in order."""

    entries: tuple[EntryPoint, ...]
    sequence: tuple[int, ...]
    """Which of `entries` each span is."""
    calls: tuple[tuple[int, ...], ...]
    """Indices of the OpCalls inside each span; may be empty."""


def plan_spans(
    recorder: EntryRecorder, entry_of_call: Sequence[int | None], moved_data: Sequence[bool]
) -> SpanPlan | None:
    """The spans of a network from its capture pass, or None when a call that moves data is uncovered.

    Args:
        entry_of_call: for each OpCall the innermost entry call around it (index in `recorder.calls`).
        moved_data: for each OpCall whether it did any work (is not a view).
    """
    if any(entry is None and works for entry, works in zip(entry_of_call, moved_data, strict=True)):
        return None
    used = sorted({recorder.calls[entry].entry for entry in entry_of_call if entry is not None})
    renumbered = {entry: i for i, entry in enumerate(used)}
    span_of_call: dict[int, int] = {}  # entry call -> span it belongs to (its outermost used ancestor or itself)
    sequence: list[int] = []
    for index, call in enumerate(recorder.calls):
        outer = span_of_call.get(call.parent) if call.parent is not None else None
        if outer is not None:
            span_of_call[index] = outer
        elif call.entry in renumbered:
            span_of_call[index] = len(sequence)
            sequence.append(renumbered[call.entry])
    inside: list[list[int]] = [[] for _ in sequence]
    for op_index, entry in enumerate(entry_of_call):
        if entry is not None:
            inside[span_of_call[entry]].append(op_index)
    return SpanPlan(
        tuple(recorder.entries[i] for i in used), tuple(sequence), tuple(tuple(calls) for calls in inside)
    )


@contextmanager
def swapped(entries: Iterable[EntryPoint], twins: Iterable[Function]) -> Iterator[None]:
    """Binds each entry point's twin at all its sites; puts everything back, also when the body raises."""
    undo: list[tuple[Any, str, bool, Any]] = []
    originals: dict[int, Function] = {}
    modules = set(sys.modules)
    empty_caches = [cache for cache in CACHES if cache.cache_info().currsize == 0]
    try:
        for entry, twin in zip(entries, twins, strict=True):
            originals[id(twin)] = entry.function
            for owner, name in entry.sites:
                own = name in vars(owner)
                undo.append((owner, name, own, vars(owner).get(name)))
                _bind(owner, name, twin)
        yield
    finally:
        for owner, name, own, before in reversed(undo):
            if own:
                _bind(owner, name, before)
            else:
                delattr(owner, name)
        for module_name in set(sys.modules) - modules:  # imported by the body: `from torch import cat` found a twin
            _give_back(sys.modules[module_name], originals)
        for cache in empty_caches:  # filled by the body, with twins in it
            cache.cache_clear()


def _give_back(module: Any, originals: dict[int, Function]) -> None:
    namespace = getattr(module, "__dict__", None)
    for name, value in list(namespace.items()) if isinstance(namespace, dict) else ():
        if id(value) in originals and isinstance(value, FunctionType):
            setattr(module, name, originals[id(value)])


def _bind(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, nn.Module):
        owner.__dict__[name] = value  # past nn.Module.__setattr__, which is for parameters and children
    else:
        setattr(owner, name, value)


def find_entry_points(model: nn.Module) -> tuple[EntryPoint, ...]:
    """All C functions of torch that work on tensors, with every module-level name and layer attribute bound to them."""
    functions = _c_functions()
    sites: dict[int, list[Site]] = {key: [] for key in functions}
    for module in list(sys.modules.values()):
        namespace = getattr(module, "__dict__", None)
        if isinstance(namespace, dict):
            _add_sites(sites, module, namespace)
    for layer in model.modules():
        _add_sites(sites, layer, vars(layer))
    for function, names in _vf_names().items():
        sites[function].extend((torch._VF, name) for name in names)
    found = [EntryPoint(f.__name__, f, tuple(sites[key])) for key, f in functions.items() if sites[key]]
    return (*found, *_tensor_methods(), *_operator_calls())


def _add_sites(sites: dict[int, list[Site]], owner: Any, namespace: dict[str, Any]) -> None:
    for name, value in list(namespace.items()):
        if type(value) is BuiltinFunctionType and id(value) in sites:
            sites[id(value)].append((owner, name))


def _c_functions() -> dict[int, Function]:
    found: dict[int, Function] = {}
    namespaces: list[Any] = [torch._C._VariableFunctions, torch]
    namespaces += [getattr(torch._C, name) for name in C_NAMESPACES if hasattr(torch._C, name)]
    for namespace in namespaces:
        for name in dir(namespace):
            value = getattr(namespace, name, None)
            if type(value) is BuiltinFunctionType and not name.startswith("__") and _is_operator(namespace, value):
                found[id(value)] = value
                _KEEP[id(value)] = value
    return found


_KEEP: dict[int, Function] = {}  # attribute access may build a new object each time; the ids above must stay valid


def _is_operator(namespace: Any, function: Function) -> bool:
    """torch itself binds much that is no operator (`set_num_threads`); its operators come from _VariableFunctions."""
    return namespace is not torch or getattr(torch._C._VariableFunctions, function.__name__, None) is function


def _vf_names() -> dict[int, list[str]]:
    """torch._VF hands out functions by `__getattr__`; a name set on it is met first."""
    names: dict[int, list[str]] = {}
    for name in dir(torch._C._VariableFunctions):
        value = getattr(torch._C._VariableFunctions, name)
        if id(value) in _KEEP:
            names.setdefault(id(value), []).append(name)
    return names


def _tensor_methods() -> list[EntryPoint]:
    found = []
    for name in dir(torch.Tensor):
        if name in UNTOUCHED_METHODS:
            continue
        value = getattr(torch.Tensor, name)
        if isinstance(value, (MethodDescriptorType, WrapperDescriptorType, FunctionType)):
            found.append(EntryPoint(f"Tensor.{name}", value, ((torch.Tensor, name),)))
    return found


def _operator_calls() -> list[EntryPoint]:
    return [EntryPoint(cls.__name__, cls.__call__, ((cls, "__call__"),)) for cls in OPERATOR_CLASSES]
