"""Measuring on the other machine: what is sent, and what comes back, which is not trusted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from effprof import errors
from effprof.errors import BadFileError, EffprofError, ModelError, RemoteError, UsageError
from effprof.records import DeviceInfo, Profile, RunSpec
from effprof.remote.answers import profile_problem, sweep_problem
from effprof.remote.connection import Connection, Progress
from effprof.remote.wire import MAX_FILE_BYTES, Failure, Frame, RunRequest, SentFile, too_large
from effprof.store import loads_profile, loads_sweep
from effprof.sweep_records import Sweep, SweepSpec
from effprof.zoo import Kind, split_source

_FAMILY = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, EffprofError)
}
_OF_SOMETHING_MISSING = ("ModuleNotFoundError", "ImportError", "FileNotFoundError")


def measure_remotely(connection: Connection, spec: RunSpec, progress: Progress) -> Profile:
    """All rounds of a network given by name, like `measure_rounds`, on the machine at the other end.

    What was asked for is in the profile as it was asked for here, and when by the clock here: many boards have none
    that runs while they are off. `device.host` says where it was measured.

    Raises:
        EffprofError: whatever the measurement raised there. InterruptedRunError: before anything was measured.
        RemoteError: no result, or none that can be read. KeyboardInterrupt: left without one.
    """
    file = _file_to_send(spec.model)
    name_there = spec.model if file is None else f"{file.path}:{split_source(spec.model).name}"
    asked = replace(spec, device=connection.target.device, model=name_there)
    started_utc = _now_utc()
    data = _answer(connection, Frame("run", msgspec.json.encode(RunRequest(asked, file))), progress, file)
    try:
        profile = loads_profile(data)
    except BadFileError as error:
        raise _damaged(connection, str(error)) from None
    if (problem := profile_problem(asked, profile)) is not None or profile.device is None:
        raise _damaged(connection, problem or "nothing was timed")
    model = profile.model if file is None else replace(profile.model, name=spec.model, source=spec.model)
    return replace(
        profile,
        spec=replace(spec, threads=profile.spec.threads),
        model=model,
        environment=replace(profile.environment, started_utc=started_utc),
        device=_with_host(profile.device, connection),
    )


def sweep_remotely(connection: Connection, spec: SweepSpec, progress: Progress) -> Sweep:
    """The guidelines' sweep, like `measure_sweep`, on the machine at the other end. Raises as `measure_remotely`."""
    asked = replace(spec, device=connection.target.device)
    started_utc = _now_utc()
    data = _answer(connection, Frame("sweep", msgspec.json.encode(asked)), progress, None)
    try:
        sweep = loads_sweep(data)
    except BadFileError as error:
        raise _damaged(connection, str(error)) from None
    if (problem := sweep_problem(asked, sweep)) is not None:
        raise _damaged(connection, problem)
    environment = replace(sweep.environment, started_utc=started_utc)
    return replace(sweep, spec=spec, environment=environment, device=_with_host(sweep.device, connection))


def _answer(connection: Connection, request: Frame, progress: Progress, file: SentFile | None) -> bytes:
    answer = connection.ask(request, progress)
    if answer.kind == "result":
        if (problem := too_large(answer.payload)) is not None:  # decoded it would be larger still
            raise _damaged(connection, problem)
        return answer.payload
    if answer.kind != "error":
        raise _damaged(connection, f"a {answer.kind!r}")
    try:
        failure = msgspec.json.decode(answer.payload, type=Failure)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(connection, str(error)) from None
    kind = _FAMILY.get(failure.error, RemoteError)
    text = f"{connection.target.where}: {failure.text}"
    if file is not None and issubclass(kind, ModelError) and any(name in text for name in _OF_SOMETHING_MISSING):
        text += f" Only {file.path} itself is sent, nothing beside it: what it imports or reads must be there."
    raise kind(text)


def _file_to_send(model: str) -> SentFile | None:
    """Of `path/to/file.py:callable` the file, by its path from the current directory where it lies below that."""
    source = split_source(model)
    if source.kind is not Kind.FILE:
        return None
    path = Path(source.where)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{source.where!r} cannot be read: {error.strerror}.") from None
    if len(content) > MAX_FILE_BYTES:
        raise UsageError(f"{source.where!r} has more than {MAX_FILE_BYTES >> 20} MiB, which is the most that is sent.")
    try:
        return SentFile(path.resolve().relative_to(Path.cwd().resolve()).as_posix(), content)
    except (ValueError, OSError):
        return SentFile(path.name, content)


def _now_utc() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _with_host(device: DeviceInfo, connection: Connection) -> DeviceInfo:
    return replace(device, host=connection.target.where)


def _damaged(connection: Connection, what: str) -> RemoteError:
    return RemoteError(f"{connection.target.where} sent a result that cannot be used: {what}.")
