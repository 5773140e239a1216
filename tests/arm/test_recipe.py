"""What the userland is made of: conditions are decided for arm64, and each change of a recipe is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from arm.recipe import DebianRecipe, SiteRecipe, for_userland, site_recipe
from arm.selection import RUN

TESTS = Path(__file__).parents[1]


def test_conditions_are_those_of_arm64() -> None:
    lines = [
        'torch==2.14.1; sys_platform == "linux" and platform_machine == "x86_64"',
        'torch==2.9.1; sys_platform == "linux" and platform_machine == "aarch64"',
        'numpy==2.4.6; python_version >= "3.11"',
        'tomli; python_version < "3.11"',
        "pytest>=8",
    ]
    assert for_userland(lines) == ("torch==2.9.1", "numpy==2.4.6", "pytest>=8")


def test_the_projects_own_requirements_and_pins() -> None:
    recipe = site_recipe()
    wanted = {line.split(">")[0].split("=")[0] for line in recipe.requirements}
    assert {"torch", "numpy", "scipy", "msgspec", "fvcore", "pytest", "hypothesis", "pip"} <= wanted
    assert wanted.isdisjoint({"effprof", "effprof[zoo]", "ruff", "mypy"})
    assert [pin for pin in recipe.constraints if pin.startswith("torch==")] == ["torch==2.9.1"]
    assert not any(";" in line or "#" in line for line in (*recipe.requirements, *recipe.constraints))


def test_a_changed_recipe_has_another_digest() -> None:
    site = SiteRecipe(("torch>=2.9",), ("torch==2.9.1",))
    assert site.digest == SiteRecipe(("torch>=2.9",), ("torch==2.9.1",)).digest
    assert len({site.digest, *(replace(site, **{name: ("x",)}).digest for name in ("requirements", "platforms"))}) == 3
    assert replace(site, constraints=("torch==2.9.0",)).digest != site.digest
    assert replace(DebianRecipe(), packages=("python3",)).digest != DebianRecipe().digest


@pytest.mark.parametrize("path", RUN)
def test_what_runs_there_exists(path: str) -> None:
    assert (TESTS / path).exists(), "it was renamed: tests/arm/selection.py still has its old name"
