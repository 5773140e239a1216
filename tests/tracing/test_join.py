"""The ops of a trace written by hand, joined with captured calls: spans as worked out, every difference an error."""

from __future__ import annotations

import random
from dataclasses import dataclass
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_trace import MAIN, Event, event, op, step, trace

from effprof.errors import ModelError
from effprof.importers.decoding import NO_ID
from effprof.importers.events import TraceEvents
from effprof.importers.reading import read_events
from effprof.importers.stream import Source
from effprof.tracing.join import ExpectedCall, JoinedTrace, join

OTHER_THREAD = 9


def layer(path: str, start: float, end: float, thread: int = MAIN) -> Event:
    """As our hooks open it: among the ops."""
    return event("cpu_op", f"effprof.layer:{path}", start, end, thread)


def read(events: list[Event]) -> TraceEvents:
    return read_events(Source(BytesIO(trace(events))))


def expected(*calls: tuple[str, str]) -> tuple[ExpectedCall, ...]:
    return tuple(ExpectedCall(index, f"aten::{name}", path) for index, (name, path) in enumerate(calls))


def spans(joined: JoinedTrace, run: int = 0) -> list[tuple[float, float]]:
    one = joined.runs[run]
    return list(zip(one.starts_us.tolist(), one.ends_us.tolist(), strict=True))


NETWORK: list[Event] = [
    step(0, 0, 100),
    layer("", 1, 99),
    layer("conv", 2, 30),
    op("aten::conv2d", 3, 28), op("aten::convolution", 4, 27), op("aten::mkldnn_convolution", 5, 20),
    op("aten::add_", 21, 26),
    layer("relu", 31, 40), op("aten::relu_", 32, 39), op("aten::clamp_min_", 33, 38),
    op("aten::add", 41, 50),
    layer("relu", 51, 60), op("aten::relu_", 52, 58),
    layer("head", 61, 90), layer("head.fc", 62, 80), op("aten::linear", 63, 79),
    op("aten::flatten", 81, 82),
]  # fmt: skip
CALLS = expected(
    ("conv2d", "conv"), ("relu_", "relu"), ("add", ""), ("relu_", "relu"), ("linear", "head.fc"), ("flatten", "head")
)  # fmt: skip
SPANS = [(3, 28), (32, 39), (41, 50), (52, 58), (63, 79), (81, 82)]


def test_spans_are_those_of_the_outermost_ops() -> None:
    joined = join(read(NETWORK), CALLS)
    assert spans(joined) == SPANS
    assert joined.runs[0].calls_s == pytest.approx([25e-6, 7e-6, 9e-6, 6e-6, 16e-6, 1e-6])
    assert (joined.runs[0].start_us, joined.runs[0].end_us) == (0, 100)


def test_the_parts_of_an_op_are_of_its_call() -> None:
    events = read(NETWORK)
    found = dict(zip([events.names[name] for name in events.ops.name], join(events, CALLS).call_of_op, strict=True))
    assert [found[f"aten::{name}"] for name in ("mkldnn_convolution", "add_", "clamp_min_", "add")] == [0, 0, 1, 2]


@given(st.integers(0, 10**6))
def test_the_order_of_events_plays_no_part(seed: int) -> None:
    shuffled = random.Random(seed).sample(NETWORK, len(NETWORK))
    assert spans(join(read(shuffled), CALLS)) == SPANS


