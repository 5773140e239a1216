"""Multiply-adds of products of several tensors, which depend on the order in which pairs are multiplied."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

Shape = Sequence[int]
Labels = dict[str, int]
"""The axes of one operand: label -> size. Axes of length 1 are left out: they broadcast."""


def einsum_mult_adds(equation: str, shapes: Sequence[Shape], path: Sequence[int] = ()) -> int:
    """Multiply-adds of `torch.einsum(equation, *tensors)` with tensors of these shapes.

    Pairs are taken as torch takes them: from left to right, or by `path` (positions of the pairs, flat), where the
    product goes to the end of the list. An axis only one of the pair has, and nobody needs later, is summed first,
    which is no multiplication. If then no axis is contracted, the pair is multiplied element by element, which is
    arithmetic and 0; otherwise it is a batched matrix product: the product of all sizes of its axes.
    """
    terms, output = parse_equation(equation, shapes)
    operands = [operand_labels(term, shape) for term, shape in zip(terms, shapes, strict=True)]
    total = 0
    steps = iter(path)
    while len(operands) > 1:
        first, second = sorted((next(steps), next(steps))) if path else (0, 1)
        right, left = operands.pop(second), operands.pop(first)
        needed = set(output).union(*operands)
        kept = {label: size for label, size in (left | right).items() if label in needed}
        contracted = {label: size for label, size in left.items() if label in right and label not in needed}
        if contracted:
            total += prod(kept.values()) * prod(contracted.values())
        operands.insert(len(operands) if path else 0, kept)
    return total


def parse_equation(equation: str, shapes: Sequence[Shape]) -> tuple[list[list[str]], list[str]]:
    """Labels of every operand and of the output; an ellipsis becomes the labels `...0`, counted from the right."""
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = [
        expand_ellipsis(term, len(shape) - len(term.replace("...", "")))
        for term, shape in zip(inputs.split(","), shapes, strict=True)
    ]
    if arrow:
        return terms, expand_ellipsis(output, max(len(shape) for shape in shapes))
    everything = [label for term in terms for label in term]
    return terms, [label for label in everything if label.startswith("...") or everything.count(label) == 1]


def expand_ellipsis(term: str, axes: int) -> list[str]:
    """`ab...c` with two hidden axes -> a, b, ...1, ...0, c."""
    before, dots, after = term.partition("...")
    hidden = [f"...{axis}" for axis in reversed(range(axes))] if dots else []
    return [*before, *hidden, *after]


def operand_labels(term: Sequence[str], shape: Shape) -> Labels:
    """A label that occurs twice takes the diagonal: one axis."""
    return {label: size for label, size in zip(term, shape, strict=True) if size != 1}


def chain_mult_adds(shapes: Sequence[Shape]) -> int:
    """Fewest multiply-adds of a product of matrices, the order `torch.linalg.multi_dot` searches for.

    The first and the last may be vectors. Cormen et al., Introduction to Algorithms, section 14.2.
    """
    first, last = shapes[0], shapes[-1]
    sizes = [1 if len(first) == 1 else first[0], *(shape[0] for shape in shapes[1:])]
    sizes.append(1 if len(last) == 1 else last[1])
    count = len(shapes)
    best = [[0] * count for _ in range(count)]
    for length in range(2, count + 1):
        for start in range(count - length + 1):
            end = start + length - 1
            best[start][end] = min(
                best[start][cut] + best[cut + 1][end] + sizes[start] * sizes[cut + 1] * sizes[end + 1]
                for cut in range(start, end)
            )
    return best[0][count - 1]
