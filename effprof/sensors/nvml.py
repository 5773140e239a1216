"""One NVIDIA GPU through NVML: state before and after a measurement, energy over one.

NVML's power reading is a one-second average on newer GPUs and says nothing about a run of milliseconds; energy is the
change of the board's counter over a window of seconds (`GpuMeter`). The library is found by the driver's name for it,
`libnvidia-ml.so.1`. This is the one place that imports `pynvml` (the distribution is nvidia-ml-py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from effprof.machine_records import GpuState
from effprof.sensors import SensorSilent
from effprof.sensors.visible_gpus import IN_PCI_ORDER, ORDER_VARIABLE, VARIABLE, mig_parent, visible_gpus

Value = TypeVar("Value")

# Bits of nvmlClocksEventReasons (nvml.h), lowest first.
CLOCK_EVENTS = (
    "gpu_idle",
    "application_clocks",
    "sw_power_cap",
    "hw_slowdown",
    "sync_boost",
    "sw_thermal_slowdown",
    "hw_thermal_slowdown",
    "hw_power_brake_slowdown",
    "display_clocks",
)
COMPUTE_MODES = ("default", "exclusive_thread", "prohibited", "exclusive_process")
# What the driver's most common refusals mean to a user, by NVML's error number.
REASONS = {
    3: "this GPU does not support it",
    4: "the driver does not permit it to this user",
    9: "the NVIDIA driver is not loaded",
    12: "there is no NVIDIA driver here (libnvidia-ml.so.1 was not found)",
    13: "this driver is too old for it",
    15: "the GPU has fallen off the bus or is otherwise inaccessible",
    18: "the NVIDIA driver and its library are of different versions: reboot, or load the new driver",
    28: "no GPU was found",
}
Silences = dict[str, str]


@dataclass(frozen=True)
class Gpu:
    """A GPU in an open session."""

    library: Nvml
    handle: Any
    is_part: bool = False
    """The program sees a MIG part of it; clocks, temperature and counters are of the whole."""

    def state(self, holds_context: bool = False) -> GpuState:
        """Now. Every value that cannot be had is None, with its reason in `missing`.

        Args:
            holds_context: this process uses the GPU: one of the processes on it is us, under whatever number.
        """
        ask, constant, missing = self.library.ask, self.library.constant, dict[str, str]()

        def told(field: str, question: Callable[[], Value]) -> Value | None:
            try:
                return question()
            except SensorSilent as silent:
                missing[field] = str(silent)
                return None

        def clock_hz(function: str, kind: str) -> int:
            return int(ask(function, self.handle, constant(kind))) * 1_000_000

        return GpuState(
            name=told("name", lambda: str(ask("nvmlDeviceGetName", self.handle))),
            uuid=told("uuid", lambda: str(ask("nvmlDeviceGetUUID", self.handle))),
            driver=told("driver", lambda: str(ask("nvmlSystemGetDriverVersion"))),
            temperature_c=told(
                "temperature_c",
                lambda: int(ask("nvmlDeviceGetTemperature", self.handle, constant("NVML_TEMPERATURE_GPU"))),
            ),
            sm_clock_hz=told("sm_clock_hz", lambda: clock_hz("nvmlDeviceGetClockInfo", "NVML_CLOCK_SM")),
            max_sm_clock_hz=told("max_sm_clock_hz", lambda: clock_hz("nvmlDeviceGetMaxClockInfo", "NVML_CLOCK_SM")),
            memory_clock_hz=told("memory_clock_hz", lambda: clock_hz("nvmlDeviceGetClockInfo", "NVML_CLOCK_MEM")),
            max_memory_clock_hz=told(
                "max_memory_clock_hz", lambda: clock_hz("nvmlDeviceGetMaxClockInfo", "NVML_CLOCK_MEM")
            ),
            power_limit_w=told(
                "power_limit_w", lambda: float(ask("nvmlDeviceGetEnforcedPowerLimit", self.handle)) / 1000
            ),
            clock_events=told("clock_events", self._clock_events),
            compute_mode=told("compute_mode", self._compute_mode),
            other_processes=told("other_processes", lambda: self._other_processes(holds_context)),
            missing=missing,
        )

    def why_closed(self) -> str | None:
        """Why its compute mode does not let this process in; None where it may come. Raises SensorSilent."""
        mode = self._compute_mode()
        if mode == "prohibited":
            return "its compute mode is prohibited: no program may use it (nvidia-smi -c 0 allows it)"
        if not mode.startswith("exclusive"):
            return None
        running = self.library.ask("nvmlDeviceGetComputeRunningProcesses", self.handle)
        busy = any(int(process.pid) != os.getpid() for process in running)
        return f"it is in compute mode {mode}, and another process has it: wait, or nvidia-smi -c 0" if busy else None

    def energy_j(self) -> float:
        """Of the board, since the driver was loaded. Raises SensorSilent where there is no such counter."""
        if self.is_part:
            raise SensorSilent("a MIG part of a GPU has no energy counter of its own")
        try:
            return int(self.library.ask("nvmlDeviceGetTotalEnergyConsumption", self.handle)) / 1000
        except SensorSilent as silent:
            raise SensorSilent(f"no energy counter: {silent}") from None

    def _clock_events(self) -> tuple[str, ...]:
        """By the newer name of the question, else by the one that drivers before 535 know."""
        try:
            bits = int(self.library.ask("nvmlDeviceGetCurrentClocksEventReasons", self.handle))
        except SensorSilent:
            bits = int(self.library.ask("nvmlDeviceGetCurrentClocksThrottleReasons", self.handle))
        known = [name for position, name in enumerate(CLOCK_EVENTS) if bits >> position & 1]
        unknown = bits >> len(CLOCK_EVENTS) << len(CLOCK_EVENTS)
        return (*known, *([f"unknown_{unknown:#x}"] if unknown else []))

    def _compute_mode(self) -> str:
        number = int(self.library.ask("nvmlDeviceGetComputeMode", self.handle))
        return COMPUTE_MODES[number] if 0 <= number < len(COMPUTE_MODES) else f"unknown_{number}"

    def _other_processes(self, holds_context: bool) -> int:
        computing = self.library.ask("nvmlDeviceGetComputeRunningProcesses", self.handle)
        drawing = self.library.ask("nvmlDeviceGetGraphicsRunningProcesses", self.handle)
        pids = {int(process.pid) for process in (*computing, *drawing)}
        # In a container NVML's numbers are the host's: ours is not among them, though we are.
        is_hidden = holds_context and pids and os.getpid() not in pids
        return len(pids - {os.getpid()}) - bool(is_hidden)


class Nvml:
    """An open session with the driver's library."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def ask(self, function: str, *arguments: Any) -> Any:
        """What a function of pynvml answers. Raises SensorSilent with the reason where it does not."""
        call = getattr(self._library, function, None)
        if call is None:
            raise SensorSilent(f"the pynvml that is installed has no {function}: install nvidia-ml-py")
        try:
            return call(*arguments)
        except self._library.NVMLError as error:
            raise SensorSilent(_in_words(error)) from None
        except UnicodeDecodeError:
            raise SensorSilent("the driver's answer is not text") from None

    def constant(self, name: str) -> int:
        return int(getattr(self._library, name))

    def cuda_version(self) -> tuple[int, int]:
        """The newest CUDA that the driver knows, of a compatibility package where one is installed: (12, 4)."""
        try:
            number = int(self.ask("nvmlSystemGetCudaDriverVersion_v2"))
        except SensorSilent:
            number = int(self.ask("nvmlSystemGetCudaDriverVersion"))
        return number // 1000, number % 1000 // 10

    def why_not_visible(self, ordinal: int, environ: Mapping[str, str] = os.environ) -> str | None:
        """That CUDA shows no `cuda:<ordinal>`, with how many it shows; None where it does. Raises SensorSilent."""
        handles, visible, _ = self._visible(environ)
        if ordinal < len(visible):
            return None
        text = environ.get(VARIABLE)
        shown = "" if text is None else f" ({VARIABLE}={text!r})"
        return f"there is no cuda:{ordinal}: {len(visible)} of {len(handles)} GPUs are visible{shown}"

    def gpu(self, ordinal: int = 0, uuid: str | None = None, environ: Mapping[str, str] = os.environ) -> Gpu:
        """The GPU that CUDA calls `cuda:<ordinal>`.

        Args:
            uuid: as CUDA tells it (torch: `get_device_properties(i).uuid`), with or without `GPU-`; leaves no doubt.
            environ: where CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER are looked up, without a uuid.

        Raises:
            SensorSilent: there is none, or it cannot be told which one it is.
        """
        if uuid is not None:
            return self._by_uuid(uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}")
        if (reason := self.why_not_visible(ordinal, environ)) is not None:
            raise SensorSilent(reason)
        handles, visible, named = self._visible(environ)
        chosen = visible[ordinal]
        if isinstance(chosen, str):
            return self._by_uuid(chosen)
        if len(handles) > 1 and not named and environ.get(ORDER_VARIABLE) != IN_PCI_ORDER:
            self._refuse_unlike(handles)
        return Gpu(self, handles[chosen])

    def _visible(self, environ: Mapping[str, str]) -> tuple[list[Any], tuple[int | str, ...], bool]:
        """All GPUs, what CUDA shows of them, and whether it was told so by name."""
        handles, text = self._handles(), environ.get(VARIABLE)
        named = text is not None and text.startswith("GPU-")
        # Only what is needed is asked: a GPU that does not tell its UUID or name may tell the rest.
        return handles, visible_gpus(text, [self._uuid(handle) if named else "" for handle in handles]), named

    def _uuid(self, handle: Any) -> str:
        return str(self.ask("nvmlDeviceGetUUID", handle))

    def _refuse_unlike(self, handles: list[Any]) -> None:
        if len({str(self.ask("nvmlDeviceGetName", handle)) for handle in handles}) > 1:
            raise SensorSilent(
                f"CUDA numbers unlike GPUs fastest first, which NVML does not know: set {ORDER_VARIABLE}={IN_PCI_ORDER}"
            )

    def _handles(self) -> list[Any]:
        """All GPUs in the order of their PCI addresses, which is CUDA's where all are alike or it is asked for."""
        count = int(self.ask("nvmlDeviceGetCount"))
        handles = [self.ask("nvmlDeviceGetHandleByIndex", index) for index in range(count)]
        if not handles:
            raise SensorSilent(REASONS[28])

        def address(handle: Any) -> tuple[int, int, int]:
            pci = self.ask("nvmlDeviceGetPciInfo", handle)
            return pci.domain, pci.bus, pci.device

        return sorted(handles, key=address) if count > 1 else handles

    def _by_uuid(self, uuid: str) -> Gpu:
        parent = mig_parent(uuid)
        if parent is not None:
            return Gpu(self, self.ask("nvmlDeviceGetHandleByUUID", parent), is_part=True)
        handle = self.ask("nvmlDeviceGetHandleByUUID", uuid)
        if uuid.startswith("MIG-"):
            return Gpu(self, self.ask("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", handle), is_part=True)
        return Gpu(self, handle)


