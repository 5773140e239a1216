"""The shape of the project: who may import whom, what stays torch-free, how large a file gets, what is shipped."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "effprof"
MAX_LINES = 400

# A room may import rooms of a lower level only.
LEVELS = {
    "call_records": 0,  # parts of `records`, which hands their names on
    "machine_records": 0,
    "device_records": 0,
    "errors": 1,
    "interrupts": 1,
    "records": 1,
    "units": 1,
    "foreign": 2,
    "cost": 2,
    "sensors": 2,
    "statistics": 2,
    "sweep_records": 2,
    "ceiling_records": 2,
    "advice_records": 2,
    "cliff_records": 2,
    "finding_records": 3,
    "store": 3,
    "analyze": 3,
    "capture": 3,
    "zoo": 3,
    "importers": 4,
    "guidelines": 4,
    "settings": 4,
    "calibrated": 4,
    "edits": 4,
    "tracing": 5,
    "findings": 5,
    "devices": 6,
    "compare": 7,
    "measure": 7,
    "bench": 8,
    "ceilings": 8,
    "latencies": 8,
    "report": 8,
    "remote": 9,
    "api": 9,
    "advise": 9,
    "commands": 10,
    "cli": 11,
    "run": 12,
    "__init__": 12,
    "__main__": 12,
}
# `from effprof import __version__` runs nothing that importing any room has not run already.
FREE_NAMES = {"__version__"}

TORCH = {"torch", "torchvision", "timm", "pytorchcv", "fvcore", "torchinfo"}
TORCH_FREE = {
    "call_records", "machine_records", "device_records", "errors", "records", "units", "cost", "sensors", "statistics",
    "sweep_records", "ceiling_records", "advice_records", "cliff_records", "finding_records", "store",
    "analyze", "importers", "guidelines", "calibrated", "findings", "compare", "latencies", "report", "remote",
    "commands", "cli", "run", "__init__", "__main__",
}
# Importing these is torch-free too; a function may import it.
TORCH_IN_FUNCTIONS = {"api", "zoo"}
HEAVY = ("torch", "numpy", "pandas", "matplotlib", "rich", "jinja2", "scipy")


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(node: ast.AST) -> list[str]:
    """Dotted names that a statement imports; `from effprof import store` gives `effprof.store`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def runtime_imports(node: ast.AST, inside_function: bool = False) -> Iterator[tuple[str, bool]]:
    """(dotted name, inside a function?) of every import below `node` that is carried out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        for name in imported(child):
            yield name, inside_function
        is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from runtime_imports(child, inside_function or is_function)


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", modules(), ids=ids)
def test_imports_go_one_way(path: Path) -> None:
    room = room_of(path)
    assert room in LEVELS, f"{room} is in no level: add it to LEVELS and to ARCHITECTURE.md"
    for node in ast.walk(ast.parse(path.read_text())):
        for name in imported(node):
            parts = name.split(".")
            if parts[0] == "effprof_models":
                pytest.fail("the zoo is found by importlib only")
            if parts[0] != "effprof" or parts[1] == room or parts[1] in FREE_NAMES:
                continue
            assert LEVELS.get(parts[1], 99) < LEVELS[room], f"{room} must not import {parts[1]}"


@pytest.mark.parametrize("path", modules(), ids=ids)
def test_torch_stays_where_it_belongs(path: Path) -> None:
    room = room_of(path)
    for name, inside_function in runtime_imports(ast.parse(path.read_text())):
        if name.split(".")[0] in TORCH:
            assert room not in TORCH_FREE, f"{room} must not import {name}"
            assert room not in TORCH_IN_FUNCTIONS or inside_function, f"{room} may import {name} in functions only"


@pytest.mark.parametrize("path", [*modules(), *sorted(ROOT.glob("models/**/*.py"))], ids=ids)
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


def loaded_after(code: str) -> set[str]:
    """Top-level modules that a fresh Python has loaded after running `code`."""
    script = f"import sys\n{code}\nprint('\\nLOADED', *sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.rpartition("LOADED")[2].split())


def test_importing_effprof_is_cheap() -> None:
    assert loaded_after("import effprof; dir(effprof); effprof.__version__").isdisjoint(HEAVY)


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["count", "--help"], ["--version"], ["rnu"]])
def test_help_and_usage_errors_are_cheap(words: list[str]) -> None:
    assert loaded_after(f"from effprof.cli import main; main({words!r})").isdisjoint(HEAVY)


@pytest.mark.parametrize("words", [["models"], ["models", "--json"], ["devices"], ["devices", "--json"]])
def test_listing_needs_no_torch(words: list[str]) -> None:
    assert "torch" not in loaded_after(f"from effprof.cli import main; assert main({words!r}) == 0")


def test_torch_free_rooms_bring_no_torch_along() -> None:
    names = []
    for path in modules():
        if room_of(path) in TORCH_FREE | TORCH_IN_FUNCTIONS and path.stem != "__main__":
            parts = path.relative_to(ROOT).with_suffix("").parts
            names.append(".".join(parts).removesuffix(".__init__"))
    loaded = loaded_after(f"import importlib\nfor name in {names!r}: importlib.import_module(name)")
    assert "effprof" in loaded
    assert loaded.isdisjoint(TORCH)


def test_every_package_is_listed_for_the_wheel() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {"effprof": PACKAGE, "effprof_models": ROOT / "models"}
    found = {
        ".".join((package, *init.parent.relative_to(folder).parts))
        for package, folder in folders.items()
        for init in folder.rglob("__init__.py")
    }
    assert set(settings["packages"]) == found, "add the new folder to tool.setuptools.packages in pyproject.toml"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that no build folder is left in the source tree."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source tree"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("effprof", "models"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = f"from setuptools import build_meta; build_meta.build_wheel({json.dumps(str(folder))})"
    subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, check=True)
    return next(folder.glob("effprof-*.whl"))


def test_the_wheel_holds_the_zoo_under_its_own_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    models = {f"effprof_models/{path.relative_to(ROOT / 'models').as_posix()}" for path in ROOT.glob("models/**/*.py")}
    assert "effprof_models/mobilenetv2.py" in names
    assert models <= names
    assert {ids(path) for path in modules()} | {"effprof/py.typed"} <= names
    assert {ids(path) for path in PACKAGE.rglob("*.csv")} <= names
    assert not {name for name in names if name.startswith(("models/", "tests/"))}


def test_the_wheel_works_beside_a_folder_called_models(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    hostile = tmp_path / "elsewhere" / "models"
    hostile.mkdir(parents=True)
    (hostile / "__init__.py").write_text("raise SystemExit('the wrong models')")
    code = f"import sys; sys.path.insert(0, {str(site)!r}); from effprof.cli import main; sys.exit(main(['models']))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=hostile.parent, capture_output=True, text=True, check=True)
    assert "mobilenetv2" in done.stdout
