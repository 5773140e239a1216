"""A table's names of networks, in effprof's spelling; no torch."""

from __future__ import annotations

from functools import cache

from effprof import zoo
from effprof.errors import UnknownNameError
from effprof.zoo.names import Kind


def known_name(model: str) -> str:
    """A table's name as effprof spells it: see `full_name`.

    Raises UnknownNameError for what could only be somebody's code, UnavailableError for a library that is not here.
    """
    name = full_name(model)
    kind = zoo.split_source(name).kind
    if kind is Kind.PROVIDER:
        zoo.check_name(name)
    elif kind is not Kind.ZOO:
        libraries = ", ".join(f"{library}:NAME" for library in zoo.PROVIDERS)
        raise UnknownNameError(f"a table may name networks of the zoo, {libraries}")
    return name


def full_name(model: str) -> str:
    """One spelling of each network: the zoo's own name, also for its aliases, else torchvision's, with the library.

    What could only be somebody's code stays as it is.
    """
    if zoo.split_source(model).kind is not Kind.ZOO:
        return model
    return _own_names().get(model, f"torchvision:{model}")


def group_of(model: str) -> str:
    """One name for a network, whichever library it is from: work and bytes are the same, so a fit that saw one of
    them has seen all."""
    return zoo.split_source(full_name(model)).name


@cache
def _own_names() -> dict[str, str]:
    """The zoo's name by name and alias."""
    return {name: entry.name for entry in zoo.table() for name in (entry.name, *entry.aliases)}