def test_runs_come_in_order_of_time_and_what_is_outside_them_is_nobodys() -> None:
    second = [{**one, "ts": one["ts"] + 200} for one in NETWORK]
    second[0] = step(1, 200, 300)
    between = [op("aten::relu_", 150, 160), op("aten::relu_", 10, 12, OTHER_THREAD), op("aten::relu_", 301, 302)]
    events = read([*second, *between, *NETWORK])
    joined = join(events, CALLS)
    assert spans(joined, 0) == SPANS
    assert spans(joined, 1) == [(start + 200, end + 200) for start, end in SPANS]
    assert int((joined.call_of_op == NO_ID).sum()) == len(between)


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        (CALLS[:2] + CALLS[3:],
         "where call 3 of the recorded pass is aten::relu_ in layer relu, run 0 of the trace shows aten::add in the "
         "network itself"),
        (CALLS[:-1], "where the recorded pass has ended, run 0 of the trace shows aten::flatten in layer head"),
        ((*CALLS, ExpectedCall(6, "aten::add", "head")),
         "call 6 of the recorded pass is aten::add in layer head, run 0 of the trace ends before it"),
        ((ExpectedCall(0, "aten::conv2d", "stem"), *CALLS[1:]),
         "is aten::conv2d in layer stem, run 0 of the trace shows aten::conv2d in layer conv"),
        ((CALLS[0], ExpectedCall(1, "aten::relu", "relu"), *CALLS[2:]), "shows aten::relu_ in layer relu"),
    ],
    ids=["a missing call", "an op too many", "an op too few", "another layer", "another op"],
)  # fmt: skip
def test_a_difference_is_an_error_that_says_where(calls: tuple[ExpectedCall, ...], said: str) -> None:
    with pytest.raises(ModelError) as error:
        join(read(NETWORK), calls)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_two_layers_in_another_order_are_an_error_unless_layers_are_not_looked_at() -> None:
    events = [step(0, 0, 50), layer("a", 1, 10), op("aten::relu", 2, 9), layer("b", 11, 20), op("aten::relu", 12, 19)]
    swapped = expected(("relu", "b"), ("relu", "a"))
    with pytest.raises(ModelError, match="is aten::relu in layer b, run 0 of the trace shows aten::relu in layer a"):
        join(read(events), swapped)
    assert spans(join(read(events), swapped, check_layers=False)) == [(2, 9), (12, 19)]


def test_an_op_around_captured_calls_is_looked_into() -> None:
    autocast = [
        step(0, 0, 50), layer("conv", 1, 49),
        op("aten::conv2d", 2, 40), op("aten::to", 3, 8), op("aten::_to_copy", 4, 7), op("aten::to", 9, 12),
        op("aten::conv2d", 13, 39), op("aten::convolution", 14, 38),
    ]  # fmt: skip
    calls = expected(("to", "conv"), ("to", "conv"), ("conv2d", "conv"))
    joined = join(read(autocast), calls)
    assert spans(joined) == [(3, 8), (9, 12), (13, 39)]
    assert joined.call_of_op[0] == NO_ID  # the outer one is in no call
    # Where nothing was cast the outer one is the call.
    assert spans(join(read(autocast), expected(("conv2d", "conv")))) == [(2, 40)]


def test_what_is_left_of_an_op_that_was_looked_into_is_an_error() -> None:
    linear = [step(0, 0, 50), op("aten::linear", 2, 40), op("aten::t", 3, 8), op("aten::addmm", 9, 30)]
    assert spans(join(read(linear), expected(("t", ""), ("addmm", "")))) == [(3, 8), (9, 30)]
    with pytest.raises(ModelError, match="has ended, run 0 of the trace shows aten::addmm"):
        join(read(linear), expected(("t", "")))
    with pytest.raises(ModelError, match="is aten::relu in the network itself, run 0 of the trace shows aten::linear"):
        join(read(linear), expected(("relu", "")))


def test_the_making_of_a_tensor_is_part_of_the_call_that_hands_it_over() -> None:
    events = [
        step(0, 0, 50), op("aten::relu", 1, 2), op("aten::empty", 3, 4),
        op("aten::to", 5, 9), op("aten::_to_copy", 6, 8), op("aten::lift_fresh", 10, 11), op("aten::add", 12, 15),
    ]  # fmt: skip
    joined = join(read(events), expected(("relu", ""), ("lift_fresh", ""), ("add", "")))
    assert spans(joined) == [(1, 2), (3, 11), (12, 15)]
    assert joined.call_of_op.tolist() == [0, 1, 1, 1, 1, 2]
    with pytest.raises(ModelError, match="is aten::add in the network itself, run 0 of the trace shows aten::empty"):
        join(read(events), expected(("relu", ""), ("add", "")))


def test_ends_that_rounding_moved_by_a_nanosecond_change_nothing() -> None:
    events = [step(0, 0, 50), op("aten::relu", 1, 8.0), op("aten::clamp", 2, 8.001), op("aten::add", 8.0005, 15)]
    (first, second) = spans(join(read(events), expected(("relu", ""), ("add", ""))))
    assert (first, second) == (pytest.approx((1, 8)), pytest.approx((8.0005, 15)))


