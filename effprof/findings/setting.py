"""How the network is run: layout, threads, allocator, precision."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from effprof.analyze.notes import MAX_PAGE_FAULTS
from effprof.analyze.roofline import KINDS
from effprof.findings.drafting import Draft, share_text
from effprof.findings.network import Network, time_of
from effprof.records import Category, CostedOp
from effprof.units import format_seconds

MUCH_CONVOLUTION = 0.3
"""Of the latency, from which the layout of convolutions can matter."""
SHORT_CALL_S = 50e-6
"""Waking other threads and waiting for the last of them takes 5 to 20 µs: much of a call as short as this."""
MUCH_IN_SHORT_CALLS = 0.5
"""Of the latency."""


def drafts(network: Network) -> Iterator[Draft]:
    if network.profile.device is None or network.profile.device.kind == "cuda":
        return
    yield from _layout(network)
    yield from _threads(network)
    yield from _allocator(network)
    yield from _precision(network)


def _layout(network: Network) -> Iterator[Draft]:
    # wherever their time is counted
    convolutions = [op for op in network.working() if op.kind in KINDS and _gives_nchw(op)]
    spent_s = time_of(convolutions)
    if spent_s >= MUCH_CONVOLUTION * network.whole:
        text = f"Convolutions take {share_text(spent_s, network.whole)} of the {network.whole_name} in NCHW order."
        edit = "Try channels_last: convolutions of this device may be faster on it."
        yield Draft("layout-channels-last", tuple(convolutions), text, edit, None, True, "channels-last")


def _gives_nchw(op: CostedOp) -> bool:
    """Whatever the format of its weights; an image of one place is in both orders."""
    result = op.call.outputs[0]
    return len(result.strides) == 4 and result.strides[1] != 1 and prod(result.shape[2:]) > 1


def _threads(network: Network) -> Iterator[Draft]:
    device = network.profile.device
    threads = (device.threads if device is not None else None) or 1
    short = [op for op in network.working() if (op.time_s or 0.0) < SHORT_CALL_S]
    spent_s = time_of(short)
    if threads == 1 or not network.is_timed or spent_s < MUCH_IN_SHORT_CALLS * network.whole:
        return
    text = (
        f"{share_text(spent_s, network.whole)} of the latency goes into calls of less than "
        f"{format_seconds(SHORT_CALL_S)}: little to share out among {threads} threads."
    )
    edit = "Try --threads 1: small calls may be faster on one core."
    yield Draft(
        "setting-threads", tuple(short), text, edit, exact=True, exact_edit="threads-1", is_of_whole=True,
        at_stake_s=network.whole,
    )  # fmt: skip


def _allocator(network: Network) -> Iterator[Draft]:
    faults = network.page_faults_per_run
    if faults is None or faults <= MAX_PAGE_FAULTS or network.profile.spec.malloc == "steady":
        return
    text = f"Memory is given back to the system and fetched again, {faults:,.0f} page faults a run."
    edit = "Keep freed memory: --malloc steady, or a preloaded allocator."
    yield Draft(
        "setting-page-faults",
        (),
        text,
        edit,
        exact=True,
        exact_edit="malloc-steady",
        evidence=(("page_faults_per_run", faults),),
        is_of_whole=True,
        at_stake_s=network.whole,
    )


def _precision(network: Network) -> Iterator[Draft]:
    device = network.profile.device
    units = [name for name in (device.isa if device is not None else None) or () if "bf16" in name.lower()]
    if not units or network.profile.spec.precision != "fp32":
        return
    heavy: list[CostedOp] = [op for op in network.working() if op.category in (Category.CONV, Category.MATMUL)]
    text = f"The processor multiplies bfloat16 in hardware ({units[0]}), and the network runs in float32."
    edit = "Try --precision bf16 and check the accuracy."
    yield Draft("setting-precision", tuple(heavy), text, edit, is_of_whole=True)