@contextmanager
def nvml_session() -> Iterator[Nvml]:
    """NVML, started and shut down again.

    Raises:
        SensorSilent: pynvml, the driver or the permission is missing.
    """
    try:
        import pynvml
    except ImportError:
        raise SensorSilent("nvidia-ml-py is not installed") from None
    session = Nvml(pynvml)
    session.ask("nvmlInit")
    try:
        yield session
    finally:
        with suppress(SensorSilent):  # nothing is left to be told
            session.ask("nvmlShutdown")


def gpu_state(ordinal: int = 0, uuid: str | None = None, holds_context: bool = False) -> GpuState:
    """`Gpu.state` in a session of its own; where there is no GPU to ask, all None with the reason under `nvml`."""
    try:
        with nvml_session() as nvml:
            return nvml.gpu(ordinal, uuid).state(holds_context)
    except SensorSilent as silent:
        return GpuState(missing={"nvml": str(silent)})


class GpuMeter:
    """The board's energy from when this was made until `stop_j`; the session stays open between.

    Raises:
        SensorSilent: there is no such GPU, or it has no counter (before Volta).
    """

    source = "nvml"

    def __init__(self, ordinal: int = 0, uuid: str | None = None) -> None:
        with ExitStack() as stack:
            self._gpu = stack.enter_context(nvml_session()).gpu(ordinal, uuid)
            self._started_j = self._gpu.energy_j()
            self._session = stack.pop_all()

    def __enter__(self) -> GpuMeter:
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()

    def stop_j(self) -> float:
        with self._session:
            change_j = self._gpu.energy_j() - self._started_j
        if change_j < 0:
            raise SensorSilent("the energy counter ran backwards: the driver was loaded anew meanwhile")
        return change_j


def _in_words(error: Any) -> str:
    """The driver's own text for numbers in no table (`Unknown Error`)."""
    return REASONS.get(int(error.value)) or f"NVML says: {error}"
