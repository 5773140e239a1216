"""The user's forward raised: said in two lines, with the input that was used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from effprof.errors import EffprofError, ModelError

if TYPE_CHECKING:
    from effprof.capture import Inputs


@contextmanager
def forward_explained(inputs: Inputs) -> Iterator[None]:
    """Around a call of the network, and nothing else: our own mistakes keep their tracebacks."""
    try:
        yield
    except EffprofError:
        raise
    except Exception as error:
        raise forward_error(error, inputs) from error
    except SystemExit:
        raise ModelError("The network's forward called sys.exit(); it must return its output.") from None


def forward_error(error: BaseException, inputs: Inputs) -> ModelError:
    shapes = ", ".join("x".join(map(str, t.shape)) or "a number" for t in inputs.tensors()) or "nothing"
    return ModelError(
        f"The network's forward raised {type(error).__name__}: {one_line(error)}\n"
        f"The input was {shapes}; --input-shape gives another (without the batch axis)."
    )


def one_line(error: BaseException, limit: int = 160) -> str:
    text = " ".join(str(error).split()) or "no message"
    return text if len(text) <= limit else text[: limit - 1] + "…"
