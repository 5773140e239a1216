"""Settings and their bounds, for the command line (from text) and from Python (from values).

An error says what was found and what would be right, before anything slow starts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from effprof.errors import BadFileError, UnavailableError, UnknownNameError, UsageError
from effprof.records import RunSpec
from effprof.sensors.cuda_ready import why_no_cuda
from effprof.sensors.files import cpu_list
from effprof.zoo.names import did_you_mean

MAX_THREADS = 1024
MAX_SECONDS = 86_400.0
"""A day."""
MAX_WHOLE = 2**31 - 1
DEVICE_KINDS = ("auto", "cpu", "cuda", "fake")
DEVICE_SPELLINGS = "auto, cpu, cuda[:N], fake[:PLAN.json], ssh://HOST"
WORKING_DEVICES = "cpu and fake"
MALLOCS = ("default", "steady")
AMP = "amp"
"""torch.autocast: the network stays in fp32 and what gains by it runs in fp16."""
PRECISIONS = ("fp32", "fp16", "bf16", AMP)
AUTO_TIMER = "auto"
TIMERS = (AUTO_TIMER, "entry", "dispatch", "kineto")
_TIMERS_OF = {"cpu": TIMERS, "auto": TIMERS, "cuda": (AUTO_TIMER, "kineto"), "fake": (AUTO_TIMER,)}
NO_DEVICE = "none"
"""Of a spec that only counts."""


def one_of(option: str, known: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in known:
            near = did_you_mean(str(text), known)
            raise UnknownNameError(f"{option} is {text!r}, which is not known. Known: {', '.join(known)}.{near}")
        return text

    return parse


def whole_number(option: str, low: int, high: int = MAX_WHOLE) -> Callable[[str], int]:
    def parse(text: str) -> int:
        # Ten digits are more than any bound here; int() itself gives up on some thousand.
        value = int(text) if re.fullmatch(r"[+-]?[0-9]{1,10}", text) else None
        if value is None or not low <= value <= high:
            right = f"from {low} up" if high == MAX_WHOLE else f"from {low} to {high}"
            raise UsageError(f"{option} is {text!r}. It must be a whole number {right}.")
        return value

    return parse


def seconds(option: str) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        # A comparison with nan is false, so nan ends here too.
        if not 0 <= value <= MAX_SECONDS:
            raise UsageError(f"{option} is {text!r}. It must be a number of seconds from 0 to {MAX_SECONDS:.0f}.")
        return value

    return parse


def cores(option: str) -> Callable[[str], tuple[int, ...]]:
    """`0-3,6` -> (0, 1, 2, 3, 6). Says nothing of whether they are here."""

    def parse(text: str) -> tuple[int, ...]:
        try:
            return cpu_list(text)
        except ValueError as error:
            raise UsageError(f"{option} is {text!r}: {error}. List cores as in 0-3,6.") from None

    return parse


def input_shape(text: str) -> tuple[int, ...]:
    """`3x224x224` -> (3, 224, 224), without the batch axis."""
    if not re.fullmatch(r"[1-9][0-9]{0,8}(x[1-9][0-9]{0,8}){0,7}", text):
        raise UsageError(f"--input-shape is {text!r}. Write the axes without the batch, as in 3x224x224.")
    return tuple(int(axis) for axis in text.split("x"))


def parse_device(text: str) -> tuple[str, str | None]:
    """(kind, argument): `fake:plan.json` -> ("fake", "plan.json"), `cuda:1` -> ("cuda", "1"), `cpu` -> ("cpu", None).

    Raises UnknownNameError for a device effprof has never heard of. Says nothing of what is available.
    """
    kind, colon, argument = text.partition(":")
    if text.startswith("ssh://"):
        raise UsageError(f"{text!r} is another machine: measure there with `effprof run` or `effprof guidelines`.")
    if kind not in DEVICE_KINDS:
        raise UnknownNameError(
            f"No device named {text!r}. Known: {DEVICE_SPELLINGS}.{did_you_mean(kind, DEVICE_KINDS)}"
        )
    bad_number = kind == "cuda" and not re.fullmatch(r"[0-9]{1,3}", argument)
    if colon and (not argument or bad_number or kind in ("auto", "cpu")):
        raise UnknownNameError(f"No device named {text!r}. Known: {DEVICE_SPELLINGS}.")
    return kind, argument or None


def usable_device(text: str) -> str:
    """The device, known to be usable here; `auto` is the CPU, also where there is a GPU.

    Raises UnknownNameError (see parse_device), UnavailableError for a GPU that cannot be used, BadFileError when a plan
    is missing.
    """
    kind, argument = parse_device(text)
    if kind == "cuda" and (reason := why_no_cuda(int(argument or 0))) is not None:
        raise UnavailableError(f"Device {text!r} is not available: {reason}. Available: {WORKING_DEVICES}.")
    if kind == "fake" and argument is not None and not Path(argument).is_file():
        raise BadFileError(f"There is no plan file {argument!r}. Give --device fake:PLAN.json, or fake without a plan.")
    return "cpu" if kind == "auto" else text


def no_gpu(text: str) -> str:
    """`usable_device` for what measures the CPU and the make-believe device alone."""
    device = usable_device(text)
    if device.startswith("cuda"):
        raise UnavailableError(f"--device is {text!r}; this command measures no GPUs. Available: {WORKING_DEVICES}.")
    return device


def check_precision(option: str, precision: str, device: str) -> None:
    """Raises UsageError for mixed precision on anything but a GPU."""
    kind = device.partition(":")[0]
    if precision == AMP and kind != "cuda":
        others = ", ".join(known for known in PRECISIONS if known != AMP)
        raise UsageError(f"{option} is {AMP!r}, which is for --device cuda; the device here is {kind}. Give {others}.")


def check_timer(option: str, timer: str, device: str) -> None:
    """Raises UsageError for a timer that the device does not have, as in `--timer entry --device fake`."""
    kind = device.partition(":")[0]
    known = _TIMERS_OF.get(kind, TIMERS)
    if timer not in known:
        raise UsageError(f"{option} is {timer!r}, which the device {kind} does not have. It has {', '.join(known)}.")


def checked(spec: RunSpec) -> RunSpec:
    """A spec made from Python, with the bounds of the command line applied; the device resolved.

    Raises UsageError and its kin, as the command line does.
    """
    one_of("precision", PRECISIONS)(spec.precision)
    one_of("malloc", MALLOCS)(spec.malloc)
    one_of("timer", TIMERS)(spec.timer)
    whole_number("batch size", 1)(str(spec.batch_size))
    whole_number("rounds", 1)(str(spec.rounds))
    whole_number("seed", 0)(str(spec.seed))
    if spec.threads is not None:
        whole_number("threads", 1, MAX_THREADS)(str(spec.threads))
    if spec.warmup is not None:
        whole_number("warmup", 0)(str(spec.warmup))
    for name, value_s in (("min_time", spec.min_time_s), ("max_time", spec.max_time_s)):
        seconds(name)(str(value_s))
    if spec.max_time_s < spec.min_time_s:
        raise UsageError(f"max_time is {spec.max_time_s:g} s, less than min_time, {spec.min_time_s:g} s. Give more.")
    if spec.device == NO_DEVICE:
        return spec
    check_timer("timer", spec.timer, str(spec.device))
    check_precision("precision", spec.precision, str(spec.device))
    return replace(spec, device=usable_device(str(spec.device)))
