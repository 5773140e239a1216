"""`effprof models`: the networks that --model knows; imports torch only where networks must be looked into."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from effprof.commands.listing import columns
from effprof.commands.stdout import json_text, write_out
from effprof.errors import EffprofError, UnavailableError
from effprof.records import RunSpec
from effprof.settings import one_of
from effprof.units import format_count, format_shape
from effprof.zoo.names import PROVIDERS

FORMAT = "effprof.models/1"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--provider",
        type=one_of("--provider", PROVIDERS),
        metavar="{" + ",".join(PROVIDERS) + "}",
        help="list the networks of an installed library instead",
    )
    parser.add_argument("--counts", action="store_true", help="also parameters and mult_adds (builds each network)")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    content: dict[str, Any] = {"format": FORMAT, "provider": args.provider or "zoo"}
    content["models"] = _provider_models(args.provider) if args.provider else _zoo_models()
    if args.counts:
        content["models"] = [model | _counts(model["name"]) for model in content["models"]]
    if args.provider is None:
        content["providers"] = [_provider_state(provider) for provider in PROVIDERS]
    write_out(json_text(content) if args.json else _as_text(content))
    return 0


def _zoo_models() -> list[dict[str, Any]]:
    from effprof.zoo import table

    return [asdict(entry) for entry in table()]


def _provider_models(provider: str) -> list[dict[str, Any]]:
    from effprof.zoo import provider_names

    return [{"name": f"{provider}:{name}"} for name in provider_names(provider)]


def _counts(name: str) -> dict[str, Any]:
    """Parameters and mult_adds, or None and why: one network that cannot be counted must not hide the others."""
    from effprof.api import count_named

    try:
        report = count_named(RunSpec(model=name))
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


def _as_text(content: dict[str, Any]) -> str:
    models = content["models"]
    # Not every list knows everything: a column is shown where there is something in it.
    shown = [field for field in _COLUMNS if any(field in model for model in models)]
    text = columns(
        [_COLUMNS[field][0] for field in shown],
        [[_COLUMNS[field][1](model[field]) for field in shown] for model in models],
    )
    if content["provider"] == "zoo":
        text += "\nAlso, as --model LIBRARY:NAME:\n" + "".join(map(_provider_line, content["providers"]))
    return text


def _provider_line(state: dict[str, Any]) -> str:
    provider = state["provider"]
    return f"  {provider}: {state['reason'] or f'installed; `effprof models --provider {provider}` lists them'}\n"


# Field -> (heading, how a value is shown); the longest comes last, where it may be cut.
_COLUMNS: dict[str, tuple[str, Any]] = {
    "name": ("name", str),
    "year": ("year", str),
    "family": ("family", str),
    "input_shape": ("input", format_shape),
    "parameters": ("parameters", format_count),
    "mult_adds": ("mult_adds", format_count),
    "paper": ("paper", str),
}
