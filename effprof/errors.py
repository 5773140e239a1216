"""One family of errors; `cli.main` turns it into a line and an exit code.

A message says what was found and what would be right. Everything outside this family is a bug of ours and keeps
its traceback.
"""

from __future__ import annotations


class EffprofError(Exception):
    """Base of all errors that are explained to the user instead of traced back."""

    exit_code = 2


class UsageError(EffprofError):
    """An option or argument has a value that cannot be used."""


class UnknownNameError(UsageError):
    """A model, device or precision that effprof has never heard of."""


class ModelError(EffprofError):
    """The user's network could not be built, run or measured."""


class CrashError(ModelError):
    """The process that measured ended without an explanation."""


class ValuesNeededError(ModelError):
    """The network cannot be followed by shapes alone: its forward looks at the values of its tensors."""


class EditError(ModelError):
    """An edit failed on a copy of the network, or changed its outputs."""


class NotApplicableError(EditError):
    """An edit has nothing to do in this network, or no proof that it may be done there."""


class BadFileError(EffprofError):
    """A saved result is missing, truncated, or of another format version."""


class UnavailableError(EffprofError):
    """Known to effprof but not here: no GPU, a library that is not installed."""

    exit_code = 3


class RemoteError(UnavailableError):
    """Another machine could not be reached, has no effprof to talk to, or ended before it had a result."""


class InterruptedRunError(EffprofError):
    """Ctrl-C; whatever was measured before it is already saved."""

    exit_code = 130
