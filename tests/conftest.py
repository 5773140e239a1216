"""The one option of the whole suite, and what it insists on (pytest reads these only from the root)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from required import missing


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden/ from the present output")


def pytest_configure() -> None:
    if lines := list(missing(os.environ)):
        raise pytest.UsageError("; ".join(lines))


@pytest.fixture(autouse=True, scope="session")
def nobodys_calibration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What this machine was calibrated with is no part of a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFPROF_DATA_HOME", str(tmp_path_factory.mktemp("data-home")))
        yield
