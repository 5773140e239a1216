"""Shell lines with which an `ssh` that is a script says what another machine's effprof would."""

from __future__ import annotations

import json

from effprof import __version__
from effprof.remote.wire import PROTOCOL

HELLO = {"effprof": __version__, "python": "3.11.2", "torch": "2.9.1"}


def says(kind: str, content: object) -> str:
    """A frame of this kind, its content as JSON; a text is taken as it is."""
    payload = content if isinstance(content, str) else json.dumps(content)
    return f"printf 'effprof-remote/{PROTOCOL} {kind} {len(payload)}\\n%s' '{payload}'"
