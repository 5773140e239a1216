"""Our own networks: where the package is and what its table lists.

The folder `models/` is installed as `effprof_models`. It is found beside this package and nowhere else, so that a
folder of the same name in the current directory is never taken for it.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from effprof.errors import UnavailableError, UnknownNameError
from effprof.zoo.names import did_you_mean

PACKAGE = "effprof_models"


@dataclass(frozen=True)
class ZooEntry:
    """One network of the zoo, as far as it is known without building it."""

    name: str
    family: str
    paper: str
    year: int
    input_shape: tuple[int, ...]
    """Without the batch axis."""
    aliases: tuple[str, ...]
    """Other names that `--model` takes for it."""
    parameters: int | None
    mult_adds: int | None
    """For one image of the default size; None where the zoo's table of counts lacks the network."""


def package() -> ModuleType:
    """The package `effprof_models`, imported (no torch).

    Raises:
        UnavailableError: effprof was installed without it.
    """
    init = _init_file(Path(__file__).resolve().parents[2])
    loaded = sys.modules.get(PACKAGE)
    if loaded is not None and Path(loaded.__file__ or "").resolve() == init:
        return loaded
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]  # somebody else's, by the same name
    spec = importlib.util.spec_from_file_location(PACKAGE, init, submodule_search_locations=[str(init.parent)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)
    return module


def _init_file(root: Path) -> Path:
    """`root` is the folder that holds `effprof/`: site-packages, or a source tree."""
    installed = root / PACKAGE / "__init__.py"
    if installed.is_file():
        return installed
    source_tree = root / "models" / "__init__.py"
    # site-packages may hold somebody's `models` too, but no pyproject.toml
    if source_tree.is_file() and (root / "pyproject.toml").is_file():
        return source_tree
    raise UnavailableError(f"The zoo ({PACKAGE}) is not installed beside effprof: reinstall effprof.")


def table() -> tuple[ZooEntry, ...]:
    """The zoo's networks, in the order of its table; imports no torch."""
    zoo = package()
    return tuple(
        ZooEntry(
            network.name,
            network.paper.family,
            network.paper.citation,
            network.paper.year,
            network.input_shape,
            tuple(alias for alias, name in zoo.ALIASES.items() if name == network.name),
            *zoo.COUNTS.get(network.name, (None, None)),
        )
        for network in zoo.NETWORKS
    )


def find(name: str) -> Any:
    """The zoo's `Network` of that name or alias.

    Raises:
        UnknownNameError: there is none; says which is near.
    """
    zoo = package()
    networks = {network.name: network for network in zoo.NETWORKS}
    networks |= {alias: networks[target] for alias, target in zoo.ALIASES.items()}
    if name not in networks:
        raise UnknownNameError(f"No model named {name!r}.{did_you_mean(name, networks)} `effprof models` lists them.")
    return networks[name]
