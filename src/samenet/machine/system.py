"""The platform: processors, memory, processes, and the variables that a worker starts with.

What a platform does not offer is answered with None or "not enforceable here", never guessed.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from samenet.machine.gpu import graphics_cards, visible_device

NOT_READABLE = "not readable here"

PARENT_VARIABLE = "SAMENET_PARENT_PROCESS"

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""For the libraries under every framework; a framework's own are in its adapter's header."""


def usable_cores() -> list[int]:
    """Return the processors this process may use, lowest first."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def measuring_cores(threads: int) -> list[int]:
    """Return the processors for timed work: the last ones, as the first serves the system."""
    return usable_cores()[-threads:]


def can_pin() -> bool:
    """Return whether a process can be bound to processors here."""
    return hasattr(os, "sched_setaffinity")


def pin(wanted: list[int]) -> bool:
    """Bind this process to processors; return False where the platform cannot."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, wanted)
    return True


TF32_OVERRIDE = "NVIDIA_TF32_OVERRIDE"
"""0 keeps the matrix libraries from TF32 whatever a framework asks for: a second lock."""

COMMON_VARIABLES = (*THREAD_VARIABLES, TF32_OVERRIDE, "CUDA_VISIBLE_DEVICES", "PYTHONHASHSEED")
"""What is set here for every worker, whatever its framework."""


def process_environment(
    threads: int, device: str, extra: Mapping[str, str], precision: str = "strict-float32"
) -> dict[str, str]:
    """Return the variables that a worker starts with, for the libraries that all frameworks share.

    `extra` holds those of its framework: execution.worker_environment adds them. `device` is 'cpu'
    or, say, 'cuda:1', which is then the only CUDA device that the worker sees.
    """
    variables = dict(os.environ)
    variables |= dict.fromkeys(THREAD_VARIABLES, str(threads))
    variables["PYTHONHASHSEED"] = "0"
    if precision == "tf32":
        variables.pop(TF32_OVERRIDE, None)
    else:
        variables[TF32_OVERRIDE] = "0"
    kind, _, index = device.partition(":")
    if kind != "cuda":
        variables["CUDA_VISIBLE_DEVICES"] = ""
    else:
        variables["CUDA_VISIBLE_DEVICES"] = visible_device(int(index or 0))
        variables.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    return variables | dict(extra)


def threads_named(prefix: str) -> int | None:
    """Return how many threads of this process have a name with this prefix; None if unknown."""
    try:
        names = [file.read_text() for file in Path("/proc/self/task").glob("*/comm")]
    except OSError:  # a thread ended while its name was read
        return None
    return sum(name.startswith(prefix) for name in names) or None


def peak_bytes() -> int | None:
    """Return the largest resident size this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # bytes on macOS


def descriptors_most() -> int:
    """Return how many files this process may have open; a large number where there is no limit."""
    if sys.platform == "win32":
        return 512  # of the C library
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return allowed if allowed != resource.RLIM_INFINITY else 2**20


def own_process_group() -> dict[str, Any]:
    """Return the arguments of Popen that let `kill_group` reach a worker and its children."""
    if sys.platform == "win32":
        return {"creationflags": 0x00000200}  # CREATE_NEW_PROCESS_GROUP
    return {"start_new_session": True}


def kill_group(pid: int) -> None:
    """Kill a worker and everything it started."""
    if sys.platform == "win32":
        import psutil

        for child in psutil.Process(pid).children(recursive=True):
            child.kill()
        psutil.Process(pid).kill()
        return
    with suppress(ProcessLookupError, PermissionError):  # macOS: not permitted once it is a zombie
        os.killpg(pid, signal.SIGKILL)


WORKER_VARIABLE = "SAMENET_WORKER"
"""The mark of a worker, which its children inherit: its run folder and attempt, as worker_mark."""


def worker_mark(folder: Path, attempt: str = "") -> str:
    """Return the mark of one attempt's processes; without an attempt, how all of a folder begin."""
    return f"{folder.absolute()}|{attempt}"


def end_marked(mark: str) -> int:
    """Kill every process with a mark that begins like this; return how many there were.

    It also finds what has left its worker's group; only Linux shows the marks.
    """
    found: set[int] = set()
    for _ in range(10):  # one may start another while they are looked for
        new = marked(mark)
        if not new:
            break
        found |= set(new)
        for pid in new:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    return len(found)


def marked(mark: str) -> list[int]:
    """Return the processes with a mark that begins like this; one that has ended shows none."""
    return [pid for pid in _pids() if _is_marked(pid, mark)]


def _pids() -> list[int]:
    if sys.platform != "linux":
        return []
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _is_marked(pid: int, mark: str) -> bool:
    """Return whether a process has a mark; those of other users show none."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"\0{WORKER_VARIABLE}={mark}".encode() in b"\0" + environment


MACHINE_FAULT = 74
"""The exit code of a worker that the machine let down (EX_IOERR of sysexits.h)."""


def signal_name(number: int) -> str:
    """Return the name of a signal, such as "SIGTERM"."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def is_stopped(pid: int) -> bool:
    """Return whether a process was stopped by a signal, as Ctrl-Z does."""
    status = file_text(Path(f"/proc/{pid}/stat")) or ""
    return status.rpartition(")")[2].split()[:1] == ["T"]


def die_with_parent() -> None:
    """Ask Linux to kill this worker when the parent dies: an orphan would disturb later runs."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != int(os.environ.get(PARENT_VARIABLE, os.getppid())):
        os._exit(1)  # the parent died before we could ask


def file_text(path: Path) -> str | None:
    """Return the text of a system file; None if it is empty or cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def processor_name() -> str:
    """Return the processor's model name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or NOT_READABLE


def memory_bytes() -> int | None:
    """Return the machine's memory."""
    import psutil

    return int(psutil.virtual_memory().total)


def load_average() -> float | None:
    """Return how many tasks wanted to run, on average over the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def describe_machine() -> dict[str, str | int | float | None]:
    """Return the machine as a report prints it: no host, user, path or serial number."""
    return {
        "processor": processor_name(),
        "architecture": platform.machine(),
        "cores": len(usable_cores()),
        "memory_bytes": memory_bytes(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "pinned": can_pin(),
        "CUDA devices": "; ".join(graphics_cards()) or "none",
    }


SPAWNED_VARIABLE = "SAMENET_SPAWNED_SECONDS"
