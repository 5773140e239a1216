"""The user's own code: what works, and one line for all that can go wrong."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from effprof import zoo
from effprof.errors import EffprofError, ModelError

Message = Callable[[type[EffprofError], str], str]
Python = Callable[[str], str]
Write = Callable[..., str]


NET = """
    import torch
    from torch import nn
    made_at_import = torch.zeros(1)
    class Net(nn.Sequential):
        def __init__(self, width: int = 4):
            super().__init__(nn.Linear(width, 2))
    def build():
        return Net(8)
    def wide(width, depth=1):
        return Net(width)
    instance = Net()
"""


def test_function_and_class_in_a_file(write: Write) -> None:
    path = write(NET)
    loaded = zoo.load(f"{path}:build")
    assert (loaded.name, loaded.source, loaded.input_shapes) == ("net.py:build", "net.py:build", ((3, 224, 224),))
    assert loaded.module[0].in_features == 8
    assert zoo.load(f"{path}:Net").module[0].in_features == 4


def test_build_on_meta_leaves_imports_alone(write: Write) -> None:
    module = zoo.load(f"{write(NET)}:Net", build_on="meta").module
    assert module[0].weight.is_meta
    assert not sys.modules[type(module).__module__].made_at_import.is_meta


def test_called_once(write: Write) -> None:
    path = write("""
        from torch import nn
        calls = []
        def build():
            calls.append(1)
            return nn.Linear(len(calls), 1)
    """)
    assert zoo.load(f"{path}:build").module.in_features == 1


def test_a_file_may_import_its_neighbours(write: Write) -> None:
    write("from torch import nn\n\ndef part():\n    return nn.ReLU()\n", "sub/neighbour_of_net.py")
    path = write("from neighbour_of_net import part as build\n", "sub/net.py")
    before = list(sys.path)
    assert isinstance(zoo.load(f"{path}:build").module, nn.ReLU)
    assert sys.path == before


def test_two_files_of_one_name(write: Write) -> None:
    for size in (1, 2):
        write(f"from torch import nn\ndef build():\n    return nn.Linear({size}, 1)\n", f"{size}/net.py")
    assert zoo.load("1/net.py:build").module.in_features == 1
    assert zoo.load("2/net.py:build").module.in_features == 2


def test_module_on_the_path_and_in_the_current_directory(write: Write) -> None:
    assert isinstance(zoo.load("torch.nn:ReLU").module, nn.ReLU)
    write(NET, "my_test_nets/small.py")
    assert zoo.load("my_test_nets.small:build").module[0].in_features == 8


def test_our_future_imports_do_not_hold_in_the_users_file(write: Write) -> None:
    path = write("""
        from torch import nn
        class Net(nn.ReLU):
            size: int = 3
        assert Net.__annotations__["size"] is int
    """)
    assert zoo.load(f"{path}:Net").module.size == 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("net.py", "'net.py' does not say what to call: write net.py:NAME, where NAME() gives the network."),
        ("net.py:", "'net.py' does not say what to call: write net.py:NAME"),
        ("nett.py:build", "No file 'nett.py'. Did you mean net.py?"),
        ("sub:build", "No module 'sub' to import."),
        ("./sub:build", "No file './sub'."),
        ("net.py:biuld", "net.py has no 'biuld'. Did you mean build?"),
        ("net.py:qqqq", "net.py has no 'qqqq'. It defines Net, build, wide."),
        ("net.py:wide", "net.py:wide needs arguments (width); name a callable that needs none."),
        ("net.py:instance", "net.py:instance is a network already; name a callable that gives it, like its class."),
        ("net.py:made_at_import", "net.py:made_at_import is of type Tensor, which cannot be called"),
        ("torchvison:resnet18", "Did you mean torchvision"),
        ("torch.no_such_part:Net", "No module 'torch.no_such_part' ('torch.no_such_part' was asked for)."),
        ("bad name:Net", "No module 'bad name' to import."),
    ],
)
def test_what_is_missing_is_said(write: Write, given: str, expected: str) -> None:
    write(NET)
    with pytest.raises(EffprofError) as caught:
        zoo.load(given)
    assert expected in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_folder_is_no_file(write: Write, tmp_path: Path, message: Message) -> None:
    write(NET)
    (tmp_path / "dir.py").mkdir()
    assert message(ModelError, "dir.py:build") == "'dir.py' is a folder; a Python file is needed."


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x = 1\ndef build(:\n    pass\n", "net.py:2: SyntaxError: "),
        ("x = 1\n  y = 2\n", "net.py:2: IndentationError: "),
        ("x = 1\nimport no_such_library\n", "ModuleNotFoundError: No module named 'no_such_library' (net.py:2)."),
        ("from torch import no_such_name\n", "ImportError: cannot import name 'no_such_name' from 'torch'"),
        ("\n\n1 / 0\n", "net.py raised ZeroDivisionError: division by zero (net.py:3)."),
        ("def build():\n    raise ValueError('bad\\nwidth\\x1b[31m')\n", "net.py:build raised ValueError: bad width"),
        ("def build():\n    raise no_such_name\n", "NameError"),
        ("class E(Exception):\n    def __str__(self): 1 / 0\ndef build(): raise E\n", "its text cannot be shown"),
        ("def build(): return build()\n", "RecursionError"),
        ("from torch import nn\ndef build():\n    return nn.Linear('a', 1)\n", "(net.py:3)."),
        ("def build(): raise ValueError('x' * 9999)\n", "xxx... (net.py:1)."),
        ("import sys\nsys.exit(3)\n", "net.py called sys.exit(3) (net.py:2); it must give a network."),
        ("import os\ndef build(): os._exit(0)\n", "net.py:build called os._exit (net.py:2); it must give a network."),
        ("import posix\ndef build(): posix._exit(0)\n", "net.py:build called os._exit (net.py:2)"),
        ("import os\nos.abort()\n", "net.py called os.abort (net.py:2)"),
        ("import os\ntry:\n    os._exit(1)\nexcept Exception:\n    pass\n", "net.py called os._exit (net.py:3)"),
        ("def build(): return None\n", "net.py:build gave None, not an nn.Module."),
        ("def build(): return {}\n", "net.py:build gave an object of type dict, not an nn.Module."),
        ("from torch import nn\ndef build(): return nn.ReLU\n", "gave the class ReLU instead of an object of it"),
    ],
)
def test_code_that_fails_is_explained_in_a_line(write: Write, body: str, expected: str, message: Message) -> None:
    path = write(body)
    before = (list(sys.path), os._exit, os.abort, sys.modules[os.name]._exit, sys.modules[os.name].abort)
    assert expected in message(ModelError, f"{path}:build")
    assert before == (list(sys.path), os._exit, os.abort, sys.modules[os.name]._exit, sys.modules[os.name].abort)


def test_a_file_that_is_not_text(write: Write, tmp_path: Path, message: Message) -> None:
    write(NET)
    for content in (b"\x00\x01\x02", b"\xff\xfe\xfa\n", b"x = '\xff'\n"):
        (tmp_path / "net.py").write_bytes(content)
        assert message(ModelError, "net.py:build").startswith("net.py")


def test_ctrl_c_is_not_explained_away(write: Write) -> None:
    path = write("def build(): raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        zoo.load(f"{path}:build")


def test_a_forked_child_may_still_end(python: Python) -> None:
    code = """
        import os
        from effprof.foreign import explained
        with explained("net.py"):
            child = os.fork()
            if child == 0:
                os._exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert python(code).strip() == "7"


