"""The zoo's networks against the same networks in other libraries, and their random weights."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from counting import default_size, image, parameters, tally
from torch.utils.flop_counter import FlopCounterMode
from twins import TWINS, to_cpu_with_the_same_state, with_state_in_order_of_use

from effprof import zoo

NAMES = [entry.name for entry in zoo.table()]

WITHOUT_TWIN = {
    "lenet5": "too small for a library; its counts are in published_counts.csv",
    "highway19": "no library has highway networks",
    "highway32": "no library has highway networks",
    **{
        f"shufflenetv1_g{groups}_{width}": "pytorchcv ends at 1x and has narrower ones for g = 1 and g = 3 only"
        for groups in (1, 2, 3, 4, 8)
        for width in ("0.25", "0.5", "1.5", "2")
        if groups in (2, 4, 8) or width in ("1.5", "2")
    },
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Many small networks, one after another, are not faster on more, and several times slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_every_network_has_a_twin_or_a_reason_why_there_is_none() -> None:
    assert TWINS.keys() | WITHOUT_TWIN.keys() == set(NAMES)
    assert not TWINS.keys() & WITHOUT_TWIN.keys()


@pytest.mark.parametrize("name", TWINS)
def test_same_counts_and_outputs_as_another_library(name: str) -> None:
    torch.manual_seed(0)
    with torch.device("meta"):
        theirs = TWINS[name]().eval()
    ours = zoo.load(name, build_on="meta").module.eval()
    images = image(name, device="cpu")
    with FlopCounterMode(display=False) as counter:
        their_layers = with_state_in_order_of_use(theirs, images.to("meta"))
    our_layers = with_state_in_order_of_use(ours, images.to("meta"))

    counted = tally(name, default_size(name))
    assert parameters(theirs) == counted.parameters
    assert counter.get_total_flops() // 2 == counted.mult_adds

    to_cpu_with_the_same_state(theirs, ours, zip(their_layers, our_layers, strict=True))
    with torch.inference_mode():
        expected, actual = theirs(images), ours(images)
    largest = expected.abs().max()
    assert largest > 0
    assert (actual - expected).abs().max() <= 1e-4 * largest


@pytest.mark.parametrize("name", NAMES)
def test_initial_weights_keep_outputs_finite_and_different(name: str) -> None:
    torch.manual_seed(0)
    network = zoo.load(name).module.eval()
    # large enough for Inception, which shrinks an image before its blocks, and faster than the default
    images = image(name, min(96, default_size(name)), batch=2, device="cpu")
    with torch.inference_mode():
        scores = network(images)
    assert scores.shape == (2, 10 if default_size(name) == 32 else 1000)
    assert torch.isfinite(scores).all()
    assert (scores[0] - scores[1]).abs().max() > 0
