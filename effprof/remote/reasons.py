"""Why the other machine gave no answer, in one line: from ssh's exit code and the last that was said on stderr."""

from __future__ import annotations

from collections.abc import Sequence

from effprof import __version__
from effprof.errors import RemoteError
from effprof.remote.target import Target
from effprof.remote.wire import Hello

SSH_FAILED = 255
"""ssh's own exit code; all others are the remote command's."""
NOT_FOUND, NOT_RUNNABLE = 127, 126
"""A shell's exit codes for a command that it cannot start."""

# What OpenSSH says -> what would be right. The first that is found counts.
_REMEDIES = (
    ("IDENTIFICATION HAS CHANGED", "If the machine was set up anew, take its old key out: ssh-keygen -R {host}."),
    ("Host key verification failed", "Connect once with ssh and accept its key, after checking it."),
    ("Could not resolve hostname", "Check the name, or give it an entry in ~/.ssh/config."),
    ("Cannot execute command-line and remote command", "Give it an entry without RemoteCommand in ~/.ssh/config."),
    ("Too many authentication failures", "Name the key to use in ~/.ssh/config, with IdentitiesOnly yes."),
    ("Permission denied", "ssh must get in without effprof first: give your key to ssh-agent or ~/.ssh/config."),
    ("Connection refused", "Is sshd running there, on that port?"),
    ("timed out", "Is it switched on and reachable from here?"),
    ("No route to host", "Is it switched on and reachable from here?"),
    ("is unreachable", "Is it switched on and reachable from here?"),
    ("Connection closed", "Something answers there and does not go on with ssh; see ssh -v."),
    ("Connection reset", "Something answers there and does not go on with ssh; see ssh -v."),
)


def no_answer(target: Target, python: str, code: int, said: Sequence[str]) -> RemoteError:
    """ssh ended with `code` before the other side's first word.

    Args:
        said: lines of stderr, of ssh and of what it started.
    """
    where = target.where
    if code == SSH_FAILED or code < 0:
        return RemoteError(_no_connection(target, said))
    if code == NOT_FOUND:
        return RemoteError(f"There is no {python!r} on {where}. Say with --remote-python which Python has effprof.")
    if code == NOT_RUNNABLE:
        return RemoteError(f"{python!r} cannot be run on {where}{_last(said)}. Give another --remote-python.")
    if any(line.startswith("ModuleNotFoundError: No module named 'effprof'") for line in said):
        return RemoteError(
            f"{python} on {where} has no effprof. Install effprof {__version__} there, or say with --remote-python "
            "which Python has it."
        )
    if any(line.startswith("ModuleNotFoundError: No module named 'effprof.") for line in said):
        return RemoteError(f"effprof on {where} is too old to be used from here. Install effprof {__version__} there.")
    return RemoteError(f"effprof did not start on {where} (exit code {code}{_last(said)}).")


def lost(target: Target, code: int, said: Sequence[str]) -> RemoteError:
    """The connection ended while an answer was waited for."""
    if code == SSH_FAILED or code < 0:
        return RemoteError(
            f"The connection to {target.where} ended before there was a result{_last(said)}: lost, or effprof was "
            "ended there (memory?)."
        )
    return RemoteError(f"effprof on {target.where} ended before there was a result (exit code {code}{_last(said)}).")


def check_versions(target: Target, python: str, hello: Hello) -> None:
    """Raises RemoteError where the other side's effprof is another version, or has no torch."""
    if hello.effprof != __version__:
        raise RemoteError(
            f"effprof on {target.where} is version {hello.effprof}, here it is {__version__}. Install the same version "
            "on both."
        )
    if hello.torch is None:
        raise RemoteError(f"{python} on {target.where} has effprof but no torch. Install torch there.")


def _no_connection(target: Target, said: Sequence[str]) -> str:
    said = [line for line in said if "please try again" not in line]  # of a password that nobody could be asked for
    for needle, remedy in _REMEDIES:
        for line in said:
            if needle in line:
                reason = said[-1] if needle.isupper() else line
                return f"No connection to {target.where}: {_tidy(reason)}. {remedy.format(host=target.host)}"
    reason = _tidy(said[-1]) if said else "ssh said nothing"
    return f"No connection to {target.where}: {reason}."


def _last(said: Sequence[str]) -> str:
    return f": {_tidy(said[-1])}" if said else ""


def _tidy(line: str) -> str:
    return line.removeprefix("ssh: ").rstrip(" .")
