"""Every operator call of one forward pass, written down as `OpCall`s.

A dispatch mode sees each call that Python makes into torch's dispatcher, whatever spelling led there (`x + y`,
`torch.cat`, a fused attention, an operator from another library). It is far too slow to time with (see
docs/how-we-measure.md); it only records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from effprof.cost.aten_names import argument_name, base_name, call_name
from effprof.records import Argument, OpCall, TensorSpec

MAX_INDEX_VALUES = 4096  # an index longer than any channel axis in use is not a channel permutation
INDEX_OPS = {"index", "index_select"}
# Calls that return no tensor and only ask about one; `item` and `equal` are left out: they wait for data.
QUERIES = {"size", "sym_size", "stride", "sym_stride", "numel", "sym_numel", "dim", "is_contiguous", "storage_offset",
           "sym_storage_offset", "is_same_size", "is_floating_point", "is_complex", "is_nonzero_meta"}
# The schema says that these write their input when they end in `_`; what they write is its shape, not its data.
SHAPE_CHANGES = {"as_strided", "detach", "requires_grad", "squeeze", "swapaxes", "swapdims", "t", "transpose",
                 "unsqueeze"}  # fmt: skip
DROPOUTS = {"dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"}


@dataclass(frozen=True)
class Schema:
    """What of an overload's schema a call needs, read once."""

    aten: str
    op: str
    names: tuple[str, ...]
    defaults: tuple[tuple[str, Argument], ...]
    written: tuple[str, ...]


class TensorLedger:
    """Gives tensors and storages numbers that stay theirs for the whole pass.

    A weak reference to the C++ object is kept for each: the memory is released as in any run, but its address is
    not handed out again, so an address is an identity.
    """

    def __init__(self) -> None:
        self._tensors: dict[int, int] = {}
        self._storages: dict[int, int] = {}
        self._kept: list[object] = []
        self._roles: dict[int, str] = {}
        self._next_id = 0

    def give_role(self, tensor: torch.Tensor, role: str) -> None:
        """Everything that shares this tensor's memory has this role from now on (a transposed weight is a weight)."""
        self._roles.setdefault(self._storage(tensor), role)

    def renew(self, tensor: torch.Tensor) -> None:
        """The tensor has a new value (written in place, or returned as it came): it gets a new id."""
        self._remember(tensor)

    def spec(self, tensor: torch.Tensor, values: tuple[int, ...] | None = None) -> TensorSpec:
        key = tensor._cdata
        number = self._tensors.get(key)
        if number is None:
            number = self._remember(tensor)
        storage = self._storage(tensor)
        return TensorSpec(
            number,
            storage,
            (tensor.numel(),) if tensor.is_nested else tuple(tensor.shape),
            tensor.stride() if _has_storage(tensor) else (),
            str(tensor.dtype)[6:],
            tensor.element_size(),
            self._roles.get(storage, "activation"),  # type: ignore[arg-type]
            values,
        )

    def _remember(self, tensor: torch.Tensor) -> int:
        key = tensor._cdata
        if key not in self._tensors:
            self._kept.append(torch._C._WeakTensorRef(tensor))  # type: ignore[attr-defined]  # not in the stubs
        self._next_id += 1
        self._tensors[key] = self._next_id
        return self._next_id

    def _storage(self, tensor: torch.Tensor) -> int:
        if not _has_storage(tensor):  # sparse and nested tensors are made of others: a number of their own
            return self._storages.setdefault(-tensor._cdata, len(self._storages))
        storage = tensor.untyped_storage()
        key = storage._cdata
        number = self._storages.get(key)
        if number is None:
            self._kept.append(_StorageGuard(storage))
            number = self._storages[key] = len(self._storages)
        return number


def _has_storage(tensor: torch.Tensor) -> bool:
    return tensor.layout is torch.strided and not tensor.is_nested


class _StorageGuard:
    """Holds a weak reference to a storage, so that its address is not reused."""

    __slots__ = ("_cdata",)

    def __init__(self, storage: torch.UntypedStorage) -> None:
        self._cdata = storage._weak_ref()

    def __del__(self) -> None:
        torch.UntypedStorage._free_weak_ref(self._cdata)


