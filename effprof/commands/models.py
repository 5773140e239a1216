"""`effprof models`: the networks that --model knows; imports torch only where networks must be looked into."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from textwrap import shorten
from typing import Any

from effprof.commands.listing import columns, fitted, terminal_width
from effprof.commands.stdout import json_text, write_out
from effprof.errors import EffprofError, UnavailableError
from effprof.records import RunSpec
from effprof.report.untrusted import printable
from effprof.settings import one_of
from effprof.units import format_count, format_shape
from effprof.zoo.names import PROVIDERS

FORMAT = "effprof.models/1"

Model = dict[str, Any]

_COUNTS = ("parameters", "mult_adds")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--provider",
        type=one_of("--provider", PROVIDERS),
        metavar="{" + ",".join(PROVIDERS) + "}",
        help="list the networks of an installed library instead",
    )
    parser.add_argument(
        "--counts", action="store_true", help="also a library's parameters and mult_adds (builds each network)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    content: dict[str, Any] = {"format": FORMAT, "provider": args.provider or "zoo"}
    content["models"] = _provider_models(args.provider) if args.provider else _zoo_models()
    if args.counts:
        content["models"] = [model | _counts(model) for model in content["models"]]
    if args.provider is None:
        content["providers"] = [_provider_state(provider) for provider in PROVIDERS]
    write_out(json_text(content) if args.json else fitted(_as_text(content)))
    return 0


def _zoo_models() -> list[Model]:
    from effprof.zoo import table

    return [asdict(entry) for entry in table()]


def _provider_models(provider: str) -> list[Model]:
    from effprof.zoo import provider_names

    return [{"name": f"{provider}:{name}"} for name in provider_names(provider)]


def _counts(model: Model) -> Model:
    """Parameters and mult_adds, or None and why: one network that cannot be counted must not hide the others."""
    if model.get("mult_adds") is not None:
        return {"reason": None}  # the zoo's are known
    from effprof.api import count_named

    try:
        report = count_named(RunSpec(model=model["name"]))
    except EffprofError as error:
        return {"parameters": None, "mult_adds": None, "reason": str(error)}
    parameters, mult_adds = report.profile.model.parameters, report.analysis.totals.mult_adds
    return {"parameters": parameters, "mult_adds": mult_adds, "reason": None}


def _provider_state(provider: str) -> dict[str, Any]:
    """Whether `PROVIDER:NAME` works here, and why not; judged without importing the library."""
    from effprof.zoo import check_name

    try:
        check_name(f"{provider}:any")
    except UnavailableError as error:
        return {"provider": provider, "available": False, "reason": str(error)}
    return {"provider": provider, "available": True, "reason": None}


# ------------------------------------------------------------------------------------------------------------ as text


def _as_text(content: dict[str, Any]) -> Iterator[str]:
    models = content["models"]
    if content["provider"] != "zoo":
        yield from _plain(models)
        return
    yield from _by_family(models)
    yield f"{len(models)} networks, random weights; mult_adds are for one image, flops are twice that."
    yield ""
    yield "Also, as --model LIBRARY:NAME:"
    for state in content["providers"]:
        hint = f"installed; `effprof models --provider {state['provider']}` lists them"
        yield f"  {state['provider']}: {state['reason'] or hint}"


def _plain(models: Sequence[Model]) -> list[str]:
    rows = [("name", *_COUNTS), *((printable(model["name"]), *_count_cells(model)) for model in models)]
    counted = any("mult_adds" in model for model in models)
    return columns(rows if counted else [row[:1] for row in rows], right={1, 2})


def _by_family(models: Sequence[Model]) -> Iterator[str]:
    """A table for each of the survey's families, all with the same columns; a paper stands above its networks."""
    rows: list[tuple[str, ...]] = []
    above: dict[int, str] = {}  # what comes before a row
    title_width = max(40, terminal_width() - 6)
    for family, members in groupby(models, key=lambda model: model["family"]):
        above[len(rows)] = ""
        rows.append((family.upper(), "input", *_COUNTS, "also called"))
        for (year, paper), networks in groupby(members, key=lambda model: (model["year"], model["paper"])):
            above[len(rows)] = f"{year}  {shorten(paper, title_width, placeholder=' …')}"
            rows += [_cells(network) for network in networks]
    for place, line in enumerate(columns(rows, right={2, 3})):
        if place > 0 and place in above:
            yield above[place]
        yield line
    yield ""


def _cells(model: Model) -> tuple[str, ...]:
    aliases = ", ".join(model["aliases"])
    return (f"      {model['name']}", format_shape(model["input_shape"]), *_count_cells(model), aliases)


def _count_cells(model: Model) -> list[str]:
    return [format_count(model.get(count)) for count in _COUNTS]