def test_an_exit_kept_from_loading_works_afterwards(python: Python) -> None:
    code = """
        from effprof.foreign import explained
        with explained("net.py"):
            from os import _exit
        print("loaded", flush=True)
        _exit(0)
        print("still here")
    """
    assert python(code).strip() == "loaded"


def scripted(module: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit.script is deprecated
        return torch.jit.script(module)


def compiled_in_place() -> nn.Module:
    module = nn.ReLU()
    module.compile()
    return module


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: scripted(nn.ReLU()), "gave a ScriptModule, whose operators cannot be told apart; pass the Python"),
        (lambda: nn.Sequential(nn.ReLU(), scripted(nn.ReLU())), "with, at '1', a ScriptModule"),
        (lambda: torch.compile(nn.ReLU()), "gave a compiled module"),
        (compiled_in_place, "compiled by .compile(); pass it without that call"),
        (lambda: nn.Sequential(compiled_in_place()), "compiled at '0' by .compile()"),
        (lambda: torch.export.export(nn.ReLU(), (torch.ones(2),)), "gave an exported program; pass the network"),
    ],
    ids=["scripted", "scripted part", "compiled", "compiled in place", "compiled part", "exported"],
)
def test_networks_that_cannot_be_taken_apart(make: Callable[[], object], expected: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing the compiler and the exporter warns on some versions
        made = make()
    with pytest.raises(ModelError) as caught:
        zoo.require_eager(made, "net.py:build")
    assert expected.replace("; pass the network", "") in str(caught.value)
    assert "pass" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_eager_network_is_given_back() -> None:
    module = nn.Sequential(nn.ReLU())
    assert zoo.require_eager(module, "x") is module
