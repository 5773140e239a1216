"""Saved JSON to typed records: the format first, then the types; whatever is wrong is one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from effprof.errors import BadFileError

Record = TypeVar("Record")


class _Head(msgspec.Struct):
    format: str


def decoded(data: bytes, kind: type[Record], check_format: Callable[[str], None], name: str) -> Record:
    """The `kind` saved as `data`, called `name` in errors.

    Args:
        check_format: raises BadFileError for a format, `name/version`, that is not this one.

    Raises BadFileError when it is not whole JSON, is of another format or version, or holds values of a wrong type.
    """
    try:
        check_format(msgspec.json.decode(data, type=_Head).format)
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise BadFileError(f"not a saved {name}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFileError(f"not whole JSON: {error}") from error
