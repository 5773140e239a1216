"""A network's file is found from its name, says what it is about, and stays short."""

from __future__ import annotations

import ast
import re
from itertools import groupby
from pathlib import Path

import pytest

from effprof import zoo

FOLDER = Path(__file__).parents[2] / "models"
FILES = sorted(FOLDER.glob("*.py"))
SHARED = {"__init__", "network", "table", "counts", "blocks"}
PACKAGE = zoo.own.package()
MAX_LINES = 200

CIFAR = re.compile(r"highway\d+|pyramidnet110_.+")
AT_299 = {"inception_v3", "inception_resnet_v2", "xception"}


def file_of(network: object) -> str:
    return str(network.builder).partition(":")[0]  # type: ignore[attr-defined]


def relative_imports(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and node.level}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("network", PACKAGE.NETWORKS, ids=lambda network: network.name)
def test_a_network_is_in_the_file_that_its_name_starts_with(network: object) -> None:
    stems = [path.stem for path in FILES if network.name.startswith(path.stem)]  # type: ignore[attr-defined]
    assert file_of(network) == max(stems, key=len), "and no other file fits better"


def test_every_file_has_networks_or_blocks_that_several_share() -> None:
    with_networks = {file_of(network) for network in PACKAGE.NETWORKS}
    imports = {stem: relative_imports(FOLDER / f"{stem}.py") for stem in with_networks}
    for stem in {path.stem for path in FILES} - SHARED - with_networks:
        assert sum(stem in imported for imported in imports.values()) >= 2, f"nothing needs {stem}.py"


@pytest.mark.parametrize("stem", sorted({file_of(network) for network in PACKAGE.NETWORKS}))
def test_a_file_names_its_paper_and_the_year(stem: str) -> None:
    docstring = ast.get_docstring(ast.parse((FOLDER / f"{stem}.py").read_text(encoding="utf-8"))) or ""
    first, _, rest = docstring.partition("\n\n")
    papers = {network.paper for network in PACKAGE.NETWORKS if file_of(network) == stem}
    for paper in papers:
        authors, _, title = paper.citation.partition(", ")
        assert authors in first
        assert str(paper.year) in first
        assert " ".join(title.rpartition(": ")[2].split()[:3]) in first
    assert rest.count(". ") + rest.count(".\n") + rest.endswith(".") >= 2, "the idea in two sentences"


def test_names_are_unique_and_a_family_name_is_one_of_its_networks() -> None:
    names = [network.name for network in PACKAGE.NETWORKS]
    assert len(set(names)) == len(names)
    assert not set(names) & PACKAGE.ALIASES.keys()
    for alias, name in PACKAGE.ALIASES.items():
        assert name in names
        assert name.startswith(alias)
    for stem in {file_of(network) for network in PACKAGE.NETWORKS}:
        assert stem in names or stem in PACKAGE.ALIASES, f"{stem} stands for no network"


def test_the_table_goes_through_the_surveys_families_in_order() -> None:
    in_order = [family for family, _ in groupby(network.paper.family for network in PACKAGE.NETWORKS)]
    assert in_order == list(PACKAGE.FAMILIES)


@pytest.mark.parametrize("entry", zoo.table(), ids=lambda entry: entry.name)
def test_default_inputs(entry: zoo.ZooEntry) -> None:
    if entry.name == "lenet5":
        assert entry.input_shape == (1, 32, 32)
    else:
        size = 32 if CIFAR.fullmatch(entry.name) else 299 if entry.name in AT_299 else 224
        assert entry.input_shape == (3, size, size)