class Recorder(TorchDispatchMode):
    """Records each call; asks `where` for the layer and the source line at that moment."""

    supports_higher_order_operators = True

    def __init__(
        self,
        ledger: TensorLedger,
        where: Callable[[], tuple[str, str | None]],
        quietly: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """`quietly` is entered around each call that is passed on."""
        super().__init__()
        self._quietly = quietly
        self.calls: list[OpCall] = []
        self.saw_subclass = False
        self._ledger = ledger
        self._where = where
        self._schemas: dict[object, Schema] = {}
        self._weights_transposed: set[int] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # the wrapper that torch would add only matters under torch.compile, and costs microseconds

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        schema = self._schemas.get(func)
        if schema is None:
            schema = self._schemas[func] = _read_schema(func)
        layer, source = self._where()
        inputs, names, arguments = self._read_arguments(schema, args, kwargs)
        before = {spec.storage for spec in inputs}
        result = _shape_alone(schema.aten, args, arguments)
        if result is None:
            with self._quietly():
                result = func(*args, **kwargs)
        outputs = self._read_outputs(result)
        written = tuple(i for i, name in enumerate(names) if name.partition(".")[0] in schema.written)
        if written and not outputs:  # in-place operators that return nothing: what they wrote is what they gave
            given = [*zip(schema.names, args, strict=False), *kwargs.items()]
            outputs = self._read_outputs([value for name, value in given if name in schema.written])
        is_view = self._is_view(schema.op, outputs, before) and (
            not written or schema.op in SHAPE_CHANGES or (schema.op in DROPOUTS and arguments.get("train") is False)
        )
        self.calls.append(
            OpCall(
                index=len(self.calls),
                op=self._name(schema.op, inputs, names, arguments),
                aten=schema.aten,
                layer=layer,
                source=source,
                inputs=inputs,
                input_names=names,
                outputs=outputs,
                arguments=arguments,
                written=written,
                is_view=is_view,
                backend=convolution_backend(args, arguments) if schema.aten == CONV2D else None,
            )
        )
        return result

    def _read_arguments(
        self, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[TensorSpec, ...], tuple[str, ...], dict[str, Argument]]:
        specs: list[TensorSpec] = []
        names: list[str] = []
        arguments: dict[str, Argument] = dict(schema.defaults)
        with_values = schema.op in INDEX_OPS
        for position, value in enumerate(args):
            name = schema.names[position] if position < len(schema.names) else f"arg{position}"
            self._read_one(name, value, with_values, specs, names, arguments)
        for name, value in kwargs.items():
            self._read_one(name, value, with_values, specs, names, arguments)
        return tuple(specs), tuple(names), arguments

    def _read_one(
        self,
        name: str,
        value: Any,
        with_values: bool,
        specs: list[TensorSpec],
        names: list[str],
        arguments: dict[str, Argument],
    ) -> None:
        if isinstance(value, torch.Tensor):
            if type(value) not in PLAIN_TENSORS:
                self.saw_subclass = True
            specs.append(self._ledger.spec(value, _index_values(value) if with_values else None))
            names.append(name)
            arguments.pop(name, None)
        elif isinstance(value, (list, tuple)) and any(isinstance(item, torch.Tensor) for item in value):
            arguments.pop(name, None)
            for i, item in enumerate(value):
                if isinstance(item, torch.Tensor):
                    self._read_one(f"{name}.{i}", item, with_values, specs, names, arguments)
        else:
            arguments[name] = _plain(value)

    def _read_outputs(self, result: Any) -> tuple[TensorSpec, ...]:
        if isinstance(result, torch.Tensor):
            self._ledger.renew(result)
            return (self._ledger.spec(result),)
        if isinstance(result, (list, tuple)):
            return tuple(spec for item in result for spec in self._read_outputs(item))
        return ()

    @staticmethod
    def _is_view(op: str, outputs: tuple[TensorSpec, ...], before: set[int]) -> bool:
        if op.startswith("profiler::"):  # record_function: a mark for profilers, with a tensor for a handle
            return True
        if not outputs:
            return op in QUERIES
        return all(spec.storage in before for spec in outputs)

    def _name(
        self, op: str, inputs: tuple[TensorSpec, ...], names: tuple[str, ...], arguments: dict[str, Argument]
    ) -> str:
        weight_rank = next((len(s.shape) for s, n in zip(inputs, names, strict=True) if n == "weight"), None)
        mat2 = next((s for s, n in zip(inputs, names, strict=True) if n == "mat2"), None)
        mat2_is_weight = mat2 is not None and mat2.role == "parameter" and mat2.strides[:1] == (1,)
        return call_name(op, arguments, weight_rank, mat2_is_weight)


CONV2D = "aten::conv2d"
"""With padding in numbers, as layers have it."""


def convolution_backend(args: tuple[Any, ...], arguments: dict[str, Argument]) -> str | None:
    """torch's own choice for this call, which depends on threads, images, type and kernel size.

    None on meta tensors, on other than dense batches of images, and where this torch does not tell: the function is not
    part of its public interface.
    """
    select = getattr(torch._C, "_select_conv_backend", None)
    tensors = [value for value in args if isinstance(value, torch.Tensor)]
    is_plain = all(type(one) in PLAIN_TENSORS and not one.is_meta and _has_storage(one) for one in tensors)
    if select is None or not is_plain or len(tensors) < 2 or tensors[0].dim() != 4:
        return None
    x, weight = tensors[:2]
    bias = tensors[2] if len(tensors) > 2 else None
    stride, padding, dilation = (arguments[name] for name in ("stride", "padding", "dilation"))
    backend = select(x, weight, bias, stride, padding, dilation, False, (0, 0), arguments["groups"], None)
    return str(backend.name)


PLAIN_TENSORS = (torch.Tensor, torch.nn.Parameter, torch.nn.Buffer)


def aten_name(func: Any) -> str:
    """As in `OpCall.aten`, of what a dispatch mode is handed."""
    schema = getattr(func, "_schema", None)
    if schema is None:  # a higher-order operator (flex_attention, cond): it has a name and no schema
        return str(func)
    return f"{schema.name}.{schema.overload_name}" if schema.overload_name else str(schema.name)


def _read_schema(func: Any) -> Schema:
    schema = getattr(func, "_schema", None)
    if schema is None:
        return Schema(aten_name(func), aten_name(func), (), (), ())
    names = tuple(argument_name(schema.name, argument.name) for argument in schema.arguments)
    defaults = tuple(
        (argument.name, _plain(argument.default_value))
        for argument in schema.arguments
        if argument.has_default_value()
    )
    written = tuple(a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write)
    return Schema(aten_name(func), base_name(schema.name), names, defaults, written)


def _shape_alone(aten: str, args: tuple[Any, ...], arguments: dict[str, Argument]) -> torch.Tensor | None:
    """The result on meta of eval-mode batch-norm, whose own meta kernel is a chain of some thirty Python references:
    most of the time of counting a network. The output is like the input, which a test compares with torch's."""
    if aten == "aten::batch_norm" and args and args[0].is_meta and arguments.get("training") is False:
        return torch.empty_like(args[0])
    return None


def _plain(value: Any) -> Argument:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(item if item is None or isinstance(item, (bool, int, float, str)) else str(item) for item in value)
    if isinstance(value, (torch.dtype, torch.memory_format, torch.layout)):
        return str(value)[6:]
    return str(value)


def _index_values(tensor: torch.Tensor) -> tuple[int, ...] | None:
    if tensor.is_meta or type(tensor) not in PLAIN_TENSORS:
        return None
    if tensor.dtype not in (torch.int64, torch.int32) or tensor.dim() != 1 or tensor.numel() > MAX_INDEX_VALUES:
        return None
    values: list[int] = tensor.tolist()
    return tuple(values)
