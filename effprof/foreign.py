"""Running somebody else's code so that whatever it does comes back as one line."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from effprof.errors import EffprofError, ModelError

LONGEST_TEXT = 300


class _ExitCalled(BaseException):
    """Not an Exception, so that the code that wanted to end the process does not catch it by accident."""


@contextlib.contextmanager
def explained(who: str) -> Iterator[None]:
    """Turn what is raised inside into a ModelError that starts with `who`; let our own errors and Ctrl-C pass.

    Calls that would end the process at once (`os._exit`, `os.abort`) raise while inside. Warnings of things that will
    change some day are not for whoever measures somebody's network.
    """
    try:
        with exits_raise(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            yield
    except (EffprofError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise ModelError(f"{who} called sys.exit({_text(error)}){place(error)}; it must give a network.") from error
    except _ExitCalled as error:
        raise ModelError(f"{who} called {error}{place(error)}; it must give a network.") from error
    except BaseException as error:
        raise ModelError(f"{who} raised {describe(error)}.") from error


def describe(error: BaseException) -> str:
    """Type, text and place of an exception on one line: `ValueError: bad width (net.py:12)`."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {one_line(error.msg)} ({Path(error.filename).name}:{error.lineno})"
    text = _text(error)
    return f"{type(error).__name__}{': ' if text else ''}{text}{place(error)}"


def place(error: BaseException) -> str:
    """` (net.py:12)`: the innermost line on the way to `error` that is not Python's machinery, torch's or ours."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_foreign(frame.filename)]
    return f" ({one_line(Path(frames[-1].filename).name)}:{frames[-1].lineno})" if frames else ""


def _is_foreign(filename: str) -> bool:
    torch = sys.modules.get("torch")
    torch_file = getattr(torch, "__file__", None)
    at_home = [Path(__file__).parent, *([Path(torch_file).parent] if torch_file else [])]
    machinery = filename.startswith("<frozen") or filename == contextlib.__file__
    return not machinery and not any(Path(filename).is_relative_to(folder) for folder in at_home)


def one_line(text: str) -> str:
    """`text` without line breaks and control characters, and not too long."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(printable.split())
    return line if len(line) <= LONGEST_TEXT else line[:LONGEST_TEXT] + "..."


def _text(error: BaseException) -> str:
    try:
        return one_line(str(error).rstrip("."))
    except Exception as second:  # a __str__ of somebody else's may do anything
        return f"(its text cannot be shown: {type(second).__name__})"


@contextlib.contextmanager
def exits_raise() -> Iterator[None]:
    """Let `os._exit` and `os.abort` raise, in `os` and in the module it takes them from."""
    loading_process, is_over = os.getpid(), False

    def is_loading() -> bool:
        # a forked child must be able to end, and so must code that kept a stand-in when loading is over
        return not is_over and os.getpid() == loading_process

    places = [(owner, name) for owner in (os, importlib.import_module(os.name)) for name in ("_exit", "abort")]
    originals = [getattr(owner, name) for owner, name in places]
    for (owner, name), original in zip(places, originals, strict=True):
        setattr(owner, name, _raising(f"os.{name}", original, is_loading))
    try:
        yield
    finally:
        is_over = True
        for (owner, name), original in zip(places, originals, strict=True):
            setattr(owner, name, original)


def _raising(name: str, original: Callable[..., NoReturn], is_loading: Callable[[], bool]) -> Callable[..., NoReturn]:
    def stand_in(*arguments: Any) -> NoReturn:
        if is_loading():
            raise _ExitCalled(name)
        original(*arguments)

    return stand_in


@contextlib.contextmanager
def first_on_path(folder: str) -> Iterator[None]:
    """Put `folder` first on sys.path, as Python does for a script's folder, and take it out again."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