def test_ranges_of_the_user_change_no_layer() -> None:
    events = [
        step(0, 0, 50), layer("block", 1, 40), event("user_annotation", "my part", 2, 30), op("aten::relu", 3, 9),
        event("user_annotation", "outside", 41, 49), op("aten::add", 42, 48),
    ]  # fmt: skip
    assert spans(join(read(events), expected(("relu", "block"), ("add", "")))) == [(3, 9), (42, 48)]


def test_a_run_without_ops_has_no_spans_and_a_trace_without_runs_is_our_mistake() -> None:
    assert spans(join(read([step(0, 0, 50)]), ())) == []
    with pytest.raises(ValueError, match="no runs"):
        join(read([op("aten::relu", 1, 2)]), expected(("relu", "")))


def test_hostile_names_stay_on_one_line() -> None:
    events = [step(0, 0, 50), op("mylib::a\nb\x1b[31m" + "x" * 5000, 1, 2)]
    with pytest.raises(ModelError) as error:
        join(read(events), expected(("relu", "")))
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 1000


# ------------------------------------------------------------------------------------------------- any tree of ops


@dataclass(frozen=True)
class Node:
    parts: tuple[Node, ...]
    is_call: bool


def forests(depth: int) -> st.SearchStrategy[tuple[Node, ...]]:
    """Ops with parts, in which every path from outermost to innermost op meets exactly one call."""
    parts = st.just(()) if depth == 0 else st.lists(anything(depth - 1), max_size=3).map(tuple)
    call = st.builds(Node, parts, st.just(True))
    if depth == 0:
        return st.lists(call, max_size=3).map(tuple)
    around = st.builds(Node, forests(depth - 1).filter(bool), st.just(False))
    return st.lists(call | around, max_size=3).map(tuple)


def anything(depth: int) -> st.SearchStrategy[Node]:
    parts = st.just(()) if depth == 0 else st.lists(anything(depth - 1), max_size=2).map(tuple)
    return st.builds(Node, parts, st.just(False))


def written(forest: tuple[Node, ...]) -> tuple[list[Event], list[tuple[str, str]], list[tuple[float, float]]]:
    """The forest as a trace, with the calls in it and their spans; every op has its own name and layer."""
    events: list[Event] = []
    calls: list[tuple[str, str]] = []
    times: list[tuple[float, float]] = []
    clock = 1.0

    def write(node: Node) -> None:
        nonlocal clock
        number, start = len(events), clock
        name, path = f"op{number}", f"layer{number}"
        events.extend([{}, {}])
        if node.is_call:
            calls.append((name, path))
            place = len(times)
            times.append((0, 0))
        clock += 2
        for part in node.parts:
            write(part)
        clock += 2
        events[number : number + 2] = [layer(path, start, clock), op(f"aten::{name}", start + 1, clock - 1)]
        if node.is_call:
            times[place] = (start + 1, clock - 1)
        clock += 1

    for node in forest:
        write(node)
    return [step(0, 0, clock + 1), *events], calls, times


@given(forests(3), st.randoms(use_true_random=False))
def test_any_trace_is_joined_with_its_own_calls(forest: tuple[Node, ...], rng: random.Random) -> None:
    events, calls, times = written(forest)
    rng.shuffle(events)
    assert spans(join(read(events), expected(*calls))) == times


@given(forests(3).filter(bool), st.data())
def test_no_trace_is_joined_with_other_calls(forest: tuple[Node, ...], data: st.DataObject) -> None:
    events, calls, _ = written(forest)
    place = data.draw(st.integers(0, len(calls) - 1))
    changed = data.draw(st.sampled_from(["left out", "another name", "another layer", "twice", "swapped"]))
    name, path = calls[place]
    others = list(calls)
    if changed == "left out":
        del others[place]
    elif changed == "another name":
        others[place] = ("frob", path)
    elif changed == "another layer":
        others[place] = (name, "elsewhere")
    elif changed == "twice" or len(calls) == 1:
        others.insert(place, calls[place])
    else:
        others[place], others[place - 1] = others[place - 1], others[place]
    with pytest.raises(ModelError):
        join(read(events), expected(*others))
