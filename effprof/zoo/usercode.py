"""Networks from the user's own code: `path/to/file.py:callable` and `package.module:callable`."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import itertools
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from effprof.errors import ModelError, UnknownNameError, UsageError
from effprof.foreign import describe, explained, first_on_path, one_line
from effprof.zoo.names import PROVIDERS, Kind, Source, did_you_mean

if TYPE_CHECKING:
    from torch import nn

WORKING_DIRECTORY = ""
"""As an entry of sys.path."""

NOT_EAGER = {
    "torch.jit._script.ScriptModule": ("a ScriptModule", "the Python network it was made from"),
    "torch.jit.ScriptFunction": ("a scripted function", "the Python network it was made from"),
    "torch._dynamo.eval_frame.OptimizedModule": ("a compiled module", "the network that went into torch.compile"),
    "torch.export.exported_program.ExportedProgram": ("an exported program", "the network it was exported from"),
}
"""By full type name, so that knowing these types does not need their (slow) imports."""

_file_numbers = itertools.count(1)


def check(source: Source) -> None:
    """What can be said about the source before running it.

    Raises:
        UsageError: no callable named. ModelError: no such file, or it is not Python. UnknownNameError: no such module.
    """
    if not source.name:
        where = one_line(source.where)
        raise UsageError(f"{where!r} does not say what to call: write {where}:NAME, where NAME() gives the network.")
    if source.kind is Kind.FILE:
        _check_file(source.where)
    else:
        _check_module(source.where)


def _check_file(where: str) -> None:
    path = Path(where)
    if path.is_dir():
        raise ModelError(f"{where!r} is a folder; a Python file is needed.")
    if not path.is_file():
        siblings = (str(file) for file in path.parent.glob("*.py"))
        raise ModelError(f"No file {where!r}.{did_you_mean(str(path), siblings)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler's warnings come when the file is run
        _compile(path)


def _compile(path: Path) -> Any:
    shown = one_line(str(path))
    try:
        # dont_inherit: or this module's own __future__ import would hold in the user's file
        return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        place = f"{shown}:{error.lineno}" if error.lineno else shown
        raise ModelError(f"{place}: {type(error).__name__}: {error.msg}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ModelError(f"{shown} is not Python: {error}.") from error
    except OSError as error:
        raise ModelError(f"{shown} cannot be read: {error.strerror}.") from error


def _check_module(where: str) -> None:
    """Only the topmost package: finding a module inside would run the package."""
    top = where.partition(".")[0]
    with first_on_path(WORKING_DIRECTORY):
        importlib.invalidate_caches()
        known = all(part.isidentifier() for part in where.split(".")) and _is_importable(top)
    if not known:
        raise UnknownNameError(
            f"No module {where!r} to import.{did_you_mean(where, PROVIDERS)} Before the colon stands one of "
            f"{', '.join(PROVIDERS)}, path/to/file.py or package.module."
        )


def _is_importable(top: str) -> bool:
    try:
        return importlib.util.find_spec(top) is not None
    except ValueError:  # loaded without a spec (`__main__`)
        return top in sys.modules


def load(source: Source, build_context: AbstractContextManager[Any]) -> nn.Module:
    """Import the file or module, call the callable once inside `build_context` and check what it gives.

    A file is imported under a name of its own, with its folder on sys.path meanwhile.

    Raises:
        ModelError: it cannot be imported, has no such callable, needs arguments, raises, ends the process, or gives
            something that is not an eager nn.Module.
    """
    is_file = source.kind is Kind.FILE
    folder = str(Path(source.where).resolve().parent) if is_file else WORKING_DIRECTORY
    shown = one_line(source.where)
    label = f"{shown}:{one_line(source.name)}"
    with first_on_path(folder):
        with explained(shown):
            module = _import_file(Path(source.where)) if is_file else _import_module(source.where)
        with explained(label):
            build = _find_callable(module, shown, source.name)
            with build_context:
                value = build()
    return require_eager(value, label)


def _import_file(path: Path) -> ModuleType:
    # not `effprof...`: source lines are reported for the frames that are not effprof's
    name = f"_model_file_{next(_file_numbers)}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None:  # no .py at the end
        raise ModelError(f"{str(path)!r} is not a Python file: its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and pickle look
    exec(_compile(path.resolve()), module.__dict__)
    return module


def _import_module(where: str) -> ModuleType:
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name and (where == error.name or where.startswith(error.name + ".")):
            raise ModelError(f"No module {error.name!r} ({where!r} was asked for).") from error
        raise ModelError(f"{where} cannot be imported: {describe(error)}.") from error


def _find_callable(module: ModuleType, where: str, name: str) -> Callable[[], object]:
    from torch import nn

    label = f"{where}:{one_line(name)}"
    missing = object()
    build = getattr(module, name, missing)
    if build is missing:
        raise ModelError(f"{where} has no {name!r}.{_what_is_there(module, name)}")
    if isinstance(build, nn.Module):
        raise ModelError(f"{label} is a network already; name a callable that gives it, like its class.")
    if not callable(build):
        raise ModelError(
            f"{label} is of type {type(build).__name__}, which cannot be called; a function or class is needed."
        )
    needed = _required_arguments(build)
    if needed:
        raise ModelError(f"{label} needs arguments ({', '.join(needed)}); name a callable that needs none.")
    return build


def _what_is_there(module: ModuleType, name: str) -> str:
    """The near names, else the functions and classes that the module itself defines."""
    public = {key: value for key, value in vars(module).items() if callable(value) and not key.startswith("_")}
    own = [
        key
        for key, value in public.items()
        if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__ == module.__name__
    ]
    return did_you_mean(name, public) or (f" It defines {', '.join(own[:5])}." if own else "")


def _required_arguments(build: Callable[..., object]) -> list[str]:
    try:
        parameters = inspect.signature(build).parameters.values()
    except (TypeError, ValueError):  # some built-in callables do not tell
        return []
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in parameters if one.default is one.empty and one.kind not in variadic]


def require_eager(value: object, label: str) -> nn.Module:
    """`value`, if it is a network whose operators run one by one.

    Raises:
        ModelError: it is no nn.Module, or scripted, compiled or exported, as a whole or in a part; says what to pass.
    """
    from torch import nn
    from torch.nn.parameter import is_lazy

    _refuse_not_eager(value, f"{label} gave")
    if not isinstance(value, nn.Module):
        raise ModelError(f"{label} gave {_kind_of(value)}, not an nn.Module.")
    for path, part in value.named_modules():
        _refuse_not_eager(part, f"{label} gave a network with, at {path!r},")
        if any(is_lazy(tensor) for tensor in (*part._parameters.values(), *part._buffers.values())):
            raise ModelError(f"{label} gave a lazy network that has no weights yet, at {path!r}; run it once first.")
        if getattr(part, "_compiled_call_impl", None) is not None:
            where = f"at {path!r} " if path else ""
            raise ModelError(f"{label} gave a network compiled {where}by .compile(); pass it without that call.")
    return value


def _refuse_not_eager(value: object, found: str) -> None:
    for ancestor in type(value).__mro__:
        if entry := NOT_EAGER.get(f"{ancestor.__module__}.{ancestor.__qualname__}"):
            what, instead = entry
            raise ModelError(f"{found} {what}, whose operators cannot be told apart; pass {instead}.")


def _kind_of(value: object) -> str:
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__} instead of an object of it"
    return f"an object of type {type(value).__name__}"
