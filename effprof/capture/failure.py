"""The user's forward raised: said in two lines, with the input that was used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from effprof.errors import EffprofError, ModelError
from effprof.foreign import describe

if TYPE_CHECKING:
    from effprof.capture import Inputs

# What torch raises when shapes do not fit; another input may then help.
MAY_BE_SHAPES = (RuntimeError, ValueError, IndexError, AssertionError, TypeError)


@contextmanager
def forward_explained(inputs: Inputs) -> Iterator[None]:
    """Around a call of the network, and nothing else: our own mistakes keep their tracebacks."""
    try:
        yield
    except (EffprofError, KeyboardInterrupt):
        raise
    except BaseException as error:  # sys.exit() in a forward too
        raise forward_error(error, inputs) from error


def forward_error(error: BaseException, inputs: Inputs) -> ModelError:
    shapes = ", ".join("x".join(map(str, t.shape)) or "a number" for t in inputs.tensors()) or "nothing"
    by_shape = isinstance(error, MAY_BE_SHAPES) and not isinstance(error, RecursionError)
    hint = "; --input-shape gives another (without the batch axis)" if by_shape else ""
    return ModelError(f"The network's forward raised {describe(error)}.\nThe input was {shapes}{hint}.")
